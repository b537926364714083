"""The value mane of parameter transcript: which protocol runs it, and what its models predict."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.models._rows import rows_to_predict
from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.stages.read import read_unlabelled
from amiss_tasks.stages.transcripts import stem
from gridrun.errors import InputError
from gridrun.study.grid_file import read_grid

MALFORMED = Path(__file__).parents[1] / "malformed" / "base"
BASE = {
    "vcf": MALFORMED / "clinvar.vep.vcf",
    "cadd_snv": MALFORMED / "CADD_clingen.tsv",
    "cadd_indel": MALFORMED / "CADD_clingen_indel.tsv",
}
IS_SELECT = re.compile(r"ENST\d{6}[13579]0000\.5")
"""Canonical transcripts of every second record."""


def unlabelled(inputs, transcript, directory):
    """All rows of a VCF that are to be predicted, as one piece."""
    (found,) = read_unlabelled(inputs, transcript, AMISS, directory)
    return found


def test_mane_is_for_protocol_corrected(tmp_path):
    """Protocol amiss has no such filter and refuses the value with what to do."""
    path = tmp_path / "g.json"
    grid = {parameter.name: parameter.values[0] for parameter in PARAMETERS}
    path.write_text(json.dumps(grid | {"transcript": "mane"}))
    read = read_grid(path, PARAMETERS, (), "corrected")
    assert read.grid.allowed()["transcript"] == ("mane",)
    with pytest.raises(InputError) as caught:
        read_grid(path, PARAMETERS, (), "amiss")
    (fault,) = caught.value.faults
    assert "protocol amiss does not run" in fault.message
    assert "set protocol: corrected" in (fault.todo or "")


def test_a_model_predicts_mane_transcripts_of_another_spelling(tmp_path):
    """Rows of other transcripts are left out, and versions do not lose the rows of CADD."""
    path = tmp_path / "a.vcf"
    path.write_text("".join(map(_marked, BASE["vcf"].read_text().splitlines(keepends=True))))
    inputs = {role: str(file) for role, file in (BASE | {"vcf": path}).items()}
    asked = rows_to_predict(unlabelled(inputs, "mane", tmp_path), "mane", "all")
    joined = [row for row in asked.rows if row.joined is not None]
    assert joined
    assert all(IS_SELECT.search(row.transcript) for row in joined)
    assert all(stem(row.transcript) != row.transcript for row in joined)
    assert "no MANE Select transcript" in {row.reason for row in asked.rows}
    assert asked.other_transcripts
    before = {role: str(file) for role, file in BASE.items()}
    plain = rows_to_predict(unlabelled(before, "keep_all", tmp_path), "keep_all", "all")
    at = {(row.line, row.transcript): row.joined for row in plain.rows}
    assert all(at[row.line, stem(row.transcript)] == row.joined for row in joined)


def _marked(line: str) -> str:
    """A line of a VCF with versions, and MANE Select transcripts in every second record."""
    if line.startswith("##INFO=<ID=CSQ"):
        return line.replace('">', '|MANE_SELECT">')
    head, key, csq = line.rstrip("\n").partition("CSQ=")
    if line.startswith("#") or not key:
        return line
    blocks = [re.sub(r"ENST\d+", r"\g<0>.5", block, count=1) for block in csq.split(",")]
    marks = ["NM_1.1" if IS_SELECT.search(block) else "" for block in blocks]
    marked = [f"{block}|{mark}" for block, mark in zip(blocks, marks, strict=True)]
    return f"{head}{key}{','.join(marked)}\n"
