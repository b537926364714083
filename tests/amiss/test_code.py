"""Digests of code hold whatever a result depends on, and a process records no other code's."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import codechanges
import pytest
from toyblock import toy_block

from amiss_tasks.classifiers import NAMES as CLASSIFIERS
from amiss_tasks.methods import METHODS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.r import session as r_session
from amiss_tasks.r.own_file import OWN_CLASSIFIERS, OWN_METHODS, OwnFile
from amiss_tasks.tasks import code, r_calls
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.source import AmissSource
from gridrun.errors import EnvironmentFault
from gridrun.pipeline import Settings, TaskSpec
from gridrun.plan import fingerprint
from gridrun.plan.fingerprint import python_modules

HERE = code._HERE
OWN = {
    OWN_METHODS: [OwnFile("own_method", "a.R", "").plain()],
    OWN_CLASSIFIERS: [OwnFile("own_classifier", "b.R", "").plain()],
}
OWN_PYTHON = {
    OWN_METHODS: [OwnFile("own_method", "a.py", "").plain()],
    OWN_CLASSIFIERS: [OwnFile("own_classifier", "b.py", "").plain()],
}
TASKS = [
    *((PIPELINE, classifier, "zero_imp") for classifier in CLASSIFIERS),
    (PIPELINE.of_study(OWN), "own_classifier", "own_method"),
    (PIPELINE.of_study(OWN_PYTHON), "own_classifier", "own_method"),
    *((PIPELINE, "lr", method) for method in METHODS),
]
PYTHON = len(CLASSIFIERS) + 2
"""So many of them have all Python code in them."""

LEFT_OUT = (
    "describe.",
    "models.",
    "testing.",
    "own._check_base.",
    "own._languages.",
    "own._classifier_checks.",
    "own._method_checks.",
    "own.checks.",
    "own.toy.",
    # read study.yaml into options, which contexts hold by content
    "features._about.",
    "features._entry.",
    "features._rules.",
    "features._source.",
    "features.features_file.",
    "study._added_missingness_key.",
    "study._cost_table.",
    "study._disk.",
    "study._group_key.",
    "study._named_keys.",
    "study._row_counts.",
    "study._schemas.",
    "study._split_key.",
    "study.keys.",
    "study.own_keys.",
    # makes sentences for tables
    "study.comparison.",
    "study.costs.",
    "study.leakage.",
    "study.report_data.",
    # makes and keeps the digests
    "tasks._kept_digests.",
    "tasks.code.",
)
"""What no result depends on, below the package; R files by folder."""

LEFT_OUT_R = ("r/all.R", "r/libraries.R", "models/", "own/checks.R", "own/process.R")
"""``all.R`` loads the R side at a prompt; no task sources it. ``libraries.R`` makes no number."""


def module_of(path: Path) -> str:
    parts = path.relative_to(HERE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def says_something(path: Path) -> bool:
    """Whether a module has more than a docstring and imports."""
    tree = ast.parse(path.read_text())
    return not all(isinstance(n, ast.Expr | ast.Import | ast.ImportFrom) for n in tree.body)


MODULES = sorted(module_of(path) for path in HERE.rglob("*.py") if says_something(path))
R_FILES = sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.R"))


def digests(tasks=TASKS) -> list[dict[str, str]]:
    return [
        dict(pipeline.code_digests(classifier, {"imputation": method}))
        for pipeline, classifier, method in tasks
    ]


@pytest.fixture(scope="module")
def plain():
    codechanges.forget()
    return digests()


@pytest.fixture
def changed(monkeypatch):
    """Digests with one file changed."""

    def change(name: str):
        codechanges.change(monkeypatch, name)
        return digests(TASKS if name.endswith(".R") else TASKS[:PYTHON])

    yield change
    monkeypatch.undo()
    codechanges.forget()


@pytest.mark.parametrize("module", MODULES)
def test_a_changed_constant_changes_what_depends_on_it(module, plain, changed):
    """Every module that a task or its block can reach is in some task's code; others in none."""
    below = f"{module.partition('.')[2]}."
    is_left_out = below.startswith(LEFT_OUT) or module == "amiss_tasks"
    assert (changed(module) == plain[:PYTHON]) is is_left_out


