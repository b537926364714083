"""Reading and filtering against upstream's own output."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from inputs import (
    GOLDEN,
    GOLDEN_INPUT,
    canonical_hash,
    lines_of,
    order_hash,
    write_lines,
)

from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.filter_mask import QUALITIES, RESTRICTIONS, TRANSCRIPTS
from amiss_tasks.stages.read import ReadResult, read_inputs

with (GOLDEN / "parse" / "combinations.csv").open(newline="") as _file:
    COMBINATIONS = list(csv.DictReader(_file))


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> ReadResult:
    return read_inputs(GOLDEN_INPUT, {}, tmp_path_factory.mktemp("cache"), "golden")


@pytest.mark.parametrize(
    "row",
    COMBINATIONS,
    ids=["-".join((row["transcript"], row["quality"], row["restriction"])) for row in COMBINATIONS],
)
def test_equals_upstream(golden: ReadResult, row: dict[str, str]) -> None:
    """Each of the 12 filters gives upstream's rows, values and row order."""
    table = filter_table(golden, row["transcript"], row["quality"], row["restriction"])
    assert table.rows == int(row["rows"])
    assert canonical_hash(table) == row["sha256_canonical"]
    assert order_hash(table) == row["sha256_row_order"]


def test_all_twelve_are_covered() -> None:
    """The golden file has every filter once."""
    assert len({tuple(row.values())[:3] for row in COMBINATIONS}) == 12


def test_order_of_lines_does_not_matter(golden: ReadResult, tmp_path: Path) -> None:
    """Shuffled VCF records and CADD rows give the same table, values and order."""
    shuffled = {}
    for role, path in GOLDEN_INPUT.items():
        lines = lines_of(path)
        head = [line for line in lines if line.startswith("#")]
        body = lines[len(head) :]
        random.Random(5).shuffle(body)
        shuffled[role] = write_lines(tmp_path / Path(path).stem, [*head, *body])
    again = read_inputs(shuffled, {}, tmp_path, "shuffled")
    for name in ("vcf_line", "cadd_line"):
        assert again.table[name].to_pylist() != golden.table[name].to_pylist()
    for transcript, quality, restriction in (
        ("canonical", "twostar", "missense"),
        ("keep_all", "onestar", "all"),
    ):
        mine = filter_table(again, transcript, quality, restriction)
        theirs = filter_table(golden, transcript, quality, restriction)
        assert mine.text == theirs.text
        for name, values in mine.numeric.items():
            np.testing.assert_array_equal(values, theirs.numeric[name])


def test_counts_of_the_golden_input(golden: ReadResult) -> None:
    """Every record is accounted for: in the result, or dropped for a named reason."""
    counts = golden.counts
    assert counts.records == 1500
    assert counts.blocks == 3821
    dropped = sum(counts.records_dropped.values())
    assert counts.variants + counts.variants_without_cadd + dropped == counts.records
    assert counts.records_dropped == {"no star in CLNREVSTAT": 164, "CLNSIG=drug_response": 17}
    assert counts.rows == 3360


def test_filter_refuses_other_values(golden: ReadResult) -> None:
    """A value that no parameter has is an error, not an empty table."""
    with pytest.raises(ValueError, match="onestars"):
        filter_table(golden, "canonical", "onestars", "all")


REAL_ROWS = {
    ("canonical", "missense"): (228, 935, 1789),
    ("canonical", "all"): (1168, 2686, 5100),
    ("keep_all", "missense"): (233, 958, 1846),
    ("keep_all", "all"): (1541, 3448, 6631),
}
"""Rows at clingen, twostar and onestar, by the README of the real input."""


def test_real_input(shared: Path, tmp_path: Path) -> None:
    """The real input gives the rows that upstream's S01 gave, in all 12 filters."""
    folder = shared / "data" / "real"
    inputs = {role: str(folder / Path(path).name) for role, path in GOLDEN_INPUT.items()}
    result = read_inputs(inputs, {}, tmp_path, "real")
    found = {
        (transcript, restriction): tuple(
            filter_table(result, transcript, quality, restriction).rows for quality in QUALITIES
        )
        for transcript in TRANSCRIPTS
        for restriction in RESTRICTIONS
    }
    assert found == REAL_ROWS
    assert result.counts.records == 5243
    assert result.counts.blocks == 7376
