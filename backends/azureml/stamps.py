"""What a datastore says of an input, by which a change is noticed without reading it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Stamp = Mapping[str, Any]
"""``etag``, ``size`` in bytes and ``md5`` (hexadecimal, or empty where the storage has none)."""


def blob_of(store: Any, path: str) -> Any:
    """The blob client of a file of a datastore of SDK v1."""
    return store.blob_service.get_blob_client(container=store.container_name, blob=path)


def stamp_of(client: Any) -> Stamp:
    """What a blob client of the SDK says of its file; nothing where that is not there."""
    if not client.exists():
        return {}
    found = client.get_blob_properties()
    md5 = bytes(found.content_settings.content_md5 or b"").hex()
    return {"etag": str(found.etag).strip('"'), "size": int(found.size), "md5": md5}


def is_same(before: Stamp, now: Stamp) -> bool:
    """Whether two stamps are of the same content, as far as they tell.

    A file that was uploaded once more has another etag; its MD5 says whether it has changed.
    """
    if before.get("size") != now.get("size"):
        return False
    if before.get("md5") and now.get("md5"):
        return bool(before["md5"] == now["md5"])
    return bool(before.get("etag") == now.get("etag"))
