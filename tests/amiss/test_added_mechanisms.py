"""Added missingness by mechanism: what removal depends on, the share met, seeds, what is shared."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from amissstudies import lr_values
from toyblock import FEATURES, toy_block, toy_part

from amiss_tasks.models.explain import _removed
from amiss_tasks.models.export import export_model
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.stages.added_missingness import (
    MECHANISM,
    MECHANISMS,
    OPTION,
    SHARES_KEY,
    removal_seed,
)
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks.results import LeafTask, _mechanism_notes
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.errors import UserError
from gridrun.pipeline import Settings, TaskFailure, TaskSpec, names_of
from gridrun.plan.fingerprint import digest_of

VALUES = lr_values(restriction="missense", imputation="mean_imp")
ALL = {SHARES_KEY: [0.0, 0.3], "mechanisms": list(MECHANISMS)}


def task(mechanism: str | None, share: float = 0.3, fold: int = 1, **changes) -> TaskSpec:
    added = {OPTION: share} | ({} if mechanism is None else {MECHANISM: mechanism})
    return TaskSpec(0, 0, fold, "lr", VALUES | changes | added)


def runner(data, told=None) -> AmissRunner:
    settings = Settings({}, "corrected", 1, options={OPTION: data})
    return AmissRunner(settings, lambda stage, _: told.append(stage) if told is not None else None)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("mechanisms") / "block.npz"
    toy_block().save(path)
    return path


@pytest.fixture(scope="module")
def own():
    return runner(ALL)


def numbers(table) -> np.ndarray:
    """Numeric features of an R data frame; NaN is missing."""
    columns = table.python()
    return np.column_stack(
        [np.array(columns[name], dtype=float) for name in FEATURES if name in columns]
    )


def table_of(own, values: np.ndarray):
    """An R table with these columns as the first features."""
    rows = len(values)
    names = FEATURES[: values.shape[1]]
    part = BlockTable(
        [f"1:{n}:A:C:T:X" for n in range(rows)], np.arange(rows) > 9, values, names, {}
    )
    return own.chain.r.table(part)


def beside(one: np.ndarray, other: np.ndarray, given: np.ndarray) -> float:
    """Correlation of two columns within 40 groups of rows of nearly the same third value."""
    groups = np.argsort(np.argsort(given)) * 40 // len(given)
    counts = np.bincount(groups)

    def left(column: np.ndarray) -> np.ndarray:
        return column - (np.bincount(groups, column) / counts)[groups]

    return float(np.corrcoef(left(one.astype(float)), left(other))[0, 1])


@pytest.fixture(scope="module")
def removed(own):
    """For each mechanism the complete values, which of them went, and the driving column."""
    values = toy_part(1000, seed=4, complete=True).numeric
    found = {}
    for mechanism in MECHANISMS:
        amputed = own.chain.r.ampute(table_of(own, values), 0.3, 5, mechanism)
        driver = FEATURES.index(amputed.driver) if amputed.driver else None
        found[mechanism] = (values, np.isnan(numbers(amputed.table)), driver, amputed)
    return found


def test_removal_by_another_feature_depends_on_that_feature_alone(removed):
    """MAR: the larger the driving value the likelier; given it, the own value does not count."""
    values, gone, driver, _ = removed["MAR"]
    assert not gone[:, driver].any()
    chance = 4 / math.sqrt(len(values))
    for j in set(range(6)) - {driver}:
        assert np.corrcoef(gone[:, j], values[:, driver])[0, 1] > 0.3
        assert abs(beside(gone[:, j], values[:, j], values[:, driver])) < chance


def test_removal_by_itself_depends_on_the_own_value_alone(removed):
    """MNAR: the larger a value the likelier it goes; given it, no other feature counts."""
    values, gone, driver, _ = removed["MNAR"]
    assert driver is None
    chance = 4 / math.sqrt(len(values))
    for j in range(6):
        assert np.corrcoef(gone[:, j], values[:, j])[0, 1] > 0.3
        other = (j + 1) % 6
        assert abs(beside(gone[:, j], values[:, other], values[:, j])) < chance


def test_removal_completely_at_random_depends_on_neither(removed):
    """MCAR: neither the own value nor the one that would drive MAR is related to removal."""
    values, gone, _, _ = removed["MCAR"]
    driver = removed["MAR"][2]
    chance = 4 / math.sqrt(len(values))
    for j in range(6):
        for other in (j, driver):
            assert abs(np.corrcoef(gone[:, j], values[:, other])[0, 1]) < chance


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_share_is_met_under_every_mechanism(removed, mechanism):
    """What went is the share of what could go, which the driving feature is no part of."""
    values, gone, driver, amputed = removed[mechanism]
    assert amputed.known == values.size - (0 if driver is None else len(values))
    assert amputed.removed == gone.sum()
    assert amputed.at_random == 0
    spread = math.sqrt(0.3 * 0.7 / amputed.known)
    assert amputed.removed / amputed.known == pytest.approx(0.3, abs=4 * spread + 0.001)


def test_skewed_and_discrete_features_lose_the_same_share(own):
    """Heavy tails, a-priori zeros and two values: each loses its share, the larger ones first."""
    random = np.random.default_rng(3)
    normal = random.normal(size=(4000, 3))
    zeros = np.where(random.random(4000) < 0.8, 0.0, normal[:, 0] ** 2)
    values = np.column_stack([np.exp(3 * normal[:, 1]), zeros, normal[:, 2] > 1.645])
    found = own.chain.r.ampute(table_of(own, values), 0.3, 2, "MNAR")
    gone = np.isnan(numbers(found.table))
    # rows that would lose everything keep one of three
    assert gone.mean(axis=0) == pytest.approx([0.3 - 0.3**3 / 3] * 3, abs=0.02)
    for j in (1, 2):
        assert gone[values[:, j] > 0, j].mean() > gone[values[:, j] == 0, j].mean() + 0.2


def test_values_that_nothing_decides_about_go_at_random_and_are_counted(own):
    """Rows without the driving value, and a feature of nine values, lose the share all the same."""
    random = np.random.default_rng(5)
    values = random.normal(size=(900, 1)) + random.normal(0, 0.6, (900, 4)) * [1, 0, 5, 1]
    values[:50, 1] = np.nan
    values[:50, 2] = np.nan
    values[59:, 2] = np.nan
    found = own.chain.r.ampute(table_of(own, values), 0.5, 2, "MAR")
    assert found.driver == FEATURES[1]
    assert found.at_random == 50 + 9 + 50
    assert found.known == 900 + 9 + 900
    gone = np.isnan(numbers(found.table)) & ~np.isnan(values)
    # one of two stays where both would go
    assert gone[:50, [0, 3]].mean() == pytest.approx(0.5 - 0.25 / 2, abs=0.2)
    assert own.chain.r.ampute(table_of(own, values), 0.5, 2, "MNAR").at_random == 9


def test_the_driving_feature_is_known_and_related_and_has_no_double(own):
    """It tells most of the others; one that the correlation check may drop is passed over."""
    random = np.random.default_rng(6)
    factor = random.normal(size=500)
    noise = random.normal(size=(500, 4))
    values = np.column_stack(
        [factor, 0.8 * factor + noise[:, 0], factor + noise[:, 1], noise[:, 2]]
    )
    assert own.chain.r.ampute(table_of(own, values), 0.5, 2, "MAR").driver == FEATURES[0]
    doubled = np.column_stack([values, factor + 0.1 * noise[:, 3]])
    assert own.chain.r.ampute(table_of(own, doubled), 0.5, 2, "MAR").driver == FEATURES[2]
    rare = values.copy()
    rare[50:, 0] = np.nan
    assert own.chain.r.ampute(table_of(own, rare), 0.5, 2, "MAR").driver == FEATURES[2]


def test_a_row_keeps_one_value_under_every_mechanism(own):
    """Where nearly all is to go, no row loses every value that it has."""
    table = own.chain.r.table(toy_part(100))
    for mechanism in MECHANISMS:
        left = ~np.isnan(numbers(own.chain.r.ampute(table, 0.9, 7, mechanism).table))
        assert left.any(axis=1).all()


def test_a_table_that_nothing_can_drive_is_a_failure_that_says_why(own):
    """MAR of one feature, or beside constants, is refused in words; nothing goes at random."""
    for values in (np.arange(20.0)[:, None], np.column_stack([np.arange(20.0), np.ones(20)])):
        with pytest.raises(TaskFailure, match=r"another feature's \(MAR\).*leave MAR out"):
            own.chain.r.ampute(table_of(own, values), 0.3, 1, "MAR")


def test_what_goes_depends_on_mechanism_fold_and_share_alone(own, artifact):
    """Methods, checks and samples meet the same gaps; each mechanism and fold has its own."""
    masks = {}
    for mechanism in MECHANISMS:
        for fold, changes in (
            (1, {}),
            (1, {"imputation": "zero_imp", "downsampling": "on"}),
            (2, {}),
        ):
            cell = own.chain.cell(task(mechanism, fold=fold, **changes), artifact)
            mask = np.isnan(numbers(cell.fold.train)).tobytes()
            masks.setdefault((mechanism, fold), set()).add(mask)
    assert {len(found) for found in masks.values()} == {1}
    assert len(set.union(*masks.values())) == 6
    protocol = own.chain.protocol
    assert len({removal_seed(protocol, 0.3, 1, mechanism) for mechanism in MECHANISMS}) == 3


def test_nothing_removed_is_one_computation_for_all_mechanisms(artifact):
    """With share 0 the second and third mechanism have the first one's result, and say so."""
    told: list[str] = []
    own = runner(ALL, told)
    results = [own.run(task(mechanism, 0.0), artifact) for mechanism in MECHANISMS]
    assert [result.shared for result in results] == [False, True, True]
    assert [(told.count(stage)) for stage in ("ampute", "impute", "train")] == [0, 1, 1]


