"""A study without CADD tables: rows of the VCF alone, from file to table and model."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from inputs import BASE_INPUT

import gridrun
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import CADD, KEYS
from amiss_tasks.features.features_file import read_features
from amiss_tasks.models.predict import _refuse_other_inputs
from amiss_tasks.protocols import PROTOCOLS
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.read import check_inputs, read_inputs
from amiss_tasks.stages.row_ids import row_names
from amiss_tasks.testing import write_small_study
from gridrun.errors import InputError, UserError

ROOT = Path(__file__).parents[2]
WITHOUT = ("cadd_snv", "cadd_indel")
VCF = {"vcf": BASE_INPUT["vcf"]}


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """The features of the page's own example."""
    page = (ROOT / "docs" / "features.md").read_text().partition("## Without CADD")[2]
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[:1]
    path = tmp_path_factory.mktemp("features") / "vep.yaml"
    path.write_text(text)
    return read_features(path).features


def test_the_page_s_example_drops_what_is_cadd_s(features):
    """docs/features.md names all of CADD's features and no other."""
    assert not features.of(CADD)
    kept = [feature.name for feature in AMISS.features if feature.file != CADD]
    assert [f.name for f in features.features if f.name != "vep_consequence"] == kept


def test_amiss_s_own_features_are_refused_by_name():
    """All features that CADD's tables would have are in one fault, with both ways out."""
    with pytest.raises(InputError) as caught:
        check_inputs(VCF, {})
    (fault,) = caught.value.faults
    assert fault.message.startswith("29 features are read from CADD's tables")
    for feature in AMISS.of(CADD):
        assert f" {feature.name}" in fault.message
    for part in ("cadd_snv: PATH", "cadd_indel: PATH", "extends: amiss", "docs/features.md"):
        assert part in (fault.todo or "")


def test_features_of_a_file_are_refused_with_its_line(tmp_path):
    """The file and the first line that names a column of CADD are said."""
    path = tmp_path / "f.yaml"
    path.write_text(
        "- {name: LRT_score, source: {vep: LRT_score}, type: numeric}\n"
        "- {name: GC, source: {cadd: GC}, type: numeric}\n"
    )
    with pytest.raises(InputError) as caught:
        check_inputs(VCF, {}, read_features(path).features)
    (fault,) = caught.value.faults
    assert (fault.file, fault.line) == (path, 2)
    assert fault.message.startswith("1 feature is read from CADD's tables")
    assert "among the inputs: GC" in fault.message


def test_rows_are_those_of_the_vcf_in_the_order_of_the_join(features, tmp_path):
    """Each variant and transcript is a row; those that CADD has stay in the join's order."""
    with_cadd = read_inputs(BASE_INPUT, {}, tmp_path / "a", "test").table
    alone = read_inputs(VCF, {}, tmp_path / "b", "test", features=features)
    keys = list(zip(*(alone.table[name].to_pylist() for name in KEYS), strict=True))
    joined = list(zip(*(with_cadd[name].to_pylist() for name in KEYS), strict=True))
    assert len(set(keys)) == len(keys) == alone.counts.rows
    assert set(joined) <= set(keys)
    assert [key for key in keys if key in set(joined)] == joined
    assert alone.table["Consequence.x"] == alone.table["Consequence.y"]
    assert alone.table["Consequence.x"] == alone.table["vep_consequence"]
    for name in ("LRT_score", "SIFT_score"):
        by_key = dict(zip(keys, alone.table[name].to_pylist(), strict=True))
        found = [by_key[key] for key in joined]
        assert repr(found) == repr(with_cadd[name].to_pylist())


def test_row_ids_name_vep_s_consequence(features, tmp_path):
    """Under both protocols an id ends with it, and no id occurs twice."""
    read = read_inputs(VCF, {}, tmp_path, "test", features=features)
    table = filter_table(read, "keep_all", "onestar", "all")
    for as_text in (False, True):
        ends = [row_id.rpartition(":")[2] for row_id in row_names(table, as_text=as_text).ids]
        assert ends == table.text["Consequence.y"]


