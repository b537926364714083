"""Keeps secrets out of what is shown, logged or recorded."""

from __future__ import annotations

import os
import re

_HIDDEN = "***"
_SECRET_NAMES = re.compile(r"PASSWORD|SECRET|TOKEN|KEY$", re.IGNORECASE)
_LEAST = 6
_PATTERNS = (
    re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"),  # a bearer token
    re.compile(r"(?<=sig=)[^&\s\"'<>]+"),  # signature of a storage address
    re.compile(r"(?<=Bearer )[^\s\"']+", re.IGNORECASE),
    re.compile(r"(?<=SharedKey )\S+", re.IGNORECASE),
)
_NAMED = re.compile(
    r"((?:account_?key|client_?secret|access_?token|refresh_?token|password)[\"']?\s*[:=]\s*[\"']?)"
    r"[^\s\"'&;,}]+",
    re.IGNORECASE,
)
"""A secret behind its name, as JSON, a form or a connection string has it."""


def without_secrets(text: str) -> str:
    """A text with tokens, signatures and secret values of the environment blotted out."""
    for name, value in os.environ.items():
        if _SECRET_NAMES.search(name) and len(value) >= _LEAST:
            text = text.replace(value, _HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(_HIDDEN, text)
    return _NAMED.sub(rf"\1{_HIDDEN}", text)
