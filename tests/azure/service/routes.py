"""Which function answers which request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .messages import Request, Response
from .state import State

Host = Literal["login", "arm", "api", "blob"]
Handler = Callable[..., Response]
WS = (
    r"(?P<ws>/subscriptions/[^/]+/resourceGroups/[^/]+"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/[^/]+)"
)


@dataclass(frozen=True)
class Route:
    """A kind of request and who answers it."""

    method: str
    host: Host
    pattern: re.Pattern[str]
    handler: Handler
    open: bool


ROUTES: list[Route] = []


def route(method: str, host: Host, pattern: str, *, open_: bool = False) -> Callable[..., Handler]:
    """Register a handler.

    Args:
        method: The HTTP method.
        host: Which of the four hosts is asked.
        pattern: Regular expression of the decoded path; `{ws}` stands for the workspace's path
            in the resource manager. Its named groups become arguments of the handler.
        open_: Whether it is answered without a bearer token.
    """
    expression = re.compile(pattern.replace("{ws}", WS))

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, host, expression, handler, open_))
        return handler

    return register


def host_kind(state: State, host: str) -> Host | None:
    """Which of the four hosts this is; None if the service does not play it."""
    known: dict[str, Host] = {
        "login.microsoftonline.com": "login",
        "management.azure.com": "arm",
        state.names.api_host: "api",
        state.names.blob_host: "blob",
    }
    return known.get(host)


def find(state: State, request: Request) -> tuple[Route, dict[str, str]] | None:
    """The route of a request and its handler's arguments."""
    kind = host_kind(state, request.host)
    for candidate in ROUTES:
        if candidate.method != request.method or candidate.host != kind:
            continue
        if found := candidate.pattern.fullmatch(request.path):
            return candidate, found.groupdict()
    return None
