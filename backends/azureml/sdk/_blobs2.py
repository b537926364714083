"""Files of runs, and of a person's own datastores: blobs below a prefix with its last slash.

``jobs.download`` of a child also brings the files of all whose number begins alike, and refuses
a child that still runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from backends.azureml.sdk.types import AzureTrouble, Trouble
from backends.azureml.stamps import Stamp, stamp_of

_ARTIFACTS = "workspaceartifactstore"
"""The datastore that every workspace keeps the files of its runs in."""

_KEPT_SECONDS = 1500
"""An address that was signed for us lasts an hour."""

T = TypeVar("T")

_CONNECT_SECONDS, _READ_SECONDS = 20, 60


class Blobs:
    """The blob containers of a workspace.

    Every call raises what azure-core raises, or ``AzureTrouble``.

    Args:
        client: Of SDK v2.
        credential: Of azure-identity, for a store that has no key of its own.
    """

    def __init__(self, client: Any, credential: Any) -> None:
        self._client = client
        self._credential = credential
        self._containers: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def files(self, folder: str, below: str = "") -> list[tuple[str, int]]:
        """Name and bytes of the files of a run.

        Args:
            folder: Of the run, as its record names it.
            below: So do the names begin.
        """
        root = f"ExperimentRun/{folder}/"
        found = self._in(_ARTIFACTS, lambda container: list(container.list_blobs(f"{root}{below}")))
        return [(blob.name.removeprefix(root), int(blob.size)) for blob in found]

    def bring(self, folder: str, name: str, path: Path) -> None:
        """Copy a file of a run here; whole, or not there under its name."""
        aside = path.with_name(f".{path.name}.part")
        aside.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(self.content(folder, name))
        aside.replace(path)

    def content(self, folder: str, name: str) -> bytes:
        """What a file of a run holds."""
        blob = f"ExperimentRun/{folder}/{name}"
        found: bytes = self._in(_ARTIFACTS, lambda at: at.download_blob(blob).readall())
        return found

    def put(self, folder: str, name: str, path: Path) -> None:
        """Put a file among those of a run, in the place of one of that name."""
        blob, content = f"ExperimentRun/{folder}/{name}", path.read_bytes()
        self._in(_ARTIFACTS, lambda container: container.upload_blob(blob, content, overwrite=True))

    def stamp(self, datastore: str, path: str) -> Stamp:
        """What a datastore says of one of its files; nothing where that is not there."""
        return self._in(datastore, lambda container: stamp_of(container.get_blob_client(path)))

    def _in(self, datastore: str, do: Callable[[Any], T]) -> T:
        """Do something in the container of a datastore, which is opened anew if it was closed."""
        from azure.core.exceptions import HttpResponseError

        container, is_new = self._container(datastore, closed=None)
        try:
            return do(container)
        except HttpResponseError as error:
            if is_new or error.status_code != HTTPStatus.FORBIDDEN:
                raise
        container, _ = self._container(datastore, closed=container)
        return do(container)

    def _container(self, datastore: str, closed: Any) -> tuple[Any, bool]:
        """A container, and whether it was opened just now; not the one that was closed."""
        with self._lock:  # several children are looked into at the same time
            opened, container = self._containers.get(datastore, (0.0, None))
            is_old = time.monotonic() - opened > _KEPT_SECONDS
            is_new = container is None or container is closed or is_old
            if is_new:
                container = self._open(datastore)
                self._containers[datastore] = (time.monotonic(), container)
            return container, is_new

    def _open(self, name: str) -> Any:
        from azure.storage.blob import ContainerClient, ExponentialRetry

        store = self._datastore(name)
        if not getattr(store, "container_name", None):
            text = f"the datastore {name} is no blob container, but {store.type}"
            raise AzureTrouble(Trouble.REFUSED, text)
        secrets = store.credentials
        signed = getattr(secrets, "sas_token", None) or getattr(secrets, "account_key", None)
        return ContainerClient(
            f"{store.protocol or 'https'}://{store.account_name}.blob.{store.endpoint}",
            store.container_name,
            credential=signed or self._credential,
            retry_policy=ExponentialRetry(initial_backoff=1, increment_base=1, retry_total=2),
            connection_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
        )

    def _datastore(self, name: str) -> Any:
        """A datastore with its secret, or without it where that may not be asked for."""
        from azure.core.exceptions import HttpResponseError

        try:
            return self._client.datastores.get(name, include_secrets=True)
        except HttpResponseError as error:
            if error.status_code != HTTPStatus.FORBIDDEN:
                raise
            return self._client.datastores.get(name)
