"""The resource manager counts calls: a bucket each for reads and writes, filled up again slowly.

Sizes and headers as recorded in March 2026: 250 reads and 200 writes, 25 and 10 more a second.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from .messages import Request, Response, arm_error
from .state import State

_SIZES = {"reads": 250, "writes": 200}
_A_SECOND = {"reads": 25.0, "writes": 10.0}


class Throttle:
    """Counts one service's calls.

    Args:
        state: Its settings say whether what is over the limit is refused.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._left: dict[str, float] = {}
        self._at: dict[str, float] = {}

    def refusal(self, request: Request) -> Response | None:
        """What is answered to a call over the limit; None to one within."""
        odd = self._state.settings.odd
        limits = {"reads": odd.arm_reads, "writes": odd.arm_writes}
        kind = _kind(request)
        limit = limits[kind]
        with self._lock:
            size = float(limit if limit is not None else _SIZES[kind])
            now = time.monotonic()
            passed = now - self._at.get(kind, now)
            left = min(
                size, self._left.get(kind, size) + passed * _A_SECOND[kind] * size / _SIZES[kind]
            )
            self._at[kind], self._left[kind] = now, max(0.0, left - 1)
            if limit is None or left >= 1:
                return None
        text = (
            "Number of requests for subscription exceeded the limit. "
            f"Please try again after '{odd.retry_after_s}' seconds."
        )
        answer = arm_error(429, "SubscriptionRequestsThrottled", text)
        answer.headers["Retry-After"] = str(odd.retry_after_s)
        return answer

    def counted(self, request: Request, response: Response) -> Response:
        """The answer with the header that says how many calls are left."""
        kind = _kind(request)
        name = f"x-ms-ratelimit-remaining-subscription-{kind}"
        left = str(int(self._left.get(kind, 0)))
        return replace(response, headers={**response.headers, name: left})


def _kind(request: Request) -> str:
    return "reads" if request.method in ("GET", "HEAD") else "writes"