def with_regulatory(text: str) -> str:
    """A VCF whose first record has two blocks of a regulatory feature beside its own."""
    lines = text.split("\n")
    first = next(n for n, line in enumerate(lines) if not line.startswith("#"))
    block = lines[first].partition("CSQ=")[2]
    cells = block.split("|")
    cells[1:4] = ["regulatory_region_variant", "ENSR00000000001", ""]
    lines[first] = ",".join([lines[first], "|".join(cells), "|".join(cells)])
    return "\n".join(lines)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A small study of the VCF alone, with VEP's consequence as a feature, that has run."""
    directory = write_small_study(
        tmp_path_factory.mktemp("study"),
        classifiers=["lr"],
        folds=1,
        inputs={"vcf": "variants.vcf"},
        transcript="keep_all",
        protocol="corrected",
    )
    for role in WITHOUT:
        (directory / f"{role}.tsv").unlink()
    vcf = directory / "variants.vcf"
    vcf.write_text(with_regulatory(vcf.read_text()))
    file = directory / "features.json"
    listed = [f for f in json.loads(file.read_text()) if "vep" in f["source"]]
    listed.append({"name": "effect", "source": {"vep": "Consequence"}, "type": "categorical"})
    file.write_text(json.dumps(listed))
    assert gridrun.open_study(directory).run(backend="inprocess").tally.done == 1
    return directory


def test_a_study_runs_from_the_vcf_alone(study):
    """Tables have VEP's consequences; blocks that are no transcript are counted."""
    paths = gridrun.open_study(study).study.paths
    with paths.results_csv.open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["state"] == "done"
    assert float(row["AUC"]) > 0.7
    with (paths.results_csv.parent / "per_consequence.csv").open(newline="") as stream:
        found = {row["consequence"] for row in csv.DictReader(stream)}
    assert found == {"missense_variant", "synonymous_variant"}
    assert (
        "motifs are no transcripts and are left out (2 CSQ blocks)" in paths.notes_txt.read_text()
    )
    assert gridrun.open_study(study).plan().pending == 0


NO_TRANSCRIPT = "a regulatory feature or motif, not a transcript"


def test_a_model_takes_the_inputs_that_it_was_trained_with():
    """A table too many and a table too few are named, with what to do."""
    recipe: Any = SimpleNamespace(inputs={"vcf": "1", "cadd_snv": "2"})
    for given, todo in (("vcf", "give it cadd_snv too"), ("vcf cadd_snv b", "leave b out")):
        with pytest.raises(UserError, match="trained with vcf, cadd_snv and") as caught:
            _refuse_other_inputs(recipe, dict.fromkeys(given.split(), "x"), Path("m"))
        assert caught.value.todo == todo
    _refuse_other_inputs(recipe, {"cadd_snv": "x", "vcf": "x"}, Path("m"))


@pytest.mark.slow
def test_its_model_predicts_from_a_vcf_alone(study, tmp_path):
    """Every transcript is predicted; a CADD table that the model never saw is refused."""
    model = study / "a.model"
    gridrun.open_study(study).export_model(1, "lr", model)
    out = tmp_path / "out.csv"
    vcf = study / "variants.vcf"
    counts = gridrun.predict_variants(model, vcf, file=out).facts
    assert (counts["rows"], counts["predicted"]) == (152, 150)
    assert counts["not_predicted"] == {NO_TRANSCRIPT: 2}
    with pytest.raises(UserError, match="trained with vcf and") as caught:
        gridrun.predict_variants(model, vcf, vcf, vcf, file=tmp_path / "other.csv")
    assert "leave cadd_snv, cadd_indel out" in (caught.value.todo or "")


def test_both_protocols_are_planned(tmp_path):
    """Neither protocol asks for a CADD table of its own accord."""
    for protocol in PROTOCOLS:
        directory = write_small_study(
            tmp_path / protocol,
            inputs={"vcf": "variants.vcf"},
            protocol=protocol,
            classifiers=["lr"],
        )
        file = directory / "features.json"
        listed = [f for f in json.loads(file.read_text()) if "vep" in f["source"]]
        file.write_text(json.dumps(listed))
        assert gridrun.open_study(directory).plan().pending == 2
