"""A folder of shards that several workers share: each takes the next one that is free.

A worker takes a shard by making a file that nobody else has made, and touches it as long
as it works. Where that file grows old, or its process is gone, the next worker takes the
shard over by making the file of the next number, and goes on where the outcomes end. No
shard is lost, whoever is killed; one that two workers run after all counts once.

    FOLDER/SWEEP/shard-00003.jsonl, artifacts/    what is to be done
                 shard-00000.order                or: inputs that are to be read there
                 claims/shard-00003.1             who does it
                 out/shard-00003/                 segments, manifest, the worker's log
                 cancelled                        nobody is to go on
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrun.plan.units import ContextFacts, Job, ReadArtifact, Unit
from gridrun.shard._file import ARTIFACTS, Shard, open_shard, shard_name
from gridrun.shard._segments import MANIFEST, is_segment
from gridrun.shard._text import NOT_AS_WRITTEN
from gridrun.store.owner import boot, born

LEASE_SECONDS = 60.0
"""A shard whose worker has not been heard of for so long is free again."""

_ABOUT = "queue.json"
_CLAIMS, _OUT, _CANCELLED, _BLOCKS = "claims", "out", "cancelled", "blocks"
_SUFFIX, _ORDER = ".jsonl", ".order"
_BEATS = 6
"""Signs of life within a lease."""


@dataclass(frozen=True)
class ShardState:
    """A shard as it is now.

    Args:
        state: ``waiting``, ``running`` or ``done``.
        owner: Host and process that run it, or empty.
        silent_seconds: Since its worker was last heard of.
    """

    state: str
    owner: str = ""
    silent_seconds: float = 0.0


class Claim:
    """A shard that this process has taken.

    Args:
        queue: Where it lies.
        shard: Its name.
        number: How often it was taken, this time included.
    """

    def __init__(self, queue: ShardQueue, shard: str, number: int) -> None:
        self.queue = queue
        self.shard = shard
        self._number = number
        self._beaten = time.monotonic()

    @property
    def _path(self) -> Path:
        return self.queue.directory / _CLAIMS / f"{self.shard}.{self._number}"

    def holds(self) -> bool:
        """Show that this process lives; whether it is to go on.

        It is not where somebody else has taken the shard over, or the sweep was cancelled.
        """
        now = time.monotonic()
        if now - self._beaten < self.queue.lease_seconds / _BEATS and not self.queue.is_cancelled:
            return True
        self._beaten = now
        if self.queue.is_cancelled or self.queue.taken(self.shard) != self._number:
            return False
        try:
            os.utime(self._path)
        except OSError:
            return False
        return True

    def release(self) -> None:
        """Give the shard back, so that another worker need not wait."""
        with contextlib.suppress(OSError):
            self._path.unlink()


class ShardQueue:
    """The shards of one sweep.

    Args:
        directory: Holds them; see the module's text.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.name = directory.name
        self.lease_seconds = LEASE_SECONDS
        with contextlib.suppress(OSError, *NOT_AS_WRITTEN):
            about = json.loads((directory / _ABOUT).read_text("utf-8"))
            self.lease_seconds = float(about["lease_seconds"])

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody is to go on."""
        return (self.directory / _CANCELLED).exists() or not self.exists

    @property
    def exists(self) -> bool:
        """Whether it is there."""
        return (self.directory / _ABOUT).exists()

    def cancel(self) -> None:
        """Have workers end, and give what is left back."""
        (self.directory / _CANCELLED).touch()

    @property
    def blocks(self) -> Path:
        """Where tables are that were made by order, for the shards of all sweeps."""
        return self.directory.parent / _BLOCKS

    def shards(self) -> list[str]:
        """Names of the shards, or of the one order, in order."""
        files = (path for path in self.directory.glob("shard-*"))
        return sorted(path.stem for path in files if path.suffix in (_SUFFIX, _ORDER))

    def order(self, shard: str) -> Path | None:
        """The order to read inputs that a shard is; None where it has units."""
        path = self.directory / f"{shard}{_ORDER}"
        return path if path.exists() else None

    def file(self, shard: str) -> Path:
        """File of a shard."""
        return self.order(shard) or self.directory / f"{shard}{_SUFFIX}"

    def out(self, shard: str) -> Path:
        """Where the outcomes of a shard go."""
        return self.directory / _OUT / shard

    def parts(self, shard: str) -> list[Path]:
        """What a copy for the workers of one shard has: files, and directories for others.

        Outcomes that are there are among them, so that a worker goes on where they end.
        """
        file = self.file(shard)
        digests = {unit.artifact for unit in open_shard(file).units if unit.artifact}
        out = self.out(shard)
        segments = sorted(path for path in out.glob("*") if is_segment(path.name))
        directories = [self.directory / name for name in (ARTIFACTS, _CLAIMS, _OUT)]
        return [
            *directories,
            *([out] if segments else []),
            *segments,
            *(self.directory / ARTIFACTS / digest for digest in sorted(digests)),
            file,
            self.directory / _ABOUT,
        ]

    def taken(self, shard: str) -> int:
        """How often a shard was taken so far."""
        numbers = (path.suffix[1:] for path in (self.directory / _CLAIMS).glob(f"{shard}.*"))
        return max((int(number) for number in numbers if number.isdigit()), default=0)

    def state(self, shard: str) -> ShardState:
        """A shard as it is now."""
        if (self.out(shard) / MANIFEST).exists():
            return ShardState("done")
        number = self.taken(shard)
        if not number:
            return ShardState("waiting")
        path = self.directory / _CLAIMS / f"{shard}.{number}"
        try:
            words = path.read_text("utf-8").split()
            age = self.age(path)
        except OSError:
            return ShardState("waiting")  # given back this moment
        owner, is_gone = "", False
        if len(words) == 4:  # noqa: PLR2004 - as ``claim`` writes them; fewer if it was killed there
            host, boot_id, pid, start = words
            owner = f"process {pid} on {host}"
            is_gone = (host, boot_id) == (socket.gethostname(), boot()) and born(int(pid)) != start
        lives = not is_gone and age < self.lease_seconds
        return ShardState("running" if lives else "waiting", owner, age)

    def age(self, path: Path) -> float:
        """Seconds since a file was touched, by the clock of the disk that it lies on."""
        try:
            with tempfile.NamedTemporaryFile(prefix=".now-", dir=self.directory) as probe:
                now = Path(probe.name).stat().st_mtime
        except OSError:
            now = time.time()  # who may only look has no better clock
        return max(0.0, now - path.stat().st_mtime)

    def part(self, shard: str) -> str:
        """Name of a shard that no other sweep has."""
        return f"{self.name}_{int(shard.removeprefix('shard-'))}"

    def claim(self, leave_out: Collection[str] = ()) -> Claim | None:
        """Take the first shard that is free; None where none is.

        Args:
            leave_out: Names of shards that are not wanted.
        """
        if self.is_cancelled:
            return None
        for shard in self.shards():
            if shard in leave_out:
                continue
            number = self.taken(shard) + 1
            if self.state(shard).state != "waiting":
                continue
            path = self.directory / _CLAIMS / f"{shard}.{number}"
            with contextlib.suppress(FileExistsError, FileNotFoundError), path.open("x") as file:
                pid = os.getpid()
                file.write(f"{socket.gethostname()} {boot()} {pid} {born(pid)}\n")
                return Claim(self, shard, number)
        return None

    def remove(self) -> None:
        """Remove all of it; it is there as a whole, or not at all."""
        aside = self.directory.with_name(f".gone-{self.name}")
        with contextlib.suppress(OSError):
            self.directory.replace(aside)
        shutil.rmtree(aside, ignore_errors=True)


def queues_in(folder: Path) -> list[ShardQueue]:
    """The sweeps of a folder by name, or the one that it is."""
    # what begins with a dot is being made, or being removed
    inner = (path for path in folder.glob("*") if not path.name.startswith("."))
    return [queue for path in (folder, *sorted(inner)) if (queue := ShardQueue(path)).exists]


def write_queue(
    target: Path,
    job: Job,
    contexts: Mapping[int, ContextFacts],
    shards: Sequence[Sequence[Unit]],
    *,
    read_artifact: ReadArtifact,
    lease_seconds: float = LEASE_SECONDS,
) -> None:
    """Write shards for workers to find; they see all of it, or nothing.

    Args:
        target: Its parent is made if missing.
        job: What all units have in common.
        contexts: Number to what is known of a context.
        shards: Units of each.
        read_artifact: Content of an artifact by digest.
        lease_seconds: After which a silent worker's shard is free again.
    """
    files = [
        Shard(shard_name(number), job, contexts, tuple(units))
        for number, units in enumerate(shards)
    ]
    _write(target, lease_seconds, lambda aside: _fill(aside, files, read_artifact))


def write_order(target: Path, order: str, lease_seconds: float = LEASE_SECONDS) -> None:
    """Write an order to read inputs, for one worker to find.

    Args:
        target: Its parent is made if missing.
        order: Text of a ``gridrun.shard.remote_inputs.ReadingOrder``.
        lease_seconds: After which a silent worker's order is free again.
    """
    name = f"{shard_name(0)}{_ORDER}"
    _write(target, lease_seconds, lambda aside: (aside / name).write_text(order, "utf-8"))


def _write(target: Path, lease_seconds: float, fill: Callable[[Path], object]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".new-{target.name}-{secrets.token_hex(4)}")
    try:
        for name in (ARTIFACTS, _CLAIMS, _OUT):
            (aside / name).mkdir(parents=True)
        fill(aside)
        (aside / _ABOUT).write_text(json.dumps({"lease_seconds": lease_seconds}), "utf-8")
        aside.replace(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _fill(aside: Path, shards: Sequence[Shard], read_artifact: ReadArtifact) -> None:
    units = (unit for shard in shards for unit in shard.units)
    for digest in sorted({unit.artifact for unit in units if unit.artifact}):
        (aside / ARTIFACTS / digest).write_bytes(read_artifact(digest))
    for shard in shards:
        (aside / f"{shard.name}{_SUFFIX}").write_text(shard.text(), "utf-8")
