"""Sources in several files, lists, combinations and positions: what is read, and what is said."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amiss_tasks.features.feature import Feature
from amiss_tasks.features.features_file import read_features
from amiss_tasks.models.annotation import annotation_of
from amiss_tasks.stages.read import check_inputs, read_inputs
from amiss_tasks.stages.values.cells import one_value, parse
from amiss_tasks.testing import write_small_study
from gridrun.errors import InputError

VARIANTS = 40
KEPT = "- {name: LRT_score, source: {vep: LRT_score}, type: numeric}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A made-up VCF with its tables."""
    return write_small_study(tmp_path_factory.mktemp("made") / "study", variants=VARIANTS)


class Study:
    """The made-up inputs, with further CSQ fields, a further table and a features file."""

    def __init__(self, made: Path, directory: Path) -> None:
        self.made, self.directory = made, directory
        self.inputs = {"vcf": str(made / "variants.vcf")}

    def with_cadd(self) -> None:
        for role in ("cadd_snv", "cadd_indel"):
            self.inputs[role] = str(self.made / f"{role}.tsv")

    def annotate(self, **fields: Callable[[int, str], str]) -> None:
        """Give each CSQ block further fields: of its number and its transcript."""
        lines, number = [], 0
        for line in (self.made / "variants.vcf").read_text().splitlines():
            if line.startswith("##INFO=<ID=CSQ"):
                lines.append(line.replace('">', "".join(f"|{name}" for name in fields) + '">'))
            elif line.startswith("#"):
                lines.append(line)
            else:
                own = line.split("|")[2]
                more = [field(number, own) for field in fields.values()]
                lines.append("|".join([line, *more]))
                number += 1
        path = self.directory / "annotated.vcf"
        path.write_text("\n".join(lines) + "\n")
        self.inputs["vcf"] = str(path)

    def table(self, name: str, column: str, value: Callable[[int], str]) -> None:
        """Name a table with a value for each variant."""
        rows = [f"chrom\tpos\tref\talt\t{column}"]
        records = [
            line.split("\t")
            for line in (self.made / "variants.vcf").read_text().splitlines()
            if not line.startswith("#")
        ]
        for number, cells in enumerate(records):
            rows.append("\t".join([*cells[:2], *cells[3:5], value(number)]))
        path = self.directory / f"{name}.tsv"
        path.write_text("\n".join(rows) + "\n")
        self.inputs[f"annotations.{name}"] = str(path)

    def read(self, features: str, **grid: Any) -> Any:
        path = self.directory / "f.yaml"
        path.write_text(KEPT + features)
        self.features = read_features(path).features
        cache = self.directory / f"cache{random.random()}"  # a name
        return read_inputs(self.inputs, grid, cache, "x", features=self.features)

    def values(self, features: str, name: str) -> list[Any]:
        """Values of a feature in the order of the VCF; None where it is missing."""
        table = self.read(features).table
        pairs = zip(table["vcf_line"].to_pylist(), table[name].to_pylist(), strict=True)
        return [
            None if value is not None and value != value else value  # noqa: PLR0124  # NaN
            for _, value in sorted(pairs)
        ]

    def refused(self, features: str) -> str:
        with pytest.raises(InputError) as caught:
            self.read(features)
        return caught.value.text()


@pytest.fixture
def study(made, tmp_path) -> Study:
    return Study(made, tmp_path)


SEVERAL = """\
- name: new
  source: [{vep: [NEW_score, NEW]}, {annotations: {new: NEW}}, {cadd: GC}]
  type: numeric
"""


def test_the_first_source_that_is_there_is_read(study):
    """CSQ field before table before CADD; which one is noted, and kept for a recipe."""
    study.with_cadd()
    of_cadd = study.values(SEVERAL, "new")
    assert of_cadd == study.values("- {name: new, source: {cadd: GC}, type: numeric}\n", "new")
    assert annotation_of(study.inputs, study.features).sources["new"] == "GC"
    (note,) = [n for n in study.read(SEVERAL).notes if n.file.name == "f.yaml"]
    assert note.message == (
        "feature new is read from cadd GC: no vep NEW_score or NEW, annotations.new NEW there "
        "(line 2)"
    )
    assert annotation_of(study.inputs, study.features).sources["new"] == "cadd GC"

    study.table("new", "NEW", str)
    assert study.values(SEVERAL, "new") == list(range(VARIANTS))
    assert annotation_of(study.inputs, study.features).sources["new"] == "annotations.new NEW"

    study.annotate(NEW=lambda number, _: str(number + 0.5))
    result = study.read(SEVERAL)
    assert study.values(SEVERAL, "new") == [number + 0.5 for number in range(VARIANTS)]
    said = [note.message for note in result.notes]
    assert "feature new is read from CSQ field NEW: no NEW_score there" in said
    assert "no feature is read from this table" in said
    assert annotation_of(study.inputs, study.features).sources["new"] == "vep NEW"


