"""A model file is data: whoever wrote it, reading it runs nothing and breaks nothing."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_models import VALUES, Exported, taken, worker
from test_null import few_trees

from amiss_tasks.classifiers import IN_PYTHON
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.methods import METHODS
from amiss_tasks.models._boosted import check_boosted
from amiss_tasks.models._file import (
    R_PART,
    RECIPE,
    ModelFile,
    digest_of_part,
    read_model,
    write_model,
)
from amiss_tasks.models._model import _CHECKS, Model
from amiss_tasks.models._plain import DOUBLES, NODES, Plain
from amiss_tasks.models._r import ModelCalls
from amiss_tasks.models._recipe import SERIALISED
from amiss_tasks.models.predict import predict
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.r.own_file import OWN_METHODS, OwnFile
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks.r_stages import RStages
from gridrun.errors import UserError
from gridrun.pipeline import TaskFailure

RANDOM = np.random.default_rng(4)
SLOW_HERE = {"missForest", "missForest_ranger", "rf", "midastouch", "lasso.norm", "cart"}
EACH = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW_HERE else ())
    for name, method in METHODS.items()
    if not method.keeps_missing
]


@pytest.fixture(scope="module")
def calls() -> ModelCalls:
    return ModelCalls(worker().chain.r)


@pytest.fixture(scope="module")
def forest(tmp_path_factory) -> Exported:
    """A random forest on zeros; its training is the cheapest."""
    return Exported(
        VALUES | {"imputation": "zero_imp"}, "rf", tmp_path_factory.mktemp("rf") / "m", AMISS
    )


@pytest.fixture(scope="module")
def boosted(tmp_path_factory) -> Exported:
    """Boosted trees on missing values."""
    with pytest.MonkeyPatch.context() as patch:
        few_trees(patch)
        file = tmp_path_factory.mktemp("xgboost") / "m"
        return Exported(VALUES | {"imputation": "none"}, "xgboost", file, AMISS)


def with_gaps(rows: int, columns: int) -> np.ndarray:
    values = RANDOM.normal(size=(rows, 2)) @ RANDOM.normal(size=(2, columns))
    values += RANDOM.normal(0, 0.3, values.shape)
    values[::7, 1] = values[3::7, -1] = np.nan
    return values


def is_the_same(calls: ModelCalls, value) -> bool:
    """Whether a value of R's is identical, bit for bit, once it was JSON and arrays."""
    again = calls.of_plain(Plain.from_parts(calls.plain(value).parts()))
    bits = {"num.eq": False, "single.NA": False, "attrib.as.set": False}
    session = calls._call._session
    base = session.environment(session.shared)
    session.source_text("same <- function(a, b, ...) identical(a, b, ...)", base)
    return bool(session.call(base, "same", value, again, **bits).value.python()[0])


@pytest.mark.parametrize("name", EACH)
def test_what_every_method_learns_is_numbers_and_text(name, calls, two_completions):
    """Its state is the same, bit for bit, after it was JSON and arrays: so are predictions."""
    del two_completions
    values = with_gaps(60, 6)
    protocol = {} if METHODS[name].beyond_amiss else {"": Protocol()}
    for one in [Protocol(CORRECTED), *protocol.values()]:
        stages = RStages(protocol=one)
        table = BlockTable([], np.zeros(60, dtype=bool), values, tuple("abcdef"), {})
        method = METHODS[name]
        rows = [method.row(1)] if method.axes else [{}]
        trained = stages.impute_train(method, stages.table(table), rows)
        assert is_the_same(calls, trained.states.at(0))


