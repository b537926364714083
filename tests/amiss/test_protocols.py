"""Protocols: labels, fingerprints, and what each switch alone changes and leaves as it is."""

import math
from dataclasses import replace

import numpy as np
import pytest
from amissstudies import amiss_values, preprocess
from golden_tables import golden_table
from test_learnt_on_training import FEW
from toyblock import toy_block, toy_part

from amiss_tasks.classifiers._tuning import SETTINGS
from amiss_tasks.classifiers.contract import Choices
from amiss_tasks.classifiers.xgboost import _settings
from amiss_tasks.methods import METHODS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import (
    AMISS,
    CORRECTED,
    DEFECTS,
    NAMES,
    SWITCHES,
    Protocol,
    protocol_of,
)
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.evaluate import Prediction, evaluate
from amiss_tasks.stages.fold import rows_of_fold
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.errors import UserError
from gridrun.pipeline import Settings, TaskFailure, TaskSpec

VALUES = amiss_values(transcript="keep_all")


def settings(*switches: str, protocol: str = AMISS, seed: int = 1) -> Settings:
    """Settings with some switches set otherwise than the protocol has them."""
    other = CORRECTED if protocol == AMISS else AMISS
    return Settings({}, protocol, seed, options={"switches": dict.fromkeys(switches, other)})


def runner(*switches: str, **options) -> AmissRunner:
    return AmissRunner(settings(*switches, **options), lambda *_: None)


def task(classifier: str = "lr", fold: int = 1, **changes) -> TaskSpec:
    values = VALUES | changes
    if classifier == "lr":
        del values["hyperparameter_search_type"]
    return TaskSpec(context=0, code=0, fold=fold, classifier=classifier, values=values)


@pytest.fixture
def saved(tmp_path):
    """Saves a block."""

    def save(block: BlockTables, name: str = "block"):
        path = tmp_path / f"{name}.npz"
        block.save(path)
        return path

    return save


def untimed(result) -> list[dict[str, object]]:
    return [{k: v for k, v in row.items() if not k.endswith("time")} for row in result.rows]


def test_labels_name_the_switches_that_differ():
    """A table shows the protocol, and what of it a study changes, in the switches' order."""
    assert Protocol(AMISS).label == "amiss"
    assert Protocol(CORRECTED).label == "corrected"
    some = {"test_imputation": CORRECTED, "fold_shares": CORRECTED, "split_by": AMISS}
    assert Protocol(AMISS, some).label == "amiss+fold_shares+test_imputation"
    assert Protocol(CORRECTED, some).label == "corrected-split_by"
    assert PIPELINE.protocol_label(settings("split_by")) == "amiss+split_by"


def test_every_switch_is_its_own():
    """Names and numbers are unique, and corrected has every switch corrected."""
    assert len(NAMES) == len(SWITCHES)
    assert len(DEFECTS) == sum(bool(switch.defect) for switch in SWITCHES)
    assert Protocol(AMISS).corrected == frozenset()
    assert Protocol(CORRECTED).corrected == frozenset(NAMES)


def test_unknown_protocols_and_switches_are_refused():
    """Settings that no study file made are held against the names, with the nearest one."""
    with pytest.raises(UserError, match='no protocol "corected"') as error:
        protocol_of(Settings({}, "corected", 1))
    assert 'did you mean "corrected"' in (error.value.todo or "")
    with pytest.raises(UserError, match='no switch "split_bi"') as error:
        protocol_of(settings("split_bi"))
    assert 'did you mean "split_by"' in (error.value.todo or "")


def components(classifier: str, method: str, *switches: str):
    return PIPELINE.switches(settings(*switches), classifier, {"imputation": method})


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_fingerprints_name_a_switch_where_it_is_read(switch):
    """A switch changes the fingerprint of the classifiers and methods that it concerns alone."""
    for classifier in PIPELINE.classifiers:
        for method in METHODS:
            before, after = (
                components(classifier, method),
                components(classifier, method, switch.name),
            )
            concerned = switch.concerns(classifier, method)
            changed = {name for name in before | after if before.get(name) != after.get(name)}
            if switch.name == "draw_order":
                assert changed == {switch.name, "seed", "split_seed", "fold_seed", "model_seed"}
            else:
                assert changed == ({switch.name} if concerned else set())