@pytest.mark.parametrize("name", R_FILES)
def test_a_changed_r_file_changes_what_depends_on_it(name, plain, changed):
    """Every R file that a task is given is in its code; those of models and checks in none."""
    assert (changed(name) == plain) is name.startswith(LEFT_OUT_R)


def differing(name: str, plain, found) -> set[str]:
    return {
        stage
        for before, after in zip(plain, found, strict=False)
        for stage in before
        if before[stage] != after[stage]
    }


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("amiss_tasks.stages.read._result", {"read", "filter"}),
        ("amiss_tasks.stages.filter", {"filter"}),
        ("amiss_tasks.tasks.source", {"preprocess"}),
        ("amiss_tasks.tasks.results", {"prepare"}),
        ("amiss_tasks.pipeline", {"pipeline"}),
        ("amiss_tasks.stages", {"pipeline"}),
        ("amiss_tasks.parameters", {"pipeline"}),
        ("amiss_tasks.classifiers._tuning", {"train"}),
        ("imputation/bpca.R", {"impute"}),
        ("r/scaling.R", {"prepare"}),
    ],
)
def test_why_names_the_stage(name, stages, plain, changed):
    """A change names the stage whose code it is, and no other."""
    assert differing(name, plain, changed(name)) == stages


def test_nothing_is_left_out_that_a_task_has_loaded():
    """Following imports from tasks and blocks, only the making of digests is passed over."""
    asked: list[str] = []
    for entry in (code._SOURCE, code._RUNNER):
        for name in python_modules(entry, "amiss_tasks", tuple(code.NOT_IN_TASKS)):
            named = fingerprint._parsed(name).imports
            asked += [other for other in code.NOT_IN_TASKS if other in named]
    assert set(asked) == {"amiss_tasks.tasks.code"}


# --- R files ----------------------------------------------------------------

VALUES = {
    "transcript": "keep_all",
    "quality": "clingen",
    "restriction": "all",
    "vus_inclusion": "exclude",
    "categorical": "dummy",
    "imputation": "zero_imp",
    "downsampling": "off",
    "nonzero_variance_check": "off",
    "correlation_check": "off",
    "training_data_sampling_percentage": 1.0,
    "feature_sampling_percentage": 1.0,
}


def mcc(runner: AmissRunner, block: Path) -> float:
    return runner.run(TaskSpec(0, 0, 1, "lr", VALUES), block).rows[0]["MCC"]


@pytest.fixture
def block(tmp_path):
    toy_block().save(tmp_path / "block.npz")
    return tmp_path / "block.npz"


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The package's files somewhere they may be edited, though Python has loaded its own."""
    home = tmp_path / "amiss_tasks"
    shutil.copytree(HERE, home, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "_HERE", home)
    monkeypatch.setattr(r_calls, "_HERE", home)
    codechanges.forget()
    yield home
    codechanges.forget()


def settings() -> Settings:
    return Settings({}, "amiss", 1, code=PIPELINE.code_in_use())


def test_an_edited_r_file_has_its_new_digest(copied):
    """In the same process, at once, and also where size and times stay as they were."""
    path = copied / "imputation" / "zero_imp.R"
    before = PIPELINE.code_digests("lr", {"imputation": "zero_imp"})
    stat = path.stat()
    path.write_text(path.read_text().replace(" 0", " 1"))
    assert path.stat().st_size == stat.st_size
    after = PIPELINE.code_digests("lr", {"imputation": "zero_imp"})
    assert {name for name in before if before[name] != after[name]} == {"impute"}


