"""What a stage itself takes of a process's memory, apart from what stages before have left in it.

R gives nothing back by itself: after a large task the stages of a small one run in a large process.
"""

from __future__ import annotations

from collections.abc import Hashable


class StageMemory:
    """Memory of one process, looked at again and again.

    Args:
        rest: Bytes that it has before its first task.
    """

    def __init__(self, rest: int) -> None:
        self._rest = rest
        self._last = rest
        self._at: Hashable = None
        self._began = rest

    def of_stage(self, at: Hashable, used: int) -> int:
        """Bytes of a process that has done nothing but this stage.

        Args:
            at: Task and stage that it is at.
            used: Bytes that it has.
        """
        if at != self._at:
            self._at, self._began = at, self._last
        self._last = used
        return self._rest + used - self._began
