"""Ctrl-C where tasks run in this process, and whoever called has not seen to it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def hearing_ctrl_c(stop: Callable[[], None], *, here: bool) -> Iterator[None]:
    """Have the first Ctrl-C ask for a stop; the second one raises, as Python has it.

    A library that tasks run in may lose an exception which is raised in its calls back to Python,
    and go on; what it cannot lose is a flag. A handler of the caller's own is left alone.

    Args:
        stop: Asks; may only set flags.
        here: Whether tasks run in this process. Elsewhere nothing is changed.
    """
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            signal.default_int_handler(number, frame)
        asked = True
        stop()

    is_main = threading.current_thread() is threading.main_thread()
    if not here or not is_main or signal.getsignal(signal.SIGINT) != signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
