"""Children that end at once: what a worker would write, without starting one."""

from __future__ import annotations

import time

from toys import GRID

from gridrun.plan.units import Attempt, TaskDone, WorkerReady
from gridrun.shard import ARTIFACTS, SegmentWriter, event_text, open_shard
from gridrun.testing.toy import PIPELINE


def many_children(count):
    """A grid, settings and folds that make at least so many children: a unit each."""
    methods = ["flat", "upper", "mean", "lower", "spline"]
    grid = {
        **GRID,
        "smoothing": methods,
        "thinning": [1, 4],
        "row_share": [0.33, 0.66, 1.0],
    }
    compute = {"name": "cpu", "vm_size": "S", "max_nodes": 100}
    return grid, {"shard_minutes": 1e-4, "compute": compute}, -(-count * 12 // 1000)


def write_outcomes(run, where):
    """What a worker would write for the shard of a child of the toy; its exit code."""
    number = int(run.arguments[run.arguments.index("--shard") + 1])
    shard = open_shard(where / "shards.zip", number)
    runner = PIPELINE.open_runner(shard.job.settings, lambda _stage, _key: None)
    writer = SegmentWriter(where / "outputs")
    writer.add(event_text(WorkerReady("stand-in", dict(runner.environment())), shard.digest_of))
    for unit in shard.units:
        for task in unit.tasks:
            attempt = Attempt(unit.id, 1, "stand-in", time.time(), 0.01)
            done = TaskDone(task, attempt, runner.run(task, where / ARTIFACTS / unit.artifact))
            writer.add(event_text(done, shard.digest_of))
    writer.finish(shard.name, sum(len(unit.tasks) for unit in shard.units))
    return 0