def test_completely_at_random_is_what_a_study_of_shares_alone_removes(own, artifact):
    """MCAR beside other mechanisms has the digests, rows and facts of a list of shares."""
    plain = runner([0.0, 0.3]).run(task(None), artifact)
    beside_others = own.run(task("MCAR"), artifact)
    assert plain.content_key == beside_others.content_key
    fold = own.chain.cell(task("MCAR"), artifact).fold
    seed = removal_seed(own.chain.protocol, 0.3, 1)
    key = {"fold": fold.removed.test_digest, "removed": 0.3, "seed": seed}
    assert fold.digest == digest_of(key)
    assert plain.facts == beside_others.facts
    assert plain.notes == beside_others.notes
    times = {"tr_time", "te_time"}
    rows = [
        [{k: v for k, v in row.items() if k not in times} for row in found.rows]
        for found in (plain, beside_others)
    ]
    assert rows[0] == rows[1]


def test_facts_and_notes_say_by_what_was_removed(own, artifact):
    """Facts name mechanism and driving feature; a method that does not see it has a note."""
    result = own.run(task("MAR"), artifact)
    facts = result.facts[OPTION]
    assert (facts["mechanism"], facts["driver"]) == ("MAR", FEATURES[0])
    (note,) = [note for note in result.notes if "at random, not by MAR" in note]
    assert f"{facts['at_random']} of {facts['known']} known values" in note
    assert f"no value of {FEATURES[0]}" in note
    cell = own.chain.cell(task("MAR"), artifact)
    unseen = replace(cell, prepared=replace(cell.prepared, features=FEATURES[1:]))
    assert [FEATURES[0] in note for note in _mechanism_notes(cell)] == [True]
    said = _mechanism_notes(unseen)[-1]
    assert said.startswith(f"values were removed by {FEATURES[0]} (MAR), which is not among")
    assert own.run(task("MNAR"), artifact).facts[OPTION]["mechanism"] == "MNAR"


