"""The sets of features read from inputs: with all their columns, with some, and with none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from amissstudies import amiss_values
from annotated import DATA, INPUTS, Annotated, study
from inputs import Cells, edit_csq, lines_of, write_lines

import gridrun
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.features.features_file import features_of_set, read_features
from amiss_tasks.stages.feature_groups import FEATURE_GROUPS
from amiss_tasks.stages.read import ReadResult, read_inputs
from amiss_tasks.study.leakage import leakage_of
from amiss_tasks.study.options import FEATURES
from amiss_tasks.tasks.source import AmissSource
from gridrun.errors import InputError
from gridrun.pipeline import Settings

PLAIN = {role: str(DATA / f"{name}.gz") for role, name in INPUTS.items()}
"""Inputs of dbNSFP 3.5 and CADD 1.5."""

META = features_of_set("meta2026")


def read(inputs: dict[str, str], cache: Path, features: FeatureSet = META) -> ReadResult:
    """The joined table by a set."""
    return read_inputs(inputs, {}, cache, "test", features=features)


def notes_of(result: ReadResult) -> str:
    """All notes, a line each."""
    return "\n".join(note.message for note in result.notes)


def test_files_of_today_have_every_feature_of_both_sets(tmp_path):
    """With all columns of VEP, dbNSFP and CADD no feature is left out, and each has values."""
    found = read(Annotated().write(tmp_path), tmp_path / "cache")
    assert found.features.features == META.features
    assert "left out" not in notes_of(found)
    assert {name for name, values in found.numbers.items() if np.isnan(values).all()} == set()
    assert set(found.numbers) == set(META.numeric)
    positions = found.numbers["relative_protein_position"]
    assert np.nanmax(positions) <= 1


def test_every_later_name_of_a_column_is_read(tmp_path):
    """Where a feature's first column is not there, the next one is read, and a note says so."""
    firsts = {
        feature.name: (feature.file, feature.sources[0])
        for feature in META.features
        if len(feature.sources) + len(feature.others) > 1
    }
    found = read(Annotated(without=firsts.values()).write(tmp_path), tmp_path / "cache")
    assert found.features.features == META.features
    said = notes_of(found)
    # these are in the older files already
    older = {"SIFT_score", "CADD_raw"} | {n for n in firsts if n.startswith("rel")}
    assert {name for name in firsts if f"feature {name} is read from" in said} == {*firsts} - older
    assert "AlphaMissense_score is read from CSQ field am_pathogenicity" in said
    assert "Grantham is read from vep Grantham: no cadd Grantham there" in said


def test_a_feature_without_its_columns_is_left_out_with_one_note(tmp_path):
    """Older files give the features that they have; one note names the others and their columns."""
    found = read(PLAIN, tmp_path)
    names = {feature.name for feature in found.features.features}
    assert {"SIFT_score", "GERP.._RS", "GC", "CADD_raw", "consequence"} <= names
    assert "AlphaMissense_score" not in names
    (note,) = [note for note in found.notes if "left out" in note.message]
    left_out = len(META.features) - len(names)
    assert note.message.startswith(f"{left_out} of 71 features are left out, for no input has")
    assert "EVE_score (EVE_score or EVE_SCORE)" in note.message
    assert "SpliceAI_max (of SpliceAI_pred_DS_AG and 7 more)" in note.message
    assert "GERP.._RS" not in note.message
    again = read(PLAIN, tmp_path)
    assert again.features == found.features
    assert [one.message for one in again.notes] == [one.message for one in found.notes]


def test_a_feature_that_is_not_optional_is_refused(tmp_path):
    """A file that extends a set and drops the key for a feature is refused without its column."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "extends: components2026\nchange:\n  - {name: AlphaMissense_score, optional: false}\n"
    )
    with pytest.raises(InputError, match='feature "AlphaMissense_score"') as caught:
        read(PLAIN, tmp_path / "cache", read_features(path).features)
    assert [fault.message[:7] for fault in caught.value.faults if fault.todo] == ["feature"]


def test_a_set_of_which_no_numeric_feature_is_there_is_refused(tmp_path):
    """Where nothing but the consequence is left, the fault says what to do."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "- {name: EVE, source: {vep: EVE_SCORE}, type: numeric, optional: true}\n"
        "- {name: term, source: {vep: Consequence}, type: categorical, list: first}\n"
    )
    with pytest.raises(InputError, match="no numeric feature is there: 1 of 2 features is left"):
        read(PLAIN, tmp_path / "cache", read_features(path).features)


