"""Ctrl-C and SIGTERM: the first asks to end, the second ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AT_ONCE = 2


def on_interrupt(
    stop: Callable[[], None],
    said: str,
    *,
    is_stuck: Callable[[], bool] = lambda: False,
    leave: Callable[[], None] = lambda: None,
) -> Callable[[], None]:
    """First Ctrl-C (or SIGTERM) asks to stop, the second stops.

    Signals are heard by a thread: Python's own handlers do not run before a library in C, R for
    example, returns to Python.

    Args:
        stop: Asks; may only set flags.
        said: Message that the first one prints.
        is_stuck: Whether the main thread is where no exception may end it, so that the
            process has to end instead.
        leave: Called before it does.

    Returns:
        Puts the handlers back that were there before.
    """
    listener = _Listener(stop, said, is_stuck, leave)
    before = {number: signal.signal(number, listener.handle) for number in _SIGNALS}
    wakeup = signal.set_wakeup_fd(listener.write_end, warn_on_full_buffer=False)

    def restore() -> None:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        listener.close()

    return restore


class _Listener:
    """Counts signals as they arrive, whatever the main thread does; see ``on_interrupt``."""

    def __init__(
        self,
        stop: Callable[[], None],
        said: str,
        is_stuck: Callable[[], bool],
        leave: Callable[[], None],
    ) -> None:
        self._stop = stop
        self._said = said
        self._is_stuck = is_stuck
        self._leave = leave
        self._heard = self._handled = 0
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self.write_end, False)
        self._thread = threading.Thread(target=self._listen, name="gridrun-signals", daemon=True)
        self._thread.start()

    def handle(self, *_: Any) -> None:
        """Python's handler, which the main thread runs when it can."""
        self._handled += 1
        # several that come while the main thread is in C are one to Python
        if max(self._handled, self._heard) >= _AT_ONCE and not self._is_stuck():
            raise KeyboardInterrupt

    def close(self) -> None:
        """End the thread."""
        os.close(self.write_end)
        self._thread.join()
        os.close(self._read_end)

    def _listen(self) -> None:
        while numbers := os.read(self._read_end, 1):
            if numbers[0] not in _SIGNALS:
                continue
            self._heard += 1
            if self._heard == 1:
                sys.stderr.write(f"\n{self._said}\n")
                self._stop()
            elif self._heard == _AT_ONCE and self._is_stuck():
                # what is committed is on the disk; what could be waited for does not end in time
                self._leave()
                os._exit(130)
