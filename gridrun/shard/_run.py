"""Running a shard on one machine: a supervisor per worker, one writer of segments."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from gridrun.errors import UserError, counted
from gridrun.pipeline import TaskSpec
from gridrun.plan.units import (
    Event,
    FoundAtFault,
    Job,
    Notice,
    PeakMeasured,
    ReadArtifact,
    TaskDone,
    TaskFailed,
    Unit,
    WorkerReady,
    is_final,
)
from gridrun.shard._file import ARTIFACTS, Shard
from gridrun.shard._segments import SegmentWriter, TornSegment, is_segment, read_segment
from gridrun.shard._text import event_from, event_text
from gridrun.shard.remote_inputs import stub_from
from gridrun.store.faults import disk_fault
from gridrun.store.patience import patiently
from gridrun.worker import Supervisor
from gridrun.worker.left_behind import clear_left_behind, own_directory, remove_own

_POLL_SECONDS = 0.5

_FOR_OTHERS = (WorkerReady, TaskDone, TaskFailed, FoundAtFault, PeakMeasured)
"""What is worth knowing where the outcomes are collected."""

TaskId = tuple[str, int, int, int]
"""Unit, context, fold, code."""


@dataclass(frozen=True)
class ShardReport:
    """How a shard ended.

    Args:
        tasks: Tasks of the shard.
        before: Of these, with a final event from an earlier start.
        done: Done by this start.
        failed: Failed by this start; they are outcomes, not faults.
        stopped: Whether it was asked to end before it was through.
    """

    tasks: int
    before: int
    done: int
    failed: int
    stopped: bool


def run_shard(
    shard: Shard,
    directory: Path,
    out: Path,
    *,
    blocks: Path | None = None,
    workers: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    is_stopping: Callable[[], bool] = lambda: False,
    is_ending: Callable[[], bool] = lambda: False,
) -> ShardReport:
    """Run what has no final event in ``out`` yet.

    Args:
        shard: The shard.
        directory: Holds the artifacts.
        out: Takes segments and manifest.
        blocks: Holds the tables that stubs among the artifacts stand for.
        workers: How many units run at once; None for one per processor.
        say: Called with a line of progress now and then.
        is_stopping: Asked often; once true, tasks that run are given up.
        is_ending: Asked often; once true, tasks that run may end, and no other is begun.

    Raises:
        EnvironmentFault: It cannot run anything here.
    """
    before = finished_in(out, shard)
    units = [left for unit in shard.units if (left := _left(unit, before)) is not None]
    tasks = sum(len(unit.tasks) for unit in shard.units)
    writer = SegmentWriter(out)
    done = failed = 0
    count = min(workers or len(os.sched_getaffinity(0)), len(units))
    say(
        f"{shard.name}: {tasks - len(before):,} of {counted(tasks, 'task')} on "
        f"{counted(count, 'worker')}"
    )

    def read_artifact(digest: str) -> bytes:
        return _artifact(directory, digest, blocks)

    with _Workers(shard.job, read_artifact, units, count) as pool:
        try:
            for event in pool.events(writer.seconds_to_flush, is_stopping, is_ending):
                if event is None:
                    writer.flush()
                    say(
                        f"{shard.name}: {len(before) + done + failed:,} of {counted(tasks, 'task')}"
                    )
                    continue
                if isinstance(event, _FOR_OTHERS):
                    writer.add(event_text(event, shard.digest_of))
                elif isinstance(event, Notice):
                    say(f"{shard.name}: {event.text}")
                done += isinstance(event, TaskDone)
                failed += isinstance(event, TaskFailed) and event.final
        finally:
            # whatever ended it: outcomes that were reached are kept
            writer.flush()
    stopped = len(before) + done + failed < tasks
    if not stopped:
        writer.finish(shard.name, tasks)
    return ShardReport(tasks, len(before), done, failed, stopped)


def finished_in(out: Path, shard: Shard) -> set[TaskId]:
    """Tasks of a shard that have a final event in the segments of a directory."""
    numbers = {facts.digest: number for number, facts in shard.contexts.items()}
    mine = {unit.id for unit in shard.units}
    found: set[TaskId] = set()
    for path in sorted(out.iterdir()) if out.is_dir() else []:
        if not is_segment(path.name):
            continue
        try:
            lines = read_segment(path)
        except TornSegment:
            path.unlink()  # its tasks run again; the manifest must not count it
            continue
        for line in lines:
            event = event_from(line, lambda digest: numbers.get(digest, 0))
            if is_final(event) and event.attempt.unit in mine:
                found.add(_id(event.attempt.unit, event.task))
    return found


def _id(unit: str, task: TaskSpec) -> TaskId:
    return (unit, task.context, task.fold, task.code)


def _left(unit: Unit, before: set[TaskId]) -> Unit | None:
    tasks = tuple(task for task in unit.tasks if _id(unit.id, task) not in before)
    return replace(unit, tasks=tasks) if tasks else None


def _artifact(directory: Path, digest: str, blocks: Path | None) -> bytes:
    path = directory / ARTIFACTS / digest
    try:
        content = patiently(path.read_bytes)
        stub = stub_from(content) if blocks is not None else None
        if blocks is None or stub is None:
            return content
        path = blocks / stub.checksum
        content = patiently(path.read_bytes)
        if hashlib.sha256(content).hexdigest() == stub.checksum:
            return content
    except OSError as error:
        raise disk_fault(error, path) or UserError(
            f"the artifact of a block is missing: {error.strerror}",
            where=str(path),
            todo="put it into the directory artifacts beside the shard file; have tables that stay "
            "where the inputs are made again with --read-again",
        ) from error
    raise UserError(
        "the tables of a block are not those that were made",
        where=str(path),
        todo="have the inputs read again with --read-again",
    )


class _Workers:
    """Threads, each with a supervisor; what they see goes through one queue.

    A thread lives as long as its supervisor's child: the kernel ends a child
    together with the thread that started it.
    """

    def __init__(
        self, job: Job, read_artifact: ReadArtifact, units: list[Unit], count: int
    ) -> None:
        self._job = job
        self._read_artifact = read_artifact
        self._units = deque(units)
        self._stop = threading.Event()
        self._end = threading.Event()
        self._queue: queue.Queue[list[Event] | Exception | None] = queue.Queue()
        clear_left_behind()
        self._directory = own_directory("worker-")
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"worker {number}")
            for number in range(count)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        remove_own(self._directory)

    def events(
        self,
        seconds_to_flush: Callable[[], float],
        is_stopping: Callable[[], bool],
        is_ending: Callable[[], bool],
    ) -> Iterator[Event | None]:
        """Events as they come; None when it is time to flush."""
        running = len(self._threads)
        faults: list[Exception] = []
        while running and not is_stopping():
            if is_ending():
                self._end.set()
            wait = min(seconds_to_flush(), _POLL_SECONDS)
            with contextlib.suppress(queue.Empty):
                item = self._queue.get(timeout=max(wait, 0.01))
                if item is None:
                    running -= 1
                elif isinstance(item, Exception):
                    faults.append(item)
                else:
                    for found in item:
                        if isinstance(found, FoundAtFault):
                            self._stop.set()  # what is lost, all of them have lost
                            faults.append(found.fault())
                    yield from item
            if seconds_to_flush() <= 0:
                yield None
        if faults and not running:
            # other workers may have got through in spite of one that could not start
            raise faults[0]

    def _work(self, number: int) -> None:
        supervisor = None
        try:
            supervisor = Supervisor(self._job, self._read_artifact, self._directory / str(number))
            while not self._is_over() and (unit := self._next()) is not None:
                supervisor.start(unit)
                while not supervisor.is_idle and not self._stop.is_set():
                    if self._end.is_set():
                        supervisor.stop()
                    events = supervisor.poll(_POLL_SECONDS)
                    if events:
                        self._queue.put(events)
        except Exception as error:  # noqa: BLE001 - raised where the shard is run
            self._queue.put(error)
        finally:
            if supervisor is not None:
                supervisor.close()
            self._queue.put(None)

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._end.is_set()

    def _next(self) -> Unit | None:
        with contextlib.suppress(IndexError):
            return self._units.popleft()
        return None
