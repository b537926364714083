"""Signed blob addresses, and the check of both kinds of signature.

Sources: Azure Storage's public description of Shared Key authorization (the string to sign) and
of shared access signatures. The addresses made here are signed by a scheme of our own, since only
this service reads them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from .messages import Request
from .state import State

VERSION = "2021-12-02"
_SIGNED_HEADERS = (
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-MD5",
    "Content-Type",
    "Date",
    "If-Modified-Since",
    "If-Match",
    "If-None-Match",
    "If-Unmodified-Since",
    "Range",
)
_NEEDED = {"GET": "r", "HEAD": "r", "PUT": "w", "DELETE": "d"}


def _signature(state: State, container: str, name: str, permissions: str) -> str:
    text = f"{container}\n{name}\n{permissions}".encode()
    return base64.b64encode(hmac.new(state.signing_key, text, hashlib.sha256).digest()).decode()


def signed_url(state: State, container: str, name: str, permissions: str = "r") -> str:
    """The address of a blob, with the right to do what `permissions` says (r, c, w)."""
    signature = _signature(state, container, name, permissions)
    # The SDK takes the name out of the address without decoding it, and encodes it once more.
    plain = quote(name, safe="/ !$&'()*+,;=:@~[]")
    return (
        f"https://{state.names.blob_host}/{container}/{plain}"
        f"?sv={VERSION}&sr=b&sp={permissions}&sig={quote(signature, safe='')}"
    )


def container_sas(state: State, container: str, permissions: str, seconds: float) -> str:
    """The query that opens a container for a time, for what `permissions` says (r, c, w, d, l)."""
    expires = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = _signature(state, container, f"until {expires}", permissions)
    fields = {"sv": VERSION, "spr": "https", "se": expires, "sr": "c", "sp": permissions}
    return urlencode({**fields, "sig": signature})


def _opens_container(state: State, request: Request, container: str) -> bool:
    query = request.query
    expires = query.get("se", "")
    expected = _signature(state, container, f"until {expires}", query.get("sp", ""))
    if not hmac.compare_digest(query["sig"], expected):
        return False
    until = datetime.strptime(expires, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    needed = "l" if query.get("comp") == "list" else _NEEDED.get(request.method, "?")
    return needed in query["sp"] and datetime.now(UTC) < until


def shared_key(state: State, request: Request) -> str:
    """What the Authorization header of a Shared Key request has to be."""
    headers = request.headers
    values = [headers.get(name, "") for name in _SIGNED_HEADERS]
    if values[2] == "0":
        values[2] = ""
    own = sorted(
        (name.lower(), " ".join(value.split()))
        for name, value in headers.items()
        if name.lower().startswith("x-ms-")
    )
    resource = [f"/{state.names.account}{request.raw_path}"]
    resource += [f"{name.lower()}:{value}" for name, value in sorted(request.query.items())]
    lines = [request.method, *values, *(f"{name}:{value}" for name, value in own), *resource]
    digest = hmac.new(state.account_key, "\n".join(lines).encode(), hashlib.sha256).digest()
    return f"SharedKey {state.names.account}:{base64.b64encode(digest).decode()}"


def may_access(state: State, request: Request, container: str, name: str) -> bool:
    """Whether the request is signed, in either way, for what it asks."""
    given = request.query.get("sig")
    if given is not None and request.query.get("sr") == "c":
        return _opens_container(state, request, container)
    if given is not None:
        permissions = request.query.get("sp", "")
        expected = _signature(state, container, name, permissions)
        allowed = _NEEDED.get(request.method, "?") in permissions
        return allowed and hmac.compare_digest(given, expected)
    expected = shared_key(state, request)
    return hmac.compare_digest(request.headers.get("Authorization", ""), expected)
