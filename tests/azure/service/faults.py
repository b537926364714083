"""Faults on demand: which requests and which children they hit, and how often."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass, field
from typing import Literal

from .messages import Response, error, storage_error

ChildFaultKind = Literal["lost", "silent", "preempted", "preempted-failed", "failed"]
PREEMPTED = "PreemptionError: Nodes of this job got pre-empted"
_CODES = {
    401: ("InvalidAuthenticationToken", "The access token has expired."),
    403: ("AuthorizationFailed", "The client has no authorization to perform this action."),
    404: ("NotFound", "Not found."),
    409: ("Conflict", "The request conflicts with the state of the resource."),
    429: ("TooManyRequests", "Rate of requests is over the limit. Try again later."),
    500: ("ServiceError", "InternalServerError"),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
}
_STORAGE_CODES = {
    403: "AuthenticationFailed",
    404: "BlobNotFound",
    409: "BlobAlreadyExists",
    500: "InternalError",
    503: "ServerBusy",
}


@dataclass(kw_only=True)
class _Quota:
    """Which texts match, how many matches are let pass first, and how many are hit at most."""

    pattern: str
    count: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    hits: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._expression = re.compile(self.pattern)
        self._random = random.Random(self.seed)

    def takes(self, text: str) -> bool:
        """Whether it hits this one."""
        if self.count is not None and self.hits >= self.count:
            return False
        if not self._expression.search(text):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True


@dataclass(kw_only=True)
class Fault(_Quota):
    """What happens to a request: answered with an error, cut, or late.

    With `accepted` it is done before the error is answered, as behind a gateway that gave up.
    `body` is sent in the place of the usual one, as `content_type` says; `retry_after` is the
    header's text, a date for example; the connection ends after `cut_after` bytes of the true
    answer's body.
    """

    status: int | None = None
    accepted: bool = False
    body: str | None = None
    content_type: str = "text/html"
    retry_after_s: float | None = None
    retry_after: str | None = None
    cut_after: int | None = None
    drop: Literal["before", "after"] | None = None
    delay_s: float = 0.0

    def response(self, *, from_storage: bool) -> Response | None:
        """The error to answer with, as storage or another service says it; None without one."""
        if self.status is None:
            return None
        if from_storage:
            answer = storage_error(self.status, _STORAGE_CODES.get(self.status, "Fault"))
        else:
            code, message = _CODES.get(self.status, ("Fault", f"fault {self.status} on demand"))
            answer = error(self.status, code, message)
        if self.body is not None:
            answer = Response(self.status, self.body.encode(), {"Content-Type": self.content_type})
        if self.retry_after_s is not None:
            answer.headers["Retry-After"] = f"{self.retry_after_s:g}"
        if self.retry_after is not None:
            answer.headers["Retry-After"] = self.retry_after
        return answer


@dataclass(kw_only=True)
class ChildFault(_Quota):
    """What happens to a child: see the README's table of kinds."""

    kind: ChildFaultKind = "lost"
    after_s: float = 0.0
    when: str | None = None
    queue_s: float = 0.3
    bring_outputs: bool = True
    error: str = PREEMPTED


class Faults:
    """All faults of one service; the first that takes a request or a child acts on it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Fault] = []
        self._children: list[ChildFault] = []

    def add(self, fault: Fault | ChildFault) -> None:
        """Arm one more fault."""
        with self._lock:
            if isinstance(fault, Fault):
                self._requests.append(fault)
            else:
                self._children.append(fault)

    def clear(self) -> None:
        """Disarm all."""
        with self._lock:
            self._requests.clear()
            self._children.clear()

    def for_request(self, text: str) -> Fault | None:
        """The fault for a request "METHOD path"."""
        with self._lock:
            return next((fault for fault in self._requests if fault.takes(text)), None)

    def for_child(self, arguments: str) -> ChildFault | None:
        """The fault for a child that starts with these arguments."""
        with self._lock:
            return next((fault for fault in self._children if fault.takes(arguments)), None)
