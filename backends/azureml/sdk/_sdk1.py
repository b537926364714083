"""The adapter over Azure ML SDK v1: the only module that knows its classes, inside functions.

It runs in a process of its own (``_helper``), so the SDK's prints, warnings and
threads disturb nothing else.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from backends.azureml.sdk._errors import explained, trouble_of
from backends.azureml.sdk._signin import identity
from backends.azureml.sdk.types import (
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
from backends.azureml.settings import MOST_AT_ONCE, AzureData, AzureSettings
from backends.azureml.stamps import Stamp, blob_of, stamp_of
from gridrun.run.backend import SweepStatus

_AT_ONCE = 8
"""Children whose files are fetched at the same time."""

_LOG_SECONDS = 30.0
"""For an answer about one log."""

_OUTDATED = {"AZUREML_DEFAULT_RETRIES": "1", "AZUREML_DEFAULT_BACKOFF": "1"}
"""Calls are repeated by their caller, who says so; the SDK would block for minutes."""


class SdkV1:
    """What the backend asks of Azure; every call raises ``AzureTrouble`` and nothing else.

    An adapter of another SDK has the same methods.
    """

    def __init__(self) -> None:
        for name, value in _OUTDATED.items():
            os.environ.setdefault(name, value)
        self._workspace: Any = None
        self._children: dict[str, Any] = {}

    def sign_in(self, settings: AzureSettings) -> WorkspaceFacts:
        """Sign in without asking anybody, and look whether the workspace answers."""
        with explained():
            from azureml.core import Workspace

            auth, way = identity(settings.sign_in)
            if settings.config is not None:
                found = Workspace.from_config(str(settings.config), auth=auth)
            else:
                found = Workspace(
                    settings.subscription, settings.resource_group, settings.workspace, auth=auth
                )
            # an unreachable service gives a workspace that is none: this finds out
            location = found.location
            if not location:
                raise AzureTrouble(Trouble.NETWORK, "the workspace does not answer")
            self._workspace = found
            return WorkspaceFacts(found.name, location, way)

    def cluster(self, settings: AzureSettings, *, create: bool) -> ClusterFacts:
        """Look at a cluster, or make it."""
        with explained():
            from azureml.core.compute import AmlCompute, ComputeTarget
            from azureml.exceptions import ComputeTargetException

            created = False
            try:
                found = ComputeTarget(self._workspace, settings.compute)
            except ComputeTargetException as error:
                if "ComputeTargetNotFound" not in str(error) or not create:
                    raise
                priority = "lowpriority" if settings.low_priority else "dedicated"
                shape = AmlCompute.provisioning_configuration(
                    vm_size=settings.vm_size,
                    vm_priority=priority,
                    min_nodes=settings.min_nodes,
                    max_nodes=settings.max_nodes,
                    idle_seconds_before_scaledown=settings.idle_seconds,
                )
                found = ComputeTarget.create(self._workspace, settings.compute, shape)
                found.wait_for_completion(show_output=False)
                created = True
            return _cluster_facts(found, created=created)

    def submit(self, submission: Submission) -> SweepStatus:
        """Submit a sweep under its own id; where there is one already it is ``CONFLICT``."""
        with explained(), _fresh_home():
            from azureml.core import Experiment

            config = _config(submission)
            settings = submission.settings
            experiment = Experiment(self._workspace, settings.experiment)
            run = experiment.submit(config, tags={"gridrun": "1", **settings.tags})
            return SweepStatus(run.id, "NotStarted", run.get_portal_url())

    def find(self, run_id: str) -> SweepStatus:
        """Look at a sweep."""
        with explained():
            run = self._run(run_id)
            return SweepStatus(run.id, run.status or UNKNOWN, run.get_portal_url(), _error(run))

    def children(self, run_id: str) -> list[ChildFacts]:
        """All children, perhaps some twice; none where the run history has none yet.

        What each was given stands in the parent's tags.
        """
        with explained():
            try:
                parent = self._run(run_id)
                found = [_with_folder(child) for child in parent.get_children()]
            except Exception as error:
                if trouble_of(error).kind is not Trouble.MISSING:
                    raise
                return []
            values = parent.get_hyperparameters()
            # the SDK leaves out children that somebody archived in the studio, without a word
            found += self._by_name(values.keys() - {child.id for child in found})
            # kept, because looking one up by its id costs two requests
            self._children.update((child.id, child) for child in found)
            return [
                ChildFacts(
                    child.id,
                    child.status or UNKNOWN,
                    _error(child),
                    _values(values.get(child.id)),
                )
                for child in found
            ]

    def fetch(
        self, wanted: Sequence[tuple[str, str, frozenset[str] | None]], pattern: str, prefix: str
    ) -> list[Fetched]:
        """Bring the files that are not there yet, several children at a time.

        Args:
            wanted: Child's id, directory for its files, names that are there already;
                None where nothing is, and nothing will be added: it can be brought at once.
            pattern: What the names have to match.
            prefix: Taken off the names.
        """

        def bring(one: tuple[str, str, frozenset[str] | None]) -> Fetched:
            run_id, directory, known = one
            names: tuple[str, ...] = ()
            try:
                run = self._children.get(run_id) or self._run(run_id)
                if known is None:
                    return Fetched(run_id, _bring_all(run, Path(directory), pattern, prefix))
                names = tuple(n for n in run.get_file_names() if re.fullmatch(pattern, n))
                for name in names:
                    if name not in known:
                        target = Path(directory) / name.removeprefix(prefix)
                        target.parent.mkdir(parents=True, exist_ok=True)
                        run.download_file(name, str(target))
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
        with explained(), tempfile.TemporaryDirectory() as directory:
            run = self._run(run_id)
            names = sorted(n for n in run.get_file_names() if re.fullmatch(pattern, n))
            if not names:
                return ""
            target = Path(directory) / "text"
            run.download_file(names[0], str(target))
            return target.read_text("utf-8", "replace")

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run."""
        with explained():
            self._run(run_id).cancel()

    def upload(self, run_id: str, name: str, path: Path) -> str:
        """Put a file among those of a run, in the place of one of that name; its name there.

        Azure takes no name twice (409): what has it is deleted first. Where that is not
        possible either, the file gets a number.
        """
        with explained():
            run = self._run(run_id)
            there = set(run.get_file_names())
            for is_last in (False, True):
                if name in there and not _is_deleted(run, name):
                    stem, dot, suffix = name.rpartition(".")
                    numbered = (f"{stem}-{number}{dot}{suffix}" for number in itertools.count(2))
                    name = next(other for other in numbered if other not in there)
                try:
                    run.upload_file(name, str(path))
                except Exception as error:
                    # an upload whose answer was lost is in its own way: the SDK sends it again
                    if is_last or trouble_of(error).kind is not Trouble.CONFLICT:
                        raise
                    there.add(name)
                else:
                    break
            return name

    def log_size(self, run_id: str, pattern: str) -> int:
        """Bytes of the logs of a run whose names match; 0 where there is none."""
        with explained():
            import requests

            size = 0
            for name, url in (self._run(run_id).get_details().get("logFiles") or {}).items():
                if re.fullmatch(pattern, name):
                    answer = requests.head(url, timeout=_LOG_SECONDS)
                    answer.raise_for_status()
                    size += int(answer.headers.get("Content-Length") or 0)
            return size

    def stamps(self, data: AzureData) -> dict[str, Stamp]:
        """Role to what the datastore says of its input, without reading it."""
        with explained():
            from azureml.core import Datastore

            store = Datastore.get(self._workspace, data.datastore)
            return {role: stamp_of(blob_of(store, path)) for role, path in data.inputs.items()}

    def _by_name(self, names: Iterable[str]) -> Iterator[Any]:
        """Runs that are asked for one by one; those that are not there are left out."""
        for name in sorted(names):
            try:
                yield self._run(name)
            except Exception as error:
                if trouble_of(error).kind is not Trouble.MISSING:
                    raise

    def _run(self, run_id: str) -> Any:
        from azureml.core import Run
        from azureml.train import hyperdrive  # makes Run.get know sweeps

        del hyperdrive
        return _with_folder(Run.get(self._workspace, run_id))