def test_the_study_s_seed_counts_where_steps_have_seeds_of_their_own():
    """Under amiss the seed changes no fingerprint, under corrected it does."""
    values = {"imputation": "zero_imp"}
    for protocol, counts in ((AMISS, False), (CORRECTED, True)):
        one, two = (
            PIPELINE.switches(settings(protocol=protocol, seed=seed), "rf", values)
            for seed in (1, 2)
        )
        assert (one != two) is counts


@pytest.mark.parametrize("classifier", ["rf", "xgboost", "lr"])
def test_nothing_is_left_that_upstream_cannot_run(classifier):
    """Under corrected random search is run, under amiss it is known to fail."""
    values = VALUES | {"hyperparameter_search_type": "random"}
    assert PIPELINE.disposition(classifier, values, settings(protocol=CORRECTED)).state == "waiting"
    assert PIPELINE.disposition(classifier, values, settings("random_search")).state == "waiting"
    assert PIPELINE.disposition(classifier, values, settings()).kind == "upstream-defect"


# --- splits -----------------------------------------------------------------


def fold_of(part, *switches: str, fold: int = 1, seed: int = 1):
    return rows_of_fold(part, fold, protocol_of(settings(*switches, seed=seed)))


def test_fold_shares_swaps_training_and_test():
    """D1 alone takes upstream's very draw for training."""
    part = toy_part()
    before, after = fold_of(part), fold_of(part, "fold_shares")
    assert before.test.tolist() == after.train.tolist()
    assert before.train.tolist() == after.test.tolist()
    assert len(after.train) > len(after.test)


@pytest.mark.parametrize("switches", [("split_by",), ("split_by", "sampling", "draw_order")])
def test_split_by_keeps_variants_together(switches):
    """No variant of a training row has a test row; upstream's folds share many."""
    part = toy_part()
    variants = np.array(part.variants())
    before, after = fold_of(part), fold_of(part, *switches)
    assert set(variants[before.train]) & set(variants[before.test])
    assert not set(variants[after.train]) & set(variants[after.test])
    assert sorted([*after.train, *after.test]) == list(range(part.rows))
    assert len(after.test) == pytest.approx(0.7 * part.rows, abs=2)


def test_sampling_keeps_the_share_of_each_class_in_folds():
    """D22: positives among the larger part are 70 % of the positives, in every fold."""
    part = toy_part()
    for fold in (1, 2, 3):
        rows = fold_of(part, "sampling", fold=fold).test
        assert part.positive[rows].sum() == round(0.7 * part.positive.sum())
    shares = {int(part.positive[fold_of(part, fold=fold).test].sum()) for fold in (1, 2, 3)}
    assert len(shares) > 1


def test_draw_order_takes_the_study_s_seed():
    """D6: folds differ with the seed and with the fold, and repeat with both."""
    part = toy_part()
    draws = [
        fold_of(part, "draw_order", fold=f, seed=s).train.tolist()
        for f, s in ((1, 1), (2, 1), (1, 2), (1, 1))
    ]
    assert draws[0] == draws[3]
    assert draws[0] not in draws[1:3]
    assert fold_of(part, seed=2).train.tolist() == fold_of(part).train.tolist()


def block(*switches: str, transcript: str = "keep_all", categorical: str = "dummy"):
    table = golden_table(transcript, "clingen", "all")
    protocol = protocol_of(settings(*switches))
    return preprocess(table, "exclude", categorical, protocol=protocol)


def test_preprocess_splits_by_variant():
    """D9: no variant stands in both parts, and no part repeats a row's features."""
    before, after = block(), block("split_by")
    assert set(before.train.variants()) & set(before.test.variants())
    assert not set(after.train.variants()) & set(after.test.variants())
    for part in (after.train, after.test):
        assert len({row.tobytes() for row in np.nan_to_num(part.numeric, nan=-9e9)}) == part.rows


def test_preprocess_stratifies():
    """D22: both parts have the same share of positives, to the row."""
    found = block("sampling")
    positives = found.train.positive.sum() + found.test.positive.sum()
    assert found.train.positive.sum() == round(0.7 * positives)
    assert block().train.positive.sum() != round(0.7 * positives)


