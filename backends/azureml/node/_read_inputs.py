"""What a child does that is to read the inputs: they come, tables are made and stay.

Its report goes to ``outputs``, which Azure keeps; the tables go to the datastore and nowhere else.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from backends.azureml.node._data import (
    bring_inputs,
    changed,
    data_of,
    places,
    put_blocks,
    store_of,
)
from backends.azureml.settings import AzureData
from gridrun.errors import EnvironmentFault, Fault, GridrunError
from gridrun.shard import REPORT
from gridrun.shard.remote_inputs import ReadingReport, make_blocks, order_from
from gridrun.store.cache import replacing


def read_inputs(
    arguments: Sequence[str], order: Path, store: Path, out: Path, say: Callable[[str], None]
) -> int:
    """Do what an order asks.

    Args:
        arguments: Of the child.
        order: The order.
        store: Says where the data are.
        out: Takes the report.
        say: Called with each line of the log.

    Returns:
        Exit code; 0 where a report was left.
    """
    data = data_of(store)
    text = order.read_text("utf-8")
    say(f"copying {', '.join(places(data).values())}")
    # the job's directory may be a mount of the workspace's storage, where data may not go
    with tempfile.TemporaryDirectory(prefix="gridrun-inputs-") as name:
        try:
            report = _read(data, arguments, text, Path(name), say)
        except GridrunError as error:
            say(f"error: {error.text()}")
            return error.exit_code
    with replacing(out / REPORT) as aside:
        aside.write_text(report.text(), "utf-8")
    say(json.dumps({"blocks": len(report.blocks), "faults": len(report.faults)}))
    return 0


def _read(
    data: AzureData, arguments: Sequence[str], text: str, place: Path, say: Callable[[str], None]
) -> ReadingReport:
    """Copy the inputs, make the blocks, keep them in the datastore."""
    order, _ = order_from(text)
    try:
        found = store_of(data, arguments)
        stamps = found.stamps()
        inputs, missing = bring_inputs(found, data, place / "inputs")
        faults = [Fault(Path(places(data)[role]), "is not there") for role in missing]
        faults += [
            Fault(
                Path(places(data)[role]),
                "was changed while it was copied to the node",
                todo="wait until it is whole, then run the same command again",
            )
            for role in changed(stamps, found.stamps())
            if role not in missing
        ]
    except GridrunError as error:
        said = Fault(Path(error.where or ""), error.what, todo=error.todo)
        of_machine = isinstance(error, EnvironmentFault)
        return ReadingReport(order.digest, {}, (), (said,), of_machine=of_machine)
    if faults:
        return ReadingReport(order.digest, {}, (), tuple(faults))
    report = make_blocks(text, inputs, place / "blocks", say=say)
    put_blocks(found, report, place / "blocks")
    return replace(report, stamps=stamps)
