"""Methods beyond upstream's: held against mice, plain loops, and studies that may not have them."""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from amissstudies import amiss_values

from amiss_tasks.methods import AMISS_METHODS, BEYOND_AMISS, METHODS, Method
from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.r import session as r_session
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks.r_stages import RStages
from gridrun.errors import EnvironmentFault, InputError
from gridrun.study.grid_file import read_grid

NA = math.nan
RANDOM = np.random.default_rng(3)
OURS = {"midastouch": ".touch", "lasso.norm": ".draw", "cart": ".leaf_values"}


@pytest.fixture(scope="module")
def stages(two_completions) -> RStages:
    del two_completions
    return RStages(protocol=Protocol(CORRECTED))


@pytest.fixture(scope="module")
def ask(stages):
    """Calls a function of methods_of_today.R with functions of a method's file."""
    session = r_session.start()
    helpers = session.environment(session.shared)
    session.source_text(Path(__file__).with_name("methods_of_today.R").read_text(), helpers)

    def call(function, name, *args, also=()):
        file = stages.method_file(METHODS[name])
        given = [r_session.RObject(file.sexp[own]) for own in (OURS[name], *also)]
        return session.call(helpers, function, *given, *args).value.python()

    call.plain = lambda *args: session.call(helpers, *args)
    return call


def table_of(stages, columns, text=None):
    numeric = np.array(list(columns.values()), dtype=float).T
    positive = np.zeros(len(numeric), dtype=bool)
    return stages.table(BlockTable([], positive, numeric, tuple(columns), text or {}))


def floats(table):
    return {name: np.asarray(values, float) for name, values in table.python().items()}


def test_a_study_with_protocol_amiss_refuses_each_of_them(tmp_path):
    """With the value's line, why, and what to do; `all` stands for upstream's fourteen."""
    path = tmp_path / "g.json"
    path.write_text(json.dumps(amiss_values(imputation=["all", *BEYOND_AMISS])))
    with pytest.raises(InputError) as caught:
        read_grid(path, PARAMETERS, protocol="amiss")
    messages = [fault.message for fault in caught.value.faults]
    for name, message in zip(BEYOND_AMISS[:3], messages, strict=False):
        assert message.endswith(
            f'has "{name}", which protocol amiss does not run: amiss, whose numbers it stands '
            "for, has no such method"
        )
    assert "set protocol: corrected in the study file" in (caught.value.faults[0].todo or "")
    grid = read_grid(path, PARAMETERS, protocol="corrected").grid
    assert grid.allowed()["imputation"] == (*AMISS_METHODS, *BEYOND_AMISS)
    assert len(AMISS_METHODS) == 14


def test_a_package_is_asked_for_where_a_method_needs_it(stages, monkeypatch):
    """Other studies need no more than before; one that is lacking is named with its method."""
    assert PIPELINE.needs({"imputation": ["mean_imp", "rf"]}) == ()
    assert PIPELINE.needs({"imputation": ["lasso.norm", "cart"]}) == ("glmnet", "rpart")
    before = stages.calls.versions()
    more = stages.calls.versions(("glmnet", "rpart"))
    assert set(more) - set(before) == {"glmnet", "rpart"}
    lacking = {"new": Method("new", packages=("notThere",))}
    monkeypatch.setattr("amiss_tasks.tasks.r_calls.METHODS", lacking)
    with pytest.raises(EnvironmentFault, match="R has no package notThere, which imputation new"):
        stages.calls.versions(("notThere",))


def gower(row, donors, ranges, k):
    """A row's imputed values from Gower's formula, one pair and one feature at a time."""
    filled = dict(row)
    for wanted in [name for name, value in row.items() if value is None]:
        found = []
        for place, donor in enumerate(donors):
            scores = []
            for name, value in row.items():
                other = donor[name]
                if value is None or other is None:
                    continue
                if isinstance(value, str):
                    scores.append(0.0 if value == other else 1.0)
                elif value == other:
                    scores.append(0.0)
                else:
                    scores.append(min(abs(value - other) / ranges[name], 1.0))
            if donor[wanted] is not None and scores:
                found.append((sum(scores) / len(scores), place, donor[wanted]))
        nearest = [value for *_, value in sorted(found)[:k]]
        if isinstance(nearest[0], str):
            counts = Counter(nearest)
            filled[wanted] = max(counts, key=counts.get)  # of equal ones the nearest
        else:
            filled[wanted] = float(np.median(nearest))
    return filled


