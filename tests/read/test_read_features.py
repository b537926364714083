"""Reading by a study's own features: their columns, and no others, are asked of the inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from inputs import GOLDEN_INPUT, Cells, edit_csq, lines_of, write_lines

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.features.features_file import read_features
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.read import ReadResult, VcfReader, check_inputs, read_inputs
from gridrun.errors import Fault, InputError

VEP_RENAMED = {
    "phyloP20way_mammalian": "phyloP470way_mammalian",
    "MutPred_score": "MutPred2_score",
}
CADD_RENAMED = {"RemapOverlapTF": "TFBS", "Dst2SplType": "SpliceType"}
MOTIF = {"motifECount", "motifEScoreChng", "motifDist", "motifEHIPos", "tOverlapMotifs"}
UNUSED = {"aapos", "Ensembl_proteinid", "SIFT_pred"}


def rename_fields(lines: list[str]) -> list[str]:
    """Give CSQ fields names of another release, and take out those that no feature reads."""
    return edit_csq(
        lines,
        lambda block: {VEP_RENAMED.get(k, k): v for k, v in block.items() if k not in UNUSED},
    )


def rename_columns(lines: list[str]) -> list[str]:
    """Give CADD columns names of another release, and take the motif columns out."""
    names = lines[1].split("\t")
    keep = [index for index, name in enumerate(names) if name not in MOTIF]
    out = [lines[0], "\t".join(CADD_RENAMED.get(names[index], names[index]) for index in keep)]
    for line in lines[2:]:
        cells = line.split("\t")
        out.append("\t".join(cells[index] for index in keep))
    return out


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The golden input as another release would spell it."""
    folder = tmp_path_factory.mktemp("newer")
    change = {"vcf": rename_fields, "cadd_snv": rename_columns, "cadd_indel": rename_columns}
    return {
        role: write_lines(folder / f"{role}.txt", change[role](lines_of(path)))
        for role, path in GOLDEN_INPUT.items()
    }


@pytest.fixture
def own(tmp_path: Path) -> Callable[[str], FeatureSet]:
    def make(text: str) -> FeatureSet:
        path = tmp_path / "own.yaml"
        path.write_text(text, encoding="utf-8")
        return read_features(path).features

    return make


PER_TRANSCRIPT = ("SIFT_score", "MutationTaster_score", "FATHMM_score", "PROVEAN_score")

RENAMING = """\
extends: amiss
change:
  - {name: phyloP20way_mammalian, source: {vep: [phyloP470way_mammalian, phyloP30way_mammalian]}}
  - {name: MutPred_score, source: {vep: [MutPred3_score, MutPred2_score]}}
  - {name: RemapOverlapTF, source: {cadd: TFBS}}
  - {name: Dst2SplType, source: {cadd: SpliceType}}
"""


def read(inputs: Mapping[str, str], features: FeatureSet, cache: Path) -> ReadResult:
    return read_inputs(inputs, {}, cache, "test", features=features)


def refused(inputs: Mapping[str, str], features: FeatureSet) -> tuple[Fault, ...]:
    with pytest.raises(InputError) as caught:
        check_inputs(inputs, {}, features)
    return caught.value.faults


def edit_vcf(folder: Path, change: Callable[[Cells], Cells]) -> dict[str, str]:
    """The golden input with its CSQ blocks changed."""
    lines = edit_csq(lines_of(GOLDEN_INPUT["vcf"]), change)
    return {**GOLDEN_INPUT, "vcf": write_lines(folder / "edited.vcf", lines)}


def test_other_spellings_give_the_same_table(newer, own, tmp_path):
    """Columns of another release, mapped by a features file, give amiss's very table."""
    features = own(RENAMING)
    check_inputs(newer, {}, features)
    found = filter_table(read(newer, features, tmp_path / "new"), "keep_all", "onestar", "all")
    expected = filter_table(
        read_inputs(GOLDEN_INPUT, {}, tmp_path / "old", "test"), "keep_all", "onestar", "all"
    )
    assert found.rows == expected.rows == 3360
    assert found.text == expected.text
    assert set(expected.numeric) - set(found.numeric) == MOTIF
    for name in found.numeric:
        np.testing.assert_array_equal(found.numeric[name], expected.numeric[name])


def test_amiss_s_own_list_demands_the_old_columns(newer):
    """Without a features file the same input is refused, motif and unused columns included."""
    with pytest.raises(InputError) as caught:
        check_inputs(newer, {})
    text = caught.value.text()
    for name in (*VEP_RENAMED, *CADD_RENAMED, *MOTIF, *UNUSED):
        assert f'"{name}"' in text
    assert "docs/features.md" in text


