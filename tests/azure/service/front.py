"""What stands behind the proxy: takes requests in, judges them, answers, and keeps the journal."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace

from . import (
    artifacts,
    assets,
    content,
    datastores,
    history,
    hyperdrive,
    jobs,
    metrics,
    mlflow,
    resources,
    signin,
    storage,
)
from .messages import CUT, Request, Response, arm_error, error
from .routes import find, host_kind
from .state import State
from .throttle import Throttle

HANDLERS = (artifacts, content, history, hyperdrive, metrics, resources, signin, storage)
HANDLERS_2 = (assets, datastores, jobs, mlflow)
REFUSED_IN_LEGACY_MODE = ("assets", "datastores", "jobs")
"""Importing them registers their routes."""


class Front:
    """Answers requests from a state.

    Args:
        state: The workspace to answer for.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._throttle = Throttle(state)

    def plays(self, host: str) -> bool:
        """Whether it answers for this host; others are recorded as unknown."""
        if host_kind(self._state, host) is not None:
            return True
        self._state.journal.add_unknown(f"host {host}")
        return False

    def answer(self, request: Request, send: Callable[[Response], None]) -> None:
        """Answer one request, or do what a fault says."""
        fault = self._state.faults.for_request(f"{request.method} {request.path}")
        response = None
        if fault is not None:
            time.sleep(fault.delay_s)  # the slow answer that a test asked for
            from_storage = request.host == self._state.names.blob_host
            response = CUT if fault.drop == "before" else fault.response(from_storage=from_storage)
            if fault.accepted:
                self._limited(request)
        if response is None:
            response = self._limited(request)
            if fault is not None and fault.drop == "after":
                response = CUT
            if fault is not None and fault.cut_after is not None:
                response = replace(response, cut_after=fault.cut_after)
        self._state.journal.add(
            request.method, request.host, request.path, response.status, fault=fault is not None
        )
        send(response)

    def _limited(self, request: Request) -> Response:
        """The answer, or the resource manager's refusal of too many calls."""
        if host_kind(self._state, request.host) != "arm":
            return self._handle(request)
        response = self._throttle.refusal(request) or self._handle(request)
        return self._throttle.counted(request, response)

    def _handle(self, request: Request) -> Response:
        found = find(self._state, request)
        if found is None:
            what = f"{request.method} https://{request.host}{request.path}"
            self._state.journal.add_unknown(what)
            return error(400, "UserError", f"the loopback service does not know {what}")
        route, arguments = found
        if not route.open and not signin.is_signed_in(self._state, request):
            text = "The access token is missing, wrong or expired."
            return error(401, "InvalidAuthenticationToken", text)
        named = arguments.pop("ws", self._state.names.arm_path)
        if named.lower() != self._state.names.arm_path.lower():
            return error(404, "ResourceNotFound", f"The Resource '{named}' was not found.")
        module = route.handler.__module__.rpartition(".")[2]
        if module in REFUSED_IN_LEGACY_MODE and self._state.settings.odd.v1_legacy_mode:
            text = "The workspace has v1_legacy_mode set: version 2 of this interface is refused."
            return arm_error(403, "UserError", text)
        try:
            return route.handler(self._state, request, **arguments)
        except Exception:  # noqa: BLE001 - whatever it is, the test has to hear of it
            self._state.journal.add_unknown(
                f"{request.method} {request.path} made the service fail: {traceback.format_exc()}"
            )
            return error(400, "UserError", "the loopback service failed on this request")
