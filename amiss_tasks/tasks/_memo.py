"""Results of shared stages, kept from task to task within a budget of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from gridrun.pipeline import TaskFailure

T = TypeVar("T")

_FAILURE_BYTES = 1024


class Memo:
    """Least recently used values go first; a failure is a value too.

    Args:
        max_bytes: Most bytes kept; one value larger than that is still kept
            until the next comes.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def get(self, key: str, compute: Callable[[], tuple[T, int]]) -> tuple[T, bool]:
        """The value of a key, computed when it is not there.

        Args:
            key: Names everything the value depends on.
            compute: Gives the value and its size in bytes.

        Returns:
            The value, and whether it was there already.

        Raises:
            TaskFailure: Computing it failed, now or before.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            value = self._kept[key][0]
            if isinstance(value, TaskFailure):
                raise TaskFailure(value.message, value.kind)
            found: T = value
            return found, True
        try:
            computed, size = compute()
        except TaskFailure as failure:
            self._keep(key, TaskFailure(failure.message, failure.kind), _FAILURE_BYTES)
            raise
        self._keep(key, computed, size)
        return computed, False

    def _keep(self, key: str, value: object, size: int) -> None:
        self._kept[key] = (value, size)
        self._bytes += size
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed
