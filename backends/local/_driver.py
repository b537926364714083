"""Ray's driver, in a process of its own: Ray ends it without a word when Ray itself ends.

The only module that imports ray. The main thread starts Ray and talks to it, for Ray ties its
processes to the thread that started them; another one hears the backend.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import sys
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from backends.local._code import archive_of
from backends.local._environment import rays_environment
from backends.local._messages import (
    Answer,
    Broken,
    Close,
    Closed,
    Content,
    Happened,
    NextUnit,
    NotUp,
    Open,
    Run,
    Start,
    Stop,
    Through,
    Up,
)
from backends.local._needless import leave_out
from backends.local._nodes import SlotsGone
from backends.local._slots import Slots
from gridrun.errors import EnvironmentFault, GridrunError
from gridrun.worker import Channel

_PROBE_SECONDS = 5.0
_ANYWHERE = "192.0.2.1"
"""An address that nobody has (RFC 5737)."""

_OBJECT_STORE_BYTES = 100 << 20
"""Only artifacts and outcomes pass; Ray's own least is 75 MiB."""

_BY_VALUE = ("backends.local._actor", "gridrun.worker.private")
"""Modules whose classes and functions are sent whole: other machines do not have them."""


class _Closing(Exception):
    """The backend wants the workers to end, whatever they do."""


class _Inbox:
    """What the backend asks, one thing after the other; a stop is known at once.

    Args:
        requests: From the channel.
    """

    def __init__(self, requests: Iterator[Any]) -> None:
        self.is_stopping = False
        self.is_closing = False
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._requests = requests
        threading.Thread(target=self._hear, daemon=True).start()

    def next(self) -> Any:
        """Wait for the next request; None when the backend is gone."""
        return self._waiting.get()

    def answer(self) -> Any:
        """Wait for the answer to a question.

        Raises:
            _Closing: There will be none.
        """
        request = self.next()
        if isinstance(request, Answer):
            return request.value
        self._waiting.put(request)
        raise _Closing

    def _hear(self) -> None:
        for request in self._requests:
            if isinstance(request, Open):
                self.is_stopping = self.is_closing = False
            elif isinstance(request, Stop):
                self.is_stopping = True
                continue
            elif isinstance(request, Close):
                self.is_closing = True
            self._waiting.put(request)
        self._waiting.put(None)


class _Driver:
    """Runs jobs on a Ray that is up.

    Args:
        ray: The module.
        channel: To the backend.
        start: What the backend wanted of Ray.
        inbox: What it asks.
    """

    def __init__(self, ray: Any, channel: Channel, start: Start, inbox: _Inbox) -> None:
        self._ray = ray
        self._channel = channel
        self._start = start
        self._inbox = inbox
        self._slots: Slots | None = None

    def serve(self) -> None:
        """Do what is asked until the backend is gone."""
        while (request := self._inbox.next()) is not None:
            try:
                self._do(request)
            except _Closing:
                pass  # the request for it comes next
            except SlotsGone as gone:
                self._channel.reply(Broken(str(gone)))
            except GridrunError as fault:
                self._channel.fail(fault)

    def _do(self, request: Any) -> None:
        match request:
            case Open():
                self._open(request)
            case Run(first):
                assert self._slots is not None
                for event in self._slots.run(first, self._next_unit, self._is_stopping):
                    self._channel.reply(Happened([event]))
                self._channel.reply(Through())
            case Close():
                if self._slots is not None:
                    self._slots.close()
                    self._slots = None
                self._channel.reply(Closed())

    def _open(self, request: Open) -> None:
        is_own = self._start.address is None
        self._slots = Slots(
            self._ray,
            request.job,
            self._content,
            count=request.workers or _processors(self._ray),
            directory=str(self._start.directory / "workers") if is_own else None,
            path=tuple(sys.path) if is_own else (),
            code=None if is_own else archive_of(request.job.pipeline),
            grows=request.workers is None,
        )

    def _next_unit(self) -> Any:
        self._channel.reply(NextUnit())
        return self._inbox.answer()

    def _content(self, digest: str) -> bytes:
        self._channel.reply(Content(digest))
        content: bytes = self._inbox.answer()
        return content

    def _is_stopping(self) -> bool:
        if self._inbox.is_closing:
            raise _Closing
        return self._inbox.is_stopping


def serve(channel: Channel) -> None:
    """Bring Ray up, then run what the backend hands over.

    Args:
        channel: To the backend; its first request is a ``Start``.

    Raises:
        EnvironmentFault: There is no Ray to be joined, or none to be started.
    """
    requests = channel.requests()
    start: Start = next(requests)
    on_loopback = start.address is not None and _probe(start.address)
    is_own = start.address is None
    environment = rays_environment(os.environ, start.token, is_own=is_own, on_loopback=on_loopback)
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    sys.argv[0] = ""  # Ray adds its directory to where workers look for modules
    inbox = _Inbox(requests)
    try:
        import ray
    except Exception as error:
        raise EnvironmentFault(
            f"Ray cannot be loaded ({type(error).__name__}: {error})",
            todo="install gridrun again, with its dependencies",
        ) from error
    try:
        _connect(ray, start)
    except Exception as error:  # noqa: BLE001 - Ray raises many kinds; all are reported
        channel.reply(NotUp(str(error).strip() or type(error).__name__))
        return
    cloudpickle: Any = ray.cloudpickle
    for module in _BY_VALUE:
        cloudpickle.register_pickle_by_value(sys.modules[module])
    channel.reply(Up(_processors(ray), ray.get_runtime_context().gcs_address))
    _Driver(ray, channel, start, inbox).serve()


def _connect(ray: Any, start: Start) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if start.address is not None:
        ray.init(address=start.address, **quiet)
        return
    (start.directory / "workers").mkdir()
    leave_out(ray)
    ray.init(
        address="local",
        num_cpus=start.workers,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=_OBJECT_STORE_BYTES,
        # Ray opens its directory to all users; nobody else gets past the one above it
        _temp_dir=str(start.directory / "r"),
        _node_ip_address="127.0.0.1",
        **quiet,
    )


def _processors(ray: Any) -> int:
    return max(int(ray.cluster_resources().get("CPU", 1)), 1)


def _probe(address: str) -> bool:
    """Refuse an address that nobody answers at, before Ray waits for a minute or more.

    Returns:
        Whether somebody answers on loopback alone, where Ray would not ask: it takes
        loopback for the machine's own address.

    Raises:
        EnvironmentFault: With what to write instead.
    """
    where = f"--address {address}"
    if address == "auto":
        return False
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        raise EnvironmentFault(
            "this is not an address of a Ray cluster",
            where=where,
            todo='write HOST:PORT as `ray start --head` prints it, or "auto" on a node of it',
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _PROBE_SECONDS) as found:
            if not ip_address(found.getpeername()[0]).is_loopback:
                return False
    except (OSError, OverflowError) as error:
        raise EnvironmentFault(
            f"nobody answers there: {error}",
            where=where,
            todo="start the cluster with `ray start --head`, or leave --address out to start a "
            "Ray on this machine",
        ) from error
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way_out:
        way_out.connect((_ANYWHERE, 9))  # sends nothing; names the address that would send
        own = way_out.getsockname()[0]
        socket.create_connection((own, int(port)), _PROBE_SECONDS).close()
        return False
    return True
