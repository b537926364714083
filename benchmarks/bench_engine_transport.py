"""No-op outcomes per second through supervisor and child, and through two Ray workers.

    python benchmarks/bench_engine_transport.py [--tasks N] [--unit N] [--without-ray] [--small]

Durability is the engine's part and not in these figures. Target (design, section
8): 2,000 outcomes per second on two cores, with everything.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from _command import command

from backends.local._backend import LocalBackend
from gridrun.pipeline import TaskSpec
from gridrun.plan.units import TaskDone, Unit, UnitFinished
from gridrun.testing.units import GRID, toy_content, toy_digest, toy_job
from gridrun.worker import Supervisor

TARGET = 2000


def units(tasks: int, unit_tasks: int) -> Iterator[Unit]:
    """Units made as they are pulled, so that the driver never holds them all."""
    for first in range(0, tasks, unit_tasks):
        yield Unit(
            f"unit-{first}",
            toy_digest("block"),
            tuple(
                TaskSpec(
                    1, number, 1 + number // len(GRID), "tree", GRID.combination(number % len(GRID))
                )
                for number in range(first, min(first + unit_tasks, tasks))
            ),
        )


def through_supervisor(tasks: int, unit_tasks: int) -> float:
    """Outcomes per second from the first event to the last, one worker."""
    with tempfile.TemporaryDirectory() as directory:
        supervisor = Supervisor(toy_job(), toy_content, Path(directory) / "worker")
        done, began = 0, 0.0
        for unit in units(tasks, unit_tasks):
            supervisor.start(unit)
            finished = False
            while not finished:
                events = supervisor.poll(1.0)
                began = began or time.perf_counter()
                done += sum(isinstance(event, TaskDone) for event in events)
                finished = bool(events) and isinstance(events[-1], UnitFinished)
        seconds = time.perf_counter() - began
        supervisor.close()
    assert done == tasks
    return done / seconds


def through_ray(tasks: int, unit_tasks: int) -> tuple[float, float]:
    """Outcomes per second with two workers, and seconds until the first."""
    backend = LocalBackend(workers=2)
    opened = time.perf_counter()
    backend.open(toy_job(), toy_content)
    waiting = units(tasks, unit_tasks)
    done, began = 0, 0.0
    for event in backend.run(lambda: next(waiting, None)):
        if isinstance(event, TaskDone):
            began = began or time.perf_counter()
            done += 1
    seconds = time.perf_counter() - began
    backend.close()
    assert done == tasks
    return done / seconds, began - opened


def main() -> None:
    """Print the figures."""
    parser = command(__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--unit", type=int, default=1000, help="tasks in a unit")
    parser.add_argument("--without-ray", action="store_true")
    options = parser.parse_args()
    if options.small:
        options.tasks, options.unit = 400, 100
    print(f"{options.tasks} no-op tasks, {options.unit} in a unit; target {TARGET}/s")
    rate = through_supervisor(options.tasks, options.unit)
    print(f"supervisor + child:  {rate:10,.0f} outcomes/s")
    if not options.without_ray:
        rate, wait = through_ray(options.tasks, options.unit)
        print(f"Ray, two workers:    {rate:10,.0f} outcomes/s, the first after {wait:.1f} s")
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"driver's memory at most {memory_mb:,.0f} MB")


if __name__ == "__main__":
    main()