@pytest.mark.parametrize(
    ("classifier", "method", "words"),
    [
        ("rf", "zero_imp", False),
        ("rf", "zero_imp", True),
        ("lr", "zero_imp", False),
        ("pattern_lr", "none", False),
    ],
)
def test_every_model_in_r_is_numbers_and_text(classifier, method, words, calls):
    """Forests of numbers and of factors, and regressions, are the same bit for bit."""
    stages = RStages(protocol=Protocol(CORRECTED if words else "amiss"))
    text = {"word": [f"word {number % 3}" for number in range(60)]} if words else {}
    positive = np.arange(60) % 2 == 0
    table = BlockTable([], positive, with_gaps(60, 6), tuple("abcdef"), text)
    chosen = METHODS[method]
    keeps = stages.accepts_missing(classifier, chosen)
    imputed = stages.impute_rows(chosen, stages.table(table), [{}])
    imputed = stages.usable(chosen, imputed, accepts_missing=keeps)
    models = stages.train(classifier, imputed, stages.outcome(table)).models
    assert is_the_same(calls, calls.lean(classifier, models))
    if classifier == "rf":
        calls.require_forests(models)


def test_every_classifier_in_python_is_looked_at_before_it_is_read():
    """A model in Python has a check of its own, without which there is no reading it."""
    assert set(_CHECKS) == set(IN_PYTHON)


def forged(model: ModelFile, target: Path, **recipe) -> Path:
    """A model with another recipe, and the digests of its parts, as anybody can write it."""
    files = {name: digest_of_part(content) for name, content in model.parts.items()}
    recipe = replace(model.recipe, **{"files": files, **recipe})
    write_model(target, ModelFile(recipe, model.parts))
    return target


ATTACKS = """
attacked <- function(kept, file) {
  scaling <- list2env(kept$models[[1L]]$scaling)
  bad <- kept$models[[1L]]$scaling$numeric
  if (grepl("binding", file)) {
    rm("numeric", envir = scaling)
    makeActiveBinding("numeric", function() {
      base::file.create(file)
      bad
    }, scaling)
  } else {
    delayedAssign("numeric", {
      base::file.create(file)
      bad
    }, assign.env = scaling)
  }
  kept$models[[1L]]$scaling <- scaling
  kept
}
"""


@pytest.mark.parametrize("kind", ["binding", "promise"])
def test_code_in_a_model_is_not_run_unless_it_is_trusted(kind, forest, calls, tmp_path):
    """R's own serialisation is refused; with --trust it is read, and then what is in it runs."""
    session = calls._call._session
    home = session.environment(session.shared)
    session.source_text(ATTACKS, home)
    kept = calls.kept(forest.model._state, forest.model._in_r)
    written = tmp_path / f"{kind} ran"
    bad = session.call(home, "attacked", kept, str(written)).value
    calls.write_serialised(tmp_path / R_PART, bad)
    old = ModelFile(forest.file.recipe, {R_PART: (tmp_path / R_PART).read_bytes()})
    file = forged(old, tmp_path / "model", format=SERIALISED)
    with pytest.raises(UserError, match="can run code of whoever wrote the file") as refused:
        list(predict(PIPELINE, file, {}, tmp_path / "out", trust=False))
    assert "--trust" in str(refused.value)
    assert not written.exists()
    rows = taken(forest.positions[:5])
    found = Model(read_model(file), forest.runner).predict(rows, AMISS)
    assert written.exists()
    np.testing.assert_array_equal(
        found.probability, forest.predict(forest.positions[:5]).probability
    )


def test_code_for_another_method_than_the_recipe_names_is_refused(forest, tmp_path):
    """A file that the model brings along is refused, and so is a recipe of two methods."""
    own = OwnFile("evil", "evil.R", "impute_train <- stop").plain()
    options = {**forest.file.recipe.options, OWN_METHODS: [own]}
    file = forged(forest.file, tmp_path / "a", options=options)
    with pytest.raises(UserError, match=r"run code that it brings along: evil\.R"):
        list(predict(PIPELINE, file, {}, tmp_path / "out", trust=False))
    parameters = {**forest.file.recipe.parameters, "imputation": "evil"}
    file = forged(forest.file, tmp_path / "b", options=options, parameters=parameters)
    with pytest.raises(UserError, match="parameters is of no study"):
        read_model(file)


