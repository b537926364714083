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
_UNWIND_SECONDS = 2.0
"""After the second signal: till then Python may unwind by itself."""


def on_interrupt(
    stop: Callable[[], None],
    said: str,
    *,
    is_stuck: Callable[[], bool] = lambda: False,
    last_words: str = "",
) -> Callable[[], None]:
    """First Ctrl-C (or SIGTERM) asks to stop, the second stops.

    Signals are heard by a thread: Python's own handlers do not run before a library in C, R for
    example, returns to Python.

    Args:
        stop: Asks; may only set flags.
        said: Message that the first one prints.
        is_stuck: Whether the main thread is where no exception ends it, so that the process
            has to end instead.
        last_words: Message that is printed then.

    Returns:
        Puts the handlers back that were there before.
    """
    listener = _Listener(stop, said, is_stuck, last_words)
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
        last_words: str,
    ) -> None:
        self._stop = stop
        self._said = said
        self._is_stuck = is_stuck
        self._last_words = last_words
        self._heard = self._handled = 0
        self._closed = threading.Event()
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self.write_end, False)
        self._thread = threading.Thread(target=self._listen, name="gridrun-signals", daemon=True)
        self._thread.start()

    def handle(self, *_: Any) -> None:
        """Python's handler, which the main thread runs when it can."""
        self._handled += 1
        # several that come while the main thread is in C are one to Python
        if max(self._handled, self._heard) >= _AT_ONCE:
            raise KeyboardInterrupt

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
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
            elif self._heard == _AT_ONCE:
                self._closed.wait(_UNWIND_SECONDS)
                if self._is_stuck():
                    self._leave()

    def _leave(self) -> None:
        # what is committed is on the disk; nothing that could be waited for would end in time
        os.write(sys.stderr.fileno(), f"{self._last_words}\n".encode())
        os._exit(130)
