"""Parts of results that pipelines pack, unpacked within bounds, whoever may have sent them."""

from __future__ import annotations

import zlib

from gridrun.errors import EnvironmentFault, in_bytes

MOST_BYTES = 1 << 30
"""No part is nearly as large: predictions of a million rows by ten tables take 80 MB."""


def unpacked(data: bytes) -> bytes:
    """What ``zlib.compress`` took.

    Args:
        data: As it came.

    Raises:
        EnvironmentFault: It is something else, or unpacks to more than ``MOST_BYTES``.
    """
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise _refused(str(error)) from error
    if stream.eof:
        return found
    large = f"it takes more than {in_bytes(MOST_BYTES)}"
    raise _refused(large if len(found) >= MOST_BYTES else "it is cut short")


def _refused(why: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"a part of a result cannot be unpacked ({why})",
        todo="gridrun writes none like that: find out who else can write where outcomes are "
        "collected from, and begin a new study directory",
    )