def mixed(rows, seed):
    """Numbers of several units, a 0/1 column, a constant and a text, all but one with gaps."""
    random = np.random.default_rng(seed)
    columns = {
        "a": random.normal(size=rows),
        "vast": 1e6 * random.normal(size=rows),
        "flag": random.integers(0, 2, rows).astype(float),
        "same": np.full(rows, 2.5),
        "whole": random.integers(0, 5, rows).astype(float),
    }
    for name in ("vast", "flag", "same", "whole"):
        columns[name][random.choice(rows, rows // 4, replace=False)] = NA
    words = [str(word) for word in random.choice(["x", "y", "z"], rows)]
    return columns, words


def as_rows(columns, words):
    return [
        {n: None if np.isnan(v[i]) else float(v[i]) for n, v in columns.items()} | {"t": words[i]}
        for i in range(len(words))
    ]


@pytest.mark.parametrize("k", [1, 5])
def test_gower_knn_is_gowers_formula(stages, k, monkeypatch):
    """Training and test rows as by hand, text among the features, however rows are cut."""
    given, tested = mixed(40, 1), mixed(25, 2)
    tested[0]["a"][0] = 50.0  # far outside of what training rows have
    tested[1][1] = "a word of its own"
    method = METHODS["gower_knn"]
    imputed = stages.impute_train(method, table_of(stages, given[0], {"t": given[1]}), [{"k": k}])
    found = stages.impute_test(
        method, table_of(stages, tested[0], {"t": tested[1]}), imputed.states.at(0)
    )
    donors = as_rows(*given)
    ranges = {name: float(np.nanmax(v) - np.nanmin(v)) for name, v in given[0].items()}
    for before, after in ((given, imputed.tables.at(0).at(0)), (tested, found.tables.at(0))):
        columns = after.python()
        for i, row in enumerate(as_rows(*before)):
            wanted = gower(row, donors, ranges, k)
            got = {name: columns[name][i] for name in wanted}
            assert got.pop("t") == wanted.pop("t")
            assert list(got.values()) == pytest.approx(list(wanted.values()), rel=1e-12)


def test_gower_knn_without_a_common_feature_takes_the_usual_value(stages):
    """A row with nothing known gets medians; a feature without any value fails the row."""
    given = {"a": [1.0, 2.0, 9.0, NA], "b": [1.0, NA, 3.0, 4.0]}
    method = METHODS["gower_knn"]
    state = stages.impute_train(method, table_of(stages, given), [{"k": 2}]).states.at(0)
    empty = table_of(stages, {"a": [NA], "b": [NA]})
    found = floats(stages.impute_test(method, empty, state).tables.at(0))
    assert (found["a"][0], found["b"][0]) == (2.0, 3.0)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("name", "params"), [("midastouch", {}), ("midastouch", {"ridge": 0.01}), ("lasso.norm", {})]
)
def test_values_are_those_of_mice(ask, name, params, seed):
    """From the same seed the same values, and the generator at the same place after them."""
    if params:
        params = {**params, "ls.meth": "ridge"}
    found = ask("both", name, name, 45, seed, params)
    assert len(found["found"]) == 15
    np.testing.assert_array_equal(found["found"], found["wanted"])
    assert found["same"] == [True]


def test_cart_draws_from_the_leaves_of_mices_tree(ask):
    """Each donor of a row's leaf, and no other value, has the same share of random numbers."""
    found = ask("leaves", "cart", 90, 5)
    assert len({tuple(values) for values in found["wanted"]}) > 3
    for got, wanted in zip(found["found"], found["wanted"], strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("name", OURS)
def test_a_row_alone_gets_what_it_gets_in_a_kept_model(ask, name):
    """The function for kept models gives every row what it would be given as the only one."""
    params = {"minbucket": 5} if name == "cart" else {}
    found = ask("alone", name, 45, params, also=(f"{OURS[name]}_alone",))
    np.testing.assert_array_equal(found["together"], found["alone"])
    assert len(set(found["alone"])) > 2


@pytest.mark.parametrize("name", OURS)
def test_hardly_anything_to_learn_from(ask, name):
    """Without predictors, or with constant or few values, each row gets a finite value."""
    found = ask("hardly_anything", name, {"minbucket": 5})
    for values in found.values():
        assert np.isfinite(values).all()
    np.testing.assert_array_equal(found["constant"], 4)


def test_missforest_by_ranger_is_a_plain_loop_over_ranger(stages, ask):
    """The same values from the same random numbers, twice; test rows from the same forests."""
    base = RANDOM.normal(size=(50, 2)) @ RANDOM.normal(size=(2, 4))
    base += 0.2 * RANDOM.normal(size=base.shape)
    base[RANDOM.random(base.shape) < 0.15] = NA
    columns = dict(zip("abcd", base.T, strict=True))
    method, row = METHODS["missForest_ranger"], {"mtry": 2, "ntree": 20}
    table = table_of(stages, columns)
    seed = Protocol(CORRECTED).seed_of("impute", 1, 42)
    imputed = stages.impute_train(method, table, [row])
    again = stages.impute_train(method, table, [row])
    use_stream = r_session.RObject(r_session.start().shared.sexp["use_stream"])
    plain = ask.plain("plain_missforest_from", table, 2, 20, seed, use_stream).value
    ours, twice, theirs = map(floats, (imputed.tables.at(0).at(0), again.tables.at(0).at(0), plain))
    found = floats(stages.impute_test(method, table, imputed.states.at(0)).tables.at(0))
    for name in columns:
        np.testing.assert_array_equal(ours[name], theirs[name])
        np.testing.assert_array_equal(ours[name], twice[name])
        np.testing.assert_array_equal(ours[name], found[name])


@pytest.mark.parametrize("name", ["cart", "midastouch"])
def test_a_chain_imputes_training_and_test_rows(stages, name):
    """Observed training values alone; another test row changes nothing."""
    a = RANDOM.normal(size=40)
    given = {"a": a[:30], "b": np.where(np.arange(30) % 3 == 0, NA, a[:30] ** 3)}
    tested = {"a": a[30:], "b": np.where(np.arange(10) % 2 == 0, NA, 1.0)}
    other = {"a": np.append(a[30:39], 9.0), "b": tested["b"]}
    method = METHODS[name]
    rows = [method.row(1)] if method.axes else [{}]
    imputed = stages.impute_train(method, table_of(stages, given), rows)
    known = set(given["b"][~np.isnan(given["b"])])
    assert set(floats(imputed.tables.at(0).at(0))["b"]) <= known
    state = imputed.states.at(0)
    one, two = (
        floats(stages.impute_test(method, table_of(stages, rows), state).tables.at(1))["b"]
        for rows in (tested, other)
    )
    assert set(one[::2]) <= known
    np.testing.assert_array_equal(one[:9], two[:9])