def _with_folder(run: Any) -> Any:
    """A run that knows where its files are: without the name the SDK says that there are none."""
    record = run._client.run_dto  # noqa: SLF001 - the SDK has no public way
    record.data_container_id = record.data_container_id or folder_of(run.id)
    return run


def _is_deleted(run: Any, name: str) -> bool:
    """Delete a file of a run; whether it is gone."""
    client = run._client.artifacts  # noqa: SLF001 - the SDK has no public way
    container = run._run_dto.get("data_container_id")  # noqa: SLF001
    try:
        client._execute_with_workspace_arguments(  # noqa: SLF001
            client._client.artifact.delete_meta_data,  # noqa: SLF001
            "ExperimentRun",
            container,
            name,
            hard_delete=True,
        )
    except Exception as error:
        trouble = trouble_of(error)
        if trouble.kind in (Trouble.MISSING, Trouble.REFUSED, Trouble.FORBIDDEN, Trouble.CONFLICT):
            return False
        raise
    return True


def _bring_all(run: Any, directory: Path, pattern: str, prefix: str) -> tuple[str, ...]:
    """All files of a run below a prefix: one request says where they are, not one for each.

    What is named and not there keeps the SDK for two minutes, so this is for runs that ended.
    """
    directory.mkdir(parents=True, exist_ok=True)
    run.download_files(prefix=prefix, output_directory=str(directory), append_prefix=False)
    paths = {f"{prefix}{p.relative_to(directory)}": p for p in directory.rglob("*") if p.is_file()}
    for name, path in paths.items():
        if not re.fullmatch(pattern, name):
            path.unlink()
    return tuple(name for name in paths if re.fullmatch(pattern, name))