def zipped(target: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("../escape", b"x", "parts that no model has: '../escape'"),
        ("/etc/escape", b"x", "parts that no model has"),
        ("\x1b]0;x\x07", b"x", r"parts that no model has: '\\x1b"),
        ("model-1.json", bytes(2**28), "far more than a model takes"),
        (RECIPE, b'{"format": 4, "format": 4}', "has a key twice"),
        (RECIPE, b"[" * 10**6, "nested too deeply"),
        (RECIPE, b'{"format": 4', "recipe cannot be used"),
        (RECIPE, b"\xff", "recipe cannot be used"),
        (RECIPE, b'{"format": ' + b"9" * 10**5 + b"}", "recipe cannot be used"),
    ],
    ids=range(9),
)
def test_an_archive_that_is_no_model_is_refused(name, content, message, forest, tmp_path):
    """Other names, bombs and torn recipes are refused before anything is unpacked or read."""
    parts = {RECIPE: forest.file.recipe.text().encode(), **forest.file.parts, name: content}
    with pytest.raises(UserError, match=message):
        read_model(zipped(tmp_path / "model", parts))
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


@pytest.mark.parametrize("cut", [0, 10, 1000, -10])
def test_a_torn_file_is_refused(cut, forest, tmp_path):
    """Wherever a file ends early."""
    write_model(tmp_path / "whole", forest.file)
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / "torn").write_bytes(content[:cut])
    with pytest.raises(UserError, match="it is no model"):
        read_model(tmp_path / "torn")


@pytest.mark.parametrize(
    "change",
    [
        {"features": {"final": 5}},
        {"features": {"final": []}},
        {"features": {"final": ["no such feature"]}},
        {"protocol": {"name": "amiss", "seed": 1}},
        {"parameters": {}},
        {"options": {"features": {"features": 3}}},
        {"levels": {}},
        {"classifier": {"name": "../rf"}},
        {"imputation": {"method": "../zero_imp"}},
        {"folds": {"done": 1, "metrics": 3}},
    ],
    ids=str,
)
def test_a_recipe_of_another_shape_is_refused(change, forest, tmp_path):
    """With a sentence, not later with a traceback."""
    with pytest.raises(UserError, match="its recipe cannot be used"):
        read_model(forged(forest.file, tmp_path / "model", **change))


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def changed(model: ModelFile, key: str, number: int, value) -> bytes:
    nodes = json.loads(model.parts[NODES])
    nodes[key][number] = value
    return json.dumps(nodes).encode()


NODE_FAULTS: dict[str, Callable[[ModelFile], dict[str, bytes]]] = {
    "no array": lambda _: {DOUBLES: b"\x93NUMPY"},
    "pickle": lambda _: {DOUBLES: saved(np.array([object()]))},
    "only pickle": lambda _: {DOUBLES: pickle.dumps([1])},
    "kind": lambda model: {NODES: changed(model, "kinds", 0, "closure")},
    "size": lambda model: {NODES: changed(model, "sizes", 0, 10**9)},
    "negative": lambda model: {NODES: changed(model, "sizes", 0, -1)},
    "text": lambda model: {NODES: changed(model, "text", 0, 5)},
    "null character": lambda model: {NODES: changed(model, "text", 0, "a\0")},
    "attribute": lambda model: {NODES: changed(model, "attributes", 0, "srcref")},
    "torn": lambda model: {NODES: model.parts[NODES][:-50]},
    "deep": lambda _: {NODES: b"[" * 10**6},
    "shorter": lambda model: {
        DOUBLES: Plain(*[[]] * 5, np.zeros(3), np.zeros(0, "i4")).parts()[DOUBLES]
    },
}


