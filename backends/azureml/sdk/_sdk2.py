"""The adapter over Azure ML SDK v2; what it knows of the SDK's classes stands inside functions.

It runs in a process of its own (``_helper``), as that over SDK v1 does, and has the same methods.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from backends.azureml.sdk._blobs2 import Blobs
from backends.azureml.sdk._errors import explained, trouble_of
from backends.azureml.sdk._plain2 import Record, Services
from backends.azureml.sdk._signin2 import credential_of
from backends.azureml.sdk._sweep2 import axis_of, sweep_of
from backends.azureml.sdk.types import (
    ENDED,
    UNKNOWN,
    AzureTrouble,
    ChildFacts,
    ClusterFacts,
    Fetched,
    Submission,
    Trouble,
    WorkspaceFacts,
    folder_of,
)
from backends.azureml.settings import SERVERLESS, AzureData, AzureSettings
from backends.azureml.stamps import Stamp
from gridrun.run.backend import SweepStatus

_AT_ONCE = 8
"""Children whose files are fetched at the same time."""

_ONCE = {"retry_total": 0, "polling_interval": 5, "connection_timeout": 20, "read_timeout": 100}
"""Calls are repeated by their caller, who says so; the SDK would block for minutes."""

_GIVEN = "hyperparameters"
"""Tag of a child with its values, as JSON."""

_LEGACY = (
    "the workspace is in legacy mode (v1LegacyMode), in which it refuses SDK v2: install "
    "'gridrun[azure]' in an environment of its own and write sdk: v1 below azure in study.yaml, "
    "or have the mode ended by whoever administers the workspace"
)


class SdkV2:
    """What the backend asks of Azure; every call raises ``AzureTrouble`` and nothing else."""

    def __init__(self) -> None:
        self._client: Any = None
        self._services: Any = None
        self._blobs: Any = None
        self._folders: dict[str, str] = {}
        self._ends: dict[str, str] = {}

    def sign_in(self, settings: AzureSettings) -> WorkspaceFacts:
        """Sign in without asking anybody, and look whether the workspace answers."""
        with explained():
            from azure.ai.ml import MLClient

            credential, way = credential_of(settings.sign_in)
            # without progress, which goes nowhere here, an upload that fails is waited for for ever
            options = {"show_progress": True, "enable_telemetry": False, **_ONCE}
            if settings.config is not None:
                client = MLClient.from_config(credential, path=str(settings.config), **options)
            else:
                names = settings.subscription, settings.resource_group, settings.workspace
                client = MLClient(credential, *names, **options)
            services = Services(
                credential,
                client.subscription_id,
                client.resource_group_name,
                client.workspace_name,
            )
            found = services.workspace()  # a client asks for nothing by itself
            if found["properties"].get("v1LegacyMode"):
                raise AzureTrouble(Trouble.REFUSED, _LEGACY)
            self._client, self._services = client, services
            self._blobs = Blobs(client, credential)
            return WorkspaceFacts(client.workspace_name, found["location"], way)

    def cluster(self, settings: AzureSettings, *, create: bool) -> ClusterFacts:
        """Look at a cluster, or make it."""
        if settings.compute == SERVERLESS:
            size = settings.vm_size or "a size of Azure's choice"
            return ClusterFacts(size, settings.low_priority, 0, settings.max_nodes)
        with explained():
            from azure.ai.ml.entities import AmlCompute
            from azure.core.exceptions import ResourceNotFoundError

            created = False
            try:
                found = self._client.compute.get(settings.compute)
            except ResourceNotFoundError:
                if not create:
                    raise
                shape = AmlCompute(
                    name=settings.compute,
                    size=settings.vm_size,
                    min_instances=settings.min_nodes,
                    max_instances=settings.max_nodes,
                    idle_time_before_scale_down=settings.idle_seconds,
                    tier="low_priority" if settings.low_priority else "dedicated",
                )
                found = self._client.compute.begin_create_or_update(shape).result()
                created = True
            problem = found.provisioning_errors
            return ClusterFacts(
                vm_size=str(found.size),
                low_priority="low" in str(getattr(found, "tier", "")).lower(),
                min_nodes=int(getattr(found, "min_instances", 0) or 0),
                max_nodes=int(getattr(found, "max_instances", 0) or settings.max_nodes),
                created=created,
                problems=(str(problem),) if problem else (),
            )

    def submit(self, submission: Submission) -> SweepStatus:
        """Submit a sweep under its own name; where there is one already it is ``CONFLICT``."""
        with explained(), tempfile.TemporaryDirectory(prefix="gridrun-azure-") as place:
            sweep = sweep_of(submission, Path(place))
            # the SDK sends the state of a git repository that it finds, so it is to find none
            with contextlib.chdir(place):
                sent = self._client.jobs.create_or_update(sweep)
            return SweepStatus(sent.name, "NotStarted", sent.studio_url or "")

    def find(self, run_id: str) -> SweepStatus:
        """Look at a sweep."""
        with explained():
            job = self._services.job(run_id)
            state = job["properties"]["status"] or UNKNOWN
            # the resource manager has no words for what went wrong
            error = _error(self._services.run(run_id)) if state == "Failed" else ""
            return SweepStatus(run_id, state, _studio(job), error)

    def children(self, run_id: str) -> list[ChildFacts]:
        """All children, perhaps some twice; none where the run history has none yet."""
        with explained():
            try:
                records = list(self._services.children(run_id))
            except Exception as error:
                # what the resource manager has accepted the run history may not know yet
                if trouble_of(error).kind is not Trouble.MISSING:
                    raise
                records = []
            given = self._given(run_id, records)
            for record in records:
                name = record["runId"]
                self._folders[name] = record.get("dataContainerId") or folder_of(name)
                self._ends[name] = record.get("cancelUri") or ""
            return [
                ChildFacts(
                    record["runId"],
                    record["status"] or UNKNOWN,
                    _error(record),
                    given[record["runId"]],
                )
                for record in records
            ]

    def fetch(
        self, wanted: Sequence[tuple[str, str, frozenset[str] | None]], pattern: str, prefix: str
    ) -> list[Fetched]:
        """Bring the files that are not there yet, several children at a time.

        Args:
            wanted: Child's id, directory for its files, names that are there already, or None.
            pattern: What the names have to match.
            prefix: Taken off the names.
        """

        def bring(one: tuple[str, str, frozenset[str] | None]) -> Fetched:
            run_id, directory, known = one
            names: tuple[str, ...] = ()
            try:
                folder = self._folder(run_id)
                found = (name for name, _ in self._blobs.files(folder, prefix))
                names = tuple(name for name in found if re.fullmatch(pattern, name))
                for name in names:
                    if name not in (known or ()):
                        target = Path(directory) / name.removeprefix(prefix)
                        self._blobs.bring(folder, name, target)
            except Exception as error:
                trouble = trouble_of(error)
                if trouble.kind.concerns_all:
                    raise trouble from error
                return Fetched(run_id, names, trouble.text)
            return Fetched(run_id, names)

        with explained(), ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(bring, wanted))

    def text(self, run_id: str, pattern: str) -> str:
        """Content of the first file of a run whose name matches."""
        with explained():
            folder = self._folder(run_id)
            names = (name for name, _ in self._blobs.files(folder))
            found = sorted(name for name in names if re.fullmatch(pattern, name))
            if not found:
                return ""
            content: bytes = self._blobs.content(folder, found[0])
            return content.decode("utf-8", "replace")

    def log_size(self, run_id: str, pattern: str) -> int:
        """Bytes of the logs of a run whose names match; 0 where there is none."""
        with explained():
            files = self._blobs.files(self._folder(run_id))
            return sum(size for name, size in files if re.fullmatch(pattern, name))

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run; one that has ended may refuse, which does no harm."""
        with explained():
            try:
                self._client.jobs.begin_cancel(run_id, polling=False)
            except Exception as error:
                kind = trouble_of(error).kind
                if kind is Trouble.MISSING and self._ends.get(run_id):
                    # the resource manager may not know children; their records say how else
                    self._services.post(self._ends[run_id])
                    return
                if kind not in (Trouble.REFUSED, Trouble.CONFLICT):
                    raise
                if self._services.run(run_id).get("status") not in ENDED:
                    raise

    def upload(self, run_id: str, name: str, path: Path) -> str:
        """Put a file among those of a run, in the place of one of that name; its name there."""
        with explained():
            self._blobs.put(self._folder(run_id), name, path)
            return name

    def stamps(self, data: AzureData) -> dict[str, Stamp]:
        """Role to what the datastore says of its input, without reading it."""
        with explained():
            return {
                role: self._blobs.stamp(data.datastore, path) for role, path in data.inputs.items()
            }

    def _folder(self, run_id: str) -> str:
        return self._folders.get(run_id) or folder_of(run_id)

    def _given(self, run_id: str, records: Sequence[Record]) -> Mapping[str, Mapping[str, Any]]:
        """Child to the values it was given, by argument; the sweep's tags have those of SDK v1."""
        given = {each["runId"]: _values((each.get("tags") or {}).get(_GIVEN)) for each in records}
        if not all(given.values()):
            tags = self._services.job(run_id)["properties"].get("tags") or {}
            for name, values in given.items():
                given[name] = values or _values(tags.get(f"_aml_system_{name}"))
        return given


def _values(text: Any) -> Mapping[str, Any]:
    try:
        values = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    if not isinstance(values, dict):
        return {}
    return {axis_of(name): value for name, value in values.items()}


def _error(record: Record) -> str:
    """First line of what went wrong, as a run record has it."""
    found = record.get("error") or {}
    inner = found.get("error") or found
    lines = str(inner.get("message") or "").strip().splitlines()
    return lines[0][:400] if lines else ""


def _studio(job: Record) -> str:
    """Where a person looks at a job."""
    services = job["properties"].get("services") or {}
    return str((services.get("Studio") or {}).get("endpoint") or "")
