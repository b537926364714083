"""Ways in which a task can go wrong, by name, for tests of whoever runs it."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gridrun.pipeline import TaskFailure

QUIT_CODE = 7
"""Exit code of ``quit``."""

FLOOD_BYTES = 4 << 20
"""What ``flood`` prints, in bytes."""


LARGE_BYTES = 300 << 20
"""What ``be_large`` uses."""

_SEARCH_SECONDS = 0.1
"""How long is looked for what is lost."""

_PIECE_BYTES = 16 << 20

_GROW_SECONDS = 0.05
"""Between two pieces of ``grow``."""


def misbehave(behaviour: str, selector: str, state_dir: str | None) -> None:
    """Go wrong in the way that is named.

    Args:
        behaviour: A key of ``BEHAVIOURS``, with ``_once`` after it for one that
            happens the first time only, whichever process that is in.
        selector: What selected the task, for messages and for remembering.
        state_dir: Directory to remember in, for ``_once``.

    Raises:
        TaskFailure: For ``error``.
        ValueError: For ``defect``, and for a name that is not known.
    """
    name = behaviour
    if name in PLACES:
        PLACES[name](_lost(state_dir))
        return
    if behaviour.endswith("_once"):
        name = behaviour.removesuffix("_once")
        if not _first_time(f"{behaviour} {selector}", state_dir):
            return
    if name not in BEHAVIOURS:
        known = ", ".join((*BEHAVIOURS, *PLACES))
        raise ValueError(f'unknown misbehaviour "{behaviour}"; known: {known}')
    BEHAVIOURS[name](selector)


def _lost(state_dir: str | None) -> Path:
    if state_dir is None:
        raise ValueError('what may be lost needs the option "state_dir"')
    return Path(state_dir) / "lost"


def _need(lost: Path) -> None:
    if lost.exists():
        time.sleep(_SEARCH_SECONDS)
        raise TaskFailure(f"cannot open shared object {lost.parent.name}.so: attempt {os.getpid()}")


def _miss(lost: Path) -> None:
    if lost.exists():
        time.sleep(_SEARCH_SECONDS)
        raise TaskFailure(f"the toy misses something: attempt {os.getpid()}")


PLACES: dict[str, Callable[[Path], None]] = {
    "lose": lambda lost: lost.touch(),
    "need": _need,
    "miss": _miss,
}
"""Name to what happens to something that all tasks of a machine need, and that may be lost."""


def _first_time(what: str, state_dir: str | None) -> bool:
    if state_dir is None:
        raise ValueError('what happens once needs the option "state_dir"')
    name = hashlib.blake2b(what.encode(), digest_size=8).hexdigest()
    try:
        (Path(state_dir) / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _error(selector: str) -> None:
    print(f"the toy prepares to fail at {selector}", flush=True)  # noqa: T201 - a log is wanted
    raise TaskFailure(f"the toy fails at {selector}")


def _defect(selector: str) -> None:
    raise ValueError(f"the toy is broken at {selector}")


def _say(selector: str) -> None:
    """Print by each way there is: Python, the file descriptor, C's stdio, a child process."""
    sys.stdout.write(f"python says {selector}\n")
    sys.stdout.flush()
    os.write(1, b"descriptor 1 says so\n")
    libc = ctypes.CDLL(None)
    libc.puts(b"C says so")
    libc.fflush(None)
    os.system("echo a shell says so >&2")  # noqa: S605, S607 - R's system() does the same


def _flood(selector: str) -> None:
    line = f"flood at {selector}\n".encode()
    os.write(1, b"first line of the flood\n")
    for _ in range(FLOOD_BYTES // len(line)):
        os.write(1, line)
    os.write(1, b"last line of the flood\n")


def _segfault(_selector: str) -> None:
    os.write(2, b"about to read address zero\n")
    ctypes.string_at(0)


def _abort(_selector: str) -> None:
    os.abort()


def _quit(_selector: str) -> None:
    os._exit(QUIT_CODE)


def _quit_quietly(_selector: str) -> None:
    os._exit(0)


def _kill(_selector: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_parent(_selector: str) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)


def _sleep(_selector: str) -> None:
    time.sleep(3600)


def _loop(_selector: str) -> None:
    """Stay inside C, holding the interpreter, as good as for ever; no signal handler runs."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    re.match(r"(a+)+$", "a" * 64 + "b")


def _stop(_selector: str) -> None:
    """Be stopped, as by somebody who forgets about it."""
    os.kill(os.getpid(), signal.SIGSTOP)


def _stop_started(_selector: str) -> None:
    """Wait for a process of one's own that is stopped."""
    os.system("kill -STOP $$")  # noqa: S605, S607 - R's system() does the same


def _stop_printing(_selector: str) -> None:
    """Be stopped in the middle of a line."""
    os.write(1, b"half a li")
    os.kill(os.getpid(), signal.SIGSTOP)


def _close_pipes(_selector: str) -> None:
    """Lose every descriptor, as a library that tidies up too much."""
    os.closerange(3, 256)


def _fill(_selector: str) -> None:
    """Take all the memory there is, and write to it, until somebody ends it."""
    taken = []
    while True:
        taken.append(bytearray(b"x") * _PIECE_BYTES)


def _fill_started(_selector: str) -> None:
    """Have a process of one's own take all the memory, and wait for it."""
    text = f"a = []\nwhile True: a.append(bytearray(b'x') * {_PIECE_BYTES})"
    subprocess.run([sys.executable, "-c", text], check=False)  # noqa: S603 - our own words


def _be_large(_selector: str) -> None:
    """Use much memory for a moment, and give it back."""
    taken = bytearray(b"x") * LARGE_BYTES
    time.sleep(1)
    del taken


def _grow(_selector: str) -> None:
    """Take much memory little by little, keep it for a moment, and give it back."""
    taken = []
    for _ in range(LARGE_BYTES // _PIECE_BYTES):
        taken.append(bytearray(b"x") * _PIECE_BYTES)
        time.sleep(_GROW_SECONDS)
    time.sleep(1)


def _ask_for_all(_selector: str) -> None:
    """Ask for more memory than any machine has, in one piece."""
    bytearray(1 << 60)


def _lack_room(selector: str) -> None:
    """Write to a disk that is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), selector)


def _lose_disk(selector: str) -> None:
    """Read from a disk that does not answer."""
    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), selector)


BEHAVIOURS: dict[str, Callable[[str], None]] = {
    "error": _error,
    "defect": _defect,
    "say": _say,
    "flood": _flood,
    "segfault": _segfault,
    "abort": _abort,
    "quit": _quit,
    "quit_quietly": _quit_quietly,
    "kill": _kill,
    "crash": _kill,
    "kill_parent": _kill_parent,
    "sleep": _sleep,
    "loop": _loop,
    "stop": _stop,
    "stop_started": _stop_started,
    "stop_printing": _stop_printing,
    "close_pipes": _close_pipes,
    "fill": _fill,
    "fill_started": _fill_started,
    "be_large": _be_large,
    "grow": _grow,
    "ask_for_all": _ask_for_all,
    "lack_room": _lack_room,
    "lose_disk": _lose_disk,
}
"""Name to what happens; the ones that end the process never return."""
