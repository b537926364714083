"""``none`` keeps missing values for classifiers that accept them; indicators stand beside any."""

from __future__ import annotations

import numpy as np
import pytest
from amissstudies import amiss_values, golden_study
from own_files import MEDIAN, page_blocks
from test_gaps import outcome_of, table_of
from threadpoolctl import threadpool_limits
from toyblock import FEATURES, toy_block

from amiss_tasks.classifiers._tuning import SETTINGS
from amiss_tasks.features.indicators import INDICATORS, method_with
from amiss_tasks.methods import METHODS, own_method
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.errors import InputError
from gridrun.pipeline import Settings, TaskFailure, TaskSpec
from gridrun.study import load_study

NA = np.nan
NONE = METHODS["none"]
ON = {INDICATORS: "on"}
PAGE = page_blocks("python")["hgb.py"].replace("=seed", "=seed, max_iter=5, min_samples_leaf=5")
HGB = OwnFile("hgb", "hgb.py", PAGE, accepts_missing=True)
RANDOM = np.random.default_rng(7)
ROWS = 80
MISSING = [True, False] * (ROWS // 2)


@pytest.fixture(scope="module")
def stages() -> RStages:
    return RStages(protocol=Protocol(CORRECTED), own_classifiers={"hgb": HGB})


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    path = tmp_path_factory.mktemp("none") / "block.npz"
    toy_block().save(path)
    return path


@pytest.fixture(scope="module")
def runner() -> AmissRunner:
    options = {INDICATORS: ["off", "on"], "own_classifiers": [HGB.plain()]}
    return AmissRunner(Settings({}, "amiss", 1, options=options), lambda *_: None)


@pytest.fixture(autouse=True)
def one_thread():
    """As tasks have it: scikit-learn's threads wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def few_trees(monkeypatch):
    monkeypatch.setattr("amiss_tasks.classifiers.xgboost.FOLDS", 3)
    monkeypatch.setattr("amiss_tasks.classifiers.xgboost.SETTINGS", SETTINGS[32:36])


def gaps() -> dict[str, np.ndarray]:
    """A feature that is missing in every second row, one with one gap, and one with no value."""
    a, b = RANDOM.normal(size=(2, ROWS))
    a[::2] = NA
    b[3] = NA
    return {"a": a, "b": b, "whole": np.arange(1.0 * ROWS), "empty": np.full(ROWS, NA)}


def columns_of(table) -> dict[str, list]:
    return {name: np.asarray(column).tolist() for name, column in table.python().items()}


def imputed_by(stages, method, table, rows=({},)):
    accepts = stages.accepts_missing("xgboost", method)
    return stages.usable(method, stages.impute_rows(method, table, rows), accepts_missing=accepts)


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize("classifier", ["xgboost", "hgb"])
def test_a_classifier_that_accepts_missing_values_learns_from_them(stages, classifier):
    """Where a value is missing tells the class, in every fit, the inner ones included."""
    table = table_of(stages, **gaps())
    imputed = imputed_by(stages, NONE, table)
    assert np.isnan(columns_of(imputed.tables.at(0).at(0))["a"]).tolist() == MISSING
    trained = stages.train(classifier, imputed, outcome_of(stages, ROWS))
    assert trained.facts[0]["selection_mcc"] == 1
    model = trained.models.at(0)
    found = stages.predict(classifier, model, table, method=NONE)[0].probability
    assert (found > 0.5).tolist() == MISSING
    # each test row the other way round
    other = table_of(stages, **gaps() | {"a": np.where(MISSING, 0.1, NA)})
    found = stages.predict(classifier, model, other, method=NONE)[0].probability
    assert (found > 0.5).tolist() == [not missing for missing in MISSING]


def test_none_leaves_out_what_no_training_row_has_and_says_so(stages):
    """A feature without any value is nothing to learn from; without any feature nothing runs."""
    table = table_of(stages, **gaps())
    imputed = imputed_by(stages, NONE, table)
    assert list(columns_of(imputed.tables.at(0).at(0))) == ["a", "b", "whole"]
    assert imputed.notes == (
        "trained without features that have no value in the training rows: empty",
    )
    with pytest.raises(TaskFailure, match=r"^no feature has a value in the training rows$"):
        imputed_by(stages, NONE, table_of(stages, empty=np.full(4, NA)))


def test_what_a_method_failed_to_fill_is_still_its_failure(stages):
    """XGBoost is given missing values where the method keeps them, and nowhere else."""
    accepts = {
        (name, method): stages.accepts_missing(name, METHODS[method])
        for name in ("rf", "xgboost", "lr", "pattern_lr", "hgb")
        for method in ("none", "pmm")
    }
    assert {pair for pair, answer in accepts.items() if answer} == {
        ("xgboost", "none"),
        ("pattern_lr", "none"),
        ("hgb", "none"),
        ("hgb", "pmm"),
    }


def disposition(classifier, imputation="none", **changes):
    options = {INDICATORS: ["off", "on"], "own_classifiers": [HGB.plain()]}
    options["own_classifiers"].append({**HGB.plain(), "name": "strict", "accepts_missing": False})
    values = amiss_values(imputation=imputation) | {INDICATORS: "off"} | changes
    settings = Settings({}, "corrected", 1, options=options)
    return PIPELINE.of_study(options).disposition(classifier, values, settings)


@pytest.mark.parametrize(
    ("classifier", "values", "reason"),
    [
        ("rf", {}, "only classifiers that accept missing values are trained with imputation=none"),
        (
            "strict",
            {},
            "only classifiers that accept missing values are trained with imputation=none",
        ),
        ("xgboost", {}, ""),
        ("xgboost", ON, ""),
        ("hgb", {}, ""),
        ("pattern_lr", {}, ""),
        ("pattern_lr", ON, "they are constant within a pattern"),
        ("pattern_lr", {"imputation": "mean_imp"}, "imputed tables have one"),
        ("lr", {"imputation": "missingness_indicators"}, ""),
        ("lr", ON | {"imputation": "missingness_indicators"}, "adds indicators itself"),
        ("xgboost", {"categorical": "factor"}, "categorical=factor trains random forest only"),
    ],
)
def test_what_cannot_be_trained_is_skipped_with_its_reason(classifier, values, reason):
    """Before anything runs, as categorical=factor is."""
    found = disposition(classifier, **values)
    assert found.state == ("skipped" if reason else "waiting")
    assert reason in found.reason


METHODS_WITH = {
    "mean_imp": METHODS["mean_imp"],
    "none": NONE,
    "mine": own_method(OwnFile("mine", "mine.R", MEDIAN)),
}


@pytest.mark.parametrize("name", METHODS_WITH)
def test_indicators_are_learnt_on_training_rows_and_stand_beside_the_same_values(stages, name):
    """Of features that some training rows lack; test rows get those columns and no other."""
    plain = METHODS_WITH[name]
    method = method_with(plain, ON)
    data = {n: column for n, column in gaps().items() if n != "empty"}
    table = table_of(stages, **data)
    without = imputed_by(stages, plain, table)
    found = imputed_by(stages, method, table)
    own, more = (columns_of(one.tables.at(0).at(0)) for one in (without, found))
    assert list(more) == ["a", "b", "whole", "a_missing", "b_missing"]
    assert repr({n: more[n] for n in own}) == repr(own)
    assert more["a_missing"] == np.isnan(data["a"]).tolist()
    # in the test rows another feature lacks values, and one of the two has them all
    test = table_of(stages, a=[1.0, NA], b=[1.0, 2.0], whole=[NA, 1.0])
    tested = columns_of(stages.impute_test(method, test, found.states.at(0)).tables.at(0))
    assert list(tested) == list(more)
    assert (tested["a_missing"], tested["b_missing"]) == ([False, True], [False, False])


def test_the_feature_checks_compare_indicators_among_themselves(stages):
    """Of equal indicators one stays; no feature goes for an indicator that equals it."""
    missing = np.array(MISSING)
    number, twin = (np.where(missing, NA, RANDOM.normal(size=ROWS)) for _ in range(2))
    names = dict(zip(FEATURES, (number, twin, missing * 1.0), strict=False))
    method = method_with(METHODS["zero_imp"], ON)
    imputed = imputed_by(stages, method, table_of(stages, **names))
    again = stages.check_again(imputed, variance=False, correlation=True, indicators=True)
    (gone,) = again.dropped[0]
    assert gone in {f"{name}_missing" for name in FEATURES[:2]}
    assert stages.check_again(imputed, variance=False, correlation=True).dropped == [()]


def task(classifier, **changes) -> TaskSpec:
    values = amiss_values(imputation="mean_imp", correlation_check="on") | {INDICATORS: "off"}
    return TaskSpec(0, 0, 1, classifier, values | changes)


def test_a_task_with_indicators_differs_by_them_alone(runner, artifact):
    """Rows and features are the same, the facts name the indicators, and keys differ."""
    off, on = (runner.run(task("lr", **{INDICATORS: value}), artifact) for value in ("off", "on"))
    lacking = columns_of(runner.chain.cell(task("lr"), artifact).fold.train).items()
    assert on.facts["indicators"] == [name for name, column in lacking if np.isnan(column).any()]
    shared = ("features", "n_rows", "low_variance", "correlated")
    assert [off.facts[name] for name in shared] == [on.facts[name] for name in shared]
    assert off.content_key != on.content_key
    assert off.rows[0]["Brier"] != on.rows[0]["Brier"]
    cells = [
        runner.chain.cell(task("lr", imputation="norm", **{INDICATORS: value}), artifact)
        for value in ("off", "on")
    ]
    assert cells[0].key != cells[1].key
    # which columns a test table gets is learnt in training, also where upstream's way does not
    # look there (D7)
    assert cells[0].test_key(0) != cells[1].test_key(0)


def test_none_runs_whole_tasks(runner, artifact):
    """pattern_lr is scored, with a note on which submodels served; lr is not even trained."""
    found = runner.run(task("pattern_lr", imputation="none"), artifact)
    assert "rows predicted: " in " ".join(found.notes)
    with pytest.raises(TaskFailure, match="missing values remain after imputation"):
        runner.run(task("lr", imputation="none"), artifact)


def study_of(directory, *lines, **grid):
    """A study of three files that nobody reads."""
    values = amiss_values(imputation="mean_imp") | grid
    return load_study(golden_study(directory / "study", values, *lines), PIPELINE)


@pytest.mark.parametrize(
    ("written", "values"),
    [("on", ("on",)), ("[off, on]", ("off", "on")), ("[on, on]", ("on",)), ("off", ("off",))],
)
def test_the_key_adds_a_parameter_to_the_grid(tmp_path, written, values):
    """Every form gives its values, in their order; without the key there is no such parameter."""
    study = study_of(tmp_path, "protocol: corrected", f"indicators: {written}")
    assert study.grid.names[-1] == INDICATORS
    assert study.grid.allowed()[INDICATORS] == values
    assert INDICATORS not in study_of(tmp_path, "protocol: corrected").grid.names
    assert study_of(tmp_path).classifiers == ("rf", "xgboost", "lr")


@pytest.mark.parametrize(
    ("lines", "grid", "parts"),
    [
        (["indicators: [off, on]"], {}, [":2:", '"indicators" has "on", which protocol amiss']),
        (["indicators: yes"], {}, [":3:", 'key "indicators" has unknown value "yes"']),
        (["indicators: []"], {}, [":3:", "an empty list", "give off, on, or both"]),
        (["indicators: {on: off}"], {}, [":3:", "a mapping", "give off, on, or both"]),
        ([], {"imputation": "none"}, [":2:", '"none", which protocol amiss does not run']),
        (
            ["classifiers: [lr, pattern_lr]"],
            {},
            [":3:", '"pattern_lr", which protocol amiss does not run', "set protocol: corrected"],
        ),
    ],
)
def test_what_amiss_lacks_is_refused_under_its_protocol(tmp_path, lines, grid, parts):
    """With file and line, the reason and what to do; so are values that are none."""
    with pytest.raises(InputError) as caught:
        study_of(tmp_path, *lines, **grid)
    (fault,) = caught.value.faults
    assert [part for part in parts if part not in fault.text()] == []
