"""Transcripts: matched with and without their versions, and those of MANE Select."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from inputs import BASE_INPUT, Cells, edit_csq, lines_of, read, write_lines

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.read import read_inputs
from amiss_tasks.stages.read._batch import match_transcript
from amiss_tasks.stages.transcripts import Side, matches, place_of, stem
from gridrun.errors import InputError


def test_stem_takes_a_version_off():
    """Ensembl's and RefSeq's transcripts have one; motifs and what only ends so have not."""
    names = ("ENST00000357654.9", "NM_007294.4", "XR_1.1", "ENST1", "MA0001.2", "ENSR1.2", "ENST1.")
    assert [stem(name) for name in names] == [
        *("ENST00000357654", "NM_007294", "XR_1", "ENST1", "MA0001.2", "ENSR1.2", "ENST1.")
    ]


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("ENST1.4", ["ENST1.4", "ENST1.5"], [0]),
        ("ENST1", ["ENST2.1", "ENST1.5"], [1]),
        ("ENST1.4", ["ENST2", "ENST1"], [1]),
        ("ENST1.4", ["ENST1.5"], [0]),
        ("ENST1", ["ENST1.4", "ENST1.5"], [0, 1]),
        ("ENST1", ["ENST11", "NM_1.1"], []),
    ],
)
def test_place_of(name, others, expected):
    """The same spelling goes first; versions count only where it is not there."""
    assert list(place_of(name, others)) == expected


@pytest.mark.parametrize(
    ("feature", "cells", "expected"),
    [
        ("ENST1.4", ("ENST2&ENST1", "5&7"), ("ENST1", "7")),
        ("ENST1", ("ENST2.3&ENST1.4", "5&7"), ("ENST1.4", "7")),
        ("ENST1.4", ("ENST1", "5"), ("ENST1", "5")),
        ("NM_1.4", ("NM_1.5&NM_2.1", "5&7"), ("NM_1.5", "5")),
        ("ENST1", ("ENST1.4&ENST1.5", "5&7"), ("", "")),
        ("ENST1", ("ENST11.4", "5"), ("", "")),
    ],
)
def test_lists_by_transcript_are_matched_without_versions(feature, cells, expected):
    """The value of the transcript is taken; of two versions of it, neither."""
    assert match_transcript(feature, cells) == expected


def side(name: str, *rows: tuple[str, str]) -> Side:
    positions, transcripts = zip(*rows, strict=True)
    return Side(
        pa.table({"pos": positions, "transcript": transcripts}), ("pos", "transcript"), name
    )


def test_rows_are_matched_without_versions_where_they_must_be():
    """Equal spelling first, then equal stems of one variant; notes say how many, and which side."""
    here = side("CADD", ("1", "ENST1"), ("1", "NM_2.1"), ("2", "ENST1"), ("2", "NM_3.4"))
    there = side("the VCF", ("1", "ENST1.7"), ("1", "NM_2.1"), ("3", "ENST1.7"), ("2", "NM_3.5"))
    found = matches(here, there)
    assert found.at.to_pylist() == [0, 1, None, 3]
    assert found.notes == [
        ("transcripts have versions in the VCF and none in CADD", 1, "ENST1 and ENST1.7"),
        ("transcripts have other versions in CADD than in the VCF", 1, "NM_3.4 and NM_3.5"),
    ]
    assert (found.twice_here, found.twice_there) == ([], [])


def test_two_versions_are_ambiguous_where_neither_is_the_other_sides():
    """Both rows of a side are named; where spelling decides, or another variant is meant, none."""
    one = side("a", ("1", "ENST1"), ("2", "ENST1"))
    two = side("b", ("1", "ENST1.1"), ("1", "ENST1.2"), ("2", "ENST1.3"))
    assert list(matches(one, two).twice_there) == [(0, 1)]
    assert list(matches(two, one).twice_here) == [(0, 1)]
    exact = matches(side("a", ("1", "ENST1.2")), two)
    assert (exact.at.to_pylist(), exact.notes) == ([1], ())


def test_nothing_is_said_where_all_are_spelt_alike():
    """Versions that no row needs leave no note and change no match."""
    found = matches(side("a", ("1", "ENST1"), ("1", "NM_1.1")), side("b", ("1", "ENST1")))
    assert found.at.to_pylist() == [0, None]
    assert (found.notes, found.twice_here) == ((), ())


def edited(directory: Path, change: Callable[[Cells], Cells]) -> dict[str, str]:
    directory.mkdir(exist_ok=True)
    lines = edit_csq(lines_of(BASE_INPUT["vcf"]), change)
    return {**BASE_INPUT, "vcf": write_lines(directory / "a.vcf", lines)}


def texts(notes: Any) -> str:
    return "\n".join(note.text() for note in notes)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return read(BASE_INPUT, tmp_path_factory.mktemp("base"))[0]


def test_a_cadd_table_may_have_versions(tmp_path, base):
    """The rows are those without versions; ids have the transcript as CADD spells it."""
    inputs = dict(BASE_INPUT)
    for role in ("cadd_snv", "cadd_indel"):
        lines = [
            "\t".join(f"{c}.3" if c.startswith("ENST") else c for c in line.split("\t"))
            for line in lines_of(BASE_INPUT[role])
        ]
        inputs[role] = write_lines(tmp_path / f"{role}.tsv", lines)
    found, notes = read(inputs, tmp_path / "cache")
    names = base.table["FeatureID"].to_pylist()
    assert found.table["FeatureID"].to_pylist() == [name and f"{name}.3" for name in names]
    plain = base.table.drop_columns("FeatureID")
    assert repr(found.table.drop_columns("FeatureID").to_pylist()) == repr(plain.to_pylist())
    assert "transcripts have versions in CADD and none in the VCF: matched without" in texts(notes)


def test_versions_of_dbnsfps_lists_are_counted(tmp_path, base):
    """Scores by transcript are found, and a note has rows and first lines."""

    def change(block: Cells) -> Cells:
        listed = block["Ensembl_transcriptid"].split("&")
        return {**block, "Ensembl_transcriptid": "&".join(f"{n}.2" if n else n for n in listed)}

    found, notes = read(edited(tmp_path / "v", change), tmp_path / "cache")
    names = AMISS.numeric_columns
    assert repr(found.table.select(names).to_pylist()) == repr(base.table.select(names).to_pylist())
    said = "a transcript has a version in Ensembl_transcriptid and none in Feature: matched without"
    assert said in texts(notes)


def test_two_versions_in_a_file_are_refused_with_lines(tmp_path):
    """In a list, in a record and in CADD: the lines and both spellings are named."""

    def twice(block: Cells) -> Cells:
        listed = f"{block['Feature']}.1&{block['Feature']}.2"
        return {**block, "Ensembl_transcriptid": listed}

    with pytest.raises(InputError) as caught:
        read_inputs(edited(tmp_path / "v", twice), {}, tmp_path, "test")
    assert "ENST00000010000.1 and ENST00000010000.2" in caught.value.text()
    assert "has two versions of one transcript for one variant" in caught.value.text()
    lines = lines_of(BASE_INPUT["cadd_snv"])
    versions = [
        line.replace(cell, f"{cell}.{n}")
        for line in lines[2:]
        for cell in line.split("\t")
        if cell.startswith("ENST")
        for n in (1, 2)
    ]
    inputs = {**BASE_INPUT, "cadd_snv": write_lines(tmp_path / "s.tsv", [*lines[:2], *versions])}
    with pytest.raises(InputError) as caught:
        read_inputs(inputs, {}, tmp_path, "test")
    assert re.search(r"lines \d+ and \d+ have two versions of one tr", caught.value.text())


# --- MANE Select --------------------------------------------------------------


def is_odd(transcript: str) -> bool:
    """Whether the transcript is of a record with an odd number."""
    return int(transcript[-5]) % 2 == 1


def marked(field: str, select: str, other: str = "") -> Callable[[Cells], Cells]:
    """A MANE field that marks the canonical transcripts of every second record."""

    def change(block: Cells) -> Cells:
        is_select = block.get("CANONICAL") == "YES" and is_odd(block["Feature"])
        return {**block, field: select if is_select else other}

    return change


@pytest.mark.parametrize(
    ("field", "select", "other"),
    [
        ("MANE_SELECT", "NM_007294.4", ""),
        ("MANE", "NM_007294.4", ""),
        ("MANE", "MANE_Select", "MANE_Plus_Clinical"),
        ("MANE", "MANE_Select&MANE_Plus_Clinical", "."),
    ],
)
def test_mane_keeps_the_select_transcripts(tmp_path, field, select, other):
    """Whatever release wrote the field, its rows are kept and variants without are counted."""
    inputs = edited(tmp_path / "m", marked(field, select, other))
    grid = {"transcript": ("canonical", "mane"), "vus_inclusion": ("exclude",)}
    found, notes = read(inputs, tmp_path, grid)
    table = filter_table(found, "mane", "onestar", "all")
    expected = [
        name
        for name in filter_table(found, "canonical", "onestar", "all").text["FeatureID"]
        if is_odd(name)
    ]
    assert table.text["FeatureID"] == expected
    assert 0 < len(expected) < filter_table(found, "keep_all", "onestar", "all").rows
    (note,) = [n.message for n in notes if n.message.startswith("transcript=mane leaves out")]
    assert note.endswith("none of their transcripts is a MANE Select one")
    everything = filter_table(found, "keep_all", "onestar", "all")
    variants = [len({*zip(t.text["Pos"], t.text["Alt"], strict=True)}) for t in (everything, table)]
    assert f"leaves out {variants[0] - variants[1]} of {variants[0]} variants" in note


def test_mane_needs_a_field_and_rows(tmp_path):
    """Without the field, or a transcript that it marks, no combination of mane trains."""
    with pytest.raises(InputError) as caught:
        read(BASE_INPUT, tmp_path, {"transcript": ("mane",)})
    assert 'no "MANE_SELECT" in the CSQ format (VEP before 103: "MANE")' in caught.value.text()
    inputs = edited(tmp_path / "m", marked("MANE_SELECT", ""))
    with pytest.raises(InputError) as caught:
        read(inputs, tmp_path, {"transcript": ("mane",)})
    assert "0 variants at quality=onestar, restriction=all, transcript=mane" in caught.value.text()
    _, notes = read(inputs, tmp_path, {"transcript": ("keep_all", "mane")})
    assert "with --refseq since 104" in texts(notes)
