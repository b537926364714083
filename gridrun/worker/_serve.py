"""A child from its first moment: ``python -m gridrun.worker._serve``; see ``ChildProcess``."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

from gridrun.errors import GridrunError
from gridrun.worker._channel import Channel
from gridrun.worker._parent_death import adopt_orphans, die_with_parent

_IONBF = 2


def main(arguments: list[str]) -> int:
    """Call the function that serves the parent's requests.

    What it raises and gridrun explains is sent to the parent; anything else leaves its
    traceback in the log.

    Args:
        arguments: ``module:function``, directory shared with the parent, descriptors of
            requests and of answers, process id of the parent.

    Returns:
        Exit code.
    """
    serve, directory = arguments[0], Path(arguments[1])
    commands, replies, parent = (int(text) for text in arguments[2:])
    die_with_parent(parent)
    adopt_orphans()
    _prepare_process()
    for handle in (commands, replies):
        # R's system() must not keep the pipe open
        os.set_inheritable(handle, False)  # noqa: FBT003 - takes no keyword
    channel = Channel(directory, commands, replies)
    module, _, function = serve.partition(":")
    try:
        getattr(import_module(module), function)(channel)
    except GridrunError as error:
        channel.fail(error)
        return 1
    return 0


def _prepare_process() -> None:
    """Write C's output unbuffered, in order with all other; leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc = ctypes.CDLL(None)
    with contextlib.suppress(ValueError):  # a C library without these names
        for name in ("stdout", "stderr"):
            libc.setvbuf(ctypes.c_void_p.in_dll(libc, name), None, _IONBF, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