def test_a_worker_runs_the_r_code_that_its_tasks_were_planned_for(copied, block):
    """One that has started stays with what it was given, one that starts later refuses."""
    planned = settings()
    runner = AmissRunner(planned, lambda *_: None)
    path = copied / "imputation" / "zero_imp.R"
    path.write_text(path.read_text().replace("fill_train(data", "fill_train(stop('edited')"))
    assert "edited" in path.read_text()
    assert isinstance(mcc(runner, block), float)
    with pytest.raises(EnvironmentFault, match=r"imputation/zero_imp\.R") as refused:
        AmissRunner(planned, lambda *_: None)
    assert "run it again" in refused.value.todo
    with pytest.raises(Exception, match="edited"):
        mcc(AmissRunner(settings(), lambda *_: None), block)


def test_an_edited_guard_is_taken_as_well(copied, block):
    """What stands between Python and R is of the same moment as the rest."""
    path = copied / "r" / "guard.R"
    text = path.read_text()
    path.write_text(text.replace("value <- fun(...)", "stop('guarded')"))
    try:
        with pytest.raises(Exception, match="guarded"):
            AmissRunner(settings(), lambda *_: None)
    finally:
        r_session.start().use_guard(text)


def test_python_files_that_changed_since_they_were_loaded_are_refused(copied):
    """Nobody can tell what a process runs whose files are others by now."""
    codechanges.forget()
    path = copied / "stages" / "metrics.py"
    path.write_text(path.read_text() + "\n# a line more\n")
    with pytest.raises(EnvironmentFault, match="changed after this process") as refused:
        PIPELINE.code_digests("lr", {"imputation": "zero_imp"})
    assert refused.value.todo == "start Python again"


@pytest.mark.parametrize("name", ["stages/read/vcf.py", "tasks/runner.py", "evaluation.py"])
def test_nothing_is_loaded_that_changed_after_the_plan(copied, tmp_path, name):
    """What reads inputs and runs tasks is loaded after its digest was taken, so it may be other."""
    path = copied / name
    path.write_text(path.read_text() + "\n# a line more\n")
    settings = Settings({}, "amiss", 1, code=PIPELINE.code_in_use())
    with pytest.raises(EnvironmentFault, match="changed after this process"):
        AmissSource(settings, {}, tmp_path)
    with pytest.raises(EnvironmentFault, match="changed after this process"):
        AmissRunner(settings, lambda *_: None)


def test_a_worker_with_other_python_code_refuses():
    """A worker that starts after an edit of Python code would run it under the old digest."""
    planned = {**PIPELINE.code_in_use(), "Python modules": "other"}
    with pytest.raises(EnvironmentFault, match="Python modules"):
        AmissRunner(Settings({}, "amiss", 1, code=planned), lambda *_: None)


@pytest.mark.usefixtures("two_completions")
@pytest.mark.parametrize(("classifier", "method"), [("rf", "bpca"), ("lr", "norm"), ("lr", "pmm")])
def test_every_r_file_that_is_sourced_is_in_the_task_s_code(
    classifier, method, block, monkeypatch, runner
):
    """What R is given in a task is what its digest was taken of."""
    sourced, digested = set(), set()
    plain_source, plain_code = r_calls.RCalls._source, code.r_code

    def source(self, name, environment):
        sourced.add(name)
        plain_source(self, name, environment)

    def digest(path):
        digested.add(path.relative_to(HERE).as_posix())
        return plain_code(path)

    monkeypatch.setattr(r_calls.RCalls, "_source", source)
    monkeypatch.setattr(code, "r_code", digest)
    values = {**VALUES, "imputation": method, "hyperparameter_search_type": "grid"}
    fresh = AmissRunner(Settings({}, "amiss", 1), lambda *_: None)
    fresh.run(TaskSpec(0, 0, 1, classifier, values), block)
    PIPELINE.code_digests(classifier, {"imputation": method})
    assert sourced - digested == set(r_calls.OWN_R)
    assert f"imputation/{method}.R" in sourced