def test_preprocess_names_rows_by_text():
    """D20: ids are the input's text; upstream's are padded; nothing else differs."""
    before, after = block(), block("row_ids")
    assert any(row.startswith(" ") or ": " in row for row in before.train.row_ids)
    assert [row.replace(" ", "") for row in before.train.row_ids] == list(after.train.row_ids)
    np.testing.assert_array_equal(before.train.numeric, after.train.numeric)


def test_preprocess_leaves_out_one_level():
    """D12: each categorical has one dummy less, the alphabetically first level's."""
    before, after = block(), block("dummies")
    gone = set(before.train.columns) - set(after.train.columns)
    for name in ("LRT_pred", "Dst2SplType", "Consequence.x"):
        own = sorted(c for c in before.train.columns if c.startswith(f"{name}."))
        assert [column for column in own if column in gone] == own[:1]
    assert list(before.train.row_ids) == list(after.train.row_ids)


def test_preprocess_gives_the_test_part_the_training_columns():
    """D21: columns are the same in both parts; a level that the test part lacks is 0."""
    table = golden_table("canonical", "clingen", "all")
    # the level of a single row stands in one part alone
    words = list(table.text["LRT_pred"])
    protocol = protocol_of(settings("dummy_columns"))
    plain = preprocess(table, "exclude", "dummy")
    ids = [":".join(p.strip() for p in r.split(":")[:2]) for r in plain.train.row_ids]
    at = next(
        i
        for i, (c, p) in enumerate(zip(table.text["X.Chrom"], table.text["Pos"], strict=True))
        if f"{c}:{p}" in ids
    )
    words[at] = "RARE"
    table = replace(table, text={**table.text, "LRT_pred": words})
    before = preprocess(table, "exclude", "dummy")
    after = preprocess(table, "exclude", "dummy", protocol=protocol)
    assert "LRT_pred.RARE" in before.train.columns
    assert "LRT_pred.RARE" not in before.test.columns
    assert after.test.columns == after.train.columns == before.train.columns
    assert not after.test.numeric[:, after.test.columns.index("LRT_pred.RARE")].any()


# --- stages in a fold -------------------------------------------------------


def test_random_search_trains(saved):
    """D2: five other settings of mtry are tried; grid search stays as it is."""
    path = saved(toy_block())
    with pytest.raises(TaskFailure, match="D2"):
        runner().run(task("rf", hyperparameter_search_type="random"), path)
    found = runner("random_search").run(task("rf", hyperparameter_search_type="random"), path)
    assert found.facts["mtry"] in range(1, 7)
    assert found.facts["fits"] == {"forests": 6}
    grid = runner("random_search").run(task("rf"), path)
    assert untimed(grid) == untimed(runner().run(task("rf"), path))


def test_categorical_factor_predicts_rows_one_by_one_as_together(saved):
    """D3: a row's probability does not depend on the rows predicted with it."""
    path = saved(toy_block(text=True))
    rows = {}
    for switches in ((), ("categorical_factor",)):
        own = runner(*switches)
        result = own.run(task("rf", categorical="factor"), path)
        sums = {name: sum(row[name] for row in result.details) for name in ("TP", "FP", "FN", "TN")}
        rows[switches] = untimed(result)
        if switches:
            assert sums == {name: result.rows[0][name] for name in sums}
    assert rows[()] != rows["categorical_factor",]


def test_imputation_choice_looks_at_rows_that_were_held_out(saved):
    """D4: the MCC that rows are compared by falls; random forest had it out of bag already."""
    path = saved(toy_block())
    changes = {"imputation": "knnImputation"}
    before = runner().run(task(**changes), path).facts
    after = runner("imputation_choice").run(task(**changes), path).facts
    assert all(
        b["selection_mcc"] > a["selection_mcc"]
        for b, a in zip(before["imputation_rows"], after["imputation_rows"], strict=True)
    )
    same = [runner(*s).run(task("rf", **changes), path) for s in ((), ("imputation_choice",))]
    assert untimed(same[0]) == untimed(same[1])
    assert same[0].facts["imputation_rows"] == same[1].facts["imputation_rows"]


