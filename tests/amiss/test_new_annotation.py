"""Annotations that did not exist when gridrun was written, by a features file alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import gridrun
from amiss_tasks.testing import write_small_study
from gridrun.errors import UserError

FEATURES = """\
- {name: LRT_score, source: {vep: LRT_score}, type: numeric, tags: [conservation]}
- {name: phyloP100way_vertebrate, source: {vep: phyloP100way_vertebrate}, type: numeric,
   tags: [conservation]}
- name: FoldSense
  source: [{annotations: {folding: FoldSense}}, {vep: [FoldSense2031_score, FoldSense_score]}]
  type: numeric
  list: [transcript, max]
  tags: [protein]
  applies_to: [missense_variant]
- name: SpliceOracle
  combine: {by: max, of: [{vep: SpliceOracle_gain}, {annotations: {oracle: loss}}]}
  type: numeric
  list: max
  tags: [splicing]
- name: ClinSeer
  source: {annotations: {oracle: ClinSeer}}
  type: numeric
  tags: [meta]
  leak: trained on ClinVar's labels of 2031
- {name: position, source: {vep: Protein_position}, type: numeric, as: relative_position,
   tags: [position]}
- {name: effect, source: {vep: Consequence}, type: categorical}
"""
GROUPS = ["all", {"without": "meta"}, {"only": ["conservation", "protein"]}]
VARIANTS = 90


def annotate(directory: Path) -> None:
    """Give the VCF the new fields, and make the table of the others."""
    draw = np.random.default_rng(3).random
    lines, table = [], ["chrom\tpos\tref\talt\tloss\tClinSeer"]
    fields = "Ensembl_transcriptid|FoldSense_score|SpliceOracle_gain|Protein_position"
    for line in (directory / "variants.vcf").read_text().splitlines():
        if line.startswith("##INFO=<ID=CSQ"):
            line = line.replace('">', f'|{fields}">')  # noqa: PLW2901  # the line as written
        elif not line.startswith("#"):
            cells, own = line.split("\t"), line.split("|")[2]
            score = "" if draw() < 0.3 else f"{draw():.3f}&{draw():.3f}"
            gain = "" if draw() < 0.3 else f"{draw():.3f}&."
            position = f"{int(1 + 99 * draw())}-?/100"
            line += f"|ENST7&{own}|{score}|{gain}|{position}"  # noqa: PLW2901
            clear = 0.6 if "Pathogenic" in line else 0.2
            values = [f"{draw():.3f};{draw():.3f}", f"{clear + 0.2 * draw():.3f}"]
            if draw() > 0.2:
                table.append("\t".join([*cells[:2], *cells[3:5], *values]))
        lines.append(line)
    (directory / "variants.vcf").write_text("\n".join(lines) + "\n")
    (directory / "oracle.tsv").write_text("\n".join(table) + "\n")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of such annotations that has run, with three groups of features."""
    directory = write_small_study(
        tmp_path_factory.mktemp("new") / "study",
        variants=VARIANTS,
        inputs={"vcf": "variants.vcf", "annotations": {"oracle": "oracle.tsv"}},
        features="f.yaml",
        feature_groups=GROUPS,
        classifiers=["lr"],
        folds=1,
        protocol="corrected",
        training_data_sampling_percentage=0.66,
    )
    (directory / "f.yaml").write_text(FEATURES)
    annotate(directory)
    opened = gridrun.open_study(directory)
    assert opened.run(backend="inprocess").tally.done == len(GROUPS)
    return opened


