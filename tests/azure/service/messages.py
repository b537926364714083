"""What goes over the wire: requests as handlers see them, and the answers they give."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request; `path` is decoded and without its query, whose names are in lower case."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    raw_path: str

    def json(self) -> Any:
        """The body as JSON; None if there is none."""
        return json.loads(self.body) if self.body else None

    def form_field(self, name: str) -> str | None:
        """The text of one field of a multipart body."""
        head = f"Content-Type: {self.headers.get('Content-Type', '')}\r\n\r\n".encode()
        message = email.message_from_bytes(head + self.body, policy=email.policy.HTTP)
        for part in message.iter_parts():
            if part.get_param("name", header="content-disposition") == name:
                return bytes(part.get_payload(decode=True)).decode()
        return None


@dataclass(frozen=True)
class Response:
    """One answer; `cut` closes the connection instead of sending it.

    With `cut_after` the head says how long the body is, and so many bytes of it come.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    cut_after: int | None = None


CUT = Response(status=0, cut=True)


def reply(content: Any, status: int = 200, **headers: str) -> Response:
    """Answer with JSON; header names have `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("Content-Type", "application/json; charset=utf-8")
    return Response(status, json.dumps(content).encode(), named)


def error(status: int, code: str, message: str) -> Response:
    """Answer with an error in the shape that Azure ML's services share."""
    # The SDK cannot print an error that lacks "details".
    return reply({"error": {"code": code, "message": message, "details": []}}, status)


def arm_error(status: int, code: str, message: str, inner: str | None = None) -> Response:
    """Answer with an error in the shape of the resource manager's job service (recorded)."""
    component = {"value": "managementfrontend"}
    info: list[dict[str, Any]] = [{"type": "ComponentName", "info": component}]
    if inner is not None:
        value = {"code": inner, "innerError": None}
        info.append({"type": "InnerError", "info": {"value": value}})
    info.append({"type": "Time", "info": {"value": timestamp()}})
    content = {"code": code, "message": message, "details": [], "additionalInfo": info}
    return reply({"error": content}, status)


def storage_error(status: int, code: str) -> Response:
    """Answer with an error in the shape of the storage service."""
    # The SDK cannot print an error that lacks a message.
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code>'
        f"<Message>{code} (said by the loopback service)</Message></Error>"
    )
    return Response(
        status, text.encode(), {"Content-Type": "application/xml", "x-ms-error-code": code}
    )


def timestamp(at: datetime | None = None) -> str:
    """A time as the services write it."""
    return (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
