"""Sign-in: tokens for users and for runs, and who may ask what."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import time
from urllib.parse import parse_qs

from .messages import Request, Response, reply
from .routes import route
from .state import State

LOGIN = "https://login.microsoftonline.com"
_ANY_TENANT = "organizations"
"""In place of a tenant, for people of whom is not known where they belong."""


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _make_jwt(state: State, expires: float) -> str:
    """A token that the SDK can read; it only counts once it is noted in the state."""
    claims = {
        "aud": "https://management.core.windows.net/",
        "iss": f"https://sts.windows.net/{state.names.tenant_id}/",
        "tid": state.names.tenant_id,
        "appid": state.names.client_id,
        "oid": state.names.client_id,
        "iat": int(time.time()),
        "exp": int(expires),
    }
    head = _part({"typ": "JWT", "alg": "RS256"})
    return f"{head}.{_part(claims)}.{secrets.token_urlsafe(32)}"


def make_token(state: State, seconds: float) -> str:
    """A bearer token for a user."""
    expires = time.time() + seconds
    token = _make_jwt(state, expires)
    with state.changed:
        state.tokens[token] = expires
    return token


def make_run_token(state: State, seconds: float) -> tuple[str, float]:
    """A token for a child's own calls, and when it expires (seconds since 1970)."""
    expires = time.time() + seconds
    token = _make_jwt(state, expires)
    with state.changed:
        state.run_tokens[token] = expires
    return token, expires


def is_signed_in(state: State, request: Request) -> bool:
    """Whether the request carries a token that was given and has not expired."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    with state.changed:
        expires = state.tokens.get(token) or state.run_tokens.get(token) or 0.0
    return expires > time.time()


def _refuse(text: str, code: str = "invalid_client", status: int = 401) -> Response:
    return reply({"error": code, "error_description": text, "error_codes": []}, status)


@route("GET", "login", r"/common/discovery/instance", open_=True)
def cloud_instances(state: State, request: Request) -> Response:
    """Which hosts belong to the cloud (asked by MSAL for hosts it does not know)."""
    return reply(
        {
            "tenant_discovery_endpoint": f"{LOGIN}/{state.names.tenant_id}"
            "/v2.0/.well-known/openid-configuration",
            "metadata": [
                {
                    "preferred_network": "login.microsoftonline.com",
                    "preferred_cache": "login.windows.net",
                    "aliases": ["login.microsoftonline.com", "login.windows.net"],
                }
            ],
        }
    )


@route("GET", "login", r"/(?P<tenant>[^/]+)/v2\.0/\.well-known/openid-configuration", open_=True)
def openid_configuration(state: State, request: Request, tenant: str) -> Response:
    """Where a tenant gives tokens."""
    if tenant not in (state.names.tenant_id, _ANY_TENANT):
        return _refuse(f"AADSTS90002: Tenant '{tenant}' not found.", "invalid_tenant", 400)
    base = f"{LOGIN}/{tenant}"
    return reply(
        {
            "issuer": f"{base}/v2.0",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        }
    )


@route("GET", "login", r"/(?P<tenant>[^/]+)/oauth2/v2\.0/authorize", open_=True)
def authorize(state: State, request: Request, tenant: str) -> Response:
    """The page of a person who has just typed a password: a form that sends itself."""
    asked = dict(request.query)
    code = secrets.token_urlsafe(16)
    with state.changed:
        state.sign_ins[code] = asked
    fields = {"code": code, "state": asked["state"], "client_info": _client_info(state)}
    page = "".join(
        f'<input name="{name}" value="{html.escape(value)}">' for name, value in fields.items()
    )
    text = f'<form method="post" action="{html.escape(asked["redirect_uri"])}">{page}</form>'
    return Response(200, text.encode(), {"Content-Type": "text/html"})


def _client_info(state: State) -> str:
    return _part({"uid": state.names.client_id, "utid": state.names.tenant_id})


def _person(state: State, form: dict[str, str]) -> Response:
    """Give a person a token for the code of a page, once, and to who asked for the page."""
    with state.changed:
        asked = state.sign_ins.pop(form.get("code", ""), None)
    proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if (
        asked is None
        or asked["redirect_uri"] != form.get("redirect_uri")
        or asked["code_challenge"] != base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
    ):
        return _refuse("AADSTS70008: The provided authorization code is not valid.", status=400)
    now, seconds = int(time.time()), state.settings.token_s
    claims = {
        "aud": asked["client_id"],
        "iss": f"{LOGIN}/{state.names.tenant_id}/v2.0",
        "iat": now,
        "exp": now + int(seconds),
        "nonce": asked["nonce"],
        "oid": state.names.client_id,
        "tid": state.names.tenant_id,
        "preferred_username": "somebody@lab.example",
    }
    return reply(
        {
            "token_type": "Bearer",
            "scope": asked["scope"],
            "expires_in": int(seconds),
            "access_token": make_token(state, seconds),
            "id_token": f"{_part({'alg': 'RS256'})}.{_part(claims)}.{secrets.token_urlsafe(32)}",
            "client_info": _client_info(state),
        }
    )


@route("POST", "login", r"/(?P<tenant>[^/]+)/oauth2/v2\.0/token", open_=True)
def token(state: State, request: Request, tenant: str) -> Response:
    """Give a service principal, or a person in a browser, a token."""
    form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    if form.get("grant_type") == "authorization_code":
        return _person(state, form)
    if form.get("grant_type") != "client_credentials":
        state.journal.add_unknown(f"grant_type {form.get('grant_type')} at {request.path}")
        return _refuse("AADSTS70003: The app requested an unsupported grant type.", status=400)
    if state.sign_in_refusal is not None:
        return _refuse(state.sign_in_refusal)
    if form.get("client_id") != state.names.client_id:
        return _refuse(
            f"AADSTS700016: Application with identifier '{form.get('client_id')}' was not found "
            "in the directory.",
            "unauthorized_client",
            400,
        )
    if form.get("client_secret") != state.names.client_secret:
        return _refuse("AADSTS7000215: Invalid client secret provided.")
    seconds = state.settings.token_s
    return reply(
        {
            "token_type": "Bearer",
            "expires_in": int(seconds),
            "ext_expires_in": int(seconds),
            "access_token": make_token(state, seconds),
        }
    )
