"""What the job that reads the inputs starts with: inputs come, tables are made and stay.

It lies beside order.json in the job's directory, under another name. Its report goes to
``outputs``, which Azure keeps; the tables go to the datastore and nowhere else.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from backends.azureml.node._store import bring_inputs, data_of, places, put_blocks
from backends.azureml.settings import AzureData
from gridrun.errors import Fault, GridrunError
from gridrun.shard.remote_inputs import ReadingReport, make_blocks, order_from
from gridrun.store.cache import with_replacement

ORDER = Path("order.json")
STORE = Path("store.json")
REPORT = Path("outputs/blocks.json")


def main() -> int:
    """Do what the order asks; the exit code is 0 where a report was left."""
    data = data_of(STORE)
    text = ORDER.read_text("utf-8")
    say(f"copying {', '.join(places(data).values())}")
    # the job's directory may be a mount of the workspace's storage, where data may not go
    with tempfile.TemporaryDirectory(prefix="gridrun-inputs-") as name:
        try:
            report = read(data, text, Path(name))
        except GridrunError as error:
            say(f"error: {error.text()}")
            return error.exit_code
    with_replacement(REPORT, lambda path: _write(path, report.text()))
    say(json.dumps({"blocks": len(report.blocks), "faults": len(report.faults)}))
    return 0


def read(data: AzureData, text: str, place: Path) -> ReadingReport:
    """Copy the inputs, make the blocks, keep them in the datastore."""
    order, _ = order_from(text)
    try:
        inputs, missing = bring_inputs(data, place / "inputs")
        faults = [Fault(Path(places(data)[role]), "is not there") for role in missing]
    except GridrunError as error:
        faults = [Fault(Path(error.where or ""), error.what, todo=error.todo)]
    if faults:
        return ReadingReport(order.digest, {}, (), tuple(faults))
    report = make_blocks(text, inputs, place / "blocks", say=say)
    put_blocks(data, report, place / "blocks")
    return report


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def say(text: str) -> None:
    """A line in the job's log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
