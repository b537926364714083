"""Every part of every key of amiss: changed alone, it makes another key.

What the parts are is gathered from the code, so a new one without a case fails here. That
nothing is read that no key holds is seen by ``recorder``, whatever test runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import codechanges
import numpy as np
import pytest
from keyparts import differing, parts_of
from toyblock import FEATURES as FEATURE_NAMES
from toyblock import toy_block

from amiss_tasks.classifiers import NAMES as CLASSIFIERS
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.cut import Cut
from amiss_tasks.features.feature import Combination, Source
from amiss_tasks.features.feature_set import Feature, FeatureSet
from amiss_tasks.methods import METHODS
from amiss_tasks.pipeline import PIPELINE, AmissPipeline
from amiss_tasks.protocols import PREPROCESS, SWITCHES
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.study.keys import STUDY_KEYS
from amiss_tasks.tasks import fold_tables, source, stage_runner
from amiss_tasks.tasks.code import NOT_IN_TASKS
from amiss_tasks.tasks.fold_tables import Cell, _digest
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.source import AmissSource
from amiss_tasks.tasks.stage_runner import StageRunner
from amiss_tasks.testing._made_up import write_inputs
from gridrun.pipeline import Settings, TaskSpec
from gridrun.plan.grid import Grid
from gridrun.plan.task_encoding import TaskEncoding
from gridrun.plan.tasks import TaskTables

INPUTS = {"vcf": "1", "cadd_snv": "2", "cadd_indel": "3"}
OWN_METHOD = {"name": "ridge", "file": "a.R", "text": "f <- 1", "hyperparameters": []}
OWN_CLASSIFIER = {**OWN_METHOD, "name": "centroid", "file": "b.R"}
FULL: dict[str, Any] = {
    "features": AMISS.plain(),
    "clnsig": {"Odd": "positive"},
    "csq_of_other_alleles": "leave_out",
    "switches": {},
    "evaluate": "hold-out",
    "predictions": True,
    "own_methods": [OWN_METHOD],
    "own_classifiers": [OWN_CLASSIFIER],
    "added_missingness": [0.1],
    "feature_groups": {"file": "study.yaml", "values": [["all", 3]]},
    "indicators": ["off"],
    "split_by": {"file": "study.yaml", "line": 3, "values": ["variant", "gene"]},
}
"""Every key that amiss adds to a study."""

FEWER = FeatureSet(AMISS.features[:-1], AMISS.beside, AMISS.demanded)


def parts(function: Callable[..., Any], *more: Callable[..., Any]) -> set[str]:
    return {name for each in (function, *more) for name in parts_of(each)}


# --- contexts ---------------------------------------------------------------


def context(
    options: Mapping[str, Any] = FULL,
    *,
    classifier: str = "centroid",
    method: str = "ridge",
    inputs: Mapping[str, str] = INPUTS,
    protocol: str = "amiss",
    seed: int = 1,
    rows: int | None = 5,
):
    """Context of a task of a study that has everything."""
    pipeline = PIPELINE.of_study(options)
    names = tuple(parameter.name for parameter in pipeline.parameters)
    values = {p.name: (p.values[0],) for p in pipeline.parameters} | {"imputation": (method,)}
    grid = Grid(names, tuple(values[name] for name in names))
    book = TaskEncoding(names, {})
    book.learn(grid)
    tables = TaskTables(
        pipeline,
        Settings({}, protocol, seed, rows, options),
        grid=grid,
        indices=np.array([0]),
        classifiers=[classifier],
        book=book,
        inputs=inputs,
    )
    return tables.contexts[0]


def without(name: str) -> dict[str, Any]:
    return {key: data for key, data in FULL.items() if key != name}


OTHER_KEYS: dict[str, dict[str, Any]] = {
    "features": FULL | {"features": FEWER.plain()},
    "clnsig": FULL | {"clnsig": {"Odd": "negative"}},
    "csq_of_other_alleles": FULL | {"csq_of_other_alleles": "refuse"},
    "evaluate": without("evaluate"),
    "predictions": without("predictions"),
    "own method ridge": FULL | {"own_methods": [OWN_METHOD | {"text": "f <- 2"}]},
    "own classifier centroid": FULL | {"own_classifiers": [OWN_CLASSIFIER | {"text": "f <- 2"}]},
    "added_missingness": without("added_missingness"),
    "feature_groups": without("feature_groups"),
    "indicators": without("indicators"),
    "split_by": FULL | {"split_by": FULL["split_by"] | {"gene field": "Gene"}},
}
"""Part of a context to a study that differs in nothing else."""

CODE = {
    "code read": "amiss_tasks.stages.read._result",
    "code filter": "amiss_tasks.stages.filter",
    "code preprocess": "amiss_tasks.tasks.source",
    "code prepare": "stages/prepare.R",
    "code impute": "own/method.R",
    "code train": "own/classifier.R",
    "code pipeline": "amiss_tasks.parameters",
    "code own method ridge": "",
    "code own classifier centroid": "",
}
"""Part of a context to a file whose change changes it."""

SEEDS = {"split_seed": "SPLIT_SEED", "fold_seed": "FOLD_SEED", "model_seed": "HOLD_OUT_SEED"}


def test_every_part_of_a_context_has_a_case():
    """What a context is made of, in a study that has everything, is listed here whole."""
    found = set(context().components) | set(context(protocol="corrected").components)
    switches = {f"switch {switch.name}" for switch in SWITCHES if switch.concerns("rf", "rf")}
    found |= set(context(classifier="rf", method="rf").components)
    found |= set(context(classifier="xgboost", method="bpca").components)
    found |= set(context(method="missingness_indicators").components)
    for method in ("norm", "knnImputation"):
        found |= set(context(method=method).components)
    cases = (
        {f"input {role}" for role in INPUTS}
        | {"rows"}
        | set(CODE)
        | (set(OTHER_KEYS) - {"own method ridge", "own classifier centroid"})
    )
    cases |= {f"switch {name}" for name in (*SEEDS, "seed")}
    cases |= {f"switch {switch.name}" for switch in SWITCHES}
    assert switches < cases
    assert found == cases
    # the names that the core gives, and the keys of a study that a context has in other parts
    assert parts(TaskTables.context_of, TaskTables.__init__) == {
        "code ",
        "switch ",
        "input ",
        "rows",
    }
    assert set(STUDY_KEYS) - found == {"switches", "own_methods", "own_classifiers"} - found


def changed_in(one, other) -> set[str]:
    found = differing(one.components, other.components)
    assert (one.digest != other.digest) == bool(found)
    return found


@pytest.mark.parametrize("key", OTHER_KEYS)
def test_a_key_of_the_study_is_in_the_context(key):
    """Another value is another context, by that key alone."""
    name = f"code {key}" if key.startswith("own") else key
    # what a group stands for depends on the features
    more = {"evaluate": {"switch model_seed"}, "features": {"feature_groups"}}.get(key, set())
    assert changed_in(context(), context(OTHER_KEYS[key])) == {name} | more


@pytest.mark.parametrize("role", INPUTS)
def test_an_input_is_in_the_context(role):
    """By its content alone."""
    assert changed_in(context(), context(inputs={**INPUTS, role: "9"})) == {f"input {role}"}


def test_rows_and_the_seed_that_draws_them_are_in_the_context():
    """Without rows the seed has no say under protocol amiss."""
    assert changed_in(context(), context(rows=6)) == {"rows"}
    assert changed_in(context(), context(seed=2)) == {"rows"}
    assert changed_in(context(rows=None), context(rows=None, seed=2)) == set()


def test_the_classifier_is_in_the_context():
    """Two classifiers with the same code would still be two contexts."""
    one = context(classifier="rf", method="rf")
    assert replace(one, classifier="lr").digest != one.digest


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_a_switch_is_in_the_context(switch):
    """Of every task that it concerns; with seeds of its own (D6) the seeds change as well."""
    classifier = next(c for c in (*CLASSIFIERS, "x") if switch.concerns(c, "x") or switch.methods)
    method = switch.methods[0] if switch.methods else "zero_imp"
    one, other = (
        context(FULL | {"switches": given}, classifier=classifier, method=method, rows=None)
        for given in ({}, {switch.name: "corrected"})
    )
    seeds = {f"switch {name}" for name in (*SEEDS, "seed")}
    expected = {f"switch {switch.name}"} | (seeds if switch.name == "draw_order" else set())
    assert changed_in(one, other) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_an_upstream_seed_is_in_the_context(seed, monkeypatch):
    """Also where it is a constant."""
    one = context()
    monkeypatch.setattr(f"amiss_tasks.protocols.{SEEDS[seed]}", 77)
    assert changed_in(one, context()) == {f"switch {seed}"}


def test_the_study_s_seed_is_in_the_context_where_steps_have_their_own():
    """Under protocol corrected, whether or not rows are drawn."""
    one, two = (context(protocol="corrected", rows=None, seed=seed) for seed in (1, 2))
    assert changed_in(one, two) == {"switch seed"}


@pytest.mark.parametrize("part", [name for name in CODE if "own " not in name])
def test_code_is_in_the_context(part, monkeypatch):
    """A changed file is another context; which files those are, test_code says."""
    codechanges.forget()
    one = context()
    codechanges.change(monkeypatch, CODE[part])
    found = changed_in(one, context())
    monkeypatch.undo()
    codechanges.forget()
    assert part in found
    assert found <= {part, "code filter"}


# --- blocks -----------------------------------------------------------------


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("inputs")
    return {role: str(directory / name) for role, name in write_inputs(directory, 60).items()}


BLOCK = {
    "transcript": "canonical",
    "quality": "onestar",
    "restriction": "all",
    "vus_inclusion": "exclude",
    "categorical": "dummy",
}
MADE_UP = ("LRT_score", "GenoCanyon_score")
FEATURES = FeatureSet(
    (
        *(Feature(name, "vep", (name,)) for name in MADE_UP),
        Feature("GC", "cadd", ("GC",)),
        Feature("Consequence.x", "cadd", ("Consequence",), "categorical"),
    )
)


@pytest.fixture
def opened(inputs, tmp_path):
    """A source; keywords change the study."""

    def make(*, protocol="amiss", seed=1, rows=None, vcf=None, asked=None, **options):
        options = {"features": FEATURES.plain(), **options}
        paths = inputs if vcf is None else {**inputs, "vcf": str(vcf)}
        values = {name: (value,) for name, value in {**BLOCK, **(asked or {})}.items()}
        settings = Settings(paths, protocol, seed, rows, options)
        return AmissSource(settings, values, tmp_path / "cache")

    return make


@pytest.fixture
def digested(monkeypatch):
    """Data that a module takes digests of while a function is called."""

    def collect(module, call: Callable[[], Any]) -> list[Any]:
        found: list[Any] = []
        plain = module.digest_of
        with monkeypatch.context() as patch:
            patch.setattr(module, "digest_of", lambda data: (found.append(data), plain(data))[1])
            call()
        return found

    return collect


@pytest.fixture
def read_key(opened, digested):
    def of(**study) -> dict[str, Any]:
        (key,) = digested(source, lambda: opened(**study))
        return key

    return of


def other_vcf(inputs, tmp_path) -> Path:
    path = tmp_path / "other.vcf"
    path.write_text(Path(inputs["vcf"]).read_text().replace("=Benign;", "=Pathogenic;", 1))
    return path


OTHER_FEATURES = FeatureSet(FEATURES.features[1:])


def test_every_part_of_the_joined_table_s_key_changes_it(read_key, inputs, tmp_path, monkeypatch):
    """Inputs, code, features, drawn rows and what the grid asks for, each alone."""
    base = read_key()
    cases = {
        "inputs": read_key(vcf=other_vcf(inputs, tmp_path)),
        "features": read_key(features=OTHER_FEATURES.plain()),
        "leave_out_other_alleles": read_key(csq_of_other_alleles="leave_out"),
        "rows": read_key(rows=50),
        "asked": read_key(asked={"quality": "twostar"}),
    }
    monkeypatch.setattr(source, "read_code", lambda: "other")
    cases["code"] = read_key()
    assert set(cases) == parts(AmissSource._read_key) == set(base)
    for name, key in cases.items():
        assert differing(base, key) == {name}
        assert source.digest_of(key) != source.digest_of(base)


def test_drawn_rows_are_known_by_number_and_seed(read_key):
    """A seed that draws nothing has no say."""
    assert differing(read_key(rows=50), read_key(rows=50, seed=2)) == {"rows"}
    assert read_key() == read_key(seed=2)


@pytest.mark.parametrize("name", source._ASKED)
def test_whatever_is_asked_of_the_inputs_is_in_the_key(name, read_key):
    """Each parameter that a block has, for which values are there is a check of its own."""
    other = {p.name: p.values for p in PIPELINE.parameters}[name]
    values = [value for value in other if value != BLOCK[name]]
    assert PIPELINE.block == source._ASKED
    assert differing(read_key(), read_key(asked={name: values[0]})) == {"asked"}


def test_every_part_of_a_block_s_key_changes_it(opened, inputs, tmp_path, monkeypatch):
    """What was read, code, features, CLNSIG, switches, way of splitting, values, each alone."""
    base = opened()._block_key(BLOCK)
    cases = {
        "read": opened(vcf=other_vcf(inputs, tmp_path))._block_key(BLOCK),
        "clnsig": opened(clnsig={"Odd": "positive"})._block_key(BLOCK),
        "protocol": opened(switches={"row_ids": "corrected"})._block_key(BLOCK),
        "parts": opened(evaluate="hold-out")._block_key(BLOCK),
        "values": opened()._block_key({**BLOCK, "vus_inclusion": "benign"}),
        "features": opened(features=OTHER_FEATURES.plain())._block_key(BLOCK),
    }
    monkeypatch.setattr(source, "block_code", lambda: ["other"])
    cases["code"] = opened()._block_key(BLOCK)
    assert set(cases) == parts(AmissSource._block_key) == set(base)
    for name, key in cases.items():
        # other features are read otherwise, too
        assert differing(base, key) == ({name, "read"} if name == "features" else {name})
        assert source.digest_of(key) != source.digest_of(base)


@pytest.mark.parametrize("switch", PREPROCESS)
def test_a_switch_of_the_stages_before_the_folds_makes_another_block(switch, opened):
    """One artifact is never taken for that of another protocol."""
    one, other = opened(), opened(switches={switch: "corrected"})
    assert one.artifact(BLOCK) != other.artifact(BLOCK)


def test_the_switches_before_the_folds_are_those_that_are_read_there(opened, reads):
    """The list in protocols has each switch that the making of a block asks for, and no other."""
    reads.seen.pop("a block", None)
    for evaluate in ("cv", "hold-out"):
        for protocol in ("amiss", "corrected"):
            opened(protocol=protocol, evaluate=evaluate).artifact(BLOCK)
    assert {name for kind, name in reads.seen["a block"] if kind == "switch"} == set(PREPROCESS)


@pytest.mark.parametrize("name", [field.name for field in fields(Feature)])
def test_whatever_a_feature_says_is_in_its_set_s_digests(name):
    """But for its line in the file, and for what no value depends on.

    On which consequences it can exist is said of what is read, so that it is read again.
    """
    other = {
        "name": "other",
        "file": "cadd",
        "sources": ("other",),
        "type": "categorical",
        "a_priori": 1.0,
        "per_transcript": True,
        "line": 7,
        "others": (Source("cadd", ("b",)),),
        "lists": ("max",),
        "stands_for": "relative_position",
        "combination": Combination("max", ((Source("cadd", ("b",)),),)),
        "tags": ("other",),
        "applies_to": ("missense_variant",),
        "leak": "other",
        "optional": True,
    }
    one = FeatureSet((Feature("a", "vep", ("a",)),))
    two = FeatureSet((replace(one.features[0], **{name: other[name]}),))
    assert (one.content != two.content) is (name not in {"line", "tags", "leak"})
    assert (one.digest != two.digest) is (name not in {"line", "tags", "leak", "applies_to"})


@pytest.mark.parametrize("name", [field.name for field in fields(FeatureSet)])
def test_whatever_is_read_is_in_the_content_of_the_features(name):
    """But for the place of the file."""
    other = {
        "features": AMISS.features[1:],
        "beside": AMISS.beside[1:],
        "demanded": (*AMISS.demanded, "other"),
        "genes": ("other",),
        "cut": Cut("other", share=0.3),
        "origin": Path("other"),
    }
    two = replace(AMISS, **{name: other[name]})
    assert (AMISS.content != two.content) is (name != "origin")


# --- results by content -----------------------------------------------------

TASK = {
    **BLOCK,
    "imputation": "zero_imp",
    "downsampling": "off",
    "hyperparameter_search_type": "grid",
    "nonzero_variance_check": "off",
    "correlation_check": "off",
    "training_data_sampling_percentage": 1.0,
    "feature_sampling_percentage": 1.0,
}


def task(classifier: str = "rf", fold: int = 1, **values) -> TaskSpec:
    return TaskSpec(0, 0, fold, classifier, TASK | values)


def chain_of(protocol: str = "amiss", **options) -> StageRunner:
    return AmissRunner(Settings({}, protocol, 1, options=options), lambda *_: None).chain


@pytest.fixture
def block(tmp_path) -> Path:
    toy_block().save(tmp_path / "block.npz")
    return tmp_path / "block.npz"


def test_every_part_of_a_content_key_changes_it(block, digested):
    """Cell, classifier, switches, checks, search, own code and test rows, each alone."""
    chain = chain_of("corrected", predictions=True, own_classifiers=[OWN_CLASSIFIER])
    cell = chain.cell(task(), block)
    own = replace(chain.own_classifiers["centroid"], text="f <- 2")

    def key(
        task: TaskSpec = task(),  # noqa: B008 - one task
        cell: Cell = cell,
        chain: StageRunner = chain,
    ) -> dict[str, Any]:
        cell.key  # noqa: B018 - its digest is taken before
        return digested(stage_runner, lambda: chain.content_key(task, cell))[-1]

    def with_(**attributes) -> StageRunner:
        other = object.__new__(StageRunner)
        vars(other).update({**vars(chain), **attributes})
        return other

    base = key()
    prepared = replace(cell.prepared, features=cell.prepared.features[1:])
    protocol = replace(chain.protocol, toggled={"one_sided_mcc": "amiss"})
    cases = {
        "imputed": (base, key(cell=replace(cell, prepared=prepared))),
        "classifier": (
            key(task("centroid"), chain=with_(own_classifiers={})),
            key(task("other"), chain=with_(own_classifiers={})),
        ),
        "switches": (base, key(chain=with_(protocol=protocol))),
        "checks": (base, key(task(correlation_check="on"))),
        "search": (base, key(task(hyperparameter_search_type="random"))),
        "code": (
            key(task("centroid")),
            key(task("centroid"), chain=with_(own_classifiers={"centroid": own})),
        ),
        "test rows": (
            base,
            key(cell=replace(cell, fold=replace(cell.fold, test_ids=["1:1:A:C:T:X"]))),
        ),
    }
    assert set(cases) == parts(StageRunner.content_key)
    for name, (one, other) in cases.items():
        assert differing(one, other) == {name}


def test_every_part_of_a_cell_s_key_changes_it(block, digested):
    """Fold, rows, features, method, hyperparameters, own code and generator, each alone."""
    chain = chain_of(own_methods=[OWN_METHOD])
    cell = chain.cell(task(imputation="norm"), block)
    knn, own = (chain.cell(task(imputation=name), block) for name in ("knnImputation", "ridge"))
    prepared = cell.prepared

    def key(cell: Cell) -> dict[str, Any]:
        return digested(fold_tables, lambda: cell.key)[0]

    def with_(cell: Cell, **changes) -> dict[str, Any]:
        return key(replace(cell, **changes))

    base = with_(cell)
    other_own = replace(own.method, own=replace(own.method.own, text="f <- 2"))
    sampled = replace(prepared.sampled, generator_digest="other")
    cases = {
        "fold": (base, with_(cell, fold=replace(cell.fold, digest="other"))),
        "rows": (base, with_(cell, prepared=replace(prepared, rows=prepared.rows[1:]))),
        "features": (base, with_(cell, prepared=replace(prepared, features=("a",)))),
        "imputation": (base, with_(cell, method=replace(cell.method, name="other"))),
        "hyperparameters": (
            with_(knn),
            with_(knn, method=replace(knn.method, axes={"k": (9,)})),
        ),
        "code": (with_(own), with_(own, method=other_own)),
        "indicators": (base, with_(cell, method=replace(cell.method, indicators=True))),
        "generator": (base, with_(cell, prepared=replace(prepared, sampled=sampled))),
    }
    assert set(cases) == parts(Cell.__dict__["key"].func)
    for name, (one, other) in cases.items():
        assert differing(one, other) == {name}


def test_every_part_of_a_test_table_s_key_changes_it(block, digested):
    """What training came to and its row; or fold, features, method and hyperparameters."""
    chain = chain_of()
    zero, knn = (chain.cell(task(imputation=name), block) for name in ("zero_imp", "knnImputation"))

    def key(cell: Cell, row: int = 0) -> dict[str, Any]:
        return digested(fold_tables, lambda: replace(cell).test_key(row))[-1]

    prepared = knn.prepared
    fewer = replace(zero.prepared, rows=zero.prepared.rows[1:])
    cases = {
        "training": (key(zero), key(replace(zero, prepared=fewer))),
        "row": (key(zero), key(zero, 1)),
        "fold": (key(knn), key(replace(knn, fold=replace(knn.fold, digest="other")))),
        "features": (key(knn), key(replace(knn, prepared=replace(prepared, features=("a",))))),
        "imputation": (key(knn), key(replace(knn, method=replace(knn.method, name="other")))),
        "hyperparameters": (key(knn), key(knn, 1)),
    }
    assert set(cases) == parts(Cell.test_key)
    for name, (one, other) in cases.items():
        assert differing(one, other) == {name}


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("name", [field.name for field in fields(BlockTable)])
def test_whatever_a_fold_s_tables_hold_is_in_its_digest(part, name):
    """Of the row ids only the consequence of test rows, the only part that results have."""
    block = toy_block(text=True)
    tables = {"train": block.train, "test": block.test}
    table = tables[part]
    numbers = table.numeric.copy()
    numbers[0, 0] += 1
    other = {
        "row_ids": ["1:1:A:C:T:OTHER", *table.row_ids[1:]],
        "positive": ~table.positive,
        "numeric": numbers,
        "numeric_names": ("other", *table.numeric_names[1:]),
        "text": {"LRT_pred": ["other", *table.text["LRT_pred"][1:]]},
    }
    changed = {**tables, part: replace(table, **{name: other[name]})}
    is_held = (part, name) != ("train", "row_ids")
    assert (_digest(**changed, fold=0) != _digest(**tables, fold=0)) is is_held
    assert _digest(**tables, fold=1) != _digest(**tables, fold=0)


def test_folds_share_nothing_where_each_has_its_own_seeds(tmp_path):
    """D6: equal tables in two folds are two results; as upstream's they are one."""
    from amiss_tasks.tasks.fold_tables import tables_of

    for protocol, same in (("amiss", True), ("corrected", False)):
        chain = chain_of(protocol)
        one, two = (
            tables_of(chain.r, toy_block(), number, chain.protocol).digest for number in (1, 2)
        )
        assert (one == two) is same


