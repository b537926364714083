"""Where each exception of the SDK hides its status, and what that means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from backends.azureml.sdk.secrets import without_secrets
from backends.azureml.sdk.types import AzureTrouble, Trouble

_MOST_CHARACTERS = 600
_KINDS = {
    400: Trouble.REFUSED,
    401: Trouble.SIGN_IN,
    403: Trouble.FORBIDDEN,
    404: Trouble.MISSING,
    408: Trouble.NETWORK,
    409: Trouble.CONFLICT,
    429: Trouble.BUSY,
}
_FIRST_SERVER_STATUS = 500
_CODE_IN_TEXT = re.compile(r"(?:Response Code|status code|StatusCode)\W{1,4}(\d{3})", re.IGNORECASE)
_SIGN_IN_TEXT = re.compile(
    r"AADSTS\d+|az login|Authentication(?:Error|Exception)|expired|invalid_grant|"
    r"InvalidAuthenticationToken|CredentialUnavailable",
)
_NETWORK_TEXT = re.compile(
    r"ConnectionError|ClientRequestError|ConnectTimeout|ReadTimeout|ProxyError|MaxRetryError|"
    r"Connection aborted|Connection reset|RemoteDisconnected|timed out|Name or service not known|"
    r"SSLError|Max retries exceeded|ServiceRequestError|ServiceResponseError",
)


def trouble_of(error: BaseException) -> AzureTrouble:
    """The trouble that an exception of the SDK stands for."""
    if isinstance(error, AzureTrouble):
        return error
    chain = list(_chain(error))
    text = _text(chain)
    status = next((code for each in chain if (code := _status(each)) is not None), None)
    named = " ".join(type(each).__name__ for each in chain)
    if status is None and (found := _CODE_IN_TEXT.search(text)):
        status = int(found.group(1))
    if status is not None and status >= _FIRST_SERVER_STATUS:
        kind = Trouble.BUSY
    elif status in _KINDS:
        kind = _KINDS[status]
    elif _SIGN_IN_TEXT.search(f"{named} {text}"):
        kind = Trouble.SIGN_IN
    elif _NETWORK_TEXT.search(f"{named} {text}") or isinstance(error, OSError):
        kind = Trouble.NETWORK
    elif "not found" in text.lower() or "NotFound" in named:
        kind = Trouble.MISSING
    elif isinstance(error, ImportError):
        kind = Trouble.SETUP
    else:
        kind = Trouble.REFUSED
    return AzureTrouble(kind, without_secrets(text), status)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and those it wraps, by whichever attribute."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = getattr(each, "inner_exception", None), each.__cause__, each.__context__
        waiting.extend(one for one in inner if isinstance(one, BaseException))


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status"):
            code = getattr(holder, name, None)
            if isinstance(code, int):
                return code
    return None


def _text(chain: list[BaseException]) -> str:
    """The most specific sentence of a chain: what the service said, else what was raised."""
    said = [words for each in chain if (words := _said(each))]
    raised = [words for each in chain if (words := _raised(each))]
    words = (said or raised or [type(chain[0]).__name__])[0]
    return " ".join(words.split())[:_MOST_CHARACTERS]


def _said(error: BaseException) -> str:
    response: Any = getattr(error, "response", None)
    body = getattr(response, "text", None)
    try:
        data = json.loads(body() if callable(body) else body or "")
    except (TypeError, ValueError, RuntimeError):
        return ""
    while isinstance(data, dict):
        inner = data.get("error", data.get("Error"))
        if not isinstance(inner, dict):
            message = data.get("message", data.get("Message", data.get("error_description")))
            return str(message) if message else ""
        data = inner
    return ""


def _raised(error: BaseException) -> str:
    try:
        message = getattr(error, "message", None)
        if isinstance(message, str) and message.strip():
            return message
        return f"{type(error).__name__}: {error}"
    except TypeError:  # ServiceException cannot format an answer without details
        return type(error).__name__