def test_a_feature_with_no_source_at_all_is_refused(study):
    """All its sources are named, those of files that the study has not marked as such."""
    said = study.refused(SEVERAL)
    assert "f.yaml:2" in said
    assert "none of its sources is there: vep NEW_score or NEW; annotations.new NEW (not" in said
    assert "cadd GC (not among the inputs)" in said
    study.table("new", "OLD", str)
    assert "annotations.new NEW; cadd GC (not among the inputs)" in study.refused(SEVERAL)


LISTED = "- {{name: new, source: {{vep: NEW}}, type: {type}, list: {way}}}\n"


@pytest.mark.parametrize(
    ("way", "cell", "expected"),
    [
        ("max", "0.1&0.3&0.2", 0.3),
        ("min", "0.1&.&-0.3", -0.3),
        ("first", ".&0.1&0.2", 0.1),
        ("max", ".&.", None),
        ("max", "0.7", 0.7),
        ("[transcript, max]", "0.1&0.3&0.2", 0.2),
        ("[transcript, max]", "0.1&0.3&.", None),
        ("[transcript, min]", "0.1&0.3", 0.1),
        ("[transcript, first]", "0.4", 0.4),
        ("transcript", "0.1&0.3&0.2", 0.2),
    ],
)
def test_a_list_becomes_one_value(study, way, cell, expected):
    """By its greatest, least or first value, or that of the row's own transcript, the third."""
    study.annotate(
        Ensembl_transcriptid=lambda _, own: f"ENST1&ENST2&{own}",
        NEW=lambda number, _: cell if number else "9",
    )
    found = study.values(LISTED.format(way=way, type="numeric"), "new")
    assert set(found[1:]) == {expected}


def test_list_transcript_is_per_transcript(study, tmp_path):
    """Both ways of saying so are one feature, with one digest and the same values."""
    study.annotate(
        Ensembl_transcriptid=lambda number, own: "ENST1&ENST2" if number % 3 else f"ENST1&{own}",
        NEW=lambda number, _: ["0.1&0.3", "0.5", ""][number % 2],
    )
    by_list = study.values(LISTED.format(way="transcript", type="numeric"), "new")
    digest = study.features.digest
    old = "- {name: new, source: {vep: NEW}, type: numeric, per_transcript: true}\n"
    assert study.values(old, "new") == by_list
    assert study.features.digest == digest
    assert None in by_list


def test_without_transcripts_the_other_way_is_taken_and_said(study):
    """[transcript, max] works on a VCF without Ensembl_transcriptid, with a note."""
    study.annotate(NEW=lambda *_: "0.1&0.3")
    feature = LISTED.format(way="[transcript, max]", type="numeric")
    assert set(study.values(feature, "new")) == {0.3}
    (note,) = [n.message for n in study.read(feature).notes if "Ensembl_transcriptid" in n.message]
    assert note.endswith("the features file's other way is taken (max)")