def test_every_part_of_the_keys_of_shared_stages_changes_it(block, digested):
    """What is removed, drawn and checked: each part of the memory's keys, changed alone."""
    six = FeatureSet(tuple(f for f in AMISS.features if f.name in FEATURE_NAMES))
    options = {"added_missingness": [0.1, 0.2], "features": six.plain()}
    base_values = {"added_missingness": 0.1, "imputation": "zero_imp"}

    def keys(protocol: str = "corrected", fold: int = 1, **values) -> dict[str, dict[str, Any]]:
        chain = chain_of(protocol, **options)
        spec = task(fold=fold, **{**base_values, **values})

        def run() -> None:
            chain.checked(chain.cell(spec, block), spec.values)

        names = {"removed": "ampute", "downsampling": "sample", "sample": "prepare"}
        names["imputed"] = "checked"
        found = digested(stage_runner, run)
        return {names[n]: data for data in found for n in names if n in data}

    on = {"correlation_check": "on", "nonzero_variance_check": "on"}
    base = keys()
    checks = keys(**on)
    cases = {
        ("ampute", "fold"): (base, keys(fold=2)),
        ("ampute", "removed"): (base, keys(added_missingness=0.2)),
        ("ampute", "seed"): (base, keys(fold=2)),
        ("ampute", "mechanism"): (
            keys(added_mechanism="MAR"),
            keys(added_mechanism="MNAR"),
        ),
        ("sample", "fold"): (base, keys(fold=2)),
        ("sample", "predraw"): (keys("amiss"), keys("amiss", imputation="bpca")),
        ("sample", "downsampling"): (base, keys(downsampling="on")),
        ("sample", "feature_share"): (base, keys(feature_sampling_percentage=0.66)),
        ("sample", "features"): (base, keys(feature_groups="without conservation")),
        ("sample", "row_share"): (base, keys(training_data_sampling_percentage=0.66)),
        ("prepare", "sample"): (base, keys(downsampling="on")),
        ("prepare", "variance"): (base, keys(nonzero_variance_check="on")),
        ("prepare", "correlation"): (base, keys(correlation_check="on")),
        ("checked", "imputed"): (checks, keys(**on, imputation="max_imp")),
        ("checked", "variance"): (checks, keys(**on | {"nonzero_variance_check": "off"})),
        ("checked", "correlation"): (checks, keys(**on | {"correlation_check": "off"})),
    }
    gathered = parts(
        StageRunner._amputed, StageRunner._prepared, StageRunner.checked, stage_runner.checks_of
    )
    assert {name for _, name in cases} == gathered
    for (stage, name), (one, other) in cases.items():
        found = differing(one[stage], other[stage])
        # the share is in the seed, the fold in its digest
        assert name in found
        assert found <= {name, "seed", "fold"}


