"""Added missingness: what is removed, how far fills are from it, and that nothing else changes."""

import math

import numpy as np
import pytest
from amissstudies import lr_values
from toyblock import FEATURES, toy_block, toy_part

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.stages.added_missingness import OPTION, RMSE, SHARES, removal_seed
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.metrics import TIMES
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings, TaskSpec, names_of

VALUES = lr_values(restriction="missense", imputation="mean_imp")


def settings(*shares: float, protocol: str = "amiss", seed: int = 1) -> Settings:
    options = {OPTION: list(shares)} if shares else {}
    return Settings(inputs={}, protocol=protocol, seed=seed, options=options)


def task(share: float | None = None, fold: int = 1, **changes) -> TaskSpec:
    added = {} if share is None else {OPTION: share}
    return TaskSpec(0, 0, fold, "lr", VALUES | changes | added)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("added") / "block.npz"
    toy_block().save(path)
    return path


@pytest.fixture
def told():
    """Stages that a runner announced."""
    return []


@pytest.fixture(scope="module")
def own():
    return AmissRunner(settings(0.0, 0.3, 0.5), lambda *_: None)


def ampute(own, table, share, seed):
    """The table after values went at random, how many were known, how many went."""
    found = own.chain.r.ampute(table, share, seed)
    return found.table, found.known, found.removed


def numbers(table) -> np.ndarray:
    """The six features of an R data frame; NaN is missing."""
    columns = table.python()
    return np.column_stack([np.array(columns[name], dtype=float) for name in FEATURES])


def timeless(rows):
    return [{k: v for k, v in row.items() if k not in (RMSE, *names_of(TIMES))} for row in rows]


@pytest.mark.parametrize("protocol", ["amiss", "corrected"])
def test_nothing_removed_gives_the_plain_study_s_results(artifact, protocol):
    """With share 0 every row, detail and fact is that of a study without the key."""
    plain = AmissRunner(settings(protocol=protocol), lambda *_: None)
    added = AmissRunner(settings(0.0, protocol=protocol), lambda *_: None)
    for method in ("mean_imp", "missingness_indicators", "knnImputation"):
        expected = plain.run(task(imputation=method), artifact)
        found = added.run(task(0.0, imputation=method), artifact)
        assert timeless(found.rows) == timeless(expected.rows)
        assert timeless(found.details) == timeless(expected.details)
        assert found.facts == expected.facts
        assert found.content_key == expected.content_key
        assert [row[RMSE] for row in found.rows] == [None]
        assert RMSE not in expected.rows[0]


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_share_of_the_known_values_is_removed_and_nothing_else_changes(own, share):
    """About that share goes, from numeric features only; what stays is as it was."""
    part = toy_part(400, text=True)
    table = own.chain.r.table(part)
    found, known, removed = ampute(own, table, share, 7)
    before, after = numbers(table), numbers(found)
    gone = np.isnan(after) & ~np.isnan(before)
    assert known == np.count_nonzero(~np.isnan(before))
    assert removed == gone.sum()
    assert removed / known == pytest.approx(share, abs=5 * math.sqrt(share / known))
    assert np.isnan(after[np.isnan(before)]).all()
    assert np.array_equal(after[~np.isnan(after)], before[~np.isnan(after)])
    assert found.python()["LRT_pred"] == table.python()["LRT_pred"]


def test_a_row_keeps_one_value(own):
    """Where nearly all is to go, no row of six features loses every value it has."""
    table = own.chain.r.table(toy_part(200))
    found, known, removed = ampute(own, table, 0.9, 7)
    left = (~np.isnan(numbers(found))).sum(axis=1)
    assert left.min() == 1
    # half of the rows would have lost everything, and keep one of six
    assert removed / known == pytest.approx(0.9 - 0.9**6 / 6, abs=0.03)