@pytest.mark.parametrize("fault", NODE_FAULTS)
def test_objects_of_another_shape_are_refused(fault, forest):
    """What is no tree of numbers and text is not given to R at all."""
    parts = {**forest.file.parts, **NODE_FAULTS[fault](forest.file)}
    with pytest.raises(ValueError, match=r"objects|array"):
        Plain.from_parts(parts)


def test_classes_that_no_model_has_are_refused(forest):
    """A class would choose which of R's functions run."""
    text = json.loads(forest.file.parts[NODES])["text"]
    parts = {NODES: changed(forest.file, "text", text.index("randomForest"), "lm")}
    with pytest.raises(ValueError, match="has a class that no model has"):
        Plain.from_parts({**forest.file.parts, **parts})


FOREST_FAULTS = {
    "a child above": "model$fit$forest$treemap[1L, 1L, 1L] <- 1L",
    "a child outside": "model$fit$forest$treemap[1L, 2L, 3L] <- 2000000000L",
    "a column outside": "model$fit$forest$bestvar[1L, 2L] <- 5000L",
    "a class outside": "model$fit$forest$nodepred[] <- 7L",
    "more nodes than there are": "model$fit$forest$ndbigtree[] <- 2000000000L",
    "more trees": "model$fit$forest$ntree <- 100000",
    "many categories": "model$fit$forest$ncat[1L] <- 1000000",
    "another type": 'model$fit$forest$pid <- c("a", "b")',
    "no columns": "model$fit$importance <- NULL",
    "halves": "model$fit$forest$treemap <- model$fit$forest$treemap + 0.5",
    "missing": "model$fit$forest$treemap[1L, 1L, 1L] <- NA",
    "no forest": "model$fit$forest <- NULL",
    "regression": 'model$fit$type <- "regression"',
    "a number": "model$fit <- 3",
}


@pytest.mark.parametrize("fault", FOREST_FAULTS)
def test_a_forest_that_nobody_grew_is_refused(fault, forest, calls):
    """Its numbers would lead C code out of its arrays; the forest that was grown is read."""
    session = calls._call._session
    home = session.environment(session.shared)
    change = f"model <- models[[1L]]\n{FOREST_FAULTS[fault]}\nlist(model)"
    session.source_text(f"change <- function(models) {{ {change} }}", home)
    bad = session.call(home, "change", forest.model._in_r).value
    with pytest.raises(TaskFailure):
        calls.require_forests(bad)


BOOSTED_FAULTS: dict[str, Callable[[dict], object]] = {
    "a child outside": lambda tree: tree["left_children"].__setitem__(0, 10**6),
    "a circle": lambda tree: tree["left_children"].__setitem__(0, 0),
    "both the same": lambda tree: tree["left_children"].__setitem__(0, tree["right_children"][0]),
    "another parent": lambda tree: tree["parents"].__setitem__(1, 10**6),
    "half a leaf": lambda tree: tree["left_children"].__setitem__(0, -1),
    "a column outside": lambda tree: tree["split_indices"].__setitem__(0, 10**6),
    "a short array": lambda tree: tree["split_conditions"].pop(),
    "a category": lambda tree: tree["split_type"].__setitem__(0, 1),
    "text": lambda tree: tree.__setitem__("right_children", "abc"),
    "nothing": lambda tree: tree.clear(),
}


@pytest.mark.parametrize("fault", BOOSTED_FAULTS)
def test_boosted_trees_that_nobody_grew_are_refused(fault, boosted):
    """They would lead xgboost's code out of its arrays; what xgboost wrote is read."""
    columns = len(boosted.model._in_r.at(0)["columns"])
    content = boosted.file.parts["model-1.json"]
    check_boosted(content, columns)
    data = json.loads(content)
    trees = data["learner"]["gradient_booster"]["model"]["trees"]
    BOOSTED_FAULTS[fault](next(tree for tree in trees if len(tree["parents"]) > 1))
    with pytest.raises(ValueError, match="a boosted model"):
        check_boosted(json.dumps(data).encode(), columns)