def _config(submission: Submission) -> Any:
    from azureml.core import Environment, ScriptRunConfig
    from azureml.core.runconfig import DockerConfiguration
    from azureml.train import hyperdrive

    settings = submission.settings
    environment = Environment("gridrun")
    environment.python.user_managed_dependencies = True
    if settings.dockerfile:
        environment.docker.base_image = None
        environment.docker.base_dockerfile = settings.dockerfile.read_text("utf-8")
    else:
        environment.docker.base_image = settings.image
    job = ScriptRunConfig(
        str(submission.directory),
        script=submission.script,
        compute_target=settings.compute,
        environment=environment,
        max_run_duration_seconds=round(settings.shard_hours * 3600),
        docker_runtime_config=DockerConfiguration(use_docker=True),
    )
    # without it nothing of outputs comes before a child's end; with it, from runtimes that heed it
    job.run_config.history.directories_to_watch = ["logs", "outputs"]
    most = settings.max_concurrent or settings.max_nodes
    axes = {name: hyperdrive.choice(list(values)) for name, values in submission.axes.items()}
    return hyperdrive.HyperDriveConfig(
        run_config=job,
        hyperparameter_sampling=hyperdrive.GridParameterSampling(axes),
        primary_metric_name=submission.metric,
        primary_metric_goal=hyperdrive.PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=submission.children,
        max_concurrent_runs=min(most, MOST_AT_ONCE["v1"], submission.children),
        max_duration_minutes=round(settings.sweep_hours * 60),
        policy=_policy(submission.policy),
        custom_run_id=submission.run_id,
    )


def _policy(settings: Mapping[str, Any] | None) -> Any:
    from azureml.train import hyperdrive

    if settings is None:
        return None
    kinds = {
        "bandit": hyperdrive.BanditPolicy,
        "median_stopping": hyperdrive.MedianStoppingPolicy,
        "truncation_selection": hyperdrive.TruncationSelectionPolicy,
    }
    options = {name: value for name, value in settings.items() if name != "name"}
    return kinds[settings["name"]](**options)


def _values(given: Any) -> Mapping[str, Any]:
    try:
        values = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _error(run: Any) -> str:
    """First line of what went wrong, as the run's record has it; costs no request."""
    record = getattr(run, "_run_dto", None)
    found = getattr(record, "error", None) or (record or {}).get("error") if record else None
    inner = getattr(found, "error", None) or (found or {}).get("error") if found else None
    message = getattr(inner, "message", None) or (
        inner.get("message") if isinstance(inner, dict) else None
    )
    lines = str(message).strip().splitlines() if message else []
    return lines[0][:400] if lines else ""


def _cluster_facts(found: Any, *, created: bool) -> ClusterFacts:
    status = found.get_status()
    scale = found.scale_settings
    problems = [
        " ".join(str(getattr(each, "message", None) or each).split())
        for each in (getattr(status, "errors", None) or [])
    ]
    return ClusterFacts(
        vm_size=str(found.vm_size),
        low_priority="low" in str(found.vm_priority).lower(),
        min_nodes=int(scale.minimum_node_count),
        max_nodes=int(scale.maximum_node_count),
        created=created,
        problems=tuple(problems),
    )


@contextlib.contextmanager
def _fresh_home() -> Iterator[None]:
    """No snapshot cache of earlier submits, which the SDK would believe unseen."""
    before = os.environ.get("HOME")
    with tempfile.TemporaryDirectory(prefix="gridrun-azure-") as directory:
        os.environ["HOME"] = directory
        try:
            yield
        finally:
            if before is None:
                del os.environ["HOME"]
            else:
                os.environ["HOME"] = before
