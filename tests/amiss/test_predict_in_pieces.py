"""Rows to be predicted are read in pieces; predictions and notes are those of the whole."""

from __future__ import annotations

import csv
import gzip
import re
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

import gridrun
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.features_file import read_features
from amiss_tasks.models import predict
from amiss_tasks.models._rows import rows_to_predict
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.stages.read import read_unlabelled
from amiss_tasks.testing import write_small_study
from gridrun.errors import InputError

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart" / "data"
INPUTS = {
    "vcf": QUICKSTART / "clinvar.vep.vcf.gz",
    "cadd_snv": QUICKSTART / "cadd_snv.tsv.gz",
    "cadd_indel": QUICKSTART / "cadd_indel.tsv.gz",
}
RECORDS, FEW = 70, 30
"""Records of the VCF, and rows of a piece."""

CHUNK = 10_000
"""Bytes that are read at once: a few records, for a piece has whole chunks."""


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
def vcf(tmp_path, monkeypatch):
    """The quickstart's, with records that give no row, and one with versions of transcripts."""
    monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", CHUNK)
    with gzip.open(INPUTS["vcf"], "rt") as file:
        lines = file.read().splitlines()
    first = next(at for at, line in enumerate(lines) if not line.startswith("#"))
    del lines[first + RECORDS :]
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
    count, *found = asked_of(inputs, tmp_path / "pieces", rows_of_piece=FEW)
    assert count > 2
    assert found == whole


def test_several_processes_give_the_same_pieces(vcf, tmp_path, monkeypatch):
    """Rows, reasons and notes, whatever number of them reads; by the memory that it may take."""
    inputs = {**INPUTS, "vcf": vcf}
    one = asked_of(inputs, tmp_path / "one", rows_of_piece=FEW)
    asked = []
    monkeypatch.setattr("amiss_tasks.stages.files.pool.WORTH_BYTES", 0)
    monkeypatch.setattr(
        "amiss_tasks.stages.read._unlabelled.processes_for",
        lambda most, _: asked.append(most) or 2,
    )
    assert asked_of(inputs, tmp_path / "two", rows_of_piece=FEW, most_bytes=10**9) == one
    assert asked == [10**9]


def test_what_a_vcf_lacks_is_counted_over_all_pieces(tmp_path, monkeypatch):
    """Rows that a further table has nothing for, and versions of transcripts, are counted once."""
    monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", 1_000)
    write_small_study(tmp_path / "study", variants=60)
    vcf = tmp_path / "study" / "variants.vcf"
    lines = [line.split("\t") for line in vcf.read_text().splitlines() if line[0] != "#"]
    table = tmp_path / "later.tsv"
    rows = [[*cells[:2], *cells[3:5], cells[7].split("|")[2] + ".3", "0.5"] for cells in lines[::2]]
    head = ["#CHROM", "POS", "REF", "ALT", "transcript_id", "score"]
    table.write_text("".join("\t".join(row) + "\n" for row in (head, *rows)))
    file = tmp_path / "f.yaml"
    file.write_text("- {name: score, source: {annotations: {later: score}}, type: numeric}\n")
    features = read_features(file).features
    inputs = {"vcf": vcf, "annotations.later": table}
    _, *whole = asked_of(inputs, tmp_path / "whole", features, "keep_all")
    assert "no row for 30 of 60 variants (30 of 60 rows)" in " ".join(whole[2])
    assert "(30 rows, for example" in " ".join(whole[2])
    count, *found = asked_of(inputs, tmp_path / "pieces", features, "keep_all", rows_of_piece=10)
    assert count > 2
    assert found[:2] == whole[:2]
    # which of the rows is the example depends on the pieces
    assert [note.split(", for example")[0] for note in found[2]] == [
        note.split(", for example")[0] for note in whole[2]
    ]


def test_a_variant_twice_is_found_in_whatever_pieces(vcf, tmp_path):
    """Two records of one variant, far apart, are refused as they are in the whole."""
    lines = vcf.read_text().splitlines()
    sound = next(line for line in lines if "|YES|" in line and "<DEL>" not in line)
    vcf.write_text("\n".join([*lines, sound]) + "\n")
    said = []
    for name, size in (("whole", 100_000), ("pieces", FEW)):
        with pytest.raises(InputError) as caught:
            asked_of({**INPUTS, "vcf": vcf}, tmp_path / name, rows_of_piece=size)
        said.append(caught.value.text())
    assert "hold the same variant" in said[0]
    assert said[1] == said[0]


def test_predictions_in_pieces_are_byte_for_byte_those_of_the_whole(tmp_path, monkeypatch):
    """The table of predictions and what is said of it are the same, and progress is told."""
    directory = write_small_study(tmp_path / "study", variants=60)
    study = gridrun.open_study(directory)
    model = study.export_model(1, "lr").file
    inputs = {role: str(path) for role, path in study.study.inputs.items()}
    monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", 1_000)
    module = import_module("amiss_tasks.models.predict")
    monkeypatch.setattr(module, "SECONDS", 0.0)
    found = []
    for size in (100_000, 10):
        monkeypatch.setattr(module, "read_unlabelled", partial(read_unlabelled, rows_of_piece=size))
        calls = predict(PIPELINE, model, inputs, tmp_path / "found.csv", trust=False)
        said = []
        while True:
            try:
                said.append(next(calls))
            except StopIteration as end:
                report = end.value
                break
        found.append(((tmp_path / "found.csv").read_bytes(), report))
    assert len(said) > 2
    assert re.fullmatch(r"predicting: \d+% done \(\d+ rows\), about \d+ s left", said[1])
    assert said[-1] == "predicting: 100% done (60 rows), about 0 s left"
    assert found[0] == found[1]
    rows = list(csv.DictReader(found[0][0].decode().splitlines()))
    assert sum(bool(row["probability"]) for row in rows) == 60
