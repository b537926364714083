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
from .signin import is_signed_in
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
        **{f"x-ms-meta-{name}": value for name, value in blob.metadata.items()},
    }


def _denied(state: State, request: Request, container: str, name: str) -> Response | None:
    """The refusal of a request that may not do what it asks; None if it may."""
    if request.headers.get("Authorization", "").startswith("Bearer "):
        if not is_signed_in(state, request):
            return storage_error(401, "InvalidAuthenticationInfo")
        if state.settings.odd.blob_role:
            return None
        return storage_error(403, "AuthorizationPermissionMismatch")
    if may_access(state, request, container, name):
        return None
    return storage_error(403, "AuthenticationFailed")


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def _metadata(request: Request) -> dict[str, str]:
    start = "x-ms-meta-"
    named = {name.lower(): value for name, value in request.headers.items()}
    return {name[len(start) :]: value for name, value in named.items() if name.startswith(start)}


@route("PUT", "blob", _BLOB, open_=True)
def put_blob(state: State, request: Request, container: str, name: str) -> Response:
    """Store a blob: whole, a block of it, or the list of its blocks."""
    if denied := _denied(state, request, container, name):
        return denied
    if request.query.get("comp") == "metadata":
        return _put_metadata(state, request, container, name)
    if (container, name) in state.blobs and request.headers.get("If-None-Match") == "*":
        return storage_error(409, "BlobAlreadyExists")
    md5 = _md5(request.body)
    content = _content_of(state, request, container, name)
    if isinstance(content, str):
        return storage_error(400, content)
    if content is None:
        return Response(201, headers={"Content-MD5": md5})
    content_type = request.headers.get("x-ms-blob-content-type", "")
    blob = state.put_blob(container, name, content, content_type, _metadata(request))
    state.note_artifact(container, name)
    return Response(201, headers={**_headers(blob), "Content-MD5": md5})


def _content_of(state: State, request: Request, container: str, name: str) -> bytes | str | None:
    """What a blob is to hold, sent whole or as the list of its blocks.

    None for one block, which is kept; an error's code for anything else.
    """
    kind = request.query.get("comp")
    if request.headers.get("Content-MD5") not in (None, _md5(request.body)):
        return "Md5Mismatch"
    if kind == "block":
        block = f"{name}\n{request.query['blockid']}"
        state.put_blob(f"{container}\nblocks", block, request.body)
        return None
    if kind == "blocklist":
        parts = [
            state.blobs.get((f"{container}\nblocks", f"{name}\n{element.text}"))
            for element in ET.fromstring(request.body)
        ]
        found = [part.content for part in parts if part is not None]
        return b"".join(found) if len(found) == len(parts) else "InvalidBlockList"
    if kind is None and request.headers.get("x-ms-blob-type") == "BlockBlob":
        return request.body
    state.journal.add_unknown(f"PUT of a blob with comp={kind} on {request.path}")
    return "UnsupportedHeader"


def _put_metadata(state: State, request: Request, container: str, name: str) -> Response:
    """Change what is said about a blob: 200, where a blob that is stored is answered with 201."""
    with state.changed:
        blob = state.blobs.get((container, name))
        if blob is None:
            return storage_error(404, "BlobNotFound")
        blob = state.put_blob(container, name, blob.content, blob.content_type, _metadata(request))
    return Response(200, headers=_headers(blob))


@route("DELETE", "blob", _BLOB, open_=True)
def delete_blob(state: State, request: Request, container: str, name: str) -> Response:
    """Take a blob away."""
    if denied := _denied(state, request, container, name):
        return denied
    with state.changed:
        if state.blobs.pop((container, name), None) is None:
            return storage_error(404, "BlobNotFound")
        state.forget_artifact(container, name)
    return Response(202)


@route("HEAD", "blob", _BLOB, open_=True)
def head_blob(state: State, request: Request, container: str, name: str) -> Response:
    """The properties of a blob."""
    if denied := _denied(state, request, container, name):
        return denied
    blob = state.blobs.get((container, name))
    if blob is None:
        return storage_error(404, "BlobNotFound")
    size = str(len(blob.content))
    headers = {**_headers(blob), "Content-Length": size, "Content-MD5": _md5(blob.content)}
    return Response(200, headers=headers)


@route("GET", "blob", _BLOB, open_=True)
def get_blob(state: State, request: Request, container: str, name: str) -> Response:
    """A blob, or the range of it that is asked for."""
    if denied := _denied(state, request, container, name):
        return denied
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
    headers = {
        **_headers(blob),
        "Content-Range": f"bytes {first}-{last}/{size}",
        "x-ms-blob-content-md5": _md5(blob.content),
    }
    return Response(206, blob.content[first : last + 1], headers)


@route("GET", "blob", _CONTAINER, open_=True)
def list_blobs(state: State, request: Request, container: str) -> Response:
    """The blobs of a container, by prefix and in pages, or the container's properties."""
    if denied := _denied(state, request, container, ""):
        return denied
    if request.query.get("comp") is None:
        return Response(200, headers={"ETag": '"0x1"', "x-ms-version": VERSION})
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter")
    with state.changed:
        found: dict[str, Blob | None] = {}
        for (where, name), blob in sorted(state.blobs.items(), key=lambda one: one[0]):
            if where != container or not name.startswith(prefix):
                continue
            folder, cut, _ = name[len(prefix) :].partition(delimiter or "\0")
            if delimiter and cut:
                found[prefix + folder + cut] = None
            else:
                found[name] = blob
    # the marker is the first name of the next page, so that growth in between loses nothing
    marker = request.query.get("marker")
    names = [name for name in found if not marker or name >= _unmarked(marker)]
    size = min(int(request.query.get("maxresults") or 5000), state.settings.blob_page_size)
    if state.settings.odd.empty_blob_pages and not marker:
        size = 0  # storage may give a page without a name, and more behind it
    page, rest = names[:size], names[size:]
    following = f"<NextMarker>{_marked(rest[0])}</NextMarker>" if rest else "<NextMarker/>"
    items = "".join(_listed(name, found[name]) for name in page)
    text = (
        '<?xml version="1.0" encoding="utf-8"?><EnumerationResults '
        f'ServiceEndpoint="https://{state.names.blob_host}/" ContainerName="{container}">'
        f"<Prefix>{escape(prefix)}</Prefix><Blobs>{items}</Blobs>{following}"
        "</EnumerationResults>"
    )
    return Response(200, text.encode(), {"Content-Type": "application/xml"})


def _marked(name: str) -> str:
    return f"2!{base64.b64encode(name.encode()).decode()}!MDAwMDI4"


def _unmarked(marker: str) -> str:
    return base64.b64decode(marker.split("!")[1]).decode()


def _listed(name: str, blob: Blob | None) -> str:
    if blob is None:
        return f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>"
    said = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in blob.metadata.items())
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties>"
        f"<Content-Length>{len(blob.content)}</Content-Length>"
        f"<Content-MD5>{_md5(blob.content)}</Content-MD5>"
        f"<Last-Modified>{format_datetime(blob.modified, usegmt=True)}</Last-Modified>"
        f"<Etag>{escape(blob.etag)}</Etag><BlobType>BlockBlob</BlobType></Properties>"
        f"<Metadata>{said}</Metadata></Blob>"
    )
