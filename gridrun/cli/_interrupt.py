"""Ctrl-C: the first asks to end, the second ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any


def on_interrupt(stop: Callable[[], None], said: str) -> Callable[[], None]:
    """First Ctrl-C (or SIGTERM) asks to stop, the second stops.

    Args:
        stop: Asks; may only set flags.
        said: Message that the first one prints.

    Returns:
        Puts the handlers back that were there before.
    """
    asked = False

    def handle(*_: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        sys.stderr.write(f"\n{said}\n")
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore
