"""``gridrun worker --self-test``: try whether this machine, or this image, can run a shard."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from gridrun.errors import EnvironmentFault, counted
from gridrun.plan.units import ContextFacts
from gridrun.shard import (
    ARTIFACTS,
    Shard,
    open_shard,
    pack_shards,
    run_shard,
    shard_name,
)
from gridrun.testing.units import toy_content, toy_job, toy_units
from gridrun.tools.doctor import examine

_UNITS, _TASKS = 3, 4


def self_test() -> Iterator[str]:
    """Run a shard of the toy pipeline through files and processes, then start the real runner.

    Raises:
        EnvironmentFault: Something does not work here.
    """
    with tempfile.TemporaryDirectory(prefix="gridrun-selftest-") as name:
        place = Path(name)
        units = tuple(toy_units(_UNITS, _TASKS))
        (place / ARTIFACTS).mkdir()
        for unit in units:
            (place / ARTIFACTS / unit.artifact).write_bytes(toy_content(unit.artifact))
        shard = Shard(shard_name(0), toy_job(), {1: ContextFacts("self-test", "tree")}, units)
        pack_shards(place / "shards.zip", [shard])
        report = run_shard(open_shard(place / "shards.zip", 0), place, place / "out")
    wanted = _UNITS * _TASKS
    if report.done != wanted:
        raise EnvironmentFault(
            f"the self-test produced {report.done} of {wanted} outcomes",
            todo="a worker cannot run here: check that there is room for temporary files",
        )
    yield f"ok      shard: {counted(report.done, 'task')} through files and processes"
    for finding in examine():
        yield f"{finding.verdict:7} {finding.what}: {finding.found}"
        if finding.exit_code:
            raise EnvironmentFault(f"{finding.what}: {finding.found}", todo=finding.todo or None)
