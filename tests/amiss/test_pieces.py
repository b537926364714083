"""Rows to be predicted are read in pieces; predictions and notes are those of the whole."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.models._rows import rows_to_predict
from amiss_tasks.stages.read import read_unlabelled

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart" / "data"
INPUTS = {
    "vcf": QUICKSTART / "clinvar.vep.vcf.gz",
    "cadd_snv": QUICKSTART / "cadd_snv.tsv.gz",
    "cadd_indel": QUICKSTART / "cadd_indel.tsv.gz",
}
FEW = 20
"""Rows of a piece: some records."""


def asked_of(inputs, folder, features=AMISS, transcript="canonical", **pieces):
    """What is to be predicted, row by row with its values, and what is said."""
    folder.mkdir()
    found = read_unlabelled(
        {k: str(v) for k, v in inputs.items()}, transcript, features, folder, **pieces
    )
    rows, others = [], 0
    for piece in found:
        asked = rows_to_predict(piece, transcript, "missense")
        table = piece.read.table.to_pylist()
        rows += [
            (row.line, row.variant, row.transcript, row.reason, row.consequence)
            + (() if row.joined is None else (repr(table[row.joined]),))
            for row in asked.rows
        ]
        others += asked.other_transcripts
    return len(found), rows, others, [note.text() for note in found.notes]


@pytest.fixture
def vcf(tmp_path):
    """The quickstart's, with records that give no row, and one with versions of transcripts."""
    with gzip.open(INPUTS["vcf"], "rt") as file:
        lines = file.read().splitlines()
    first = next(at for at, line in enumerate(lines) if not line.startswith("#"))
    for at in range(first, len(lines)):
        cells = lines[at].split("\t")
        if at % 7 == 0:
            cells[4] = "<DEL>"
        if at % 11 == 0:
            cells[7] = ";".join(i for i in cells[7].split(";") if not i.startswith("CSQ="))
        if at % 5 == 0:
            cells[7] = cells[7].replace("|YES|", "||")
        lines[at] = "\t".join(cells)
    path = tmp_path / "some.vcf"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_pieces_are_the_whole(vcf, tmp_path):
    """Rows, their values, their reasons and all notes are those of one piece."""
    inputs = {**INPUTS, "vcf": vcf}
    count, *whole = asked_of(inputs, tmp_path / "whole")
    assert count == 1
    assert {row[3] for row in whole[0]} >= {"", "no transcript with CANONICAL=YES", "no CSQ"}
    for size in (FEW, 90):
        count, *found = asked_of(inputs, tmp_path / str(size), rows_of_piece=size)
        assert count > 2
        assert found == whole