def test_text_in_a_list_has_a_first_value(study):
    """A categorical feature takes the first level that is there."""
    study.annotate(NEW=lambda number, _: ".&D&T" if number % 2 else "T")
    found = study.values(LISTED.format(way="first", type="categorical"), "new")
    assert found == ["T", "D"] * (VARIANTS // 2)


def test_lists_of_tables_have_semicolons(study):
    """In a table of dbNSFP's own form the values of a cell are joined by ;."""
    study.table("new", "NEW", lambda number: f"{number};.;1000" if number % 2 else "5")
    feature = "- {name: new, source: {annotations: {new: NEW}}, type: numeric, list: min}\n"
    found = study.values(feature, "new")
    assert found == [float(n) if n % 2 else 5.0 for n in range(VARIANTS)]
    assert 'is "1;.;1000", not one number' in study.refused(feature.replace(", list: min", ""))


def test_words_in_a_list_of_numbers_are_refused(study):
    """The field, the value and the lines are named."""
    study.annotate(NEW=lambda number, _: "0.1&D" if number == 3 else "0.2")
    said = study.refused(LISTED.format(way="max", type="numeric"))
    assert 'CSQ field NEW is "0.1&D", not one number (1 row, line' in said


def test_impossible_values_are_found_behind_lists(study):
    """A probability above 1 is damage in a list and in an operand as anywhere else."""
    study.annotate(MutPred_score=lambda number, _: "0.1&7" if number == 9 else "0.2&0.1")
    source = "{vep: MutPred_score}"
    alone = f"- {{name: new, source: {source}, type: numeric, list: max}}\n"
    combined = (
        f"- {{name: new, combine: {{by: mean, of: [{source}, {{vep: LRT_score}}]}}, "
        "type: numeric, list: max}\n"
    )
    for feature in (alone, combined):
        assert "CSQ field MutPred_score is 7, which is not a number from 0 to 1" in (
            study.refused(feature)
        )


COMBINED = "- {{name: new, combine: {{by: {by}, of: [{{vep: A}}, {{vep: B}}]}}, type: numeric}}\n"


@pytest.mark.parametrize(
    ("by", "both", "only_first", "only_second"),
    [
        ("max", 0.5, 0.2, 0.5),
        ("min", 0.2, 0.2, 0.5),
        ("mean", 0.35, 0.2, 0.5),
        ("first", 0.2, 0.2, 0.5),
        ("sum", 0.7, None, None),
        ("difference", -0.3, None, None),
        ("ratio", 0.4, None, None),
    ],
)
def test_columns_of_a_row_are_combined(study, by, both, only_first, only_second):
    """What is missing is passed over or makes the feature missing, as the page says."""
    rows = [("0.2", "0.5"), ("0.2", ""), (".", "0.5"), ("", "")]
    study.annotate(A=lambda n, _: rows[n % 4][0], B=lambda n, _: rows[n % 4][1])
    found = study.values(COMBINED.format(by=by), "new")
    assert found[:4] == [both, only_first, only_second, None]
    assert annotation_of(study.inputs, study.features).sources["new"] == f"{by} of vep A, vep B"


def test_a_ratio_by_zero_is_missing(study):
    """No infinite value goes on to a model."""
    study.annotate(A=lambda *_: "1", B=lambda n, _: "0" if n % 2 else "4")
    assert study.values(COMBINED.format(by="ratio"), "new")[:2] == [0.25, None]


def test_operands_of_several_files(study):
    """A feature may take its maximum over CSQ, CADD and a table, each the first that is there."""
    study.with_cadd()
    study.annotate(A=lambda *_: "-9")
    study.table("new", "NEW", lambda number: "5" if number % 2 else ".")
    feature = (
        "- {name: new, type: numeric, combine: {by: max, of: [{vep: A}, "
        "[{vep: GONE}, {cadd: GC}], {annotations: {new: NEW}}]}}\n"
    )
    of_cadd = study.values("- {name: new, source: {cadd: GC}, type: numeric}\n", "new")
    expected = [5.0 if n % 2 else -9.0 if of_cadd[n] is None else of_cadd[n] for n in range(9)]
    assert study.values(feature, "new")[:9] == expected
    columns = study.read(feature).table.column_names
    assert not [name for name in columns if "[" in name]
    assert "feature new[vep:GONE] is read from cadd GC" in str(study.read(feature).notes)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("123/456", 123 / 456),
        ("123-125/456", 123 / 456),
        ("?-12/456", 12 / 456),
        ("12-?/456", 12 / 456),
        ("457/456", 457 / 456),
        ("?/456", None),
        ("-", None),
        ("", None),
        ("3/4", 0.75),
    ],
)
def test_a_relative_position(cell, expected):
    """Position by length, of a range its beginning or what is known of it; - is missing."""
    feature = Feature("P", "vep", ("Protein_position",), stands_for="relative_position")
    values, bad = parse(feature, [cell], ("", ".", "NA"))
    assert not bad
    found = None if math.isnan(values[0]) else values[0]
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-14))


@pytest.mark.parametrize("cell", ["123", "a/456", "1/0", "1/2/3", "1-2-3/4", "1/99999999999"])
def test_what_is_no_position_and_length_is_refused(study, cell):
    """Positions without a length are no share; the message says what VEP has to be asked for."""
    study.annotate(Protein_position=lambda n, _: cell if n == 2 else "1/2")
    feature = "- {name: P, source: {vep: Protein_position}, type: numeric, as: relative_position}\n"
    said = study.refused(feature)
    assert f'CSQ field Protein_position is "{cell}", not a position and a length' in said
    assert "--total_length" in said


def test_values_where_a_feature_cannot_exist_are_noted(study):
    """Rows of other consequences with a value are counted; consequences are named."""
    study.annotate(NEW=lambda *_: "1")
    result = study.read(
        "- {name: new, source: {vep: NEW}, type: numeric, applies_to: [missense_variant]}\n"
    )
    rows = result.table["Consequence.y"].to_pylist().count("synonymous_variant")
    (note,) = [note for note in result.notes if "applies to" in note.message]
    assert f'feature "new" has a value in {rows} rows' in note.message
    assert note.message.endswith("none that it applies to: synonymous_variant (line 2)")


def test_lists_of_one_million_values_are_quick():
    """Cells that are no list cost nothing: the same tuple comes back."""
    feature = Feature("A", "vep", ("A",), lists=("max",))
    cells = ("0.1",) * 10
    assert one_value(feature, cells) == cells


def test_the_headers_alone_say_what_is_lacking(study):
    """The check before a run names sources that are not there, without reading a record."""
    path = study.directory / "f.yaml"
    path.write_text(KEPT + SEVERAL)
    with pytest.raises(InputError, match="none of its sources is there"):
        check_inputs(study.inputs, {}, read_features(path).features)
