"""What the service remembers: one workspace with its runs, snapshots, blobs and nodes."""

from __future__ import annotations

import secrets
import shlex
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from .faults import Faults
from .journal import Journal

TERMINAL = frozenset({"Completed", "Failed", "Canceled"})
ARTIFACT_CONTAINER = "azureml"
DATASTORE_CONTAINER = "azureml-blobstore"
DEFAULT_DATASTORE = "workspaceblobstore"


def _id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True)
class WorkspaceNames:
    """The names a client needs; new ones for every service, so that no cache of a client fits."""

    resource_group: str = "rg-loopback"
    name: str = "ws-loopback"
    region: str = "loopregion"
    subscription_id: str = field(default_factory=_id)
    workspace_id: str = field(default_factory=_id)
    tenant_id: str = field(default_factory=_id)
    client_id: str = field(default_factory=_id)
    client_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    account: str = field(default_factory=lambda: f"loop{secrets.token_hex(6)}")

    @property
    def arm_path(self) -> str:
        """The workspace's path in the resource manager."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )

    @property
    def storage_id(self) -> str:
        """The storage account in the resource manager."""
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/Microsoft.Storage/storageAccounts/{self.account}"

    @property
    def api_host(self) -> str:
        """The host of the region's services."""
        return f"{self.region}.api.azureml.ms"

    @property
    def blob_host(self) -> str:
        """The host of the storage account."""
        return f"{self.account}.blob.core.windows.net"


@dataclass
class Odd:
    """What another service, or the same one next year, might do; see the README."""

    extra_fields: bool = False
    tags: Literal["whole", "null", "missing", "no hyperparameters", "values as text"] = "whole"
    status_of: Callable[[Run], str] | None = None
    page_links: Literal["both", "token", "link", "other host"] = "both"
    null_pages: bool = False
    history_after_s: float = 0.0
    children_after_s: float = 0.0
    files_after_s: float = 0.0
    torn_files: bool = False
    folder_blobs: bool = False
    empty_blob_pages: bool = False
    trials_as_jobs: bool = True
    v1_legacy_mode: bool = False
    arm_reads: int | None = None
    arm_writes: int | None = None
    retry_after_s: int = 30
    identity_storage: bool = False
    blob_role: bool = False
    refuses_cancel_of_ended: bool = False
    null_containers: bool = False


@dataclass
class Settings:
    """How the service behaves; see the README."""

    queue_s: float = 0.0
    prepare_s: float = 0.0
    capture_s: float = 0.2
    page_size: int = 500
    visible_after_s: float = 0.0
    token_s: float = 3600.0
    compute_error: str | None = None
    repeat_records: bool = False
    shuffle_records: bool = False
    empty_pages: bool = False
    deletes_artifacts: bool = True
    watches_outputs: bool = True
    stand_in: Callable[[Run, Path], int] | None = None
    sas_s: float = 3600.0
    blob_page_size: int = 5000
    serverless_nodes: int = 4
    cancel_polls: int = 0
    time_scale: float = 1.0
    odd: Odd = field(default_factory=Odd)


@dataclass
class Run:
    """A sweep's parent or one of its children."""

    run_id: str
    number: int
    experiment: str
    run_type: str
    target: str
    definition: dict[str, Any]
    parent_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    status: str = "NotStarted"
    statuses: list[str] = field(default_factory=lambda: ["NotStarted"])
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: datetime | None = None
    ended: datetime | None = None
    error: str | None = None
    exit_code: int | None = None
    starts: int = 0
    cancel_requested: bool = False
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    display_name: str | None = None
    description: str | None = None
    job: dict[str, Any] | None = None

    @property
    def arguments(self) -> list[str]:
        """The arguments of the child's process, as text.

        Of a command line of version 2: its words behind the first script, or all of them.
        """
        if self.job is None:
            return [str(argument) for argument in self.definition.get("arguments") or []]
        words = shlex.split(self.definition["command"])
        scripts = [at for at, word in enumerate(words) if word.endswith(".py")]
        return words[scripts[0] + 1 :] if scripts else words

    @property
    def container_id(self) -> str:
        """The id under which the run's artifacts are kept."""
        return f"dcid.{self.run_id}"

    @property
    def is_over(self) -> bool:
        """Whether the state is final."""
        return self.status in TERMINAL


@dataclass
class Sweep:
    """A HyperDrive run: its parent, what was submitted, and the children that exist so far."""

    run: Run
    config: dict[str, Any]
    children: list[Run] = field(default_factory=list)
    most_at_once: int = 0

    @property
    def overrides(self) -> dict[str, Any]:
        """The submitted run configuration: script, arguments, target, environment."""
        return self.config["platform_config"]["Definition"]["Overrides"]

    @property
    def snapshot_id(self) -> str:
        """The snapshot that holds the children's files."""
        return self.config["platform_config"]["Definition"]["SnapshotId"]


@dataclass(frozen=True)
class Snapshot:
    """A source directory as uploaded: its tree, and the content of every file."""

    tree: dict[str, Any]
    files: dict[str, bytes]