def test_another_column_than_the_first_is_noted(newer, own):
    """Reading MutPred2_score because MutPred3_score is not there is said."""
    messages = [note.message for note in check_inputs(newer, {}, own(RENAMING))]
    assert messages == [
        "feature MutPred_score is read from CSQ field MutPred2_score: no MutPred3_score there"
    ]


def test_sources_that_are_not_there_are_the_features_file_s_faults(newer, own, tmp_path):
    """Each is named with its line, its columns, the nearest and all that are there, at once."""
    faults = refused(
        newer, own("extends: amiss\nadd:\n  - {name: A, source: {cadd: GCC}, type: numeric}\n")
    )
    assert {fault.file.name for fault in faults} == {"own.yaml"}
    lines = {fault.message.split('"')[1]: fault.line for fault in faults}
    assert lines == {
        "phyloP20way_mammalian": 1,
        "MutPred_score": 1,
        "RemapOverlapTF": 1,
        "Dst2SplType": 1,
        "A": 3,
    }
    (mutpred,) = (fault for fault in faults if '"MutPred_score"' in fault.message)
    assert 'did you mean "MutPred2_score"?' in mutpred.text()
    assert "fields that are there: Allele" in mutpred.text()
    assert newer["vcf"] in mutpred.text()
    (added,) = (fault for fault in faults if fault.line == 3)
    assert 'has no column "GCC"' in added.message
    assert 'did you mean "GC"?' in added.text()
    assert "RemapOverlapCL" in added.text()


def test_a_short_list_asks_for_nothing_else(own, tmp_path):
    """A VCF and CADD tables with three features' columns and the join's are enough."""
    fields = {"Allele", "Consequence", "Feature", "CANONICAL", "GERP++_RS"}

    def strip(block: Cells) -> Cells:
        return {name: cell for name, cell in block.items() if name in fields}

    def cut(lines: list[str]) -> list[str]:
        names = lines[1].split("\t")
        used = {"#Chrom", "Pos", "Ref", "Alt", "FeatureID", "Consequence", "GC"}
        keep = [index for index, name in enumerate(names) if name in used]
        return [lines[0], *("\t".join(line.split("\t")[i] for i in keep) for line in lines[1:])]

    inputs = {
        **edit_vcf(tmp_path, strip),
        "cadd_snv": write_lines(tmp_path / "s.tsv", cut(lines_of(GOLDEN_INPUT["cadd_snv"]))),
        "cadd_indel": write_lines(tmp_path / "i.tsv", cut(lines_of(GOLDEN_INPUT["cadd_indel"]))),
    }
    features = own(
        "- {name: GERP++_RS, source: {vep: GERP++_RS}, type: numeric}\n"
        "- {name: GC, source: {cadd: GC}, type: numeric}\n"
        "- {name: vep_consequence, source: {vep: Consequence}, type: categorical}\n"
    )
    assert check_inputs(inputs, {}, features) == []
    table = filter_table(read(inputs, features, tmp_path), "keep_all", "onestar", "all")
    whole = read_inputs(GOLDEN_INPUT, {}, tmp_path, "whole")
    expected = filter_table(whole, "keep_all", "onestar", "all")
    assert set(table.numeric) == {"GERP.._RS", "GC"}
    for name in table.numeric:
        np.testing.assert_array_equal(table.numeric[name], expected.numeric[name])
    assert table.text["vep_consequence"] == expected.text["Consequence.y"]
    assert "Ensembl_transcriptid" not in table.text


def test_per_transcript_needs_the_transcripts(own, tmp_path):
    """Without Ensembl_transcriptid a list by transcript cannot be read; other features can."""
    inputs = edit_vcf(
        tmp_path, lambda block: {k: v for k, v in block.items() if k != "Ensembl_transcriptid"}
    )
    (fault,) = refused(inputs, own("extends: amiss\n"))
    assert 'lacks "Ensembl_transcriptid"' in fault.message
    assert "own.yaml" in fault.message
    plain = [{"name": f.name, "per_transcript": False} for f in AMISS.features if f.per_transcript]
    text = "".join(f"  - {{name: {f['name']}, per_transcript: false}}\n" for f in plain)
    assert check_inputs(inputs, {}, own(f"extends: amiss\nchange:\n{text}")) == []


