"""Carrying out an order to read inputs, on a machine that sees them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from gridrun.shard._segments import SegmentWriter
from gridrun.shard.remote_inputs import make_blocks, order_from
from gridrun.store.cache import replacing

REPORT = "blocks.json"
"""File among the outcomes of an order that says what was read and made."""


def carry_out(text: str, blocks: Path, out: Path, say: Callable[[str], None]) -> None:
    """Read the inputs, and keep the tables of every block under their checksums.

    Args:
        text: The order; its places are paths here.
        blocks: Takes the tables.
        out: Takes the report, and then the manifest.
        say: Called with each line of progress.

    Raises:
        GridrunError: It is not an order, or one for other code; faults of the inputs are
            in the report.
    """
    order, _ = order_from(text)
    inputs = {role: Path(place) for role, place in order.places.items()}
    with tempfile.TemporaryDirectory(prefix="gridrun-inputs-") as name:
        made = Path(name) / "blocks"
        report = make_blocks(text, inputs, made, say=say)
        for block in report.blocks:
            if block.artifact:
                with replacing(blocks / block.checksum) as aside:
                    shutil.copyfile(made / block.artifact, aside)
    with replacing(out / REPORT) as aside:
        aside.write_text(report.text(), "utf-8")
    SegmentWriter(out).finish(out.name, 0)
