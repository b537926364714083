"""A CSQ block of another ALT than its record's: refused, or left out where the study says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from inputs import GOLDEN_INPUT, lines_of, read, write_lines

from amiss_tasks.stages.read.alleles import alleles_of
from gridrun.errors import InputError


@pytest.mark.parametrize(
    ("ref", "alt", "written"),
    [
        ("A", "G", "G"),
        ("A", "AT", "T"),  # insertion
        ("AT", "A", "-"),  # deletion
        ("AT", "ATCG", "TCG"),  # only the first base goes, unless vep --minimal
        ("AT", "ATCG", "CG"),
        ("AT", "GC", "GC"),  # several bases for as many
        ("AT", "G", "G"),  # no first base in common
        ("CA", "CT", "T"),  # split from a record that had an insertion or a deletion
        ("CA", "CT", "CT"),
        ("a", "g", "G"),
        ("CAA", "CA", "-"),  # vep --minimal
    ],
)
def test_an_allele_is_written_by_vep_s_rules(ref, alt, written):
    """Every way in which VEP writes this ALT in the field Allele counts as the ALT."""
    assert written in alleles_of(ref, alt)


@pytest.mark.parametrize(
    ("ref", "alt", "written"),
    [
        ("A", "G", "C"),
        ("A", "AT", "A"),
        ("A", "AT", "-"),
        ("AT", "A", ""),
        ("AT", "A", "T"),
        ("T", "TAG", "-"),
        ("AT", "GC", "C"),
    ],
)
def test_what_vep_does_not_write_is_another_allele(ref, alt, written):
    """A deletion for an insertion, a base for another, nothing at all."""
    assert written not in alleles_of(ref, alt)


def changed(tmp_path: Path, *, first: int, change) -> tuple[dict[str, str], list[int]]:
    """The golden inputs with some records changed; gives their lines, counted from 1."""
    vcf = lines_of(GOLDEN_INPUT["vcf"])
    starred = [
        number
        for number, line in enumerate(vcf)
        if "criteria_provided,_multiple_submitters,_no_conflicts" in line and "CSQ=" in line
    ][first : first + 3]
    for number in starred:
        cells = vcf[number].split("\t")
        vcf[number] = "\t".join(change(cells))
    inputs = {**GOLDEN_INPUT, "vcf": write_lines(tmp_path / "a.vcf", vcf)}
    return inputs, [number + 1 for number in starred]


def other_base(cells: list[str]) -> list[str]:
    """The blocks of another ALT, as after a split of a record that VEP had annotated."""
    allele = cells[7].partition("CSQ=")[2].partition("|")[0]
    other = "C" if allele != "C" else "A"
    head, _, blocks = cells[7].partition("CSQ=")
    changed = ",".join(
        f"{other}|{block.partition('|')[2]}" for block in blocks.partition(";")[0].split(",")
    )
    return [*cells[:7], f"{head}CSQ={changed}", *cells[8:]]


def with_other_blocks(cells: list[str]) -> list[str]:
    """Its own blocks, then those of another ALT for other transcripts, as bcftools norm leaves."""
    more = other_base(cells)[7].partition("CSQ=")[2].replace("ENST0000", "ENST9999")
    return [*cells[:7], f"{cells[7]},{more}", *cells[8:]]


@pytest.mark.parametrize("change", [other_base, with_other_blocks])
def test_blocks_of_another_allele_are_refused(tmp_path, change):
    """Both alleles and the lines are named, whether all blocks are of another ALT or some."""
    inputs, lines = changed(tmp_path, first=5, change=change)
    with pytest.raises(InputError) as caught:
        read(inputs, tmp_path / "cache")
    text = caught.value.text()
    assert "a CSQ block is of allele" in text
    assert "the ALT of its record is" in text
    assert f"3 records, first on line {lines[0]}, then {lines[1]}, {lines[2]}" in text
    assert "csq_of_other_alleles: leave_out" in text


def test_blocks_of_another_allele_are_left_out_where_the_study_says_so(tmp_path):
    """Records lose those blocks, and are left out without any; both are counted."""
    plain, _ = read(GOLDEN_INPUT, tmp_path / "plain")
    inputs, lines = changed(tmp_path, first=5, change=with_other_blocks)
    same, notes = read(inputs, tmp_path / "same", leave_out_other_alleles=True)
    assert same.table.to_pandas().equals(plain.table.to_pandas())
    (note,) = [note.text() for note in notes if "allele" in note.text()]
    assert "such blocks are left out (3 records" in note
    inputs, lines = changed(tmp_path, first=5, change=other_base)
    fewer, notes = read(inputs, tmp_path / "fewer", leave_out_other_alleles=True)
    assert fewer.counts.records_dropped["every CSQ block is of another allele"] == 3
    assert not set(lines) & set(fewer.table["vcf_line"].to_pylist())


def test_an_annotation_without_alleles_is_noted(tmp_path):
    """Where the field is not there, that it cannot be checked is said."""
    vcf = [
        line.replace("Format: Allele|", "Format: Variant|")
        for line in lines_of(GOLDEN_INPUT["vcf"])
    ]
    inputs = {**GOLDEN_INPUT, "vcf": write_lines(tmp_path / "a.vcf", vcf)}
    _, notes = read(inputs, tmp_path / "cache")
    assert any("cannot check which ALT a block is of" in note.text() for note in notes)
