"""The short form of the chaos suite; the long one is ``python tests/chaos`` (CONTRIBUTING.md)."""

from __future__ import annotations

from collections import Counter

import attacks
import ledger_machine
import pytest
import writes

FEW, MANY = (3, 4, 5), range(20, 80)
PARTS = 4
WHOLE = 2
"""The study with everything that is kept."""


def seeds(few, many):
    return [*few, *(pytest.param(number, marks=pytest.mark.slow) for number in many)]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Studies that nothing disturbed are made there once."""
    return tmp_path_factory.mktemp("scratch")


def test_ledger_and_engine_are_as_the_model_says(scratch):
    """No outcome is lost and none counts twice, whatever is lost, said again, late or killed."""
    found = Counter()
    for number in FEW:
        found.update(ledger_machine.try_seed(number, scratch, examples=3))
    assert found["runs"] > 2 * found["schedules"]
    assert min(found["killed"], found["doubled"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("number", MANY)
def test_many_schedules_of_ledger_and_engine(number, scratch):
    """The same with other numbers."""
    ledger_machine.try_seed(number, scratch)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_leaves_the_state_before_or_after_a_write(part, scratch):
    """Ledger, cache and tables are whole then, and the run that goes on ends as if undisturbed."""
    places = writes.one_of_each(scratch)
    assert {"before COMMIT", "after COMMIT", "os.rename .block", "os.rename .block.sha256"} < {
        *places
    }
    for nth in [*places.values()][part::PARTS]:
        assert writes.try_point(scratch, WHOLE, nth)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(400))
def test_a_kill_at_every_write(number, scratch):
    """The first seeds are the first place of each study, the next ones the second, and so on."""
    writes.try_seed(number, scratch)


@pytest.mark.parametrize("number", seeds(range(10), range(10, 200)))
def test_damaged_files_end_in_a_sentence_or_change_nothing(number, scratch):
    """No traceback, no other exit code, and no other number in the table."""
    attacks.try_seed(number, scratch)