def test_explain_says_by_what_was_removed(own, artifact):
    """The script's head names the mechanism, and the feature that drives MAR."""
    said = [_removed(LeafTask(own.chain, task(m), artifact))[0] for m in MECHANISMS]
    assert "removed at random" in said[0]
    assert f"by the values of {FEATURES[0]} (MAR)" in said[1]
    assert "by the values themselves (MNAR)" in said[2]


def test_no_model_is_exported_from_data_made_worse(tmp_path):
    """A combination with a share is refused under every mechanism."""
    for mechanism in MECHANISMS:
        chosen = SimpleNamespace(values={OPTION: 0.3, MECHANISM: mechanism}, study=tmp_path)
        with pytest.raises(UserError, match="no model to be used"):
            export_model(PIPELINE, chosen, tmp_path / "model")


def test_the_mechanism_is_an_axis_behind_the_share():
    """It is read by the stage that removes, and shown in the summary; without it there is none."""
    added = PIPELINE.of_study({OPTION: ALL})
    assert names_of(added.parameters[-2:]) == added.summary_parameters == (OPTION, MECHANISM)
    (stage,) = [stage for stage in added.stages if stage.name == "ampute"]
    assert stage.reads == (OPTION, MECHANISM)
    # the results of share 0 are shared by mechanisms that one worker has
    assert MECHANISM not in added.affinity
    assert MECHANISM not in names_of(PIPELINE.of_study({OPTION: [0.3]}).parameters)