def test_every_feature_loses_alike_and_rows_lose_independently(own):
    """Removal is completely at random: no feature, class or neighbour has a part in it."""
    part = toy_part(1500, complete=True)
    table = own.chain.r.table(part)
    found, _, _ = ampute(own, table, 0.3, 11)
    gone = np.isnan(numbers(found))
    spread = math.sqrt(0.3 * 0.7 / len(gone))
    assert gone.mean(axis=0) == pytest.approx([0.3] * 6, abs=5 * spread)
    # ampute gives some rows the same pattern, so the spread of a row's count is that of the law
    assert gone.sum(axis=1).var() == pytest.approx(6 * 0.3 * 0.7, rel=0.1)
    classes = [gone[part.positive == which].mean() for which in (True, False)]
    assert classes[0] == pytest.approx(classes[1], abs=0.03)


def test_a_table_of_one_feature_or_one_row_can_be_thinned(own):
    """The wish of ampute for two columns and several patterns is not the user's concern."""
    part = toy_part(30, complete=True)
    wide = own.chain.r.table(part)
    one = own.chain.r.cut(wide, np.arange(60), FEATURES[:1])
    _, known, removed = ampute(own, one, 0.5, 1)
    assert (known, removed) == (60, 0)  # the only value of a row stays
    row = own.chain.r.cut(wide, np.arange(1), FEATURES)
    _, known, removed = ampute(own, row, 0.5, 1)
    assert known == 6
    assert removed < 6


def test_what_is_removed_depends_on_fold_share_and_seed_alone(own, artifact):
    """Methods, checks and samples meet the same gaps; folds, shares and seeds others."""
    masks = {}
    for name, spec in {
        "first": task(0.3),
        "method": task(0.3, imputation="zero_imp", training_data_sampling_percentage=0.66),
        "fold": task(0.3, fold=2),
        "share": task(0.5),
    }.items():
        cell = own.chain.cell(spec, artifact)
        masks[name] = np.isnan(numbers(cell.fold.train)).tobytes()
    assert masks["first"] == masks["method"]
    assert len(set(masks.values())) == 3
    corrected = [Protocol(CORRECTED, seed=seed) for seed in (1, 2)]
    seeds = {removal_seed(protocol, 0.3, 1) for protocol in (*corrected, Protocol())}
    assert len(seeds) == 3


def test_rmse_is_that_of_the_removed_values_in_standard_deviations(own, artifact):
    """For the mean it is what numpy makes of truth, gaps and means of the values left."""
    cell = own.chain.cell(task(0.5), artifact)
    before, after = numbers(cell.fold.removed.truth), numbers(cell.fold.train)
    gone = np.isnan(after) & ~np.isnan(before)
    filled = np.broadcast_to(np.nanmean(after, axis=0), before.shape)
    with np.errstate(invalid="ignore"):  # R's NA is a NaN that signals
        errors = (filled - before) / np.nanstd(before, axis=0, ddof=1)
    result = own.run(task(0.5), artifact)
    assert result.rows[0][RMSE] == pytest.approx(np.sqrt(np.mean(errors[gone] ** 2)), rel=1e-12)
    facts = result.facts[OPTION]
    assert facts["compared"] == facts["removed"] == gone.sum()
    assert facts["achieved_share"] == gone.sum() / np.count_nonzero(~np.isnan(before))
    by_feature = [np.sqrt(np.mean(errors[gone[:, j], j] ** 2)) for j in range(6)]
    assert [facts["rmse_by_feature"][name] for name in FEATURES] == pytest.approx(by_feature)


def test_indicators_are_judged_by_what_stands_in_the_feature(own, artifact):
    """missingness_indicators fill with zero, so their error is that of zero_imp."""
    found = [
        own.run(task(0.3, imputation=method), artifact).rows[0][RMSE]
        for method in ("missingness_indicators", "zero_imp")
    ]
    assert found[0] == found[1] > 0


