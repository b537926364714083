"""Lists joined by &: of another length than the transcripts, in a categorical field, of nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inputs import GOLDEN_INPUT, edit_csq, lines_of, read, write_lines

from amiss_tasks.features.features_file import read_features
from amiss_tasks.stages.read import read_inputs
from gridrun.errors import InputError


def edited(tmp_path: Path, change) -> dict[str, str]:
    vcf = write_lines(tmp_path / "a.vcf", edit_csq(lines_of(GOLDEN_INPUT["vcf"]), change))
    return {**GOLDEN_INPUT, "vcf": vcf}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("PROVEAN_score", "0.1&0.2&0.3&0.4&0.5&0.6&0.7&0.8&0.9"),
        ("FATHMM_score", "1.5&-2"),
        ("PROVEAN_score", ".&.&.&.&.&.&.&.&.&.&1"),
    ],
)
def test_a_list_of_another_length_is_noted(tmp_path, field, values):
    """The field and the first lines are named; the i-th value is taken, as by upstream."""

    def change(block):
        several = block["Ensembl_transcriptid"].count("&") not in (0, values.count("&"))
        return {**block, field: values} if several else block

    _, notes = read(edited(tmp_path, change), tmp_path / "cache")
    (text,) = [note.text() for note in notes if "another number of values" in note.text()]
    assert f"CSQ field {field}" in text
    assert "first on line" in text


def test_lists_as_long_as_the_transcripts_are_not(tmp_path):
    """The golden input has nothing but those."""
    _, notes = read(GOLDEN_INPUT, tmp_path / "cache")
    assert not any("another number of values" in note.text() for note in notes)


@pytest.mark.parametrize("cell", [".&.", ".&.&.", "&"])
def test_a_list_of_nothing_is_missing(tmp_path, cell):
    """A field with one number holds a list of dots where nothing is known."""

    def change(block):
        return {**block, "LRT_score": block["LRT_score"] or cell}

    result, _ = read(edited(tmp_path, change), tmp_path / "cache")
    plain, _ = read(GOLDEN_INPUT, tmp_path / "plain")
    assert result.table.to_pandas().equals(plain.table.to_pandas())


def features_of(tmp_path: Path, **more):
    file = tmp_path / "mine.json"
    own = {"name": "SIFT_pred", "source": {"vep": "SIFT_pred"}, "type": "categorical", **more}
    file.write_text(json.dumps({"extends": "amiss", "add": [own]}))
    return read_features(file).features


@pytest.mark.parametrize("cell", ["T&D&.", "D&D", "T&", ".&T"])
def test_a_list_in_a_categorical_field_is_refused(tmp_path, cell):
    """Where the features file says nothing of lists: field, line, value and both ways out."""
    inputs = edited(tmp_path, lambda block: {**block, "SIFT_pred": cell})
    with pytest.raises(InputError) as caught:
        read_inputs(inputs, {}, tmp_path, "x", features=features_of(tmp_path))
    text = caught.value.text()
    assert f'CSQ field SIFT_pred is "{cell}", a list' in text
    assert "first on line" in text
    assert "per_transcript: true" in text
    assert "per_transcript: false" in text


@pytest.mark.parametrize("said", [True, False])
def test_what_the_features_file_says_of_lists_holds(tmp_path, said):
    """The transcript's own value, or the whole text as one value."""
    inputs = edited(
        tmp_path,
        lambda b: {**b, "SIFT_pred": "&".join("T" for _ in b["Ensembl_transcriptid"].split("&"))},
    )
    features = features_of(tmp_path, per_transcript=said)
    table = read_inputs(inputs, {}, tmp_path, "x", features=features).table
    values = set(table["SIFT_pred"].to_pylist()) - {None}
    assert (values == {"T"}) == said


def test_a_motif_twice_is_no_transcript_twice(tmp_path):
    """VEP before 101 names a motif by its matrix; such blocks do not join, and nothing is lost."""
    lines = []
    for line in lines_of(GOLDEN_INPUT["vcf"]):
        head, found, blocks = line.partition("CSQ=")
        if found and not line.startswith("#"):
            first = blocks.split(",")[0].split("|")
            names = ("MA0139.1", "ENSM00000000001", "ENSR00000000002")
            at = next(i for i, cell in enumerate(first) if cell.startswith("ENST"))
            more = ["|".join([*first[:at], name, *first[at + 1 :]]) for name in names * 2]
            line = f"{head}CSQ={','.join([*more, blocks])}"  # noqa: PLW2901
        lines.append(line)
    inputs = {**GOLDEN_INPUT, "vcf": write_lines(tmp_path / "a.vcf", lines)}
    result, _ = read(inputs, tmp_path / "cache")
    plain, _ = read(GOLDEN_INPUT, tmp_path / "plain")
    assert len(result.table) == len(plain.table)
