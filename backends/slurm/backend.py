"""The backend ``slurm``: units go away as job arrays and come back as segments."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from backends.slurm import _controller as slurm
from backends.slurm._accounting import known_tasks
from backends.slurm._check import check
from backends.slurm._cluster import Cluster, ask_cluster
from backends.slurm._commands import NoAnswer
from backends.slurm._controller import AtLimit, JobState, QueueFull
from backends.slurm._estimates import quote, shards_of, workers
from backends.slurm._nodes import Nodes
from backends.slurm._submission import (
    SCRIPT,
    has_begun,
    log_of,
    node_path_of,
    options_of,
    sent_at,
    write_job,
)
from backends.slurm._watch import SlurmWatch, end_of
from backends.slurm.settings import SlurmSettings
from gridrun.errors import EnvironmentFault, UserError, counted
from gridrun.plan.limits import Limits
from gridrun.plan.retries import RETRIES
from gridrun.plan.units import Event, Loss, SweepEnded, SweepEvent, SweepSent, Unit
from gridrun.run.backend import (
    Capabilities,
    ChildStatus,
    Commands,
    Quote,
    SentSweep,
    StudyView,
    SweepStatus,
)
from gridrun.run.queue_backend import QueueBackend, text_of
from gridrun.run.sweep_backend import ReadingLook
from gridrun.run.sweep_watch import SweepWatch
from gridrun.shard import ERROR, shard_name
from gridrun.shard.contexts import numbers_of
from gridrun.shard.outstanding import Outstanding
from gridrun.shard.packing import Shards
from gridrun.shard.queue import ShardQueue

_GONE = re.compile(r"ended as (NODE_FAIL|PREEMPTED|BOOT_FAIL|REVOKED)")

_LATER = "run the same command again later: it sends what could not be sent now"
_NOT_KNOWN = (
    "whether the jobs were accepted is not known: run the same command again, which looks for them "
    "first"
)


class SlurmBackend(QueueBackend):
    """Runs units as job arrays; see ``gridrun.run.backend.DetachableBackend`` for the contract.

    Args:
        settings: Which jobs.
        send: As ``SweepBackend`` has it.
        wait: The same.
        hourly_rate: Price of a job for an hour, instead of the settings'.
        say: As ``SweepBackend`` has it.
    """

    commands = Commands.below("gridrun slurm")
    todo_no_room = "make room, or name another folder: path below slurm in study.yaml"

    def __init__(
        self,
        settings: SlurmSettings,
        *,
        send: bool = True,
        wait: bool = True,
        hourly_rate: float | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(
            settings.path,
            memory=settings.memo,
            lease_seconds=settings.lease_seconds,
            poll_seconds=settings.poll_seconds,
            send=send,
            wait=wait,
            say=say,
        )
        if hourly_rate is not None:
            settings = replace(settings, hourly_rate=hourly_rate)
        self._settings = settings
        self._accepted: set[str] = set()
        self._fruitless = 0

    @property
    def capabilities(self) -> Capabilities:
        """Isolated; units are cut for as many workers as run at once, as far as that is known."""
        return Capabilities(isolates=True, workers=workers(self._settings))

    def quote(self, units: Sequence[Unit]) -> Quote:
        """Estimated size and cost of sending units."""
        return quote(self._settings, units)

    def cancel(self, sweep: str) -> None:
        """Have the jobs end; those that Slurm does not end find that nobody wants them.

        Jobs that run on nodes without a shared disk are asked to by who collects what they have.
        """
        try:
            super().cancel(sweep)
        finally:
            has_nodes = bool(node_path_of(self._queue(sweep).directory))
            slurm.cancel(sweep, only_waiting=has_nodes)

    def look(self, sweep: str) -> SweepStatus:
        """A sweep as it is now."""
        queue = self._queue(sweep)
        if not queue.exists:
            error = "" if self._is_cancelled(sweep) else "its folder does not exist"
            return SweepStatus(sweep, "gone", str(queue.directory), error)
        shards = queue.shards()
        states = [queue.state(shard).state for shard in shards]
        unknown: list[str] = []
        lacking = [number for number, state in enumerate(states) if state != "done"]
        jobs = self._jobs(queue, lacking, unknown.append)
        children = []
        nodes = self._nodes(queue)
        for number, (shard, state) in enumerate(zip(shards, states, strict=True)):
            job = jobs.get(number)
            word = job.words if job is not None and state != "done" else state
            error = text_of(queue.out(shard) / ERROR).replace("\n", " ").strip()
            if nodes is not None and (job is None or job.is_over) and (left := nodes.open(number)):
                error = error or f"what it has is on {', '.join(left)} still: collect brings it"
            children.append(ChildStatus(queue.part(shard), word, error))
        living = [job for job in jobs.values() if not job.is_over]
        known = {job.state.lower() for job in living}
        word = next((word for word in ("running", "pending") if word in known), "ended")
        word = "cancelled" if queue.is_cancelled else word
        return SweepStatus(sweep, word, str(queue.directory), "".join(unknown), tuple(children))

    def log(self, child: str) -> str:
        """What the job of a shard printed, all its starts one after another."""
        queue, shard = self._shard_of(child)
        return text_of(log_of(queue.directory, shard))

    def check(self) -> Iterator[tuple[str, str, str, str]]:
        """Check what a run needs: what was checked, verdict, what was found, what to do."""
        yield from check(self._settings)

    def next_steps(self, study: str) -> str:
        """What a person does while tasks are out."""
        types = self.commands
        steps = (
            f"resume with: {types.send} {study}; see their state: {types.status} {study}; "
            f"end them: {types.cancel} {study}"
        )
        if self._settings.shared_disk:
            return steps
        return f"jobs get their shards from a command that waits, or from {types.collect}; {steps}"

    def _packed(self, units: Sequence[Unit]) -> list[Shards]:
        return shards_of(self._settings, units, self._cluster.most_tasks)

    def _hand_over(self, name: str, shards: Shards) -> Iterator[Event]:
        sweep = SentSweep(name, is_sent=False, planned=time.time(), shards=dict(enumerate(shards)))
        try:
            yield self._submit(sweep, is_new=True)
        except UserError:
            yield SweepEnded(name, "abandoned")
            self._forget(name)
            raise
        except QueueFull as error:
            if not self._waits:
                yield from Outstanding(sweep.shards).hand_back_all()
                yield SweepEnded(name, "abandoned")
                self._forget(name)
                raise EnvironmentFault(error.what, todo=_LATER) from error
            self._follow_unsent(sweep, error)
        except NoAnswer as error:
            if not self._waits:
                raise EnvironmentFault(error.what, where=name, todo=_NOT_KNOWN) from error
            self._follow_unsent(sweep, error)
        else:
            self._follow(name, shards)

    def _follow_unsent(self, sweep: SentSweep, error: EnvironmentFault) -> None:
        """Have its watch submit a sweep, as soon as Slurm takes it."""
        self._say(f"{sweep.name}: {error.what}; it is tried again")
        self._watches.append(self._watch(sweep, self._attached()))

    def _submit(self, sweep: SentSweep, *, is_new: bool = False) -> SweepSent:
        """Submit a sweep, unless Slurm has it.

        Args:
            sweep: The sweep.
            is_new: Whether nobody can have submitted it.

        Raises:
            UserError: Slurm refuses it.
            QueueFull: There is no room for it in the queue.
            NoAnswer: It is not known whether it was accepted.
        """
        name, directory = sweep.name, self._queue(sweep.name).directory
        if not is_new and self._is_known(name):
            return self._found(name)
        count = max(len(sweep.shards), 1)
        self._require_room(count)
        shards = tuple(sweep.shards.values())
        minutes = write_job(
            self._settings, directory, shards, self._limits, self._cluster.most_hours
        )
        try:
            job = slurm.submit(options_of(directory), directory / SCRIPT, directory)
        except AtLimit as error:
            if self._cluster.most_queued is not None or slurm.has_jobs():
                raise
            raise UserError(
                f"{error.what}; and no job of yours is in the queue",
                todo="have fewer sent at once: max_queued below slurm in study.yaml; what is "
                "allowed: sacctmgr show association user=$USER",
            ) from error
        self._say(
            f"job {job} has {counted(count, 'task')} of at most {counted(minutes, 'minute')}: "
            f"{name}"
        )
        self._accepted.add(name)
        return SweepSent(name, f"job {job}, {directory}")

    def _found(self, name: str) -> SweepSent:
        """A sweep that Slurm has already."""
        self._accepted.add(name)
        return SweepSent(name, str(self._queue(name).directory))

    def _is_known(self, name: str) -> bool:
        """Whether Slurm has a sweep, or had it: then there is something of its jobs.

        Raises:
            NoAnswer: Slurm does not answer.
        """
        queue = self._queue(name)
        return has_begun(queue.directory) or bool(self._jobs(queue, (0,)))

    def _jobs(
        self,
        queue: ShardQueue,
        numbers: Collection[int],
        say: Callable[[str], None] | None = None,
    ) -> Mapping[int, JobState]:
        """Jobs of a sweep by shard: those that Slurm has, and of these shards forgotten ones.

        Raises:
            NoAnswer: Slurm does not answer.
        """
        place = queue.directory
        return known_tasks(place.name, numbers, sent_at(place), say or self._say)

    def _require_room(self, count: int) -> None:
        most = self._settings.max_queued
        out = sum(
            watch.outstanding.shards
            for watch in self._watches
            if isinstance(watch, SlurmWatch) and watch.is_sent
        )
        if most is not None and out and out + count > most:
            raise QueueFull(
                f"{counted(out, 'task')} of job arrays are out, and {count:,} more would be more "
                f"than the {most:,} of max_queued"
            )

    def _find(self, sweep: SentSweep) -> SweepSent | str | None:
        queue = self._queue(sweep.name)
        if not queue.exists:
            return self.never_written
        if self._is_known(sweep.name):
            return self._found(sweep.name)
        if self._is_cancelled(sweep.name) or not (self._sends and sweep.is_wanted):
            return "its jobs were never accepted"
        try:
            return self._submit(sweep)
        except (QueueFull, NoAnswer) as error:
            if not self._waits:
                raise EnvironmentFault(error.what, where=sweep.name, todo=_LATER) from error
            self._follow_unsent(sweep, error)
        return None

    def _send_order(self, name: str, order: str, sweep: SentSweep | None) -> Iterator[SweepEvent]:
        yield from self._write_order(name, order, sweep)
        if self._memory.is_cancelled(name) or (sweep is not None and sweep.is_sent):
            return
        order_sweep = SentSweep(name, is_sent=False, planned=time.time(), shards={})
        yield self._submit(order_sweep, is_new=sweep is None)

    def _look_at_reading(self, sweep: str) -> ReadingLook:
        found = super()._look_at_reading(sweep)
        if found.report or found.fault is not None:
            return found
        try:
            job = self._jobs(self._queue(sweep), (0,)).get(0)
        except NoAnswer as error:
            self._say(f"{sweep}: {error.what}; it is asked again")
            return found
        if job is not None and not (job.is_over and self._is_late(job)):
            return found
        queue = self._queue(sweep)
        if queue.state(shard_name(0)).state != "waiting":
            return super()._look_at_reading(sweep)
        fault = EnvironmentFault(
            f"the inputs were not read: {end_of(queue, shard_name(0), job)}",
            where=str(queue.directory),
            todo="put right what it says, then run the same command again",
        )
        return ReadingLook(fault=fault)

    def _is_late(self, job: JobState) -> bool:
        return job.ended is None or time.time() - job.ended >= self._settings.lease_seconds

    def _watch(self, sweep: SentSweep, study: StudyView) -> SlurmWatch:
        queue = self._queue(sweep.name)
        is_sent = sweep.is_sent or sweep.name in self._accepted
        return SlurmWatch(
            replace(sweep, is_sent=is_sent),
            queue,
            numbers=numbers_of(study.contexts),
            is_cancelled=lambda: self._is_given_up(sweep.name, queue),
            submit=lambda: self._submit(sweep),
            jobs=lambda numbers, say: self._jobs(queue, numbers, say),
            waits=self._waits,
            say=self._say,
            nodes=lambda: self._nodes(queue),
        )

    def _nodes(self, queue: ShardQueue) -> Nodes | None:
        """The nodes of a sweep that have no disk in common with this machine."""
        has_any = bool(node_path_of(queue.directory))
        return Nodes(queue, self._settings) if has_any else None

    def _look(self, watch: SweepWatch) -> Iterator[Event]:
        assert isinstance(watch, SlurmWatch)
        yield from watch.look()
        if not watch.is_over:
            return
        outstanding = watch.outstanding
        # a segment may say no more than that a worker was ready
        if outstanding.outcomes or watch.was_read_before:
            self._fruitless = 0
        elif outstanding.reasons:
            self._fruitless += 1
            (reason, _), *_ = outstanding.reasons.most_common(1)
            if not _GONE.search(reason) or self._fruitless >= RETRIES[Loss.SWEEP].tries:
                raise EnvironmentFault(
                    f"no job of the sweep produced a result: {reason}",
                    where=watch.name,
                    todo=f"what its jobs printed stays in {self._queue(watch.name).directory}; "
                    "put right what they say, then run the same command again: the tasks wait",
                )

    @property
    def _limits(self) -> Limits:
        return self._job.limits if self._job is not None else Limits()

    @cached_property
    def _cluster(self) -> Cluster:
        """What Slurm allows, asked once."""
        return ask_cluster(self._settings)
