"""Doing what an order asks, where the inputs are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from gridrun.errors import EnvironmentFault, Fault, InputError, counted
from gridrun.pipeline import Source, TakesDigests, TaskFailure, Value
from gridrun.plan.fingerprint import digest_of_file, digest_of_input
from gridrun.shard.remote_inputs._order import code_here, order_from
from gridrun.shard.remote_inputs._report import Block, ReadingReport


def make_blocks(
    text: str,
    inputs: Mapping[str, Path],
    out: Path,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> ReadingReport:
    """Read the inputs and make every block that is asked for.

    Args:
        text: The order.
        inputs: Role to file, here.
        out: Takes the tables of each block, named by digest.
        say: Called with each line of progress.

    Returns:
        What was made, or the faults that stopped it: those are for the user, not for here.

    Raises:
        EnvironmentFault: The code here is not the code the order was made for.
    """
    order, pipeline = order_from(text)
    here = code_here(pipeline, order.values)
    foreign = [stage for stage, code in order.code.items() if here.get(stage) != code]
    if foreign:
        raise EnvironmentFault(
            f"the code on this machine is not the code that the order was made for: "
            f"{', '.join(sorted(foreign))}",
            todo="build the image from the client's version of gridrun",
        )
    paths = {role: str(path) for role, path in inputs.items()}
    out.mkdir(parents=True, exist_ok=True)
    names = {path: Path(order.places[role]) for role, path in inputs.items()}
    try:
        notes = list(pipeline.check(replace(order.job.settings, inputs=paths), order.values))
        say("reading the inputs")
        takes = isinstance(pipeline, TakesDigests)
        digests: Mapping[str, str] = (
            {} if takes else {role: digest_of_input(path) for role, path in inputs.items()}
        )
        settings = replace(
            order.job.settings,
            inputs=paths,
            input_digests=digests,
            read_bytes=order.job.limits.read_bytes,
        )
        source = pipeline.open_source(settings, order.values, out.parent / "cache")
        if isinstance(pipeline, TakesDigests):
            digests = pipeline.digests_taken(source)
    except InputError as error:
        return ReadingReport(order.digest, {}, (), _renamed(error.faults, names))
    notes += [note for note in source.notes() if note not in notes]
    blocks = []
    for number, values in enumerate(order.blocks, 1):
        blocks.append(_block(source, values, out))
        say(f"{number:,} of {counted(len(order.blocks), 'block')}")
    return ReadingReport(order.digest, digests, _renamed(notes, names), (), tuple(blocks))


def _block(source: Source, values: Mapping[str, Value], out: Path) -> Block:
    try:
        artifact = source.artifact(values)
    except TaskFailure as failure:
        return Block(values, kind=failure.kind, message=failure.message)
    target = out / artifact
    if not target.exists():
        shutil.copyfile(source.path(artifact), target)
    return Block(values, artifact, digest_of_file(target), target.stat().st_size)


def _renamed(faults: Iterable[Fault], names: Mapping[Path, Path]) -> tuple[Fault, ...]:
    """Faults with the places that the user knows, instead of the copies of a node."""
    found = []
    for fault in faults:
        message, todo = fault.message, fault.todo
        for path, place in names.items():
            message = message.replace(str(path), str(place))
            todo = todo and todo.replace(str(path), str(place))
        found.append(Fault(names.get(fault.file, fault.file), message, fault.line, todo))
    return tuple(found)
