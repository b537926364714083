"""The sets of features that come with gridrun: what they hold, and that their page says so."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from amiss_tasks.features.feature import Feature
from amiss_tasks.features.feature_set import SETS, FeatureSet
from amiss_tasks.features.features_file import features_of_set
from amiss_tasks.models._recipe import options_of
from amiss_tasks.r.names import r_name
from amiss_tasks.study.options import FEATURES
from gridrun.pipeline import Settings

PAGE = Path(__file__).parents[2] / "docs" / "feature-sets.md"
UNSEEN = "°"


@pytest.fixture(scope="module")
def components() -> dict[str, Feature]:
    """Features of components2026 by name."""
    return {f.name: f for f in features_of_set("components2026").features}


@pytest.fixture(scope="module")
def meta() -> dict[str, Feature]:
    """Features of meta2026, those of components2026 among them, by name."""
    return {f.name: f for f in features_of_set("meta2026").features}


@pytest.fixture(scope="module")
def columns() -> dict[tuple[str, str], dict[str, str]]:
    """Rows of columns.tsv by file and column."""
    with (SETS / "columns.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    by_column = {(row["file"], row["column"]): row for row in rows}
    assert len(by_column) == len(rows)
    return by_column


@pytest.fixture(scope="module")
def table() -> dict[str, tuple[str, list[str]]]:
    """Feature to its group and the cells behind its name in the page's tables."""
    group, found = "", {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            group = line[4:]
        if line.startswith("| `"):
            name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert name not in found
            found[r_name(name.strip("` "))] = group, cells
    return found


def sources(feature: Feature) -> list[tuple[str, str]]:
    """File and column of each source, in the order in which they are looked for."""
    return [(place.file, name) for place in feature.places for name in place.columns]


def test_each_column_has_a_row_with_its_origin(meta, columns):
    """columns.tsv has the columns of the sets and no others, each with releases and a place."""
    assert {pair for feature in meta.values() for pair in sources(feature)} == set(columns)
    assert all(row["seen"] in ("yes", "no") for row in columns.values())
    assert all(row["written_by"] and row["releases"] and row["where"] for row in columns.values())


def test_each_feature_has_a_group_and_can_be_left_out(components, meta):
    """Every feature has a tag and optional; what is said of a protein has its consequences."""
    assert len(components) == 61
    assert len(meta) == 71
    assert all(len(feature.tags) == 1 and feature.optional for feature in meta.values())
    assert {f.tags for f in meta.values() if f.name not in components} == {("meta",)}
    protein = [f for f in meta.values() if f.tags == ("protein",)]
    assert all(f.applies_to for f in protein)
    scores = [f for f in protein if not f.name.startswith("EsmScore")]
    assert {f.applies_to for f in scores} == {("missense_variant", "start_lost")}


def test_a_score_that_saw_labels_leaks(components, meta, table):
    """No component leaks; a score whose page names a source of labels says leak, with a reason."""
    assert not [name for name, feature in components.items() if feature.leak]
    labels = re.compile(r"ClinVar|HGMD|UniProt|Swiss-Prot")
    trained = {
        name
        for name, (_, cells) in table.items()
        if labels.search(cells[3]) and "do not train" not in cells[3]
    }
    assert trained == {name for name, feature in meta.items() if isinstance(feature.leak, str)}
    assert trained == {name for name, (_, cells) in table.items() if "**(leaks)**" in cells[3]}
    assert len(trained) == 9


def test_the_page_has_each_feature_as_the_sets_have_it(meta, columns, table):
    """Group, columns in their order, the mark of unseen ones and consequences are the sets'."""
    text = PAGE.read_text(encoding="utf-8")
    terms = {
        label: tuple(re.findall(r"`(\w+)`", listed))
        for label, listed in re.findall(r"^- \*\*([\w-]+)\*\*: (.+)$", text, re.MULTILINE)
    }
    assert set(table) == set(meta)
    for name, feature in meta.items():
        group, (_, read_from, consequences, _, source) = table[name]
        assert (group,) == feature.tags
        parts = re.findall(r"((?:`[^`]+`(?:, )?)+) \(([^)]*)\)(°?)", read_from)
        said = [
            (column, releases, mark)
            for listed, releases, mark in parts
            for column in re.findall(r"`([^`]+)`", listed)
        ]
        wanted = [columns[pair] for pair in sources(feature)]
        assert sorted(column for column, *_ in said) == sorted(row["column"] for row in wanted), (
            name
        )
        for column, releases, mark in said:
            rows = [row for row in wanted if row["column"] == column]
            row = next(row for row in rows if releases.endswith(row["releases"]))
            assert mark == ("" if row["seen"] == "yes" else UNSEEN), (name, column)
        assert feature.applies_to == terms.get(consequences, ()), name
        assert (consequences == "any") == (not feature.applies_to), name
        assert re.search(r"\b(19|20)\d\d\b", source), name


def test_the_page_counts_and_names_all_fields(components, meta, columns):
    """Its numbers are those of the data, and its commands name each CSQ field of the sets."""
    text = PAGE.read_text(encoding="utf-8")
    numeric = sum(feature.is_numeric for feature in components.values())
    assert f"`components2026` has {numeric} numeric features" in text
    seen = sum(row["seen"] == "yes" for row in columns.values())
    assert f"{seen} of {len(columns)} columns" in text.replace("\n", " ")
    commands = text.partition("## How to annotate")[2]
    words = set(re.findall(r"[\w+.-]+", commands))
    fields = {column for file, column in columns if file == "vep"}
    by_vep = {row["column"] for row in columns.values() if row["written_by"].startswith("vep -")}
    delta_scores = {name for name in fields if name.startswith("SpliceAI_pred_DS_")}
    assert fields - words - by_vep == delta_scores


def test_a_model_demands_the_features_that_it_learnt_from():
    """A model keeps the optional features of its table, and these are optional no more."""
    settings = Settings(
        {}, "corrected", seed=1, options={FEATURES: features_of_set("meta2026").plain()}
    )
    kept = options_of(settings, ["GERP.._RS", "consequence.stop_gained"], ())
    learnt = FeatureSet.from_plain(kept[FEATURES])
    assert {feature.name for feature in learnt.features} == {"GERP.._RS", "consequence"}
    assert not any(feature.optional for feature in learnt.features)
