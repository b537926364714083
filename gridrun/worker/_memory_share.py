"""What the workers of a machine may take of its memory together, so that it never runs out.

They know of each other by one file of this user, which says how much the tasks of each may need
and how much those of a stage have used before. Whether a process is there, and what it uses,
is asked of the kernel.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gridrun.errors import EnvironmentFault
from gridrun.store.faults import in_temporary
from gridrun.store.owner import boot, born
from gridrun.worker import _machine_memory
from gridrun.worker._memory import used_by_descendants

_PAUSE_SECONDS = 0.5
"""So long nobody else gives way: what was taken from one is not free at once."""

_LEAST_PART = 4
"""A peak below this part of a task's even share is not kept: such tasks fit anyway."""

_NUMBERS = itertools.count()


@dataclass
class _Known:
    """What the file says.

    Args:
        children: Worker to the process that runs its tasks, 0 where none does.
        claims: Worker to the bytes that its tasks may need, as far as that is known.
        peaks: Stage and values to the most bytes that a process used there.
        gave_way: When somebody gave way last, on the monotonic clock.
    """

    children: dict[str, int] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    gave_way: float = 0.0


class MemoryShare:
    """One worker's part of the machine's memory.

    Args:
        study: What names the settings of its tasks.
        peaks: What stages of them have used before, as far as that is known.
        place: Directory of the file; None for the system's temporary one.
    """

    def __init__(
        self, study: str = "", peaks: Mapping[str, int] | None = None, place: Path | None = None
    ) -> None:
        name = f"gridrun-memory-{os.geteuid()}-{boot()[:8]}"
        self._path = Path(place or tempfile.gettempdir()) / name
        self._who = f"{os.getpid()} {born(os.getpid())} {next(_NUMBERS)}"
        self._study = study
        self._peaks = {f"{study} {stage}": used for stage, used in (peaks or {}).items()}

    def admit(self, child: int, stages: Callable[[], Iterable[str]], least: int = 0) -> int | None:
        """Ask to run tasks.

        Args:
            child: Process that is to run them.
            stages: Gives the names of their stages, see ``stage_name``.
            least: Bytes that they need at least, as far as that is known.

        Returns:
            Bytes that it may use beside the tasks of others; None where they have to end first.

        Raises:
            EnvironmentFault: The file cannot be kept.
        """
        with self._file() as known:
            others = {who: pid for who, pid in known.children.items() if pid and who != self._who}
            still = sum(
                max(known.claims.get(who, 0) - used_by_descendants(pid), 0)
                for who, pid in others.items()
            )
            peaks = (
                [known.peaks.get(f"{self._study} {name}", 0) for name in stages()]
                if known.peaks
                else []
            )
            need = max([least, *peaks])
            spare = _machine_memory.free_memory() - _machine_memory.reserved_memory() - still
            room = max(spare + used_by_descendants(child), 0)
            if others and need > room:
                return None
            known.children[self._who], known.claims[self._who] = child, need
            return room

    def leave(self) -> None:
        """No task runs any more."""
        with self._file() as known:
            known.children[self._who] = 0
            known.claims.pop(self._who, None)

    def note(self, stage: str, used: int) -> bool:
        """A process has used so many bytes at a stage; others know it with the next ``admit``.

        Returns:
            Whether that is worth knowing, and more than was known.
        """
        name = f"{self._study} {stage}"
        if used <= max(self._peaks.get(name, 0), _machine_memory.default_limit() // _LEAST_PART):
            return False
        self._peaks[name] = used
        return True

    def to_give_way(self, child: int) -> int | None:
        """Whether this worker's tasks have to end since the machine runs out of memory.

        Those do that use most beyond what they were known to need.

        Returns:
            Bytes that the machine has left, or None where there are enough, or others give way.

        Raises:
            EnvironmentFault: The file cannot be kept.
        """
        reserved = _machine_memory.reserved_memory()
        if _machine_memory.free_memory() >= reserved:
            return None
        with self._file() as known:
            free, now = _machine_memory.free_memory(), time.monotonic()
            if free >= reserved or now - known.gave_way < _PAUSE_SECONDS:
                return None
            beyond = {
                who: used_by_descendants(pid) - known.claims.get(who, 0)
                for who, pid in known.children.items()
                if pid
            }
            if max(beyond, key=beyond.__getitem__, default=None) != self._who:
                return None
            if used_by_descendants(child) < reserved:
                return None  # others take the memory: it would not help
            known.gave_way = now
            return free

    def close(self) -> None:
        """Be gone, and the file with the last of the workers."""
        with contextlib.suppress(EnvironmentFault), self._file() as known:
            known.children.pop(self._who, None)
            known.claims.pop(self._who, None)
            if not known.children:
                self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _file(self) -> Iterator[_Known]:
        """The file, to be read and changed by this worker alone."""
        with in_temporary(self._path.parent), contextlib.ExitStack() as stack:
            handle = self._locked()
            stack.callback(os.close, handle)
            before = os.pread(handle, os.fstat(handle).st_size, 0)
            known = _living(before)
            known.children.setdefault(self._who, 0)
            for name, used in self._peaks.items():
                known.peaks[name] = max(used, known.peaks.get(name, 0))
            yield known
            after = json.dumps(asdict(known)).encode()
            if after != before:
                os.ftruncate(handle, 0)
                os.pwrite(handle, after, 0)

    def _locked(self) -> int:
        """A descriptor of the file, with its lock.

        Raises:
            EnvironmentFault: Somebody else has made a file of its name.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        while True:
            try:
                handle = os.open(self._path, flags, 0o600)
            except PermissionError as error:
                raise _another_users(self._path) from error
            with contextlib.suppress(OSError):  # a disk without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            status = os.fstat(handle)
            if status.st_uid != os.geteuid():
                os.close(handle)
                raise _another_users(self._path)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(status, self._path.stat()):
                    return handle
            os.close(handle)  # the last one before has removed it meanwhile


def stage_name(stage: str, reads: Iterable[str], values: Mapping[str, object]) -> str:
    """What a stage of tasks is called by which memory is expected of others.

    Args:
        stage: The stage.
        reads: Names of what it reads itself.
        values: Of the task, by name.
    """
    own = ",".join(f"{name}={values[name]}" for name in reads if name in values)
    return f"{stage} {own}"


def _living(text: bytes) -> _Known:
    """What the file says of workers that are there; nothing where it was cut off."""
    try:
        known = _Known(**json.loads(text))
    except (ValueError, TypeError):
        return _Known()
    for who in list(known.children):
        pid, start, _ = who.split(" ")
        if born(int(pid)) != start:
            del known.children[who]
            known.claims.pop(who, None)
    return known


def _another_users(path: Path) -> EnvironmentFault:
    return EnvironmentFault(
        "this file, by which workers share the machine's memory, belongs to another user",
        where=str(path),
        todo="set TMPDIR to a directory that only you, or only root, can change",
    )