@dataclass(frozen=True)
class Code:
    """A version of code as the resource manager knows it."""

    name: str
    version: str
    properties: dict[str, Any]
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Compute:
    """A cluster: what its maker asked for, who runs on it and who waits, the first first."""

    name: str
    properties: dict[str, Any]
    tags: dict[str, str] | None = None
    busy: int = 0
    waiting: list[str] = field(default_factory=list)
    available: int | None = None
    error: str | None = None

    @property
    def max_nodes(self) -> int:
        """The most children that may run at once."""
        most = int(self.properties["scaleSettings"]["maxNodeCount"])
        return most if self.available is None else min(most, self.available)


@dataclass(frozen=True)
class Blob:
    """One stored file."""

    content: bytes
    content_type: str
    modified: datetime
    etag: str
    metadata: dict[str, str] = field(default_factory=dict)


class State:
    """Everything, behind one lock; `changed` wakes whoever waits for a change."""

    def __init__(
        self, names: WorkspaceNames, image_env: dict[str, str], proxy_env: dict[str, str]
    ) -> None:
        self.names = names
        self.settings = Settings()
        self.faults = Faults()
        self.journal = Journal()
        self.image_env = image_env
        self.proxy_env = proxy_env
        self.changed = threading.Condition(threading.RLock())
        self.closing = False
        self.sign_in_refusal: str | None = None
        self.tokens: dict[str, float] = {}
        self.run_tokens: dict[str, float] = {}
        self.sign_ins: dict[str, dict[str, str]] = {}
        self.account_key = secrets.token_bytes(64)
        self.signing_key = secrets.token_bytes(32)
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, Run] = {}
        self.sweeps: dict[str, Sweep] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.latest_snapshot: str | None = None
        self.codes: dict[tuple[str, str], Code] = {}
        self.environments: dict[tuple[str, str], dict[str, Any]] = {}
        self.operations: dict[str, int] = {}
        self.computes: dict[str, Compute] = {}
        self.blobs: dict[tuple[str, str], Blob] = {}
        self.datastores = {DEFAULT_DATASTORE: DATASTORE_CONTAINER}
        self.artifacts: dict[str, dict[str, None]] = {}
        self.pages: dict[str, list[Any]] = {}
        self._numbers: dict[str, int] = {}

    def put_blob(
        self,
        container: str,
        name: str,
        content: bytes,
        content_type: str = "",
        metadata: dict[str, str] | None = None,
    ) -> Blob:
        """Store a blob, over any earlier one of that name."""
        blob = Blob(
            content,
            content_type or "application/octet-stream",
            datetime.now(UTC),
            f'"0x{secrets.token_hex(8).upper()}"',
            metadata or {},
        )
        with self.changed:
            self.blobs[container, name] = blob
            self.changed.notify_all()
        return blob

    def put_artifact(self, container_id: str, path: str, content: bytes) -> None:
        """Store a captured file of a run."""
        with self.changed:
            self.artifacts.setdefault(container_id, {})[path] = None
            self.put_blob(ARTIFACT_CONTAINER, artifact_blob(container_id, path), content)

    def note_artifact(self, container: str, name: str) -> None:
        """A blob below a run's files is one of the run's files, whoever put it there."""
        container_id, path = _artifact_of(container, name)
        if path:
            with self.changed:
                self.artifacts.setdefault(container_id, {})[path] = None

    def forget_artifact(self, container: str, name: str) -> None:
        """A blob below a run's files is gone."""
        container_id, path = _artifact_of(container, name)
        with self.changed:
            self.artifacts.get(container_id, {}).pop(path, None)

    def next_number(self, experiment: str) -> int:
        """The next run number of an experiment."""
        with self.changed:
            self._numbers[experiment] = self._numbers.get(experiment, 0) + 1
            return self._numbers[experiment]

    def add_run(self, run: Run) -> None:
        """Make a run known."""
        with self.changed:
            self.runs[run.run_id] = run
            self.changed.notify_all()

    def set_status(self, run: Run, status: str) -> None:
        """Move a run to another state; a final one stays."""
        with self.changed:
            if run.is_over or run.status == status:
                return
            run.status = status
            run.statuses.append(status)
            if status == "Running" and run.started is None:
                run.started = datetime.now(UTC)
            if run.is_over:
                run.ended = datetime.now(UTC)
            self.changed.notify_all()


def _artifact_of(container: str, name: str) -> tuple[str, str]:
    """Container id and path of the artifact that a blob holds; empty if it holds none."""
    origin, _, rest = name.partition("/")
    container_id, _, path = rest.partition("/")
    is_artifact = container == ARTIFACT_CONTAINER and origin == "ExperimentRun"
    return (container_id, path) if is_artifact else ("", "")


def artifact_blob(container_id: str, path: str) -> str:
    """The blob that holds an artifact of a run."""
    return f"ExperimentRun/{container_id}/{path}"
