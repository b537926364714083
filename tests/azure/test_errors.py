"""What an exception of the SDK stands for, with the real exceptions and answers of other shapes."""

import json
from email.utils import formatdate

import pytest
import requests

from backends.azureml._faults import fault_of
from backends.azureml.sdk._errors import trouble_of
from backends.azureml.sdk.types import AzureTrouble, Trouble
from backends.azureml.settings import AzureSettings

PAGE = "<html><head><title>502 Bad Gateway</title></head><body><p>nginx</p></body></html>"


def answered(status, body, **headers):
    """What requests raises of an answer."""
    response = requests.Response()
    response.status_code = status
    response._content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    response.headers.update({name.replace("_", "-"): text for name, text in headers.items()})
    return requests.HTTPError(f"{status} Server Error", response=response)


def refused(text):
    """What the storage's own library raises of a refusal."""
    error = HttpError(text)
    error.status_code = 403
    return error


class HttpError(Exception):
    """Has a status, as azure-core's has."""


HEAD_REFUSED = (
    "403 Client Error: Server failed to authenticate the request. Make sure the value of "
    "Authorization header is formed correctly including the signature. for url: https://x/y"
)
"""What requests makes of an answer that has no body: the reason phrase."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Exception("AuthenticationException: HTTP Error: 503"), Trouble.BUSY),
        (Exception("Authentication failed. Get Token request returned HTTP Error: 500"), "busy"),
        (Exception("AuthenticationError 503 Server Error: Service Unavailable for url"), "busy"),
        (Exception("AuthenticationException: HTTP Error: 401"), Trouble.SIGN_IN),
        (answered(400, {"error": "temporarily_unavailable"}), Trouble.BUSY),
        (answered(400, {"error_description": "AADSTS90033: A transient error."}), Trouble.BUSY),
        (answered(401, {"error_description": "AADSTS7000215: wrong secret"}), Trouble.SIGN_IN),
        (Exception("ClientAuthenticationError: Authentication failed: Expecting value"), "network"),
        (Exception("Authentication failed: ('Unable to connect to proxy', Remote)"), "network"),
        (Exception("ClientAuthenticationError: AADSTS700082: timed out: has expired"), "sign-in"),
        (Exception("(UserError) A job with this name already exists."), Trouble.CONFLICT),
        (answered(429, "slow down"), Trouble.BUSY),
        (answered(404, {"error": {"message": "no server is busy"}}), Trouble.MISSING),
        (answered(403, PAGE), Trouble.FORBIDDEN),
        (refused("Signature not valid in the specified time frame"), Trouble.SIGNATURE),
        (refused("ErrorCode:AuthenticationFailed"), Trouble.SIGNATURE),
        (refused("ErrorCode:AuthorizationFailure"), Trouble.FORBIDDEN),
        (refused("ErrorCode:AuthorizationPermissionMismatch"), Trouble.FORBIDDEN),
        (answered(401, {"error": {"code": "AuthenticationFailed"}}), Trouble.SIGN_IN),
        (requests.HTTPError(HEAD_REFUSED, response=answered(403, "").response), "signature"),
        (json.JSONDecodeError("Expecting value", "<html>", 0), Trouble.NETWORK),
        (requests.exceptions.ChunkedEncodingError("Connection broken"), Trouble.NETWORK),
        (KeyError("value"), Trouble.NETWORK),
        (TypeError("'NoneType' object is not iterable"), Trouble.NETWORK),
        (ValueError("a grid needs values"), Trouble.REFUSED),
    ],
)
def test_kinds(error, kind):
    """What passes is told from what is refused, wherever the status stands."""
    assert trouble_of(error).kind == kind


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": {"code": "X", "message": "in two layers"}}, "in two layers"),
        ({"error": {"error": {"message": "in three"}}}, "in three"),
        ({"Message": "in capitals"}, "in capitals"),
        ({"error": "a plain word"}, "a plain word"),
        ({"detail": "of a problem"}, "of a problem"),
        (["a list"], "503 Server Error"),
        (PAGE, "503 Server Error"),
        ("", "503 Server Error"),
    ],
)
def test_texts(body, text):
    """The service's own words are found in bodies of other shapes; a page is not printed."""
    found = trouble_of(answered(503, body))
    assert text in found.text
    assert "<" not in found.text
    assert found.kind is Trouble.BUSY


def test_a_page_in_a_message_is_named_by_its_title():
    """An SDK that quotes the whole page has only its title shown."""
    found = trouble_of(Exception(f"Response Code: 502\nContent: {PAGE}"))
    assert found.kind is Trouble.BUSY
    assert found.text == 'Exception: Response Code: 502 Content: a page named "502 Bad Gateway"'


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("no", "Contributor, or AzureML Data Scientist, on the workspace"),
        ("ErrorCode:AuthorizationPermissionMismatch", "Storage Blob Data Contributor"),
        ("ErrorCode:AuthorizationFailure", "Storage Blob Data Contributor"),
        ("AuthorizationFailed: the client has no authorization", "Contributor, or AzureML"),
    ],
)
def test_who_lacks_a_permission_is_told_the_role(text, role):
    """That of the workspace, or of its storage, where the storage refuses."""
    fault = fault_of(AzureTrouble(Trouble.FORBIDDEN, text, 403), AzureSettings("cpu"))
    assert f"ask for the role {role}" in fault.text()


@pytest.mark.parametrize(
    ("way", "advice"),
    [
        ("cli", "run `az login`, then"),
        ("browser", "sign_in: cli below azure"),
        ("managed_identity", "have an identity assigned"),
        ("service_principal", "set its secret"),
    ],
)
def test_who_cannot_sign_in_is_told_what_to_do(way, advice):
    """By the way that the study names: another one's advice would change nothing."""
    fault = fault_of(AzureTrouble(Trouble.SIGN_IN, "no"), AzureSettings("cpu", sign_in=way))
    assert advice in fault.text()


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7),
        (formatdate(4102444800, usegmt=True), 3600, 1e10),
        (formatdate(0, usegmt=True), 0, 0),
        ("soon", None, None),
        ("", None, None),
    ],
)
def test_retry_after(said, least, most):
    """Seconds, a date, a date that has passed, and what is neither."""
    after = trouble_of(answered(429, "", Retry_After=said)).after
    assert after is None if least is None else least <= after <= most


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: SharedKey account:c2lnbmF0dXJlc2lnbmF0dXJl",
        '{"accountKey": "c2VjcmV0c2VjcmV0"}',
        '{"client_secret":"c2VjcmV0c2VjcmV0"}',
        "client_secret=c2VjcmV0c2VjcmV0&x",
        "https://x.blob.core.windows.net/c/b?sv=1&sig=c2VjcmV0c2VjcmV0",
        "'access_token': 'c2VjcmV0c2VjcmV0'",
    ],
)
def test_no_secret_is_in_a_text(text):
    """Keys, signatures and tokens are blotted out, however they are written."""
    shown = trouble_of(Exception(text)).text
    assert "c2" not in shown
    assert "***" in shown
