"""The service as tests hold it: how clients get there, what it saw, its faults."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import cluster, signin
from .azcli import write_az
from .faults import ChildFault, ChildFaultKind, Fault
from .front import Front
from .journal import Entry
from .proxy import Proxy
from .state import (
    ARTIFACT_CONTAINER,
    DATASTORE_CONTAINER,
    Compute,
    Run,
    Settings,
    State,
    Sweep,
    WorkspaceNames,
    artifact_blob,
)

ROOT = Path(__file__).resolve().parents[3]
_FAST_RETRIES = ("BACKOFF", "RETRIES", "500_BACKOFF", "503_BACKOFF")


class Service:
    """One empty Azure ML workspace behind a proxy, until closed.

    Args:
        proxy: Where clients come in; one service at a time answers behind it.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        image_env = {"PYTHONPATH": str(ROOT)}
        self.state = State(WorkspaceNames(), image_env, proxy.environment)
        self._directory = tempfile.TemporaryDirectory(prefix="loopback-client-")
        self._front = Front(self.state)
        proxy.application = self._front

    # The client's side ------------------------------------------------------------

    @property
    def workspace(self) -> WorkspaceNames:
        """The names a client needs."""
        return self.state.names

    @property
    def client_env(self) -> dict[str, str]:
        """The variables that lead a client here and sign it in."""
        names = self.state.names
        return {
            **self._proxy.environment,
            "AZUREML_SERVICE_PRINCIPAL_TENANT_ID": names.tenant_id,
            "AZUREML_SERVICE_PRINCIPAL_ID": names.client_id,
            "AZUREML_SERVICE_PRINCIPAL_PASSWORD": names.client_secret,
            **{f"AZUREML_DEFAULT_{name}": "1" for name in _FAST_RETRIES},
        }

    @property
    def python(self) -> str:
        """This Python, for client processes."""
        return sys.executable

    def env(self, **more: str) -> dict[str, str]:
        """The whole environment of a client process, with a fresh HOME."""
        home = tempfile.mkdtemp(prefix="home-", dir=self._directory.name)
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": home,
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            **self.client_env,
            **more,
        }

    def write_config(self, directory: Path) -> Path:
        """Write the workspace's config.json where the SDK looks for it."""
        path = directory / ".azureml" / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        names = self.state.names
        content = {
            "subscription_id": names.subscription_id,
            "resource_group": names.resource_group,
            "workspace_name": names.name,
        }
        path.write_text(json.dumps(content))
        return path

    def write_az(self, directory: Path) -> Path:
        """Write an `az` that gives tokens, as Azure's command line does after `az login`.

        Args:
            directory: Where; put it on the PATH of the client.
        """
        names = self.state.names
        return write_az(directory, names.tenant_id, names.client_id, names.client_secret)

    def token(self) -> str:
        """A bearer token, for clients that do not sign in as service principal."""
        return signin.make_token(self.state, self.state.settings.token_s)

    def add_compute(
        self, name: str, *, max_nodes: int = 2, vm_size: str = "STANDARD_D2_V2"
    ) -> None:
        """Make a cluster known, as if it existed before the client came."""
        scale = {
            "minNodeCount": 0,
            "maxNodeCount": max_nodes,
            "nodeIdleTimeBeforeScaleDown": "PT120S",
        }
        properties = {"vmSize": vm_size, "vmPriority": "dedicated", "scaleSettings": scale}
        with self.state.changed:
            self.state.computes[name.lower()] = Compute(name, properties)
            self.state.changed.notify_all()

    def add_datastore(self, name: str, files: dict[str, bytes]) -> str:
        """Make a blob store known, with files in it; the name of its container."""
        container = f"container-{name}"
        with self.state.changed:
            self.state.datastores[name] = container
            for path, content in files.items():
                self.state.put_blob(container, path, content)
        return container

    def expire_signatures(self) -> None:
        """Every signed address and every signature of a container given so far is refused."""
        with self.state.changed:
            self.state.signing_key = secrets.token_bytes(32)

    def set_nodes(self, name: str, available: int | None, error: str | None = None) -> None:
        """Change how many of a cluster's nodes can be had now, and what it says about it.

        Args:
            name: The cluster.
            available: Nodes that can be had; None for as many as it was made for. Children that
                run already go on.
            error: Shown among the cluster's errors, as a quota that is used up would be.
        """
        with self.state.changed:
            compute = self.state.computes[name.lower()]
            compute.available, compute.error = available, error
            self.state.changed.notify_all()

    # What it saw ------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """How it behaves; set before a client comes."""
        return self.state.settings

    @property
    def image_env(self) -> dict[str, str]:
        """Variables that every child has from its image; may be changed."""
        return self.state.image_env

    @property
    def sweeps(self) -> list[Sweep]:
        """The sweeps that were accepted, in order."""
        return list(self.state.sweeps.values())

    @property
    def runs(self) -> dict[str, Run]:
        """Every run, parents and children."""
        return dict(self.state.runs)

    @property
    def journal(self) -> list[Entry]:
        """Every request so far."""
        return self.state.journal.entries

    @property
    def unknown(self) -> list[str]:
        """What was asked that the service does not know."""
        return self.state.journal.unknown

    def requests(self, pattern: str) -> list[Entry]:
        """The requests whose "METHOD path" matches the regular expression."""
        return self.state.journal.matching(pattern)

    def artifacts(self, run_id: str) -> dict[str, bytes]:
        """The files of a run: {path: content}."""
        with self.state.changed:
            container_id = self.state.runs[run_id].container_id
            found = {
                path: self.state.blobs.get((ARTIFACT_CONTAINER, artifact_blob(container_id, path)))
                for path in self.state.artifacts.get(container_id, {})
            }
        return {path: blob.content for path, blob in found.items() if blob is not None}

    def cancel_run(self, run_id: str) -> None:
        """End a sweep or a child, as somebody does by hand on its page."""
        cluster.cancel(self.state, self.state.runs[run_id])

    def replace_artifact(self, run_id: str, path: str, content: bytes | None) -> None:
        """Change a file of a run after the fact, or take it away."""
        with self.state.changed:
            container_id = self.state.runs[run_id].container_id
            if content is None:
                del self.state.artifacts[container_id][path]
                del self.state.blobs[ARTIFACT_CONTAINER, artifact_blob(container_id, path)]
            else:
                self.state.put_artifact(container_id, path, content)

    def blobs(self, container: str = DATASTORE_CONTAINER) -> dict[str, bytes]:
        """The blobs of a container: {name: content}."""
        with self.state.changed:
            return {
                name: blob.content
                for (where, name), blob in self.state.blobs.items()
                if where == container
            }

    def wait_until(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> None:
        """Wait for something to come true.

        Raises:
            AssertionError: It did not in the time.
        """
        deadline = time.monotonic() + timeout_s
        with self.state.changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    states = {run_id: run.status for run_id, run in self.state.runs.items()}
                    message = f"not within {timeout_s:g} s; runs: {states}"
                    raise AssertionError(message)
                self.state.changed.wait(min(left, 0.1))

    # Faults -----------------------------------------------------------------------

    def fault(self, pattern: str, **options: Any) -> Fault:
        """Arm a fault for requests; `options` are the fields of `Fault`."""
        fault = Fault(pattern=pattern, **options)
        self.state.faults.add(fault)
        return fault

    def child_fault(self, pattern: str, kind: ChildFaultKind, **options: Any) -> ChildFault:
        """Arm a fault for children; `options` are the fields of `ChildFault`."""
        fault = ChildFault(pattern=pattern, kind=kind, **options)
        self.state.faults.add(fault)
        return fault

    def clear_faults(self) -> None:
        """Disarm every fault."""
        self.state.faults.clear()

    def expire_tokens(self) -> None:
        """Every token given to users so far is refused; children keep theirs."""
        with self.state.changed:
            self.state.tokens.clear()

    def refuse_sign_in(
        self, text: str = "AADSTS700082: The refresh token has expired due to inactivity."
    ) -> None:
        """Let every sign-in fail with this text."""
        self.state.sign_in_refusal = text

    def allow_sign_in(self) -> None:
        """Let sign-ins succeed again."""
        self.state.sign_in_refusal = None

    # The end ----------------------------------------------------------------------

    def assert_all_known(self) -> None:
        """Nothing was asked that the service does not know.

        Raises:
            AssertionError: Something was; its text lists it.
        """
        if self.unknown:
            message = "asked, but not known to the service:\n" + "\n".join(self.unknown)
            raise AssertionError(message)

    def close(self) -> None:
        """End every child and stop answering."""
        with self.state.changed:
            self.state.closing = True
            self.state.changed.notify_all()
        self.wait_until(lambda: all(run.is_over for run in self.runs.values()), 30)
        if self._proxy.application is self._front:
            self._proxy.application = None
        self._directory.cleanup()
