"""A sweep that Azure does not have: one that is not visible yet, or one that was deleted."""

from __future__ import annotations

import re
import time

from backends.azureml._access import VISIBLE_SECONDS
from backends.azureml._children import LATE_LOOKS
from gridrun.errors import UserError

_WORKSPACE = re.compile(r"/workspaces/([^/?&#]+)", re.IGNORECASE)


class Absence:
    """How long a sweep has not been there; found again, it was not away.

    Args:
        planned: When it was planned, seconds since the epoch; a young one may be invisible.
        late_seconds: It is waited for at least so long; None: for so many looks only.
    """

    def __init__(self, planned: float, late_seconds: float | None) -> None:
        self._planned = planned
        self._late_seconds = late_seconds
        self._looks = 0
        self._since = 0.0

    @property
    def may_be_for_good(self) -> bool:
        """Whether it is missing though it is old enough to be seen."""
        return self._looks > 0

    @property
    def is_for_good(self) -> bool:
        """Whether it has been missing for so long that somebody must have deleted it."""
        waited = time.monotonic() - self._since
        is_long = self._late_seconds is None or waited >= self._late_seconds
        return self._looks >= LATE_LOOKS and is_long

    def note(self, *, is_there: bool) -> None:
        """Take in a look."""
        if is_there:
            self._looks = 0
        elif time.time() - self._planned >= VISIBLE_SECONDS:
            self._since = self._since if self._looks else time.monotonic()
            self._looks += 1


def check_workspace(sweep: str, place: str, workspace: str) -> None:
    """Refuse to take a sweep for deleted that was sent to another workspace.

    Args:
        sweep: Its name.
        place: Address that Azure gave it, or empty.
        workspace: Name of the one that was asked.

    Raises:
        UserError: It is elsewhere.
    """
    found = _WORKSPACE.search(place)
    if found is not None and found[1].casefold() != workspace.casefold():
        raise UserError(
            f"it was sent to workspace {found[1]}, and is not in {workspace}",
            where=sweep,
            todo=f"name {found[1]} below azure in study.yaml until what was sent there has ended",
        )
