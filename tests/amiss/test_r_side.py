"""The R side by itself: loaded at an R prompt, each file with what its head names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from amiss_tasks.classifiers import CLASSIFIERS
from amiss_tasks.methods import METHODS
from amiss_tasks.r import session as r_session
from amiss_tasks.tasks.r_calls import SHARED_R
from amiss_tasks.tasks.r_stages import RStages

ROOT = Path(__file__).parents[2]
TASKS = ROOT / "amiss_tasks"
R_FILES = sorted(
    path.relative_to(TASKS).as_posix()
    for folder in ("imputation", "classifiers", "stages", "r")
    for path in (TASKS / folder).glob("*.R")
    if path.name != "all.R"
)
HELPER = re.compile(r"([^(;]+) \(([^)]+)\)")

REQUIRED = {
    "imputation": {"impute_train", "impute_test", "impute_test_learnt"},
    "classifiers": {"fit", "predict_positive"},
}
OPTIONAL = {
    "imputation": {"impute_alone", "impute_both"},
    "classifiers": {"draw_settings", "without_rows"},
}


def rscript(code: str) -> str:
    """Run code in a plain R session, from another directory."""
    ran = subprocess.run(
        ["Rscript", "--vanilla", "-e", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        cwd="/",
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def called() -> dict[str, set[tuple[str, str]]]:
    """File to the functions of other files that it calls, by R's own parser."""
    ran = subprocess.run(
        ["Rscript", "--vanilla", Path(__file__).parent / "names_called.R", TASKS],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, set[tuple[str, str]]] = {name: set() for name in R_FILES}
    for line in ran.stdout.splitlines():
        file, other, name = line.split("\t")
        found[file].add((other, name))
    return found


def told(file: str) -> set[tuple[str, str]]:
    """Functions that the head of a file names as its helpers."""
    lines = (TASKS / file).read_text("utf-8").splitlines()
    helpers = [line.removeprefix("# helpers: ") for line in lines if line.startswith("# helpers: ")]
    assert helpers, f"{file} has no line of helpers"
    found = set()
    for line in helpers:
        for names, other in HELPER.findall(line):
            path = (TASKS / file).parent / other
            place = path.resolve().relative_to(TASKS).as_posix()
            found |= {(place, name.strip()) for name in names.split(",")}
    return found


@pytest.mark.parametrize("file", R_FILES)
def test_the_head_of_a_file_names_its_helpers(called, file):
    """The line `helpers:` has exactly the functions of other files that the code calls."""
    assert told(file) == called[file]


def shared_by(file: str) -> set[str]:
    """Files beside one that its head names, and those that their heads do."""
    beside = {name for name, _ in told(file) if Path(name).name.startswith("_")}
    return beside.union(*map(shared_by, beside))


def test_methods_share_the_files_that_their_heads_name():
    """The table of methods has the helpers that the files' heads have, and theirs."""
    for name, method in METHODS.items():
        shared = {Path(file).name for file in shared_by(f"imputation/{name}.R")}
        assert shared == set(method.helpers), name


def test_one_file_loads_what_a_worker_loads():
    """all.R sources the files that Python sources, in the same order, and the guard before."""
    text = (TASKS / "r" / "all.R").read_text("utf-8")
    listed = re.findall(r'^  "(.+\.R)"', text, re.MULTILINE)
    assert tuple(listed) == ("r/guard.R", *SHARED_R)


def functions(loader: str, names: list[str]) -> dict[str, set[str]]:
    """What each method or classifier defines when it is loaded at an R prompt."""
    code = f'source("{TASKS}/r/all.R"); '
    code += "; ".join(f'cat("{name}", ls({loader}("{name}")), "\\n")' for name in names)
    lines = [line.split() for line in rscript(code).splitlines()]
    assert [name for name, *_ in lines] == names
    return {name: set(defined) for name, *defined in lines}


def test_every_file_defines_what_the_table_requires():
    """docs/own-methods.md says which functions are required; every built-in file has them."""
    text = (ROOT / "docs" / "own-methods.md").read_text("utf-8")
    table = text.partition("## What a file defines")[2].partition("\n## ")[0]
    rows = re.findall(
        r"^\| `(\w+)\([^`]+\)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE
    )
    every = {name: built_in.strip() for name, _, built_in in rows}
    required = {name for name, word in every.items() if word.partition(";")[0] == "required"}
    assert required == set.union(*REQUIRED.values())
    assert set(every) - required == set.union(*OPTIONAL.values())
    for name, defined in functions("load_method", list(METHODS)).items():
        assert defined >= REQUIRED["imputation"], name
    in_r = {one.name: one for one in CLASSIFIERS if one.language == "R"}
    for name, defined in functions("load_classifier", list(in_r)).items():
        assert defined >= REQUIRED["classifiers"], name
        assert ("draw_settings" in defined) == in_r[name].searched, name


def test_the_stages_run_at_an_r_prompt():
    """One source() loads the stages; a fold's steps by hand come out as in a worker's R."""
    by_hand = Path(__file__).parent / "by_hand.R"
    printed = rscript(
        f'source("{TASKS}/r/all.R"); source("{by_hand}"); '
        'found <- by_hand(load_method("mean_imp"), load_classifier("rf")); '
        'cat(sprintf("%.17g", found))'
    )
    stages, session = RStages(), r_session.start()
    environment = session.environment(session.shared)
    session.source_text(by_hand.read_text(), environment)
    files = stages.method_file(METHODS["mean_imp"]), stages.classifier_file("rf")
    wanted = session.call(environment, "by_hand", *files).value.python()
    assert [float(text) for text in printed.split()] == wanted.tolist()
    assert len(set(wanted)) > 5


ALONE = {
    "r/scaling.R": "scaled_matrix(data, learn_scaling(data))",
    "stages/prepare.R": "near_zero_variance(data); correlations(data)",
    "stages/train.R": '.mcc(c(TRUE, TRUE), c(TRUE, TRUE), "one_sided_mcc")',
    "stages/impute.R": ".row_text(list(k = 1))",
}


@pytest.mark.parametrize("file", ALONE)
def test_a_stage_s_file_is_sourced_and_run_alone(file):
    """No switch of the process has to be set before a function of a stage is called."""
    data = "data <- data.frame(a = c(1, 2, 4), b = c(3, 1, 2))"
    rscript(f'{data}; source("{TASKS}/{file}"); {ALONE[file]}')


def test_no_r_code_stands_in_python():
    """R is in files with the ending .R, where the linter sees it."""
    for path in [*TASKS.rglob("*.py"), *(ROOT / "gridrun").rglob("*.py")]:
        assert "<- function(" not in path.read_text("utf-8"), path
