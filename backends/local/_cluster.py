"""A Ray cluster as the local backend needs it: our own, or one that runs already.

The ray module is handed in: only ``backends.local._backend`` imports it.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from backends.local._reaper import start_reaper, sweep
from gridrun.errors import EnvironmentFault

RAY_START_SECONDS = 120.0
"""Time limit for the start of a Ray of our own."""

JOIN_SECONDS = 45.0
"""Time limit for joining a cluster; Ray itself would try for minutes."""

_PROBE_SECONDS = 5.0
_OBJECT_STORE_BYTES = 100 << 20
"""Only artifacts and outcomes pass; Ray's own least is 75 MiB."""

_LONGEST_TEMP_DIR = 30
"""Ray puts sockets some 70 characters below; a socket's path ends at 107."""

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
_OWN = {
    "RAY_enable_worker_prestart": "0",  # idle processes outlive a killed driver by a minute
    "RAY_prestart_worker_first_driver": "0",
    "RAY_memory_monitor_refresh_ms": "0",  # the kernel names the process, Ray only the node
}
_TOUCHED_BY_RAY = ("RAY_", "PYTHONBREAKPOINT")
"""How the names begin of variables that Ray sets in the driver."""


class Cluster:
    """Comes up in the background; one thread starts it, waits, and ends it.

    Ray ties its processes to the thread that started them, so that thread must
    live as long as they do.

    Args:
        load_ray: Imports ray.
        workers: Processors to offer in a Ray of our own.
        address: Address of a running cluster, or None to start one.
        packages: Top-level packages that a cluster elsewhere needs sent.
        when_up: Called in the background as soon as Ray is up.
    """

    def __init__(
        self,
        load_ray: Callable[[], Any],
        workers: int,
        address: str | None,
        packages: tuple[str, ...],
        when_up: Callable[[Any, Cluster], None],
    ) -> None:
        self.directory: Path | None = None
        self._load_ray = load_ray
        self._workers = workers
        self._address = address
        self._packages = packages
        self._when_up = when_up
        self._ray: Any = None
        self._ours = False
        self._reaper: subprocess.Popen[bytes] | None = None
        self._fault: Exception | None = None
        self._up = threading.Event()
        self._end = threading.Event()
        self._environment: dict[str, str] | None = None
        self._thread = threading.Thread(target=self._live, name="gridrun-ray", daemon=True)

    def start(self) -> None:
        """Begin to come up; returns at once."""
        self._environment = _touched(os.environ)
        extra = _QUIET if self._address is not None else {**_QUIET, **_OWN, **_own_token()}
        for name, value in extra.items():
            os.environ.setdefault(name, value)
        self._thread.start()

    def wait(self) -> Any:
        """Wait until Ray is up, a bounded time.

        Returns:
            The ray module.

        Raises:
            EnvironmentFault: It did not come up.
        """
        if not self._up.wait(self._patience):
            raise EnvironmentFault(
                f"Ray was not up after {self._patience:g} s", where=self._where(), todo=self._todo()
            )
        if self._fault is not None:
            raise self._fault
        return self._ray

    def close(self) -> None:
        """End a Ray of our own, leave any other; may be called twice."""
        self._end.set()
        # a cluster that does not let us in cannot be waited for, nor does it leave anything here
        if self._thread.is_alive() and (self._address is None or self._up.is_set()):
            self._thread.join(self._patience)
        if self._environment is not None:
            for name in _touched(os.environ):
                del os.environ[name]
            os.environ.update(self._environment)
            self._environment = None

    @property
    def _patience(self) -> float:
        return RAY_START_SECONDS if self._address is None else JOIN_SECONDS

    def _live(self) -> None:
        try:
            self._connect()
        except EnvironmentFault as fault:
            self._fault = fault
        except Exception as error:  # noqa: BLE001 - Ray raises many kinds; all are reported
            text = str(error).strip() or type(error).__name__
            self._fault = EnvironmentFault(
                f"Ray did not start: {text}" if self._address is None else text,
                where=self._where(),
                todo=self._todo(),
            )
        self._up.set()
        self._end.wait()
        self._disconnect()

    def _connect(self) -> None:
        if self._address is not None:
            _probe(self._address)
        ray = self._load_ray()
        self._ray = ray
        if ray.is_initialized():
            pass  # the caller's; used as it is and left running
        elif self._address is None:
            self.directory = Path(tempfile.mkdtemp(prefix="gridrun-ray-", dir=_short_temp_dir()))
            self._reaper = start_reaper(self.directory)
            self._ours = True
            ray.init(
                num_cpus=self._workers,
                num_gpus=0,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                _temp_dir=str(self.directory),
                _node_ip_address="127.0.0.1",
                log_to_driver=False,
                logging_level="ERROR",
            )
        else:
            self._ours = True
            ray.init(
                address=self._address,
                runtime_env={"py_modules": [_location(name) for name in self._packages]},
                log_to_driver=False,
                logging_level="ERROR",
            )
        self._when_up(ray, self)

    def _disconnect(self) -> None:
        if self._ours and self._ray is not None and self._ray.is_initialized():
            self._ray.shutdown()
        if self.directory is not None:
            sweep(self.directory)
        if self._reaper is not None:
            self._reaper.kill()
            self._reaper.communicate()

    def _where(self) -> str | None:
        return None if self._address is None else f"--address {self._address}"

    def _todo(self) -> str:
        if self._address is None:
            return "run with --in-process, without Ray, to see whether the study itself works"
        return (
            "check that it is the address that `ray start --head` printed, that this machine "
            "belongs to that cluster, and that both have the same Ray and the same token"
        )


def _probe(address: str) -> None:
    """Refuse an address that nobody answers at, before Ray waits for a minute or more.

    Raises:
        EnvironmentFault: With what to write instead.
    """
    where = f"--address {address}"
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        raise EnvironmentFault(
            "this is not an address of a Ray cluster",
            where=where,
            todo='write HOST:PORT as `ray start --head` prints it, or "auto" on a node of it',
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PROBE_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EnvironmentFault(
            f"nobody answers there: {error}",
            where=where,
            todo="start the cluster with `ray start --head`, or leave --address out to start a "
            "Ray on this machine",
        ) from error


def _location(package: str) -> str:
    """Directory of a package, or file of a module."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EnvironmentFault(f'the package "{package}" cannot be found to be sent to the cluster')
    path = Path(spec.origin)
    return str(path.parent if path.name == "__init__.py" else path)


def _short_temp_dir() -> str:
    usual = tempfile.gettempdir()
    if len(usual) <= _LONGEST_TEMP_DIR:
        return usual
    if os.access("/tmp", os.W_OK):  # noqa: S108 - made private by mkdtemp
        return "/tmp"  # noqa: S108 - as above
    raise EnvironmentFault(
        f"the temporary directory {usual} has too long a name for Ray's sockets",
        todo=f"set TMPDIR to a directory of at most {_LONGEST_TEMP_DIR} characters",
    )


def _touched(environment: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if k.startswith(_TOUCHED_BY_RAY)}


@cache
def _own_token() -> Mapping[str, str]:
    """A secret for Rays of our own, whose ports are open on every interface.

    Ray reads it once per process, when it is imported: it stays the same, and a
    process that imported Ray before us keeps what Ray chose then.
    """
    if "ray" in sys.modules:
        return {}
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
