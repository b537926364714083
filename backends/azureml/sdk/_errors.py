"""Where each exception of the SDK hides its status, and what that means."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http import HTTPStatus
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
_PLAIN = (403, 404, 409)
"""Such a status is not a passing one, whatever the text says."""

_CODE_IN_TEXT = re.compile(
    r"(?:Response Code|status code|StatusCode|HTTP Error|HTTP status)\W{1,4}(\d{3})\b"
    r"|\b(5\d\d|429) (?:Server|Client) Error\b",
    re.IGNORECASE,
)
_PASSING_TEXT = re.compile(
    r"temporarily_unavailable|AADSTS(?:90033|90006|90012|50196)\b|"
    r"transient error|server is (?:too )?busy|ServerBusy|TooManyRequests|throttl",
    re.IGNORECASE,
)
"""Sign-in says such things with any status, where it is at fault itself."""
_SIGN_IN_TEXT = re.compile(
    r"AADSTS\d+|az login|Authentication(?:Error|Exception)|expired|invalid_grant|"
    r"InvalidAuthenticationToken|CredentialUnavailable",
)
_NETWORK_TEXT = re.compile(
    r"ConnectionError|ClientRequestError|ConnectTimeout|ReadTimeout|ProxyError|MaxRetryError|"
    r"Connection aborted|Connection reset|RemoteDisconnected|timed out|Name or service not known|"
    r"SSLError|Max retries exceeded|ServiceRequestError|ServiceResponseError|ChunkedEncodingError|"
    r"IncompleteRead|ProtocolError|Connection broken|JSONDecodeError|DeserializationError|"
    r"DecodeError|Unable to deserialize|Unable to connect to proxy|Expecting value",
)
"""Nobody answered, or what came was cut off, or is no answer of the service."""

_THERE_TEXT = re.compile(r"\bwith this name already exists|JobPropertyImmutable")
"""So a job is refused whose name is taken, with whatever status."""

_SIGNATURE_TEXT = re.compile(
    r"AuthenticationFailed|Server failed to authenticate the request|Signature not valid in the "
    r"specified time frame|MAC signature found in the HTTP request"
)
"""So storage refuses a signature (403) that has expired or that no key of the account has made; who
lacks a role hears of authorization."""

_SIGN_IN_CODE = re.compile(r"AADSTS\d+")
"""An answer of the sign-in service; without one, it may not have been it that answered."""

_UNREADABLE = (KeyError, AttributeError, IndexError, TypeError)
"""What the SDK raises at an answer that lacks something."""

_PAGE = re.compile(r"<(?:!doctype|html|head|title)\b.*", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def trouble_of(error: BaseException) -> AzureTrouble:
    """The trouble that an exception of the SDK stands for."""
    if isinstance(error, AzureTrouble):
        return error
    chain = list(_chain(error))
    text = _text(chain)
    status = next((code for each in chain if (code := _status(each)) is not None), None)
    named = " ".join(type(each).__name__ for each in chain)
    if status is None and (found := _CODE_IN_TEXT.search(text)):
        status = int(found.group(1) or found.group(2))
    is_there = _THERE_TEXT.search(text) is not None
    kind = Trouble.CONFLICT if is_there else _kind(error, status, text, named)
    if kind is None:
        kind = Trouble.REFUSED
        if isinstance(error, _UNREADABLE):
            kind, text = Trouble.NETWORK, f"the SDK cannot read the answer ({text})"
    return AzureTrouble(kind, without_secrets(text), status, _after(chain))


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Have every exception be an ``AzureTrouble``."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - every kind becomes one that callers can distinguish
        raise trouble_of(error) from None


def _kind(error: BaseException, status: int | None, text: str, named: str) -> Trouble | None:
    """What status and words say; None where they say nothing."""
    passes = _PASSING_TEXT.search(text) is not None and status not in _PLAIN
    if passes or (status is not None and status >= _FIRST_SERVER_STATUS):
        return Trouble.BUSY
    if status in _KINDS:
        is_signature = status == HTTPStatus.FORBIDDEN and _SIGNATURE_TEXT.search(text)
        return Trouble.SIGNATURE if is_signature else _KINDS[status]
    is_cut = _NETWORK_TEXT.search(text) is not None and not _SIGN_IN_CODE.search(text)
    if _SIGN_IN_TEXT.search(f"{named} {text}") and not is_cut:
        return Trouble.SIGN_IN
    if _NETWORK_TEXT.search(f"{named} {text}") or isinstance(error, OSError):
        return Trouble.NETWORK
    if "not found" in text.lower() or "NotFound" in named:
        return Trouble.MISSING
    return Trouble.SETUP if isinstance(error, ImportError) else None


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


def _after(chain: list[BaseException]) -> float | None:
    """Seconds that the answer asks to wait, said as a number or as a date; None if it does not."""
    for each in chain:
        headers = getattr(getattr(each, "response", None), "headers", None) or {}
        said = str(headers.get("Retry-After", headers.get("retry-after", ""))).strip()
        try:
            seconds = float(said)
        except ValueError:
            try:
                seconds = parsedate_to_datetime(said).timestamp() - time.time()
            except ValueError:
                continue
        return max(seconds, 0.0)
    return None


def _text(chain: list[BaseException]) -> str:
    """The most specific sentence of a chain: what the service said, else what was raised."""
    said = [words for each in chain if (words := _said(each))]
    raised = [words for each in chain if (words := _raised(each))]
    words = _without_page((said or raised or [type(chain[0]).__name__])[0])
    return " ".join(words.split())[:_MOST_CHARACTERS]


def _without_page(text: str) -> str:
    """A text with the title of a page of HTML in the place of the page."""
    found = _PAGE.search(text)
    if found is None:
        return text
    title = _TITLE.search(found.group())
    named = f'a page named "{title.group(1).strip()}"' if title else "a page of HTML"
    return f"{text[: found.start()]} {named}".strip()


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
            named = ("message", "Message", "error_description", "detail", "title")
            message = next((data[name] for name in named if data.get(name)), inner)
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
