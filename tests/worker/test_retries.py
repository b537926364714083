"""How often a task is tried again is what the table of retries says."""

from __future__ import annotations

import pytest

from gridrun.plan.retries import RETRIES, Retry
from gridrun.plan.units import Kind
from gridrun.testing.units import toy_units
from gridrun.worker._ending import Ending, TimeLimit
from gridrun.worker._progress import Quarantine, UnitProgress
from gridrun.worker._shared_status import Running

ENDINGS = {Kind.CRASH: Ending(1, signal=9), Kind.TIMEOUT: Ending(1, limit=TimeLimit(3.0))}


@pytest.mark.parametrize("kind", ENDINGS)
@pytest.mark.parametrize("more", [0, 1, 2])
def test_a_death_is_final_after_as_many_tries_as_the_table_says(kind, more, monkeypatch):
    """Attempts are counted, and each but the first has a process to itself."""
    monkeypatch.setitem(RETRIES, kind, Retry(more))
    (unit,) = toy_units(1, 1)
    progress = UnitProgress(unit, "w", Quarantine())
    running = Running(0, 1, "train", "key")
    seen = []
    while not progress.is_over:
        assert progress.alone == bool(seen)
        failed = progress.death(running, 0.0, 0.0, ENDINGS[kind], "")
        seen.append((failed.kind, failed.attempt.number, failed.final))
    assert seen == [(kind, n + 1, n == more) for n in range(more + 1)]