def test_lists_without_their_transcripts_are_counted(tmp_path):
    """Of amiss's own list, too, it is said what the missing field is needed for, and where."""
    inputs = edit_vcf(
        tmp_path, lambda block: {k: v for k, v in block.items() if k != "Ensembl_transcriptid"}
    )
    lacking, lists = refused(inputs, AMISS)
    assert 'lacks 1 of the dbNSFP fields amiss reads: "Ensembl_transcriptid"' in lacking.message
    with VcfReader(inputs["vcf"]) as reader:
        at = [reader.header.csq_fields.index(name) for name in PER_TRANSCRIPT]
        lines = [
            record.line
            for record in reader
            if any("&" in block[position] for block in record.csq_blocks for position in at)
        ]
    assert len(lines) > 100
    assert "cannot be matched to a transcript" in lists.message
    assert f"({len(lines)} records, first on line {lines[0]}, then {lines[1]}" in lists.message


def test_words_by_transcript(own, tmp_path):
    """A categorical feature takes the row's own word of a list, as a numeric one its number."""

    def words(block: Cells) -> Cells:
        # each transcript's word ends like the transcript
        names = block["Ensembl_transcriptid"].split("&")
        return {**block, "SIFT_pred": "&".join(f"w{name[-1]}" for name in names if name)}

    inputs = edit_vcf(tmp_path, words)
    features = own(
        "extends: amiss\nadd:\n"
        "  - {name: word, source: {vep: SIFT_pred}, type: categorical, per_transcript: true}\n"
    )
    table = filter_table(read(inputs, features, tmp_path), "keep_all", "onestar", "all")
    matched = table.text["Ensembl_transcriptid"]
    assert sum(name is not None for name in matched) > 1000
    expected = [None if name is None else f"w{name[-1]}" for name in matched]
    assert table.text["word"] == expected


def test_numbers_under_categorical_are_refused(own, tmp_path):
    """A categorical feature whose values are all numbers is named with its line."""
    features = own("extends: amiss\nadd:\n  - {name: gc, source: {cadd: GC}, type: categorical}\n")
    with pytest.raises(InputError) as caught:
        read(GOLDEN_INPUT, features, tmp_path)
    (fault,) = caught.value.faults
    assert (fault.file.name, fault.line) == ("own.yaml", 3)
    assert "feature gc (from GC) is categorical, but each of its values is a number" in fault.text()
    assert "type: numeric" in fault.text()


def test_words_under_numeric_are_refused(own, tmp_path):
    """A numeric feature with text is named with feature, place and what else it may be."""
    features = own(
        "extends: amiss\nadd:\n  - {name: lrt, source: {vep: LRT_pred}, type: numeric}\n"
    )
    with pytest.raises(InputError) as caught:
        read(GOLDEN_INPUT, features, tmp_path)
    (fault,) = caught.value.faults
    assert "CSQ field LRT_pred is" in fault.message
    assert "feature lrt (" in fault.text()
    assert "own.yaml:3) reads one number there; text needs type: categorical" in fault.text()


def test_features_without_a_value_are_refused(own, tmp_path):
    """Empty features, numeric and categorical, are faults of the features file."""
    inputs = edit_vcf(tmp_path, lambda block: {**block, "SIFT_pred": ""})
    features = own(
        "extends: amiss\nadd:\n"
        "  - {name: word, source: {vep: SIFT_pred}, type: categorical}\n"
        "  - {name: number, source: {vep: SIFT_pred}, type: numeric}\n"
    )
    with pytest.raises(InputError) as caught:
        read(inputs, features, tmp_path)
    assert {(f.file.name, f.line) for f in caught.value.faults} == {
        ("own.yaml", 3),
        ("own.yaml", 4),
    }
    assert "take the feature out of this file" in caught.value.text()


def test_a_numeric_feature_without_a_value_is_noted_where_nothing_is_encoded(own, tmp_path):
    """With factor alone an empty numeric feature of a features file is a note about that file."""
    inputs = edit_vcf(tmp_path, lambda block: {**block, "SIFT_pred": ""})
    features = own(
        "extends: amiss\nadd:\n  - {name: number, source: {vep: SIFT_pred}, type: numeric}\n"
    )
    found = read_inputs(inputs, {"categorical": ("factor",)}, tmp_path, "test", features=features)
    (note,) = [note for note in found.notes if note.file.name == "own.yaml"]
    assert note.message.startswith("number (from SIFT_pred) is empty in all")
