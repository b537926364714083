"""A model is given the columns it was trained on; another release is said."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import gridrun
from amiss_tasks.features.features_file import read_features
from amiss_tasks.models._rows import rows_to_predict
from amiss_tasks.stages.read import read_unlabelled
from amiss_tasks.testing import write_small_study
from gridrun.errors import UserError

FIRST, SECOND = "phyloP470way_mammalian", "phyloP100way_vertebrate"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A study whose files have the second source of a feature and name their releases."""
    directory = write_small_study(tmp_path_factory.mktemp("study"), classifiers=["lr"], folds=1)
    file = directory / "features.json"
    features = json.loads(file.read_text())
    for feature in features:
        if SECOND in str(feature["source"]):
            feature["source"] = {"vep": [FIRST, SECOND]}
    file.write_text(json.dumps(features))
    vcf = directory / "variants.vcf"
    vcf.write_text(vcf.read_text().replace("##INFO", '##VEP="v110" time="2026"\n##INFO', 1))
    for name in ("cadd_snv.tsv", "cadd_indel.tsv"):
        table = directory / name
        table.write_text(table.read_text().replace("## made up", "## CADD GRCh38-v1.6", 1))
    return directory


@pytest.fixture(scope="module")
def model(study) -> Path:
    file = study / "a.model"
    gridrun.open_study(study).export_model(1, "lr", file)
    return file


def predicted(study: Path, model: Path, tmp_path: Path, *changes: tuple[str, str, str]):
    """Predict the study's own variants from files with some texts changed; the warnings."""
    inputs = {"vcf": "variants.vcf", "cadd_snv": "cadd_snv.tsv", "cadd_indel": "cadd_indel.tsv"}
    for role, name in inputs.items():
        text = (study / name).read_text()
        for changed, old, new in changes:
            if changed == role:
                assert old in text
                text = text.replace(old, new)
        (tmp_path / name).write_text(text)
        inputs[role] = str(tmp_path / name)
    return gridrun.predict_variants(model, **inputs, file=tmp_path / "out.csv").warnings


def test_the_recipe_records_columns_and_releases(model):
    """Each feature's column, and the versions of VEP and CADD that the files name."""
    import zipfile

    with zipfile.ZipFile(model) as archive:
        name = next(name for name in archive.namelist() if name.endswith("recipe.json"))
        recipe = json.loads(archive.read(name))
    assert recipe["sources"][SECOND] == SECOND
    assert recipe["sources"]["GC"] == "GC"
    assert set(recipe["releases"].values()) == {"VEP 110", "CADD 1.6"}


def test_the_same_columns_and_releases_are_predicted_without_a_word(study, model, tmp_path):
    """The study's own files say nothing new."""
    assert not [text for text in predicted(study, model, tmp_path) if "trained on" in text]


def test_another_column_for_a_feature_is_refused(study, model, tmp_path):
    """A file that has the feature's first source gives another score: both columns are named."""
    with pytest.raises(UserError) as caught:
        predicted(study, model, tmp_path, ("vcf", SECOND, FIRST))
    assert SECOND in caught.value.text()
    assert FIRST in caught.value.text()


def test_both_columns_are_refused_as_well(study, model, tmp_path):
    """Where both are there, the first would be read, which the model has not seen."""
    with pytest.raises(UserError, match=FIRST):
        predicted(study, model, tmp_path, ("vcf", "SiPhy_29way_logOdds", FIRST))


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("vcf", "v110", "v112"), ("VEP 110", "VEP 112")),
        (("cadd_snv", "v1.6", "v1.7"), ("CADD 1.6", "CADD 1.7", "cadd_snv")),
        (("cadd_indel", "v1.6", "v1.4"), ("CADD 1.6", "CADD 1.4", "cadd_indel")),
    ],
)
def test_another_release_is_noted(study, model, tmp_path, change, parts):
    """The version of training and that of the file are named; rows are predicted."""
    (text,) = [t for t in predicted(study, model, tmp_path, change) if "trained on" in t]
    assert all(part in text for part in parts)


def test_every_transcript_of_a_vcf_alone_is_predicted(tmp_path):
    """Without CADD tables each has a row; a block that is no transcript has the reason."""
    directory = write_small_study(tmp_path, variants=20)
    file = directory / "features.json"
    file.write_text(json.dumps([f for f in json.loads(file.read_text()) if "vep" in f["source"]]))
    vcf = directory / "variants.vcf"
    vcf.write_text(vcf.read_text().replace("ENST00000000007", "ENSR00000000007"))
    features = read_features(file).features
    (found,) = read_unlabelled({"vcf": str(vcf)}, "keep_all", features, tmp_path)
    rows = rows_to_predict(found, "keep_all", "all").rows
    reason = "a regulatory feature or motif, not a transcript"
    assert Counter(row.reason for row in rows) == {"": 19, reason: 1}
    assert all(row.consequence == row.vep_consequence for row in rows if not row.reason)
