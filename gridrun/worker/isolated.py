"""A call of a pipeline in a process of its own, for commands that need its R themselves.

It is the process that tasks have, with the same threads, time zone and watch: a crash of R
is a message instead of the end of the command, and what R prints does not mix with what the
command prints.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrun.errors import EnvironmentFault, GridrunError
from gridrun.pipeline import Settings, TaskFailure, load_pipeline
from gridrun.plan.units import Job, Unit, WorkerReady
from gridrun.worker._channel import Channel
from gridrun.worker._ending import Ending, TimeLimit, last_printed
from gridrun.worker._process import ChildProcess
from gridrun.worker.supervisor import Supervisor

_SERVE = "gridrun.worker.isolated:serve"


@dataclass(frozen=True)
class Call:
    """What is to be called; see :func:`call_isolated`."""

    pipeline: str
    options: Mapping[str, Any]
    method: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Item:
    """One of the things that a call yields, and what was printed since the one before."""

    value: Any
    printed: str


@dataclass(frozen=True)
class Value:
    """What a call returns; of one that yields, what its generator returns."""

    value: Any


def call_isolated(
    pipeline: str,
    options: Mapping[str, Any],
    method: str,
    arguments: Mapping[str, Any],
    started: Callable[[int], AbstractContextManager[Callable[[str], None]]] | None = None,
) -> Any:
    """Call a method of a pipeline in a process of its own and wait for its value.

    Args:
        pipeline: Name that ``load_pipeline`` takes.
        options: The study's options (``Settings.options``).
        method: Name of the pipeline's method.
        arguments: Its arguments by name; they and its value can be pickled.
        started: From the id of the process to what takes the texts that the call yields.

    Raises:
        GridrunError: What the call raised; or the process ended without an answer.
    """
    with ExitStack() as stack:
        call = Call(pipeline, options, method, arguments)
        child = stack.enter_context(closing(start_call(call)))
        say = stack.enter_context(started(child.pid)) if started else None
        for reply in child.replies():
            if isinstance(reply, Item) and say is not None:
                say(reply.value)
            if isinstance(reply, Value):
                return reply.value
            if isinstance(reply, GridrunError):
                raise reply
            if isinstance(reply, Ending):
                raise EnvironmentFault(
                    f"the process with R in it gave no answer: it {reply.reason}; "
                    f"{last_printed(child.take_log())}",
                    todo="`gridrun doctor` looks at R and its packages",
                )
    raise AssertionError  # the last reply is an ending


def start_call(call: Call, limit: Callable[[], TimeLimit | None] | None = None) -> ChildProcess:
    """Start a process for one call; the caller hears it and closes it.

    Its replies are an :class:`Item` for each thing that the call yields and a
    :class:`Value`, or a ``GridrunError``; or an ``Ending`` when it died.

    Args:
        call: The call.
        limit: Asked before each wait what limit holds now.
    """
    child = ChildProcess(_SERVE, limit=limit)
    child.send(call)
    return child


def serve(channel: Channel) -> None:
    """Make the one call that the parent asks for.

    Raises:
        GridrunError: What the call raised and gridrun explains.
    """
    call: Call = next(channel.requests())
    pipeline = load_pipeline(call.pipeline).of_study(call.options)
    try:
        value = getattr(pipeline, call.method)(**call.arguments)
        if isinstance(value, Iterator):
            value = _yielded(value, channel)
    except TaskFailure as failure:
        raise GridrunError(failure.message) from failure
    channel.reply(Value(value))


def _yielded(items: Iterator[Any], channel: Channel) -> Any:
    """Give what a call yields to the parent, and return what its generator returns."""
    while True:
        try:
            item = next(items)
        except StopIteration as end:
            return end.value
        channel.reply(Item(item, channel.printed()))


def worker_environment(pipeline: str, needs: tuple[str, ...] = ()) -> dict[str, str]:
    """Start a worker that has nothing to do; gives the versions that it finds.

    Args:
        pipeline: Name that ``load_pipeline`` takes.
        needs: What a study needs of it beside what every study does.

    Raises:
        EnvironmentFault: The pipeline's process cannot be started.
    """
    protocol = next(iter(load_pipeline(pipeline).protocols))
    job = Job(pipeline, Settings({}, protocol, seed=1, needs=needs))
    with tempfile.TemporaryDirectory(prefix="gridrun-worker-") as name:
        supervisor = Supervisor(job, lambda _: b"", Path(name))
        try:
            supervisor.start(Unit("nothing to do", "", ()))
            while not supervisor.is_idle:
                for event in supervisor.poll(1.0):
                    if isinstance(event, WorkerReady):
                        return dict(event.environment)
        finally:
            supervisor.close()
    raise AssertionError  # a unit ends after its worker was ready