@pytest.mark.usefixtures("two_completions")
@pytest.mark.parametrize(
    ("switch", "method", "other"),
    [
        ("mice_hyperparameters", "pmm", "zero_imp"),
        ("test_imputation", "knnImputation", "zero_imp"),
        ("bpca_means", "bpca", "zero_imp"),
    ],
)
def test_a_method_s_switch_changes_that_method(saved, switch, method, other, monkeypatch):
    """D5, D7 and bpca's means change their methods' numbers on the same rows, no other's."""
    path = saved(toy_block())
    if method == "pmm":
        monkeypatch.setattr("amiss_tasks.tasks.fold_tables.Cell.rows", FEW["pmm"])
    before, after = (
        runner(*s).run(task(imputation=method, downsampling="on"), path) for s in ((), (switch,))
    )
    assert untimed(before) != untimed(after)
    assert before.facts["n_rows"] == after.facts["n_rows"]
    before, after = (runner(*s).run(task(imputation=other), path) for s in ((), (switch,)))
    assert untimed(before) == untimed(after)


def test_draw_order_gives_every_method_the_same_rows(saved):
    """D6: pmm draws eight rows first and still gets the rows that zero_imp gets."""
    path = saved(toy_block())

    def rows(own, method):
        cell = own.chain.cell(
            task(imputation=method, downsampling="on", training_data_sampling_percentage=0.66), path
        )
        return cell.prepared.rows.tolist()

    own = runner("draw_order")
    assert rows(own, "pmm") == rows(own, "zero_imp") == rows(own, "norm")
    own = runner()
    assert rows(own, "pmm") != rows(own, "zero_imp")


def balanced() -> BlockTables:
    part = toy_part()
    part = replace(part, positive=np.arange(part.rows) % 2 == 0)
    return BlockTables(part, part)


def test_balanced_downsampling_drops_nothing(saved, monkeypatch):
    """D8: classes of equal size stay whole; unequal ones are cut as before."""
    part = balanced().train
    rows = np.arange(part.rows)
    monkeypatch.setattr("amiss_tasks.tasks.fold_tables.rows_of_fold", lambda *_: _Halves(rows))
    path = saved(balanced())
    with pytest.raises(TaskFailure, match="D8"):
        runner().run(task(downsampling="on"), path)
    found = runner("balanced_downsampling").run(task(downsampling="on"), path)
    assert found.facts["n_rows"] == len(_Halves(rows).train)
    other = saved(toy_block(), "other")
    monkeypatch.undo()
    before, after = (
        runner(*s).run(task(downsampling="on"), other) for s in ((), ("balanced_downsampling",))
    )
    assert untimed(before) == untimed(after)


class _Halves:
    """The first and the second half of the rows."""

    def __init__(self, rows):
        half = len(rows) // 2 // 2 * 2
        self.train, self.test = rows[:half], rows[half:]


def test_sampling_keeps_the_share_of_each_class_in_row_samples(saved):
    """D22: two thirds of each class are drawn."""
    path = saved(toy_block())
    own = runner("sampling")
    cell = own.chain.cell(task(training_data_sampling_percentage=0.66), path)
    part = toy_part()
    train = part.positive[rows_of_fold(part, 1, own.chain.protocol).train]
    drawn = train[cell.prepared.rows]
    assert drawn.sum() == math.floor(0.66 * train.sum())
    assert (~drawn).sum() == math.floor(0.66 * (~train).sum())


def test_one_sided_mcc_is_defined():
    """D10: one-sided predictions have an MCC of 0 rather than NaN; nothing else changes."""
    positive = np.array([True, False, True, False])
    prediction = Prediction(np.array([0.9, 0.8, 0.7, 0.6]), 0.0)
    before = evaluate(positive, (), prediction).overall
    after = evaluate(positive, (), prediction, one_sided_mcc=0.0).overall
    assert math.isnan(before.pop("MCC"))
    assert after.pop("MCC") == 0
    assert {k: str(v) for k, v in before.items()} == {k: str(v) for k, v in after.items()}


def test_missingness_indicators_of_a_complete_table(saved):
    """D13: upstream stops where no value is missing; corrected the table is used as it is."""
    path = saved(toy_block(complete=True))
    changes = {"imputation": "missingness_indicators"}
    with pytest.raises(TaskFailure, match="D13"):
        runner().run(task(**changes), path)
    found = runner("missingness_indicators").run(task(**changes), path)
    assert untimed(found) == untimed(runner().run(task(), path))


