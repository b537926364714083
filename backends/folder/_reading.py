"""Inputs that only the workers see: one of them reads them by order, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from backends.folder._memory import Memory
from gridrun.errors import EnvironmentFault
from gridrun.plan.units import InputsRead, SweepEnded, SweepPlanned, SweepSent
from gridrun.run.backend import ReadingEvent, SentSweep, StudyView
from gridrun.shard import ERROR, REPORT, shard_name
from gridrun.shard.queue import ShardQueue, write_order

_SUFFIX = "inputs"


def is_reading(sweep: str) -> bool:
    """Whether a sweep is an order to read inputs, by its name."""
    return sweep.endswith(f"-{_SUFFIX}")


def read_inputs(
    order: str,
    sweep: SentSweep | None,
    study: StudyView,
    *,
    folder: Path,
    memory: Memory,
    lease_seconds: float,
    say: Callable[[str], None],
    wait: Callable[[], bool],
) -> Iterator[ReadingEvent]:
    """See ``gridrun.run.backend.ReadingBackend.read``.

    Args:
        order: What is asked for.
        sweep: The sweep that has this order already, or None.
        study: Names and places.
        folder: Takes the order.
        memory: Of the study.
        lease_seconds: After which a silent worker's order is free again.
        say: Called with each line of progress.
        wait: Waits for the next look; whether there is to be one.

    Raises:
        EnvironmentFault: The job failed.
    """
    name = sweep.name if sweep is not None else study.sweep_name(1, _SUFFIX)
    queue = memory.queue(name, folder) if sweep is not None else ShardQueue(folder / name)
    if sweep is None:
        memory.note(name, folder)
        yield SweepPlanned(name, ())
    if not queue.exists and not memory.is_cancelled(name):
        write_order(queue.directory, order, lease_seconds)
        say(
            f"the order to read the inputs is written; on a machine that sees them, run "
            f"gridrun worker {folder}"
        )
        yield SweepSent(name, str(queue.directory))
    shard = shard_name(0)
    while True:
        report = queue.out(shard) / REPORT
        if queue.state(shard).state == "done":
            yield InputsRead(name, report.read_text("utf-8"))
        elif memory.is_cancelled(name):
            yield SweepEnded(name, "cancelled")
            raise EnvironmentFault(
                "the order to read the inputs was cancelled",
                where=name,
                todo="run the same command again to write it again",
            )
        else:
            error = queue.out(shard) / ERROR
            if error.exists():
                say(f"the worker could not read the inputs: {error.read_text('utf-8')}")
            if wait():
                continue
            return
        yield SweepEnded(name, "ended")
        queue.remove()
        memory.forget(name)
        return
