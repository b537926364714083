"""The storage account: blobs in containers, in memory."""

from __future__ import annotations

import base64
import hashlib
import re
from email.utils import format_datetime
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from .messages import Request, Response, storage_error
from .routes import route
from .signatures import VERSION, may_access
from .state import Blob, State

_BLOB = r"/(?P<container>[^/]+)/(?P<name>.+)"
_CONTAINER = r"/(?P<container>[^/]+)"


def _headers(blob: Blob) -> dict[str, str]:
    return {
        "ETag": blob.etag,
        "Last-Modified": format_datetime(blob.modified, usegmt=True),
        "Content-Type": blob.content_type,
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "BlockBlob",
        "x-ms-version": VERSION,
        "x-ms-request-id": "00000000-0000-0000-0000-000000000000",
    }


_DENIED = storage_error(403, "AuthenticationFailed")


@route("PUT", "blob", _BLOB, open_=True)
def put_blob(state: State, request: Request, container: str, name: str) -> Response:
    """Store a blob: whole, a block of it, or the list of its blocks."""
    is_taken = (container, name) in state.blobs and request.headers.get("If-None-Match") == "*"
    if is_taken or not may_access(state, request, container, name):
        return storage_error(409, "BlobAlreadyExists") if is_taken else _DENIED
    sent = request.headers.get("Content-MD5")
    md5 = base64.b64encode(hashlib.md5(request.body).digest()).decode()
    if sent is not None and sent != md5:
        return storage_error(400, "Md5Mismatch")
    kind = request.query.get("comp")
    if kind == "block":
        block = f"{name}\n{request.query['blockid']}"
        state.put_blob(f"{container}\nblocks", block, request.body)
        return Response(201, headers={"Content-MD5": md5})
    if kind == "blocklist":
        content = b""
        for element in ET.fromstring(request.body):
            part = state.blobs.get((f"{container}\nblocks", f"{name}\n{element.text}"))
            if part is None:
                return storage_error(400, "InvalidBlockList")
            content += part.content
    elif kind is None and request.headers.get("x-ms-blob-type") == "BlockBlob":
        content = request.body
    else:
        state.journal.add_unknown(f"PUT of a blob with comp={kind} on {request.path}")
        return storage_error(400, "UnsupportedHeader")
    content_type = request.headers.get("x-ms-blob-content-type", "")
    blob = state.put_blob(container, name, content, content_type)
    return Response(201, headers={**_headers(blob), "Content-MD5": md5})


@route("HEAD", "blob", _BLOB, open_=True)
def head_blob(state: State, request: Request, container: str, name: str) -> Response:
    """The properties of a blob."""
    if not may_access(state, request, container, name):
        return _DENIED
    blob = state.blobs.get((container, name))
    if blob is None:
        return storage_error(404, "BlobNotFound")
    return Response(200, headers={**_headers(blob), "Content-Length": str(len(blob.content))})


@route("GET", "blob", _BLOB, open_=True)
def get_blob(state: State, request: Request, container: str, name: str) -> Response:
    """A blob, or the range of it that is asked for."""
    if not may_access(state, request, container, name):
        return _DENIED
    blob = state.blobs.get((container, name))
    if blob is None:
        return storage_error(404, "BlobNotFound")
    wanted = request.headers.get("x-ms-range") or request.headers.get("Range")
    if not wanted:
        return Response(200, blob.content, _headers(blob))
    size = len(blob.content)
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    if found is None or int(found[1]) >= size:
        return storage_error(416, "InvalidRange")
    first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    headers = {**_headers(blob), "Content-Range": f"bytes {first}-{last}/{size}"}
    return Response(206, blob.content[first : last + 1], headers)


@route("GET", "blob", _CONTAINER, open_=True)
def list_blobs(state: State, request: Request, container: str) -> Response:
    """The blobs of a container, by prefix, or the container's properties."""
    if not may_access(state, request, container, ""):
        return _DENIED
    if request.query.get("comp") is None:
        return Response(200, headers={"ETag": '"0x1"', "x-ms-version": VERSION})
    prefix = request.query.get("prefix", "")
    with state.changed:
        found = sorted(
            (name, blob)
            for (where, name), blob in state.blobs.items()
            if where == container and name.startswith(prefix)
        )
    items = "".join(
        f"<Blob><Name>{escape(name)}</Name><Properties>"
        f"<Content-Length>{len(blob.content)}</Content-Length>"
        f"<Last-Modified>{format_datetime(blob.modified, usegmt=True)}</Last-Modified>"
        f"<Etag>{escape(blob.etag)}</Etag><BlobType>BlockBlob</BlobType></Properties></Blob>"
        for name, blob in found
    )
    text = (
        '<?xml version="1.0" encoding="utf-8"?><EnumerationResults>'
        f"<Prefix>{escape(prefix)}</Prefix><Blobs>{items}</Blobs><NextMarker/>"
        "</EnumerationResults>"
    )
    return Response(200, text.encode(), {"Content-Type": "application/xml"})
