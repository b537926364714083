"""Snapshots: the source directories of submitted runs."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import unquote, urlsplit

from .messages import Request, Response, error, reply, timestamp
from .routes import route
from .signatures import signed_url
from .state import ARTIFACT_CONTAINER, Snapshot, State

NOTHING = "00000000-0000-0000-0000-000000000000"


def _empty_tree() -> dict[str, Any]:
    return {"name": "", "hash": None, "type": "Directory", "timestamp": timestamp(), "children": {}}


@route("GET", "api", r"/content/v1\.0{ws}/snapshots/latest/metadata")
def latest(state: State, request: Request) -> Response:
    """The newest snapshot's tree, which the client compares its directory with."""
    with state.changed:
        snapshot_id = state.latest_snapshot
        tree = state.snapshots[snapshot_id].tree if snapshot_id else _empty_tree()
    return reply(
        {
            "id": snapshot_id or NOTHING,
            "root": tree,
            "description": None,
            "tags": {},
            "properties": {},
            "createdTime": timestamp(),
        }
    )


@route("POST", "api", r"/content/v2\.0{ws}/snapshots/getblob")
def get_blobs(state: State, request: Request) -> Response:
    """Where to put each file."""
    folder = f"LocalUpload/{uuid.uuid4().hex}"
    nodes = [
        {
            "fullName": name,
            "blobUri": signed_url(state, ARTIFACT_CONTAINER, f"{folder}/{name}", "rcw"),
        }
        for name in request.json()["FileNames"]
    ]
    return reply({"fileNodes": nodes})


def _files_of(tree: dict[str, Any], prefix: str = "") -> dict[str, str | None]:
    """The files of a tree: {path: hash}."""
    files: dict[str, str | None] = {}
    for name, node in (tree.get("children") or {}).items():
        path = f"{prefix}{name}"
        if node["type"] == "Directory":
            files |= _files_of(node, f"{path}/")
        else:
            files[path] = node.get("hash")
    return files


@route("POST", "api", r"/content/v2\.0{ws}/snapshots/(?P<snapshot_id>[0-9a-f-]{36})")
def create(state: State, request: Request, snapshot_id: str) -> Response:
    """Make a snapshot of the uploaded files and, for unchanged ones, the parent's."""
    body = request.json()
    wanted = _files_of(body["DirTreeNode"])
    sent = {
        node["FullName"]: unquote(urlsplit(node["BlobUri"]).path).lstrip("/").partition("/")
        for node in body["FileRevisionList"]["FileNodes"]
    }
    with state.changed:
        parent = state.snapshots.get(body.get("ParentSnapshotId") or NOTHING)
        inherited = _files_of(parent.tree) if parent else {}
        files: dict[str, bytes] = {}
        for path, digest in wanted.items():
            if path in sent:
                container, _, name = sent[path]
                blob = state.blobs.get((container, name))
                content = blob.content if blob else None
            elif parent is not None and inherited.get(path) == digest:
                content = parent.files[path]
            else:
                content = None
            if content is None:
                return error(400, "UserError", f"snapshot: the content of {path} is not there")
            files[path] = content
        state.snapshots[snapshot_id] = Snapshot(body["DirTreeNode"], files)
        state.latest_snapshot = snapshot_id
    return reply({"id": snapshot_id})
