"""Further tables of annotations: named by a study, read by a features file, joined by key."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import gridrun
from amiss_tasks.features.features_file import read_features
from amiss_tasks.stages.read import check_inputs, read_inputs, read_unlabelled
from amiss_tasks.testing import write_small_study
from gridrun.errors import InputError

VARIANTS = 60
FEATURES = """\
- {name: LRT_score, source: {vep: LRT_score}, type: numeric}
- {name: pathogenicity, source: {annotations: {later: [am_pathogenicity, AM]}}, type: numeric}
- {name: kind, source: {annotations: {later: am_class}}, type: categorical, a_priori: none}
"""
HEAD = ["# made in 2031", "#CHROM\tPOS\tREF\tALT\ttranscript_id\tam_pathogenicity\tam_class"]


def variants(directory: Path) -> list[list[str]]:
    """Chromosome, position, REF, ALT and transcript of each variant of a made-up VCF."""
    lines = (directory / "variants.vcf").read_text().splitlines()
    found = []
    for line in lines:
        if not line.startswith("#"):
            cells = line.split("\t")
            found.append([*cells[:2], *cells[3:5], cells[7].split("|")[2]])
    return found


def rows_of(directory: Path) -> list[list[str]]:
    """A row for each variant but every fifth: its number as a score, one of two classes."""
    return [
        [*key, f"0.{number:03d}", ("likely", "unlikely")[number % 2]]
        for number, key in enumerate(variants(directory))
        if number % 5
    ]


class Files:
    """A VCF, a table and a features file in a directory."""

    def __init__(self, directory: Path, features: str = FEATURES) -> None:
        if not directory.exists():
            write_small_study(directory, variants=VARIANTS)
        self.directory = directory
        self.table = directory / "later.tsv"
        self.inputs = {"vcf": str(directory / "variants.vcf"), "annotations.later": str(self.table)}
        (directory / "f.yaml").write_text(features)
        self.features = read_features(directory / "f.yaml").features
        self.write(HEAD, rows_of(directory))

    def write(self, head: list[str], rows: list[list[str]]) -> None:
        text = "\n".join([*head, *("\t".join(row) for row in rows)])
        self.table.write_text(f"{text}\n")

    def read(self) -> Any:
        check_inputs(self.inputs, {}, self.features)
        cache = self.directory / "cache"
        return read_inputs(self.inputs, {}, cache, str(self.table), features=self.features)

    def refused(self) -> str:
        with pytest.raises(InputError) as caught:
            self.read()
        return caught.value.text()

    def notes(self) -> str:
        return "\n".join(note.text() for note in self.read().notes)


@pytest.fixture
def files(tmp_path) -> Files:
    return Files(tmp_path / "study")


def by_position(result: Any, name: str) -> dict[str, Any]:
    table = result.table
    return dict(zip(table["Pos"].to_pylist(), table[name].to_pylist(), strict=True))


def test_values_stand_beside_their_variant_and_transcript(files):
    """Each row has its own value; a row that the table lacks has none, and is counted."""
    result = files.read()
    scores, kinds = by_position(result, "pathogenicity"), by_position(result, "kind")
    assert len(scores) == VARIANTS
    for number, key in enumerate(variants(files.directory)):
        if number % 5:
            assert scores[key[1]] == float(f"0.{number:03d}")
            assert kinds[key[1]] == ("likely", "unlikely")[number % 2]
        else:
            assert scores[key[1]] != scores[key[1]]  # NaN
            assert kinds[key[1]] is None
    (note,) = [note for note in result.notes if note.file == files.table]
    assert note.message.startswith("no row for 12 of 60 variants (12 of 60 rows)")


def test_packed_and_in_any_order_it_is_the_same_table(files, tmp_path):
    """Gzip, other spellings of the keys, another order of rows and columns: the same values."""
    plain = files.read().table
    rows = [[row[6], *row[3::-1], row[5], row[4]] for row in reversed(rows_of(files.directory))]
    head = ["am_class\tAlt\tref\tPosition\tchr\tAM\tFeature"]
    text = "\n".join("\t".join(cells) if cells is not head else head[0] for cells in [head, *rows])
    files.table = files.directory / "other.gz"
    files.table.write_bytes(gzip.compress(f"{text}\n".encode()))
    files.inputs["annotations.later"] = str(files.table)
    again = files.read()
    assert repr(again.table.to_pylist()) == repr(plain.to_pylist())
    notes = "\n".join(note.message for note in again.notes)
    assert "pathogenicity is read from column AM: no am_pathogenicity there" in notes


def test_without_transcripts_a_value_is_that_of_all(files):
    """A table of variants is joined by variant alone."""
    before = files.read().table
    head = [HEAD[1].replace("\ttranscript_id", "")]
    files.write(head, [[*row[:4], *row[5:]] for row in rows_of(files.directory)])
    files.table.rename(files.directory / "v.tsv")
    files.table = files.directory / "v.tsv"
    files.inputs["annotations.later"] = str(files.table)
    assert repr(files.read().table.to_pylist()) == repr(before.to_pylist())


def test_chr_and_versions_are_tolerated_with_a_note(files):
    """chr1 is 1, and a transcript with a version is the one without; both are said."""
    plain = files.read().table
    rows = [
        [f"chr{row[0]}", *row[1:4], f"{row[4]}.7", *row[5:]] for row in rows_of(files.directory)
    ]
    files.write(HEAD, rows)
    files.table.rename(files.directory / "chr.tsv")
    files.table = files.directory / "chr.tsv"
    files.inputs["annotations.later"] = str(files.table)
    again = files.read()
    assert repr(again.table.to_pylist()) == repr(plain.to_pylist())
    notes = "\n".join(note.message for note in again.notes)
    assert "chr1 is 1 there" in notes
    assert "have versions in this table and none in the VCF" in notes


def test_a_key_twice_is_refused_where_values_differ(files):
    """Both lines are named; the same row again is noted and read once."""
    rows = rows_of(files.directory)
    files.write(HEAD, [*rows, [*rows[0][:5], "0.9", rows[0][6]]])
    assert "lines 3 and 51 have the same key" in files.refused()
    files.write(HEAD, [*rows, rows[0]])
    assert "the same values; read once" in files.notes()


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda text: text.replace("REF", "base"), ("no column for Ref", "ref or reference")),
        (lambda text: text.replace("am_class", "Chr"), ("could be the key Chrom: #CHROM, Chr",)),
        (lambda text: text.replace("am_class", "POS"), ("column POS occurs twice",)),
        (lambda text: text.replace("\t", ","), ("with tabs between them",)),
        (lambda text: text.replace("0.001", "much"), ('am_pathogenicity is "much"', "line 3")),
        (lambda text: text.replace("\t1001\t", "\tx\t"), ('column POS is "x", not a position',)),
        (lambda text: text[:-20], ("columns, 7 expected", "line 50")),
        (lambda text: text.replace("am_class", "class"), ('no column "am_class"', "f.yaml:3")),
        (lambda text: text.replace("ENST00000000001", "ENST1;ENST2"), ("list of transcripts",)),
        (
            lambda text: text.replace("ENST", "NM_"),
            ("none of its transcripts is one of the VCF's",),
        ),
        (lambda text: text.replace("\n1\t", "\n2\t"), ("0 of 48 rows of this table match",)),
        (lambda _: "##fileformat=VCFv4.2\n", ("is a VCF, not a table",)),
        (lambda _: "# a\n# b\n", ("no line of column names",)),
        (lambda _: "", ("the file is empty",)),
    ],
)
def test_what_is_wrong_with_a_table_is_named(files, change, parts):
    """A table that cannot be joined, or not surely, ends in a sentence with its line."""
    files.table.write_text(change(files.table.read_text()))
    said = files.refused()
    assert "later.tsv" in said
    for part in parts:
        assert part in said


def test_a_table_that_the_study_does_not_name(files):
    """Its features are named with what to do; a misspelt one is advised on."""
    files.inputs["annotations.latter"] = files.inputs.pop("annotations.later")
    said = files.refused()
    assert 'f.yaml:2: 2 features are read from the table "later"' in said
    assert "pathogenicity, kind" in said
    assert 'did you mean "latter"?' in said
    assert "later: PATH" in said


def test_a_table_that_no_feature_is_read_from_is_noted(tmp_path):
    """It costs nothing, and says so."""
    files = Files(tmp_path / "study", FEATURES.splitlines()[0])
    notes = check_inputs(files.inputs, {}, files.features)
    assert [note.message for note in notes] == ["no feature is read from this table"]


def test_a_variant_to_predict_may_be_none_of_the_table(files, tmp_path):
    """A table that has nothing for new variants leaves their values missing."""
    rows = rows_of(files.directory)
    files.write(HEAD, [["2", *row[1:]] for row in rows])
    (found,) = read_unlabelled(files.inputs, "keep_all", files.features, tmp_path)
    scores = found.read.table["pathogenicity"].to_pylist()
    assert len(scores) == VARIANTS
    assert all(score != score for score in scores)  # noqa: PLR0124  # NaN


def test_a_study_reads_an_annotation_that_nobody_had_heard_of(tmp_path):
    """A table named by the study, its columns by a features file alone: they are features."""
    directory = write_small_study(
        tmp_path,
        variants=VARIANTS,
        classifiers=["lr"],
        folds=1,
        protocol="corrected",
        inputs={"vcf": "variants.vcf", "annotations": {"later": "later.tsv"}},
        features="f.yaml",
    )
    files = Files(directory)
    study = gridrun.open_study(directory)
    assert set(study.study.inputs) == {"vcf", "annotations.later"}
    assert study.run(backend="inprocess").tally.done == 1
    with study.study.paths.results_csv.open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["state"] == "done"
    notes = study.study.paths.notes_txt.read_text()
    assert "no row for 12 of 60 variants" in notes
    assert gridrun.open_study(directory).plan().pending == 0
    files.table.write_text(files.table.read_text().replace("0.001", "0.002"))
    plan = gridrun.open_study(directory).plan()
    assert {reason.text for reason in plan.why} == {"changed since: input annotations.later"}


def test_names_of_tables(tmp_path):
    """A name that could not be told from a role, or none at all, is refused with its line."""
    directory = write_small_study(tmp_path, inputs={"vcf": "a", "annotations": {"a.b": "x"}})
    with pytest.raises(InputError, match=r'"a.b" cannot be the name of a file below annotations'):
        gridrun.open_study(directory)
    text = (directory / "study.yaml").read_text()
    for wrong in ('"x.tsv"', "{}", '{"a": 3}'):
        start = json.dumps({"a.b": "x"}, indent=2).replace("\n", "\n    ")
        assert start in text
        (directory / "study.yaml").write_text(text.replace(start, wrong))
        with pytest.raises(InputError, match=r"annotations|input"):
            gridrun.open_study(directory)
