"""One sweep as a job array: looked at again and again, until nothing more can come of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping

from backends.slurm import _controller as slurm
from backends.slurm._commands import NoAnswer
from backends.slurm._controller import JobState, QueueFull
from backends.slurm._nodes import Nodes
from backends.slurm._submission import log_of, node_path_of
from gridrun.errors import EnvironmentFault
from gridrun.plan.units import Event, SweepEnded, SweepSent
from gridrun.run.backend import SentSweep
from gridrun.run.queue_backend import text_of
from gridrun.run.queue_watch import QueueWatch
from gridrun.shard import ERROR, NumberOf
from gridrun.shard.queue import ShardQueue

_CANCELLED = "CANCELLED"


class SlurmWatch(QueueWatch):
    """Looks at one sweep.

    Outcomes count, whatever Slurm says; Slurm's word decides only what becomes of a shard that
    has not all of its outcomes.

    Args:
        sweep: As the ledger has it.
        queue: Its shards.
        numbers: Digest of a context to its number.
        is_cancelled: Whether it was given up.
        submit: Submits it, unless Slurm has it, and gives the event; raises ``QueueFull``.
        jobs: Gives the jobs of the sweep by shard, also forgotten ones of these shards; calls the
            second argument where those cannot be known.
        waits: Whether it is looked at again and again.
        say: Called with each line about its state.
        nodes: Gives those that have no disk in common with this machine, if that is how they are.
    """

    todo_missing = (
        "is the disk not mounted here, or were they removed? Give its tasks back: "
        "gridrun slurm cancel"
    )

    def __init__(
        self,
        sweep: SentSweep,
        queue: ShardQueue,
        *,
        numbers: NumberOf,
        is_cancelled: Callable[[], bool],
        submit: Callable[[], SweepSent],
        jobs: Callable[[Collection[int], Callable[[str], None]], Mapping[int, JobState]],
        waits: bool,
        say: Callable[[str], None],
        nodes: Callable[[], Nodes | None] = lambda: None,
    ) -> None:
        super().__init__(sweep, queue, numbers=numbers, is_cancelled=is_cancelled, say=say)
        self.is_sent = sweep.is_sent
        self.was_read_before = bool(sweep.segments)
        """Whether an earlier run has read something of it."""
        self._submit = submit
        self._jobs_of = jobs
        self._waits = waits
        self._find_nodes = nodes
        self._settled = self._asked = math.inf
        self._planned = sweep.planned
        self._was_cancelled = False

    def look(self) -> Iterator[Event]:
        """Look once.

        Raises:
            UserError: The sweep is not there, or Slurm refuses it.
            EnvironmentFault: The output of a worker was modified after it was read.
        """
        yield from self.outstanding.end_empty_units()
        cancelled = self.is_cancelled()
        self.require_shards()
        if not self.is_sent and not cancelled:
            yield from self._send()
            return
        jobs = self._jobs()
        nodes = self._find_nodes()
        if nodes is not None and jobs is not None:
            self._visit(nodes, jobs, cancelled=cancelled)
        # states first: what a job writes before it ends is read below
        is_held = {n: self.queue.state(s).state == "running" for n, s in self.shards.items()}
        yield from self.read_shards()
        if jobs is None:
            return
        living = {number for number, job in jobs.items() if not job.is_over}
        if living and cancelled:
            self._cancel(only_waiting=nodes is not None and not self._is_late())
        left = {n for n in self.shards if nodes is not None and nodes.open(n)}
        for number in self.shards:
            held = number in living or is_held[number] or number in left
            if not held and not self.outstanding.is_through(number):
                yield from self._give_up(number, jobs.get(number), cancelled=cancelled)
        self._say_states(jobs)
        if self.outstanding.is_settled and not (left or self._awaits_ends(jobs)):
            if living:
                self._cancel()
            self.is_over = True
            yield SweepEnded(self.name, "cancelled" if self._was_cancelled else "ended")

    def _awaits_ends(self, jobs: Mapping[int, JobState]) -> bool:
        """Whether jobs whose outcomes are all here are about to end by themselves."""
        now = time.monotonic()
        self._settled = min(self._settled, now)
        is_busy = any(not job.is_over and job.state != "PENDING" for job in jobs.values())
        return self._waits and is_busy and now - self._settled < self.queue.lease_seconds

    def job_words(self, number: int, jobs: Mapping[int, JobState]) -> str:
        """How a shard stands, for people."""
        state = self.queue.state(self.shards[number]).state
        if state == "done" or number not in jobs:
            return state
        return jobs[number].words

    def _send(self) -> Iterator[Event]:
        try:
            event = self._submit()
        except (QueueFull, NoAnswer) as error:
            self.say_once(f"{self.name}: {error.what}; it is tried again")
            return
        self.is_sent = True
        yield event

    def _jobs(self) -> Mapping[int, JobState] | None:
        lacking = [number for number in self.shards if not self.outstanding.is_through(number)]
        try:
            return self._jobs_of(lacking, lambda text: self.say_once(f"{self.name}: {text}"))
        except EnvironmentFault as error:
            self.say_once(f"{self.name}: {error.what}; outcomes are read all the same")
            return None

    def _visit(self, nodes: Nodes, jobs: Mapping[int, JobState], *, cancelled: bool) -> None:
        """Have what nodes keep on their own disks come here, and shards go there."""
        through = [number for number in self.shards if self.outstanding.is_through(number)]
        try:
            for text in nodes.visit(jobs, self.shards, through, is_cancelled=cancelled):
                self.say_once(f"{self.name}: {text}")
        except NoAnswer as error:
            self.say_once(f"{self.name}: {error.what}; it is asked again")

    def _is_late(self) -> bool:
        """Whether jobs that were asked to end by a step had the time of a lease for that."""
        self._asked = min(self._asked, time.monotonic())
        return time.monotonic() - self._asked > self.queue.lease_seconds

    def _cancel(self, *, only_waiting: bool = False) -> None:
        """Have Slurm end what nobody waits for any more; the next look sees whether it did."""
        try:
            slurm.cancel(self.name, only_waiting=only_waiting)
        except NoAnswer as error:
            self.say_once(f"{self.name}: {error.what}; its jobs are cancelled as soon as it does")

    def _give_up(self, number: int, job: JobState | None, *, cancelled: bool) -> Iterator[Event]:
        """Give back what a shard lacks whose job is over, once no file can be late any more."""
        if cancelled or (job is not None and job.state == _CANCELLED):
            self._was_cancelled = True
            yield from self.outstanding.hand_back_shard(number)
            return
        # of what Slurm has forgotten it is known only that it ended long ago, or never began
        last = job.ended if job is not None else self._planned
        if last is None or time.time() - last >= self.queue.lease_seconds:
            reason = end_of(self.queue, self.shards[number], job)
            yield from self.outstanding.mark_shard_lost(number, reason)

    def _say_states(self, jobs: Mapping[int, JobState]) -> None:
        words = [self.job_words(number, jobs) for number in self.shards]
        counts = ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))
        self.say_once(f"{self.name}: {counts}")


def end_of(queue: ShardQueue, shard: str, job: JobState | None) -> str:
    """How the job of a shard ended, and the last that it said, as a sentence."""
    ended = f"ended as {job.state}" if job is not None else "is not known to Slurm any more"
    error = text_of(queue.out(shard) / ERROR).strip().partition("\n")[0]
    log = text_of(log_of(queue.directory, shard)).strip().rpartition("\n")[2]
    unseen = f"it has printed nothing: do the nodes see {queue.directory}?"
    if node_path := node_path_of(queue.directory):
        unseen = f"nothing came of it: can a job make directories below {node_path} of its node?"
    return f"the job of {queue.part(shard)} {ended}: {error or log or unseen}"
