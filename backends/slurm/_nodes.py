"""Nodes that see nothing of this machine's disk: shards go there by srun, outcomes come back.

A shard has a directory on the own disk of the node that its job runs on. As long as the job runs, a
step of it takes the shard there and brings back what there is by then; what is left when it is over
a small job on that node brings, and removes. Outcomes are put beside the shards here, from where
they are read as with a shared disk.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from backends.slurm import _controller as slurm
from backends.slurm._commands import NoAnswer
from backends.slurm._controller import JobState
from backends.slurm._step import Reply, run_step
from backends.slurm._submission import JOB_LOG, NODES, log_of, node_path_of, places
from backends.slurm.settings import SlurmSettings
from gridrun.shard import ERROR, MANIFEST, is_segment, shard_name
from gridrun.shard.queue import ShardQueue
from gridrun.store.cache import replacing

_AT_ONCE = 8
"""Steps that are run at the same time."""

_ROUNDS = 6
_PAUSE_SECONDS = 0.5
_WAIT_SECONDS = 20
"""So long a small job may wait for room on a node; the next look tries again."""

_LEASES = 5.0
"""A node that cannot run jobs is given up when it was silent for so many leases."""

_SEEN, _BROUGHT, _CLEARED, _LOST = "seen", "brought", "cleared", "lost"
_NAME = re.compile(r"[\w.-]+")
_TAKES_JOBS = re.compile(r"(alloc|idle|mix|comp|resv|plnd)[+$@^-]?")


class Nodes:
    """The nodes of one sweep.

    Args:
        queue: The shards as they lie here.
        settings: For small jobs.
    """

    def __init__(self, queue: ShardQueue, settings: SlurmSettings) -> None:
        self._queue = queue
        self._settings = settings

    def visit(
        self,
        jobs: Mapping[int, JobState],
        numbers: Collection[int],
        through: Collection[int],
        *,
        is_cancelled: bool,
    ) -> Iterator[str]:
        """Bring and take what there is, on all nodes; gives what is to be known of it.

        Args:
            jobs: By shard.
            numbers: All shards.
            through: Those of which nothing is outstanding.
            is_cancelled: Whether jobs are to end.

        Raises:
            NoAnswer: Slurm does not answer.
            EnvironmentFault: There is no srun.
        """
        running: list[tuple[int, JobState]] = []
        left: list[tuple[int, str]] = []
        for number in numbers:
            job = jobs.get(number)
            if job is not None and _NAME.fullmatch(job.node):
                self._note(number, job.node, _SEEN, is_new=True)
            if job is None or job.is_over:
                left += [(number, node) for node in self.open(number)]
            elif job.state == "RUNNING" and job.node in self.open(number):
                running.append((number, job))
            elif job.is_held and not is_cancelled:
                slurm.release(job.job)

        def exchange(one: tuple[int, JobState]) -> str:
            number, job = one
            has_all = number in through and not is_cancelled
            return self._exchange(number, job, has_all=has_all, is_cancelled=is_cancelled)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            yield from filter(None, pool.map(exchange, running))
        silent: set[str] = set()
        for number, node in left:
            if node not in silent and (fault := self._clear(number, node)):
                silent.add(node)
                yield fault

    def open(self, number: int) -> list[str]:
        """Nodes on which something of a shard may be."""
        states = {path.name: path.read_text("utf-8") for path in self._records(number)}
        return sorted(node for node, state in states.items() if state not in (_CLEARED, _LOST))

    def _exchange(self, number: int, job: JobState, *, has_all: bool, is_cancelled: bool) -> str:
        """Speak with the node of a job that runs; gives what went wrong, if something did."""
        options = (f"--jobid={job.job}", "--overlap", "--mem=0")
        mode = "take" if has_all else "bring"
        gives = self._record(number, job.node).read_text("utf-8") == _SEEN
        for _ in range(_ROUNDS):
            with_shard = gives and not (has_all or is_cancelled)
            given = self._given(number, with_shard=with_shard, is_cancelled=is_cancelled)
            try:
                reply = run_step(options, self._arguments(number, mode), given)
            except NoAnswer as error:
                part = self._queue.part(shard_name(number))
                return f"the step on {job.node} for {part}: {error.what}; it is tried again"
            if self._taken(number, job.node, reply) is None or reply is None:
                return ""
            gives = reply.state == "lacks"
            has_ended = (self._queue.out(shard_name(number)) / MANIFEST).exists()
            if reply.state == "running" and not has_ended:
                return ""
            if reply.state == "lacks" and is_cancelled:
                return ""  # its job sees that it has nothing to wait for
            if reply.state == "running":
                time.sleep(_PAUSE_SECONDS)  # the job is about to say that it is over
        return ""

    def _clear(self, number: int, node: str) -> str:
        """Take what a job that is over left on a node, and remove it there; gives the fault."""
        seconds = f"--immediate={_WAIT_SECONDS}"
        job = (f"--nodelist={node}", "--job-name=gridrun-outcomes", "--time=5", "--mem=100M")
        options = (*places(self._settings), *job, "--cpus-per-task=1", seconds)
        for _ in range(_ROUNDS):
            try:
                given = self._given(number)
                reply = run_step(options, self._arguments(number, "clear"), given)
            except NoAnswer as error:
                return self._silence(number, node, error.what)
            if self._taken(number, node, reply) is None:
                break
        return ""

    def _silence(self, number: int, node: str, why: str) -> str:
        """A node on which no small job can run: how long it is waited for, and what is lost."""
        part = self._queue.part(shard_name(number))
        record = self._record(number, node)
        waited = time.time() - record.stat().st_mtime
        word = slurm.state_of_node(node)
        state = f"is {word}" if word else "is not known to Slurm"
        if _TAKES_JOBS.fullmatch(word):
            return f"what {part} has on {node} cannot be collected yet: {why}"
        if waited < _LEASES * self._queue.lease_seconds:
            return (
                f"what {part} has on {node} cannot be collected: the node {state}; it is waited for"
            )
        self._note(number, node, _LOST)
        return (
            f"what {part} has on {node} is given up: the node {state}; what is not collected is "
            f"computed again; when the node is back, remove {self._place(number)} there"
        )

    def _taken(self, number: int, node: str, reply: Reply | None) -> Reply | None:
        """Put what a node gave beside the shards; None where nothing is left there."""
        shard = shard_name(number)
        if reply is not None:
            out = self._queue.out(shard)
            # the manifest last: it speaks of the segments
            for name in sorted(reply.files, key=lambda name: (name == MANIFEST, name)):
                if name in (MANIFEST, ERROR) or is_segment(name):
                    _write(out / name, reply.files[name])
                elif name == JOB_LOG:
                    _write(log_of(self._queue.directory, shard), reply.files[name])
            if ERROR not in reply.files:
                (out / ERROR).unlink(missing_ok=True)
            if reply.state != "removed":
                self._note(number, node, _SEEN if reply.state == "lacks" else _BROUGHT)
                return reply
        self._note(number, node, _CLEARED)
        return None

    def _given(
        self, number: int, *, with_shard: bool = False, is_cancelled: bool = False
    ) -> dict[str, Path | bytes | None]:
        """What a node is given: which outcomes are here, that it is to end, the shard."""
        shard = shard_name(number)
        out = self._queue.out(shard)
        names = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
        have = [name for name in names if name == MANIFEST or is_segment(name)]
        given: dict[str, Path | bytes | None] = {"have": "".join(f"{n}\n" for n in have).encode()}
        if is_cancelled:
            given["cancelled"] = b""
        if with_shard:
            given["queue"] = None
            for path in self._queue.parts(shard):
                name = f"queue/{path.relative_to(self._queue.directory)}"
                given[name] = None if path.is_dir() else path
        return given

    def _arguments(self, number: int, mode: str) -> tuple[str, ...]:
        return (self._place(number), self._queue.name, shard_name(number), mode)

    def _place(self, number: int) -> str:
        return f"{node_path_of(self._queue.directory)}/{self._queue.part(shard_name(number))}"

    def _records(self, number: int) -> Iterator[Path]:
        # what begins with a dot is being written
        return (self._queue.directory / NODES / shard_name(number)).glob("[!.]*")

    def _record(self, number: int, node: str) -> Path:
        return self._queue.directory / NODES / shard_name(number) / node

    def _note(self, number: int, node: str, state: str, *, is_new: bool = False) -> None:
        """Remember how a node stands, and when it was heard of."""
        record = self._record(number, node)
        if not (is_new and record.exists()):
            _write(record, state.encode())


def _write(target: Path, content: bytes) -> None:
    with replacing(target, one_writer=True) as aside:
        aside.write_bytes(content)