def test_a_group_of_features_that_are_all_left_out_is_refused(tmp_path):
    """What is left of a set is known once the inputs are read, and is said before anything runs."""
    groups = {"file": "study.yaml", "values": [["all", 7], ["only new", 8]]}
    path = tmp_path / "own.yaml"
    path.write_text(
        "- {name: EVE, source: {vep: EVE_SCORE}, type: numeric, tags: [new], optional: true}\n"
        "- {name: SIFT, source: {vep: SIFT_score}, type: numeric, list: min, tags: [protein]}\n"
    )
    options = {FEATURES: read_features(path).features.plain(), FEATURE_GROUPS: groups}
    settings = Settings(PLAIN, "corrected", seed=1, options=options)
    with pytest.raises(InputError) as found:
        AmissSource(settings, amiss_values(), tmp_path)
    text = found.value.text()
    assert text.startswith('study.yaml:8: key "feature_groups": no feature that the study has')
    assert 'in the group "new"' in text
    assert "known groups: protein" in text


def test_what_vep_writes_beside_a_number(tmp_path):
    """SIFT in brackets is its number, unknown(0) is missing, a position needs its length."""
    written = ["tolerated_low_confidence(0.25)", "unknown(0)", "0.5", ""]

    def block(cells: Cells) -> Cells:
        text = written[int(cells["Feature"][-4:]) % 4] if cells.get("Feature") else ""
        return {**cells, "SIFT": text, "Protein_position": "12"}

    lines = edit_csq(lines_of(PLAIN["vcf"]), block)
    path = tmp_path / "own.yaml"
    path.write_text(
        "- {name: S, source: {vep: SIFT}, type: numeric, as: number_in_brackets}\n"
        "- {name: P, source: {vep: Protein_position}, type: numeric, as: relative_position,\n"
        "   optional: true}\n"
    )
    inputs = {"vcf": write_lines(tmp_path / "vcf", lines)}
    found = read(inputs, tmp_path / "cache", read_features(path).features)
    values = found.numbers["S"]
    assert set(values[~np.isnan(values)]) == {0.25, 0.5}
    assert np.isnan(values).any()
    assert "CSQ field Protein_position gives no length: P is missing there (" in notes_of(found)
    assert "1 optional feature has no value in any of the" in notes_of(found)


def test_a_study_runs_by_a_set_that_its_files_have_in_part(tmp_path):
    """Features are drawn among those that are there, and the notes name the set."""
    grid = {
        "transcript": "canonical",
        "quality": "onestar",
        "restriction": ["missense", "all"],
        "vus_inclusion": "exclude",
        "categorical": "dummy",
        "imputation": "mean_imp",
        "downsampling": "off",
        "hyperparameter_search_type": "grid",
        "nonzero_variance_check": "on",
        "correlation_check": "off",
        "training_data_sampling_percentage": 1,
        "feature_sampling_percentage": 0.66,
    }
    keys = {"grid": grid, "folds": 1, "classifiers": ["lr"], "rows": 300, "protocol": "corrected"}
    opened = gridrun.open_study(study(tmp_path, PLAIN, "components2026", **keys))
    report = opened.run(backend="inprocess")
    assert report.tally.failed == 0
    notes = opened.study.paths.notes_txt.read_text()
    assert "of 61 features are left out" in notes
    assert "components2026" in notes


def test_tables_say_that_optional_features_leak_as_far_as_they_are_there():
    """The caveat of meta2026 names its leaking features; components2026 has none."""
    values = {"transcript": ["canonical"]}
    settings = Settings({}, "corrected", seed=1, options={FEATURES: META.plain()})
    (caveat,) = leakage_of(settings, values)
    assert "REVEL_score (trained on disease mutations of HGMD" in caveat.message
    assert caveat.message.endswith(
        "of the optional ones those that the inputs have (see the notes)"
    )
    assert caveat.cell == "features that leak, if the inputs have them"
    components = {FEATURES: features_of_set("components2026").plain()}
    assert leakage_of(Settings({}, "corrected", seed=1, options=components), values) == ()