def test_feature_checks_are_made_again(saved):
    """D15: features that imputation made alike are told apart no longer, and one goes."""
    part = toy_part(complete=True)
    values = np.random.default_rng(5).normal(size=part.numeric.shape)
    values[::2, :2] = np.nan
    part = replace(part, numeric=values)
    path = saved(BlockTables(part, part))
    changes = {"imputation": "outlier_imp", "correlation_check": "on"}
    before, after = (runner(*s).run(task(**changes), path) for s in ((), ("feature_checks",)))
    assert before.facts["dropped_after_imputation"] == []
    assert len(after.facts["dropped_after_imputation"]) == 1
    assert before.facts["features"] == after.facts["features"]
    assert untimed(before) != untimed(after)
    same = [runner(*s).run(task(imputation="outlier_imp"), path) for s in ((), ("feature_checks",))]
    assert untimed(same[0]) == untimed(same[1])


# --- boosted trees ----------------------------------------------------------


@pytest.fixture
def few_fits(monkeypatch):
    """Boosted trees of four settings, two of which do not learn, in three inner folds."""
    for module in ("_tuning", "xgboost"):
        monkeypatch.setattr(f"amiss_tasks.classifiers.{module}.ROUNDS", (3, 6))
    monkeypatch.setattr("amiss_tasks.classifiers._tuning._CHECKPOINTS", (2,))
    monkeypatch.setattr(
        "amiss_tasks.classifiers.xgboost.SETTINGS", [*SETTINGS[:2], *SETTINGS[-8:-6]]
    )
    monkeypatch.setattr("amiss_tasks.classifiers.xgboost.FOLDS", 3)


class _Numbers:
    """Uniform numbers of a seed, and the shape of what was asked for."""

    def uniforms(self, seed, size):
        return np.random.default_rng(seed).uniform(size=size)


def test_eta_zero_is_left_out():
    """D14: the settings compared are those of the grid that learn, two thirds of them."""
    assert list(_settings(_Numbers(), Choices())) == SETTINGS
    found = _settings(_Numbers(), Choices(learning_only=True))
    assert found == [setting for setting in SETTINGS if setting.eta > 0]
    assert 3 * len(found) == 2 * len(SETTINGS)


def test_random_settings_lie_in_caret_s_ranges():
    """D2: as many settings as the grid has, drawn by the seed, each hyperparameter in its range."""
    found = _settings(_Numbers(), Choices(search="random", search_seed=3))
    assert len(set(found)) == len(SETTINGS)
    assert all(0.001 < s.eta < 0.6 and s.max_depth in range(1, 11) for s in found)
    assert all(0 < s.gamma < 10 and 0.3 < s.colsample_bytree < 0.7 for s in found)
    assert found == _settings(_Numbers(), Choices(search="random", search_seed=3))
    assert found != _settings(_Numbers(), Choices(search="random", search_seed=4))


@pytest.mark.usefixtures("few_fits")
def test_random_search_trains_boosted_trees(saved):
    """D2: random search has a model and a setting of its own; grid search stays as it is."""
    path = saved(toy_block())
    found = runner("random_search").run(task("xgboost", hyperparameter_search_type="random"), path)
    assert found.facts["eta"] not in {0, 0.5, 1}
    grid = [runner(*s).run(task("xgboost"), path) for s in ((), ("random_search",))]
    assert untimed(grid[0]) == untimed(grid[1])


@pytest.mark.usefixtures("few_fits")
def test_imputation_choice_of_boosted_trees_is_out_of_sample(saved):
    """D4: the MCC is that of the inner folds, no longer that of the rows trained on."""
    path = saved(toy_block())
    others = ("eta_zero", "fold_shares")
    before, after = (
        runner(*others, *s).run(task("xgboost"), path) for s in ((), ("imputation_choice",))
    )
    assert before.facts["selection_mcc"] > after.facts["selection_mcc"]
    # with a single row of hyperparameters there is nothing to choose
    assert untimed(before) == untimed(after)


@pytest.mark.usefixtures("few_fits")
def test_eta_zero_changes_the_settings_that_are_fitted(saved):
    """D14: a run without these settings never chooses one and fits the rest."""
    path = saved(toy_block())
    assert runner("eta_zero").run(task("xgboost"), path).facts["eta"] == 1
