"""A node of the cluster: the directory, environment and capture of one start of a child."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .node_data import NamedOutputs, bring_inputs
from .processes import Container
from .signin import make_run_token
from .state import ARTIFACT_CONTAINER, Run, Snapshot, State, artifact_blob
from .trials import fill

LOG = "user_logs/std_log.txt"
_CAPTURED = ("outputs", "logs")


class Node:
    """One start of a child: a directory with its snapshot, captured to the run's artifacts.

    Args:
        state: The service's state.
        run: The child.
        snapshot: The files it starts with.
        bring_outputs: Whether outputs captured by an earlier start lie there as well.
    """

    def __init__(self, state: State, run: Run, snapshot: Snapshot, *, bring_outputs: bool) -> None:
        self._state = state
        self._run = run
        self._root = Path(tempfile.mkdtemp(prefix="loopback-node-"))
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._outputs: NamedOutputs | None = None
        self.captured: set[str] = set()
        self._torn: set[str] = set()
        self.directory = self._root / "wd"
        self.log_path = self._root / "std_log.txt"
        for name in (*_CAPTURED, "../home", "../tmp"):
            (self.directory / name).mkdir(parents=True)
        self.log_path.touch()
        for name, content in snapshot.files.items():
            _write(self.directory / name, content)
        if bring_outputs:
            self._bring_outputs()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._root, ignore_errors=True)

    def _bring_outputs(self) -> None:
        with self._state.changed:
            kept = {
                path: self._state.blobs.get(
                    (ARTIFACT_CONTAINER, artifact_blob(self._run.container_id, path))
                )
                for path in self._state.artifacts.get(self._run.container_id, {})
                if path.startswith("outputs/")
            }
        for path, blob in kept.items():
            if blob is not None:
                _write(self.directory / path, blob.content)
                self._seen[path] = _look(self.directory / path)

    def start(self, proxy_env: dict[str, str]) -> Container:
        """Start the child's process here.

        Raises:
            DataTrouble: Data that it needs are not there.
        """
        return Container(
            self._command(),
            self.directory,
            self._environment(proxy_env),
            self.log_path,
        )

    def _command(self) -> list[str]:
        job = self._run.job
        if job is None:
            return command_of(self._run.definition)
        inputs = bring_inputs(self._state, job.get("inputs") or {}, self._root / "inputs")
        default = f"azureml://datastores/workspaceblobstore/paths/azureml/{self._run.run_id}"
        wanted = dict(job.get("outputs") or {})
        wanted.pop("default", None)
        self._outputs = NamedOutputs(self._state, wanted, self._root / "named-outputs", default)
        text = fill(self._run.definition["command"], "inputs", inputs)
        text = fill(text, "outputs", self._outputs.values)
        return ["/bin/bash", "-c", text]

    def _environment(self, proxy_env: dict[str, str]) -> dict[str, str]:
        names, run = self._state.names, self._run
        token, expires = make_run_token(self._state, self._state.settings.token_s)
        api = f"https://{names.api_host}"
        environment = self._run.definition.get("environment") or {}
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._root / "home"),
            "TMPDIR": str(self._root / "tmp"),
            "LANG": "C.UTF-8",
            **proxy_env,
            **self._state.image_env,
            **_text(environment.get("environmentVariables")),
            **_text(self._run.definition.get("environmentVariables")),
            "AZUREML_RUN_ID": run.run_id,
            "AZUREML_RUN_TOKEN": token,
            "AZUREML_RUN_TOKEN_EXPIRY": str(int(expires)),
            "AZUREML_ARM_SUBSCRIPTION": names.subscription_id,
            "AZUREML_ARM_RESOURCEGROUP": names.resource_group,
            "AZUREML_ARM_WORKSPACE_NAME": names.name,
            "AZUREML_ARM_PROJECT_NAME": run.experiment,
            "AZUREML_EXPERIMENT_ID": self._state.experiments[run.experiment],
            "AZUREML_WORKSPACE_ID": names.workspace_id,
            "AZUREML_ROOT_RUN_ID": run.parent_id or run.run_id,
            "MLFLOW_TRACKING_URI": f"azureml://{names.api_host}/mlflow/v1.0{names.arm_path}",
            "MLFLOW_TRACKING_TOKEN": token,
            "MLFLOW_RUN_ID": run.run_id,
            "MLFLOW_EXPERIMENT_ID": self._state.experiments[run.experiment],
            "MLFLOW_EXPERIMENT_NAME": run.experiment,
            "AZUREML_SERVICE_ENDPOINT": api,
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{api}/discovery",
        }

    def capture(self, *, at_end: bool = False) -> None:
        """Store what changed since the last look: the log, and files of directories.

        While the child runs of those that the submitted configuration has watched; at its end
        of outputs/ and logs/.
        """
        watched = (self._run.definition.get("history") or {}).get("directoriesToWatch") or []
        if self._run.job is not None:  # there is no way to say which
            watched = ["logs", "outputs"]
        if not self._state.settings.watches_outputs:
            watched = ["logs"]
        for folder in _CAPTURED if at_end else [name for name in _CAPTURED if name in watched]:
            for path in sorted((self.directory / folder).rglob("*")):
                self._capture(path, path.relative_to(self.directory).as_posix(), at_end=at_end)
        self._capture(self.log_path, LOG, at_end=at_end)
        if self._outputs is not None:
            self._outputs.capture(at_end=at_end)

    def _capture(self, path: Path, name: str, *, at_end: bool) -> None:
        try:
            if not path.is_file():
                return
            now = _look(path)
            if self._seen.get(name) == now:
                return
            content = path.read_bytes()
        except OSError:  # written aside and renamed, or removed, since it was listed
            return
        self._seen[name] = now
        if content or name != LOG:
            self.captured.add(name)
            self._store(name, content, at_end=at_end)

    def _store(self, name: str, content: bytes, *, at_end: bool) -> None:
        """Put a file among the run's, or what a mount shows of it at first, or later."""
        odd, container_id = self._state.settings.odd, self._run.container_id
        if odd.folder_blobs:
            folder = artifact_blob(container_id, name.rpartition("/")[0])
            self._state.put_blob(ARTIFACT_CONTAINER, folder, b"", metadata={"hdi_isfolder": "true"})
        if odd.torn_files and not at_end and name not in self._torn:
            self._torn.add(name)
            del self._seen[name]  # so that the next look finds the whole
            content = content[: len(content) // 2]
        if odd.files_after_s:
            arguments = (container_id, name, content)
            timer = threading.Timer(odd.files_after_s, self._state.put_artifact, arguments)
            timer.daemon = True
            timer.start()
        else:
            self._state.put_artifact(container_id, name, content)

    def last_words(self) -> str:
        """The end of the log, for the error of a failed child."""
        return self.log_path.read_bytes()[-600:].decode(errors="replace")


def _look(path: Path) -> tuple[int, int, int]:
    """What changes when a file does."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _text(variables: dict[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (variables or {}).items()}


def command_of(definition: dict[str, Any]) -> list[str]:
    """The program and arguments of a run definition."""
    arguments = [str(argument) for argument in definition.get("arguments") or []]
    command = definition.get("command")
    if command:
        text = command if isinstance(command, str) else " ".join(command)
        return ["/bin/sh", "-c", f'{text} "$@"', "sh", *arguments]
    return [sys.executable, definition["script"], *arguments]