def test_a_row_s_sample_is_judged_on_its_own_rows(own, artifact):
    """With a sample of rows, only values removed from the rows drawn are compared."""
    whole = own.run(task(0.5), artifact).facts[OPTION]
    part = own.run(task(0.5, training_data_sampling_percentage=0.33), artifact).facts[OPTION]
    assert part["removed"] == whole["removed"]
    assert 0 < part["compared"] < 0.6 * whole["compared"]


def test_features_without_spread_are_left_out_and_gaps_that_stay_are_told(own):
    """A constant has no unit; a removed value without one in its place leaves no RMSE."""
    part = toy_part(30, complete=True)
    part.numeric[:, 0] = 3.0
    truth = own.chain.r.table(part)
    given, _, _ = ampute(own, truth, 0.5, 3)
    rows = np.arange(part.rows)
    gone = np.isnan(numbers(given))
    exact = own.chain.r.imputation_error(truth, given, rows, truth)
    assert (exact.rmse, exact.cells, exact.unfilled) == (0.0, gone[:, 1:].sum(), 0)
    assert list(exact.by_feature) == list(FEATURES[1:])
    unfilled = own.chain.r.imputation_error(truth, given, rows, given)
    assert (unfilled.rmse, unfilled.unfilled) == (None, gone[:, 1:].sum())
    untouched = own.chain.r.imputation_error(truth, truth, rows, truth)
    assert (untouched.rmse, untouched.cells, dict(untouched.by_feature)) == (None, 0, {})


def test_a_test_table_that_is_completed_alone_is_completed_once(told, artifact):
    """Under protocol amiss the test rows, from which nothing goes, serve all shares."""
    own = AmissRunner(
        Settings(
            inputs={},
            protocol="amiss",
            seed=1,
            options={OPTION: [0.0, 0.2, 0.3], "switches": {"fold_shares": "corrected"}},
        ),
        lambda stage, key: told.append(stage),
    )
    for share in (0.0, 0.2, 0.3):
        own.run(task(share, imputation="norm"), artifact)
    assert told.count("ampute") == 2
    assert told.count("impute") == 3
    assert told.count("impute-test") == 1


def test_a_held_out_part_keeps_its_values(tmp_path):
    """With a hold-out, values go from the training part alone, and RMSE is told as ever."""
    part = toy_part(80)
    rows = Labelled(
        row_ids=part.row_ids,
        variants=part.variants(),
        positive=part.positive,
        numeric={
            name: part.numeric[:, FEATURES.index(name)]
            if name in FEATURES
            else np.arange(part.rows, dtype=float)
            for name in AMISS.numeric
        },
        text={name: ["D"] * part.rows for name in AMISS.categorical},
        has_dummies=True,
    )
    rows.save(tmp_path / "block.npz")
    options = {OPTION: [0.0, 0.5], "evaluate": "hold-out"}
    held = AmissRunner(Settings({}, "amiss", 1, options=options), lambda *_: None)
    cells = [held.chain.cell(task(share), tmp_path / "block.npz") for share in (0.0, 0.5)]
    assert cells[0].fold.test is cells[1].fold.test
    assert cells[0].fold.train is cells[1].fold.removed.truth
    result = held.run(task(0.5), tmp_path / "block.npz")
    assert 0.8 < result.rows[0][RMSE] < 1.3


def test_a_study_with_the_key_has_an_axis_a_column_and_a_stage():
    """They come last, before the times, and between fold and prepare; others have none."""
    added = PIPELINE.of_study({OPTION: list(SHARES)})
    assert [p.name for p in added.parameters[:-1]] == [p.name for p in PIPELINE.parameters]
    assert added.parameters[-1].values == added.parameters[-1].default == SHARES
    assert names_of(added.result_columns[-3:]) == (RMSE, "tr_time", "te_time")
    names = [stage.name for stage in added.stages]
    assert names[names.index("fold") : names.index("prepare")] == ["fold", "ampute"]
    assert added.classifier_reads("lr")[-1] == OPTION
    assert RMSE not in names_of(PIPELINE.result_columns)
    assert "ampute" not in [stage.name for stage in PIPELINE.stages]
