"""Variants that the join loses are counted, with lines, cause and the command that mends it."""

from __future__ import annotations

import pytest
from inputs import GOLDEN_INPUT, lines_of, read, write_lines

from gridrun.errors import WARNING


def renamed(tmp_path, rename, *, of_chromosome: str, most: int = 10**9):
    """The golden inputs with some records of the VCF renamed; how many of them have a star."""
    lines, count = [], 0
    for line in lines_of(GOLDEN_INPUT["vcf"]):
        cells = line.split("\t")
        if not line.startswith("#") and cells[0] == of_chromosome and count < most:
            cells[0] = rename(cells[0])
            count += 1
        lines.append("\t".join(cells))
    assert count
    return {**GOLDEN_INPUT, "vcf": write_lines(tmp_path / "a.vcf", lines)}


def notes_of(inputs, tmp_path) -> str:
    _, notes = read(inputs, tmp_path / "cache")
    return "\n".join(note.text() for note in notes)


@pytest.mark.parametrize(
    ("rename", "names"),
    [
        (lambda name: f"chr{name}", ("chr2", "2")),
        (lambda name: f"{name}_alt", ("2_alt", "no row")),
        (lambda name: f"{name}.1", ("2.1", "no row")),
    ],
)
def test_a_part_of_the_file_with_other_names_is_noted(tmp_path, rename, names):
    """One chromosome of many is named otherwise: its variants are counted, both names are said."""
    text = notes_of(renamed(tmp_path, rename, of_chromosome="2"), tmp_path)
    assert "no row in CADD for" in text
    assert "first on line" in text
    assert all(name in text for name in names)
    assert ("--rename-chrs" in text) == (names[1] == "2")


def test_few_lost_variants_are_a_note_and_many_a_warning(tmp_path):
    """A warning, which tables repeat, begins above a tenth of the variants with a star."""
    few = notes_of(renamed(tmp_path, "chr{}".format, of_chromosome="2", most=3), tmp_path)
    assert WARNING not in few
    lines = [
        f"chr{line}" if not line.startswith("#") and number % 3 == 0 else line
        for number, line in enumerate(lines_of(GOLDEN_INPUT["vcf"]))
    ]
    many = {**GOLDEN_INPUT, "vcf": write_lines(tmp_path / "b.vcf", lines)}
    _, notes = read(many, tmp_path / "other")
    assert sum(note.message.startswith(WARNING) for note in notes) == 1


def test_indels_that_are_not_trimmed_are_noted(tmp_path):
    """REF and ALT with a common last base: CADD's scripts trim it, so such variants are lost."""
    lines, count = [], 0
    for line in lines_of(GOLDEN_INPUT["vcf"]):
        cells = line.split("\t")
        if not line.startswith("#") and len(cells[3]) != len(cells[4]) and count < 5:
            cells[3], cells[4] = cells[3] + "G", cells[4] + "G"
            # VEP writes the allele without the first base
            allele = cells[7].partition("CSQ=")[2].partition("|")[0]
            longer = "G" if allele == "-" else f"{allele}G"
            cells[7] = cells[7].replace(f"CSQ={allele}|", f"CSQ={longer}|")
            cells[7] = cells[7].replace(f",{allele}|", f",{longer}|")
            count += 1
        lines.append("\t".join(cells))
    text = notes_of({**GOLDEN_INPUT, "vcf": write_lines(tmp_path / "a.vcf", lines)}, tmp_path)
    assert "ends with a base that CADD's scripts trim" in text
    assert "bcftools norm -f" in text