def test_no_digest_is_taken_that_has_no_case_here():
    """A new digest anywhere in the tasks needs its parts tried."""
    import ast

    import amiss_tasks

    home = Path(amiss_tasks.__file__).parent
    calls: set[str] = set()
    for path in home.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                named = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                if named & {"digest_of", "blake2b"} or "blake2b" in ast.dump(node):
                    calls.add(f"{path.relative_to(home).with_suffix('')}.{node.name}")
    assert calls == {
        # tried here
        "tasks/source.__init__",
        "tasks/source.artifact",
        "tasks/stage_runner.content_key",
        "tasks/stage_runner.checked",
        "tasks/stage_runner._amputed",
        "tasks/stage_runner._prepared",
        "tasks/fold_tables.key",
        "tasks/fold_tables.test_key",
        "tasks/fold_tables._digest",
        "features/feature_set.digest",
        "study/keys._clnsig_digest",
        "study/keys.study_keys_of",
        "r/own_file.code",
        # where a variant is in memory, on which nothing depends
        "stages/columns/variants._hash",
        # in test_read_once: no result depends on it
        "study/_row_counts.kept_rows",
        # in test_code
        "tasks/code.code_digests",
        "tasks/code._method_code",
        "tasks/code._classifier_code",
        "tasks/code._python_text",
        # in test_kept_digests
        "tasks/_kept_digests._of",
        "tasks/_kept_digests._sum",
        "tasks/code._python_digests",
        # where the generator stands, a seed, the number of a gene: data without parts
        "tasks/r_stages.draw_sample",
        "protocols.derived_seed",
        "stages/null_models/_levels._name_of",
    }


@pytest.mark.parametrize("part", ["text", "axes"])
def test_a_user_s_file_is_known_by_what_it_does(part):
    """By its code and its hyperparameters, not by its name."""
    from amiss_tasks.r.own_file import OwnFile

    one = OwnFile("a", "a.R", "f <- 1", (("k", (1, 2)),))
    other = {"text": "f <- 2", "axes": (("k", (1, 3)),)}
    assert replace(one, **{part: other[part]}).code != one.code
    assert replace(one, name="b", file="b.R").code == one.code
    assert (
        len({replace(one, **{n: "b" if n != "axes" else ()}).text_digest for n in ("file", "text")})
        == 2
    )


def test_what_needs_no_key_is_given_a_reason():
    """Modules whose change leaves results valid are named with why."""
    assert all(NOT_IN_TASKS.values())
    assert METHODS
    assert isinstance(PIPELINE, AmissPipeline)
