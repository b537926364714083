"""What is left elsewhere: sweeps that go on after an error, inputs that have changed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from gridrun.cli.remote._study import RemoteStudy
from gridrun.errors import GridrunError, counted

if TYPE_CHECKING:
    from gridrun.run.backend import Commands


def changed_inputs(sent: RemoteStudy, chosen: dict[str, Any]) -> tuple[str, ...]:
    """Inputs that have changed where they are since they were read; said on standard error."""
    from gridrun.run.backend import ReadingBackend

    reading = sent.opened.state(**chosen).reading
    if reading is None:
        return ()
    with sent.asking() as backend:
        assert isinstance(backend, ReadingBackend)
        try:
            changed = backend.changed(reading.stamps)
        except GridrunError as error:
            sys.stderr.write(f"note: whether the inputs have changed is not known: {error.what}\n")
            return ()
        types = backend.commands
    for place in changed:
        sys.stderr.write(
            f"note: {place} has changed since it was read; outcomes are of what it was, and "
            f"{types.send} {sent.place} has it read again\n"
        )
    return changed


@contextlib.contextmanager
def naming_sweeps(sent: RemoteStudy, asked: Collection[str] = ()) -> Iterator[None]:
    """Name the sweeps that go on where a command ends in an error, and what can be done.

    Args:
        sent: What was sent.
        asked: Names of those that were asked to end by then.
    """
    try:
        yield
    except GridrunError:
        names = _names(sent)
        ending = [name for name in names if name in asked]
        names = [name for name in names if name not in asked]
        if names or ending:
            types, place = _types(sent), sent.place
        if names:
            costs = f", and continue to cost {what}" if (what := sent.remote.costs) else ""
            sys.stderr.write(
                f"{counted(len(names), 'sweep')} may continue{costs}: {', '.join(names)}; bring "
                f"what there is: {types.collect} {place}; end them: {types.cancel} {place}\n"
            )
        if ending:
            sys.stderr.write(
                f"{counted(len(ending), 'sweep')} asked to end, with outcomes that may not be "
                f"collected yet: {', '.join(ending)}; collect them: {types.collect} {place}\n"
            )
        raise


def living_sweeps(sent: RemoteStudy) -> str:
    """Names of the sweeps that have not ended."""
    return ", ".join(_names(sent))


def _names(sent: RemoteStudy) -> list[str]:
    return [sweep.name for sweep in sent.sweeps() if sweep.lives]


def _types(sent: RemoteStudy) -> Commands:
    from gridrun.run.backend import commands_of

    types = commands_of(sent.backend_name)
    assert types is not None, "what sends sweeps has commands for them"
    return types