def rows_of(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_group_has_a_result(study):
    """Each group is a row of the tables under its plain name, on the same test rows."""
    rows = rows_of(study.study.paths.results_csv)
    assert [row["feature_groups"] for row in rows] == [
        "all",
        "without meta",
        "only conservation+protein",
    ]
    assert {row["state"] for row in rows} == {"done"}
    assert len({row["Brier"] for row in rows}) == len(GROUPS)
    assert len({int(row["TP"]) + int(row["FN"]) for row in rows}) == 1
    assert {row["feature_groups"] for row in rows_of(study.study.paths.summary_csv)} == {
        row["feature_groups"] for row in rows
    }


def test_leaks_are_said_wherever_results_are(study):
    """The column names combinations that have the feature; notes, plan and summary its reason."""
    rows = rows_of(study.study.paths.results_csv)
    assert {row["feature_groups"]: row["leakage"] for row in rows} == {
        "all": "features that leak",
        "without meta": "",
        "only conservation+protein": "",
    }
    said = "warning: some features know of the labels that are to be predicted: ClinSeer (trained"
    assert said in study.study.paths.notes_txt.read_text()
    assert any(said in note.text() for note in study.plan(check=False).notes)
    assert any(said in line for line in study.summary().warnings)


def test_which_source_was_read_is_kept(study):
    """The notes name the first source that was there, and what a list was made of."""
    notes = study.study.paths.notes_txt.read_text()
    assert "FoldSense is read from vep FoldSense2031_score or FoldSense_score" in notes
    assert "read from CSQ field FoldSense_score: no FoldSense2031_score there" in notes
    assert '"FoldSense" has a value in' in notes


def test_descriptions_tell_what_cannot_exist_from_what_is_missing(study):
    """Rows that are not missense are no gaps of a feature of missense variants."""
    report = study.describe(part="all")
    (features, missingness) = (rows_of(report.files[n]) for n in ("features", "missingness"))
    (fold,) = [row for row in features if row["feature"] == "FoldSense"]
    by_consequence = {
        row["consequence"]: row for row in missingness if row["feature"] == "FoldSense"
    }
    elsewhere = by_consequence["synonymous_variant"]
    assert elsewhere["cannot_exist"] == elsewhere["missing"] == fold["cannot_exist"]
    assert elsewhere["missing_share_where_possible"] == "NA"
    missense = by_consequence["missense_variant"]
    assert missense["cannot_exist"] == "0"
    assert missense["missing_share_where_possible"] == missense["missing_share"]
    assert fold["missing_share_where_possible"] == missense["missing_share"]
    assert fold["missing_share"] != missense["missing_share"]
    others = [row for row in features if row["feature"] != "FoldSense"]
    assert {row["cannot_exist"] for row in others} == {"0"}


@pytest.mark.slow
def test_a_model_predicts_with_the_new_annotations(study, tmp_path):
    """Its recipe says what each feature is read from; another column is refused."""
    model = tmp_path / "m.zip"
    report = study.export_model(1, "lr", model)
    assert "ClinSeer" in report.facts["features"]
    directory = study.study.paths.directory
    inputs = {
        "vcf": directory / "variants.vcf",
        "annotations": {"oracle": directory / "oracle.tsv"},
    }
    out = tmp_path / "p.csv"
    found = gridrun.predict_variants(model, file=out, **inputs)
    assert found.facts["predicted"] == VARIANTS
    probability = [float(row["probability"]) for row in rows_of(out)]
    assert np.std(probability) > 0.01
    vcf = tmp_path / "other.vcf"
    text = (directory / "variants.vcf").read_text()
    vcf.write_text(text.replace("|FoldSense_score|", "|FoldSense2031_score|"))
    learnt = (
        "FoldSense was learnt from vep FoldSense_score, and would be read from vep FoldSense2031"
    )
    with pytest.raises(UserError, match=learnt):
        gridrun.predict_variants(model, file=out, force=True, **{**inputs, "vcf": vcf})


@pytest.mark.slow
def test_an_explained_fold_has_the_group_s_features(study, tmp_path):
    """The script of a combination draws from the features of its group."""
    script = tmp_path / "fold.R"
    study.explain(3, 1, "lr", script)
    text = script.read_text()
    assert "FoldSense" in text
    assert "SpliceOracle" not in json.dumps(text.partition("numeric <- ")[2][:300])
