"""Digests of Python code that an earlier process took, kept beside Python's own bytecode.

To take them is a third of a second of parsing, in each command that asks what is done. Kept ones
are used for the same bytes of the same files, by the same Python and the same rule alone: whoever
asks has read these bytes already, and no time or size of a file is trusted.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping
from importlib.util import cache_from_source
from pathlib import Path

from gridrun.plan import fingerprint
from gridrun.plan.fingerprint import digest_of, digest_of_file
from gridrun.store.cache import with_replacement


def kept_digests(code: str) -> dict[str, str]:
    """Name to digest, as they were kept; empty where none were of this code.

    Args:
        code: Digest of the bytes that they are of, and of what else the rule is given.
    """
    try:
        found = json.loads(place().read_text("utf-8"))
        is_sound = found["sum"] == _sum(found["of"], found["digests"])
        return dict(found["digests"]) if is_sound and found["of"] == _of(code) else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def keep_digests(code: str, digests: Mapping[str, str]) -> None:
    """Keep digests for later processes, where Python keeps bytecode too.

    Args:
        code: As for ``kept_digests``.
        digests: Name to digest.
    """
    if sys.dont_write_bytecode:
        return
    of = _of(code)
    text = json.dumps({"of": of, "digests": dict(digests), "sum": _sum(of, digests)}, indent=1)
    with contextlib.suppress(OSError):  # a place that is not ours to write to
        with_replacement(place(), lambda aside: aside.write_text(text + "\n", "utf-8"))


def place() -> Path:
    """A file of this Python's, where it keeps bytecode of this module."""
    return Path(cache_from_source(__file__)).with_suffix(".json")


def _of(code: str) -> str:
    """What the digests depend on: the code, the Python that parses it, and the rule."""
    return digest_of([code, sys.version, digest_of_file(Path(fingerprint.__file__))])


def _sum(of: str, digests: Mapping[str, str]) -> str:
    return digest_of([of, dict(digests)])
