"""Evaluation on the part held out: upstream's README, its draws, its defects, its repeats."""

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from amissstudies import lr_values, preprocess
from golden_tables import GOLDEN, csv_rows, golden_table, parameters_of
from test_golden_runs import BLOCK, differences

from amiss_tasks.evaluation import CV, EVALUATE, HOLD_OUT, KINDS, REPEATED_HOLD_OUT
from amiss_tasks.methods import METHODS
from amiss_tasks.pipeline import PIPELINE, AmissPipeline
from amiss_tasks.protocols import protocol_of
from amiss_tasks.r.random import RRandom
from amiss_tasks.stages.label import label
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.preprocess import split
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings, TaskFailure, TaskSpec

RUNS = sorted((GOLDEN / "readme_run").iterdir())
CLASSIFIERS = ("rf", "xgboost", "lr")
EACH = pytest.mark.parametrize(
    ("folder", "classifier"),
    [
        pytest.param(
            folder,
            name,
            # boosted trees are compared every time in cross-validation, which fits them alike,
            # and forests in one of the runs
            marks=[pytest.mark.slow]
            if name == "xgboost" or (name == "rf" and folder != RUNS[0])
            else [],
        )
        for folder in RUNS
        for name in CLASSIFIERS
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)


def settings(kind=HOLD_OUT, protocol="amiss", **options) -> Settings:
    return Settings({}, protocol, seed=1, options={EVALUATE: kind, **options})


@cache
def labelled(transcript: str, quality: str, restriction: str, *preprocessing: str) -> Labelled:
    return label(golden_table(transcript, quality, restriction), *preprocessing)


@pytest.fixture(scope="module")
def save(tmp_path_factory):
    """Save a block's rows as an artifact, once."""
    folder = tmp_path_factory.mktemp("labelled")

    @cache
    def save(*values: str) -> Path:
        path = folder / "-".join(values)
        labelled(*values).save(path)
        return path

    return save


@pytest.fixture(scope="module")
def results(save):
    """Result of the hold-out with a golden run's parameters, computed once."""
    runner = AmissRunner(settings(), lambda *_: None)

    @cache
    def run(folder: Path, classifier: str):
        values = parameters_of(folder)
        artifact = save(*(str(values[name]) for name in BLOCK))
        return runner.run(TaskSpec(0, 0, 1, classifier, values), artifact)

    return run


@EACH
def test_overall_row(results, folder, classifier):
    """All columns but times are those of upstream's hold-out; counts are exact."""
    (want,) = csv_rows(folder / f"{classifier}_performance.csv")
    (row,) = results(folder, classifier).rows
    assert differences(want, row) == {}


@EACH
def test_per_consequence_rows(results, folder, classifier):
    """The same holds within each consequence, in upstream's order."""
    expected = csv_rows(folder / f"{classifier}_performance_per_consequence.csv")
    for want, row in zip(expected, results(folder, classifier).details, strict=True):
        assert differences(want, row) == {}


@EACH
def test_details(results, folder, classifier):
    """Final features, number of training rows and chosen settings are upstream's."""
    facts = results(folder, classifier).facts
    assert facts["features"] == (folder / "final_features.txt").read_text().split()
    lines = dict(line.split(",", 1) for line in (folder / "models.csv").read_text().splitlines())
    rows, _, tune = lines[classifier].partition(",")
    assert facts["n_rows"] == int(rows)
    if classifier != "lr":
        names = [part.partition("=")[0] for part in tune.split()]
        assert " ".join(f"{name}={facts[name]:g}" for name in names) == tune


BLOCK_VALUES = ("canonical", "clingen", "missense", "exclude", "dummy")
SMALL = lr_values(restriction="missense", downsampling="on")


def task(fold: int = 1, **changes) -> TaskSpec:
    return TaskSpec(0, 0, fold, "lr", SMALL | changes)


def untimed(rows):
    return [{k: v for k, v in row.items() if not k.endswith("_time")} for row in rows]


def test_all_methods_have_the_same_rows_and_draw_their_hyperparameters_in_order(save):
    """The draws of four grids precede the samples whatever the method, in upstream's order."""
    runner = AmissRunner(settings(), lambda *_: None)
    artifact = save(*BLOCK_VALUES)
    cells = {
        name: runner.chain.cell(task(imputation=name, feature_sampling_percentage=0.33), artifact)
        for name in METHODS
    }
    assert len({cell.prepared.rows.tobytes() for cell in cells.values()}) == 1
    assert len({cell.prepared.features for cell in cells.values()}) == 1
    generator = RRandom(10)
    for name in ("pmm", "rf", "bpca", "missForest"):
        method = METHODS[name]
        drawn = generator.sample(method.rows, 8) + 1
        assert cells[name].rows == tuple(method.row(int(number)) for number in drawn)
    assert len(cells["knnImputation"].rows) == 5


def test_the_plan_knows_that_prepared_tables_are_shared():
    """Held out, the part of `imputation` that stage prepare reads is the same for all methods."""
    for kind, parts in ((HOLD_OUT, 1), (REPEATED_HOLD_OUT, 1), (CV, 5)):
        pipeline = AmissPipeline({EVALUATE: kind})
        (prepare,) = [stage for stage in pipeline.stages if stage.name == "prepare"]
        read = pipeline.reads_part(prepare, settings(kind))
        assert len(set(read["imputation"].values())) == parts


@pytest.mark.parametrize("protocol", ["amiss", "corrected"])
def test_the_first_split_is_that_of_cross_validation_and_others_are_their_own(protocol):
    """Repeat 1 holds out what cross-validation never sees; no two repeats hold out the same."""
    chosen = protocol_of(settings(protocol=protocol))
    table = golden_table(*BLOCK_VALUES[:3])
    rows = label(table, *BLOCK_VALUES[3:], protocol=chosen)
    whole = preprocess(table, *BLOCK_VALUES[3:], protocol=protocol_of(Settings({}, protocol, 1)))
    parts = [split(rows, protocol=chosen, repeat=number) for number in (1, 2, 3)]
    for part in ("train", "test"):
        mine, wanted = getattr(parts[0], part), getattr(whole, part)
        assert mine.row_ids == wanted.row_ids
        assert np.array_equal(mine.numeric, wanted.numeric, equal_nan=True)
    held_out = {tuple(block.test.row_ids) for block in parts}
    assert len(held_out) == 3
    for block in parts:
        assert not set(block.train.row_ids) & set(block.test.row_ids)


def test_rows_survive_their_file(save, tmp_path):
    """What is read back is what was saved, missing text included, and equal rows equal bytes."""
    rows = labelled(*BLOCK_VALUES)
    path = save(*BLOCK_VALUES)
    back = Labelled.load(path)
    back.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    assert back.text == rows.text
    assert None in back.text["Dst2SplType"]
    assert all(
        np.array_equal(back.numeric[name], values, equal_nan=True)
        for name, values in rows.numeric.items()
    )


def test_a_study_that_adds_repeats_keeps_the_one_it_has(save):
    """The first repeat has the numbers and fingerprint of the hold-out; the second others."""
    artifact = save(*BLOCK_VALUES)
    single = AmissRunner(settings(), lambda *_: None).run(task(), artifact)
    runner = AmissRunner(settings(REPEATED_HOLD_OUT), lambda *_: None)
    first, second = (runner.run(task(fold), artifact) for fold in (1, 2))
    assert first.content_key == single.content_key
    assert untimed(first.rows) == untimed(single.rows)
    assert untimed(second.rows) != untimed(first.rows)
    key = PIPELINE.study_keys[EVALUATE]
    assert key.fingerprint(HOLD_OUT) == key.fingerprint(REPEATED_HOLD_OUT)
    assert key.fingerprint(CV) is key.fingerprint(None) is None


def test_a_level_that_the_test_part_lacks_stops_upstream_only(tmp_path):
    """Without its dummy the task is upstream's defect (D21); corrected, the dummy is all 0."""
    rows = labelled(*BLOCK_VALUES)
    first = split(rows).train.row_ids[0]
    words = list(rows.text["Dst2SplType"])
    words[list(rows.row_ids).index(first)] = "RARE"
    changed = dataclasses.replace(rows, text={**rows.text, "Dst2SplType": words})
    changed.save(tmp_path / "rows")
    with pytest.raises(
        TaskFailure, match=r"Dst2SplType\.RARE \(D21\).+dummy_columns: corr"
    ) as failure:
        AmissRunner(settings(), lambda *_: None).run(task(), tmp_path / "rows")
    assert failure.value.kind == "upstream-defect"
    corrected = settings(switches={"dummy_columns": "corrected"})
    result = AmissRunner(corrected, lambda *_: None).run(task(), tmp_path / "rows")
    assert "Dst2SplType.RARE" in result.facts["features"]


def test_a_split_without_both_classes_is_a_finding(tmp_path):
    """Where a repeat's training part has one class its tasks fail with that reason."""
    rows = labelled(*BLOCK_VALUES)
    dataclasses.replace(rows, positive=np.zeros_like(rows.positive)).save(tmp_path / "rows")
    with pytest.raises(TaskFailure, match="rows of the training part are negative"):
        AmissRunner(settings(), lambda *_: None).run(task(), tmp_path / "rows")


def test_labels_say_how_it_was_evaluated():
    """Cross-validation is not named, as it is upstream's; the others follow the protocol."""
    labels = {kind: PIPELINE.protocol_label(settings(kind)) for kind in KINDS}
    assert labels == {
        CV: "amiss",
        HOLD_OUT: "amiss (hold-out)",
        REPEATED_HOLD_OUT: "amiss (repeated hold-out)",
    }
