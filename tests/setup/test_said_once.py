"""What is declared once is changed once: tried in a copy of the package with that one change."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import SEVERAL

from amiss_tasks.classifiers import NAMES
from amiss_tasks.methods import METHODS
from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.protocols import SWITCHES
from gridrun.plan.run_options import FORMS

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart"
ONE = ("local", "quickstart", "--in-process", "--folds", "1", "--combinations", "1")


class PackageCopy:
    """Copies of both packages to be changed, and a copy of the quickstart to run with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study = folder / "quickstart"
        self.changed: set[str] = set()
        """Files that were changed, and folders that got a file."""
        for name in ("amiss_tasks", "gridrun"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copytree(
            QUICKSTART, self.study, ignore=shutil.ignore_patterns(".gridrun", "results")
        )

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a text that is there once; the file is below the copy."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, (file, old, text.count(old))
        path.write_text(text.replace(old, new), "utf-8")
        self.changed.add(file)

    def add(self, file: str, text: str) -> None:
        path = self.folder / file
        assert not path.exists()
        path.write_text(text, "utf-8")
        self.changed.add(path.parent.relative_to(self.folder).as_posix())

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT)]),
                "COLUMNS": "200",
                "NO_COLOR": "1",
            },
            timeout=280,
            check=False,
        )

    def gridrun(self, *commands: tuple[str, ...], code: int = 0) -> list[str]:
        """What each command says, on both streams; all end with the code, without a traceback."""
        file = self.folder / "done.json"
        ran = self.python(SEVERAL, str(file), *map(json.dumps, commands))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        done = json.loads(file.read_text("utf-8"))
        for words, ended, out, err in done:
            assert ended == code, (words, ended, out + err)
            assert "Traceback" not in err, (words, err)
        return [out + err for _, _, out, err in done]

    def refusal(self) -> str:
        """What is said when the study is opened."""
        (said,) = self.gridrun(("plan", "quickstart"), code=3)
        return said

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.study / "results" / name).open() as handle:
            return list(csv.DictReader(handle))


def page(*starts: str) -> set[str]:
    """Files and folders of the package that rows of the page's table send one to."""
    lines = (ROOT / "docs" / "where-to-change.md").read_text("utf-8").splitlines()
    found = set()
    for start in starts:
        (row,) = [line for line in lines if line.startswith(f"| {start}")]
        found |= set(re.findall(r"\]\(\.\./((?:amiss_tasks|gridrun)/[^)]+)\)", row))
    return {path.rstrip("/") for path in found}


@pytest.fixture
def package(tmp_path) -> PackageCopy:
    return PackageCopy(tmp_path)


KAPPA = '    Metric(Column("Kappa", "number", headline=True), lambda of: 0.5),\n'


def test_a_metric_is_declared_in_one_place(package):
    """One line in metrics.py makes a column of every table, of its type, and a mean."""
    package.change("amiss_tasks/stages/metrics.py", "METRICS = (\n", f"METRICS = (\n{KAPPA}")
    package.gridrun(ONE)
    assert {row["Kappa"] for row in package.table("final_cv_results.csv")} == {"0.5"}
    assert {row["Kappa"] for row in package.table("pooled.csv")} == {"0.5"}
    assert "Kappa" in package.table("per_consequence.csv")[0]
    assert {row["mean_Kappa"] for row in package.table("summary.csv") if row["n"] != "0"} == {"0.5"}
    import pyarrow.parquet as pq

    for name, type_ in (("Kappa", "double"), ("TP", "int64"), ("model_ix", "string")):
        schema = pq.read_schema(package.study / "results" / "final_cv_results.parquet")
        assert str(schema.field(name).type) == type_
    assert package.changed == page("a metric:")


def test_a_result_that_is_not_declared_stops_the_start(package):
    """What the evaluation returns beside the metrics is no column: it is named, never dropped."""
    package.change(
        "amiss_tasks/stages/evaluate.py",
        '    return Evaluated({**overall, "te_time"',
        '    return Evaluated({"Kappa": 0.5, **overall, "te_time"',
    )
    said = package.refusal()
    assert "column Kappa, which is not declared" in said
    assert "amiss_tasks/stages/metrics.py" in said


CENTROID = """# The nearer of the two classes' centres.
# helpers: none

fit <- function(x, y) {
  centre <- function(class) colMeans(x[y == class, , drop = FALSE])
  model <- list(positive = centre("positive"), negative = centre("negative"))
  list(
    model = model, fitted_positive = predict_positive(model, x) > 0.5, seconds = 0,
    settings = list(centres = 2L), fits = list(centroids = 1L)
  )
}

predict_positive <- function(model, x) {
  distance <- function(centre) sqrt(colSums((t(x) - centre)^2))
  1 / (1 + exp(distance(model$positive) - distance(model$negative)))
}
"""
CENTROID_ROW = '    BuiltIn("centroid", "R", 0.2),\n'


def with_centroid(package: PackageCopy) -> None:
    package.add("amiss_tasks/classifiers/centroid.R", CENTROID)
    package.change(
        "amiss_tasks/classifiers/__init__.py",
        "CLASSIFIERS = (\n",
        f"CLASSIFIERS = (\n{CENTROID_ROW}",
    )
    package.change("quickstart/study.yaml", "classifiers: [rf, lr]", "classifiers: [centroid]")


def test_a_classifier_is_declared_in_one_place(package):
    """A file and its row in the table: it is listed, run, exported, explained by its own code.

    The script of it has its code and no other's, and reaches its numbers.
    """
    with_centroid(package)
    listed, *_ = package.gridrun(
        ("params",),
        ONE,
        ("export-model", "quickstart", "--combination", "1", "--classifier", "centroid"),
        ("explain", "quickstart", "1", "1"),
    )
    assert "centroid" in listed
    (row,) = package.table("final_cv_results.csv")
    assert (row["classifier"], row["state"]) == ("centroid", "done")
    package.changed.remove("quickstart/study.yaml")
    assert package.changed == page("a classifier:", "which classifiers")
    script = package.study / "explained" / "combination-1-fold-1-centroid.R"
    code = script.read_text("utf-8")
    functions = CENTROID.partition("\n\n")[2].strip()
    assert functions in code
    assert "glm" not in code
    done = subprocess.run(
        ["Rscript", "--vanilla", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("equal to gridrun's numbers\n")
    # the script computes: with another function it stops
    script.write_text(code.replace("colMeans(", "-colMeans("), "utf-8")
    done = subprocess.run(["Rscript", "--vanilla", script], capture_output=True, check=False)
    assert done.returncode != 0


def test_a_classifier_s_file_and_row_belong_together(package):
    """A file without a row, or a row without a file, stops every study and is named."""
    package.add("amiss_tasks/classifiers/centroid.R", CENTROID)
    said = package.refusal()
    assert "centroid.R exists" in said
    assert "CLASSIFIERS of amiss_tasks/classifiers/__init__.py" in said
    (package.folder / "amiss_tasks/classifiers/centroid.R").unlink()
    package.change(
        "amiss_tasks/classifiers/__init__.py",
        "CLASSIFIERS = (\n",
        f"CLASSIFIERS = (\n{CENTROID_ROW}",
    )
    assert "declares centroid.R, which does not exist" in package.refusal()


QUARTILE = """# Missing values become the first quartile of their feature.
# helpers: _single_value.R: fill_train, fill_test

impute_train <- function(data, params, seed) {
  fill_train(data, function(observed) quantile(observed, 0.25, names = FALSE))
}

impute_test <- function(data, state, seed) fill_test(data, state)

impute_test_learnt <- impute_test
"""
QUARTILE_ROW = '    _single_value("quartile"),\n'


def test_an_imputation_method_is_declared_in_one_place(package):
    """A file and its row in the table: parameters, first grid, plan and run follow."""
    package.add("amiss_tasks/imputation/quartile.R", QUARTILE)
    assert "quartile.R exists" in package.refusal()
    package.change("amiss_tasks/methods.py", "_METHODS = (\n", f"_METHODS = (\n{QUARTILE_ROW}")
    package.change("quickstart/study.yaml", "    - mean_imp\n", "    - quartile\n")
    listed, *_ = package.gridrun(
        ("params",),
        ("init", "new"),
        ("local", "quickstart", "--in-process", "--folds", "1", "--only", "imputation=quartile"),
    )
    assert "quartile" in listed
    assert "imputation: [quartile, zero_imp" in (package.folder / "new/study.yaml").read_text()
    rows = package.table("final_cv_results.csv")
    assert {(row["imputation"], row["state"]) for row in rows} == {("quartile", "done")}
    package.changed.remove("quickstart/study.yaml")
    assert package.changed == page("an imputation method:", "which imputation methods")
    (package.folder / "amiss_tasks/imputation/quartile.R").unlink()
    assert "declares quartile.R, which does not exist" in package.refusal()


def test_a_model_based_method_is_corrected_without_being_named_again(package):
    """A method that completes test rows among themselves is one of switch D7 by its own row."""
    package.change(
        "amiss_tasks/methods.py",
        "_METHODS = (\n",
        '_METHODS = (\n    Method("copula", test_depends_on=Dependence.HYPERPARAMETERS, '
        "seconds=9.0),\n",
    )
    ran = package.python(
        "from amiss_tasks.protocols import NAMES\n"
        "from amiss_tasks.parameters import MODEL_BASED_METHODS\n"
        'assert NAMES["test_imputation"].concerns("lr", "copula")\n'
        'assert not NAMES["test_imputation"].concerns("lr", "zero_imp")\n'
        'assert "copula" in MODEL_BASED_METHODS\n'
    )
    assert ran.returncode == 0, ran.stderr


AXIS = """    Parameter(
        "depth",
        (1, 2, 3),
        "How deep.",
        default=(2,),
        start=(2,),
    ),
"""


def test_a_parameter_is_declared_in_one_place(package):
    """A row in the table: the first grid, `params` and the plan follow; a stage has to read it."""
    package.change("amiss_tasks/parameters.py", "PARAMETERS = (\n", f"PARAMETERS = (\n{AXIS}")
    said = package.refusal()
    assert 'no stage reads the parameter "depth"' in said
    package.change(
        "amiss_tasks/stages/__init__.py",
        "_PREPARE_READS = (\n",
        '_PREPARE_READS = (\n    "depth",\n',
    )
    listed, *_ = package.gridrun(("params",), ("init", "new"), ONE)
    assert "  depth: 2  # or 1, 3\n" in (package.folder / "new/study.yaml").read_text()
    assert "How deep." in listed
    assert {row["depth"] for row in package.table("final_cv_results.csv")} == {"2"}
    assert package.changed == page("a parameter:")


def test_a_stage_reads_only_parameters(package):
    """A name in stages.py that parameters.py does not have stops every study and is named."""
    package.change(
        "amiss_tasks/stages/__init__.py",
        "_PREPARE_READS = (\n",
        '_PREPARE_READS = (\n    "depth",\n',
    )
    assert 'stage prepare reads "depth", which is not a parameter' in package.refusal()


TRY_OUT = """    trial: int | None = _option(Form("Try it out.", "T", read=_whole))
    retry_failed: bool"""
ASK_EVERYWHERE = """
from typer.testing import CliRunner
from gridrun.api import open_study
from gridrun.cli import app
for command in (["local"], ["plan"], ["results"], ["shards", "run"], ["azure", "run"]):
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert "Try it out." in shown.output, (command, shown.output)
    wrong = CliRunner().invoke(app, [*command, "quickstart", "--trial", "x"])
    assert wrong.exit_code == 2 and "--trial" in wrong.output, (command, wrong.output)
shown = CliRunner().invoke(app, ["plan", "quickstart", "--trial", "3"])
assert shown.exit_code == 0, shown.output
assert open_study("quickstart").state(trial=3).request.selecting()["trial"] == 3
assert not open_study("quickstart").state(trial=3).request.is_plain
"""


def test_a_selection_option_is_declared_in_one_place(package):
    """A field of the run's options: every command that selects has it, and runs keep it."""
    package.change("gridrun/plan/run_options.py", "    retry_failed: bool", TRY_OUT)
    ran = package.python(ASK_EVERYWHERE)
    assert ran.returncode == 0, ran.stderr
    assert package.changed == page("an option of a run")


def test_the_study_page_has_every_selection_option():
    """docs/study.md lists the options that say which tasks are meant, and no other."""
    text = (ROOT / "docs" / "study.md").read_text("utf-8")
    table = text.partition("| option | what runs |")[2].partition("\n\n")[0]
    wanted = {form.flag or f"--{name}" for name, form in FORMS.items() if form.selects}
    assert set(re.findall(r"^\| `(--[\w-]+)", table, re.MULTILINE)) == wanted


def test_the_methods_page_has_every_method():
    """docs/methods.md lists the methods in their order, with their hyperparameters and rows."""
    text = (ROOT / "docs" / "methods.md").read_text("utf-8")
    table = text.partition("| method |")[2].partition("Seconds:")[0]
    found = {}
    for names, told in re.findall(r"^\| (`[^|]+`) \| [^|]+ \| ([^|]+) \|", table, re.MULTILINE):
        for name in re.findall(r"`([\w.]+)`", names):
            found[name] = told.strip()
    wanted = {
        name: f"{', '.join(method.axes)} ({method.rows})" if method.axes else "none"
        for name, method in METHODS.items()
    }
    assert found == wanted


def test_the_results_page_names_every_classifier():
    """docs/results.md says what the values of column `classifier` are, and in which order."""
    text = (ROOT / "docs" / "results.md").read_text("utf-8")
    (told,) = re.findall(r"^\| `classifier` \| (.+) \|$", text, re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", told)) == NAMES
    assert f"then {', '.join(f'`{name}`' for name in NAMES)}" in " ".join(text.split())


def test_switches_name_methods_and_classifiers_that_exist():
    """What a switch of the protocols concerns is in the tables of methods and classifiers."""
    for switch in SWITCHES:
        assert set(switch.methods) <= set(METHODS)
        assert {*switch.classifiers, *switch.except_classifiers} <= set(NAMES)


def test_a_first_grid_has_values_of_its_parameters():
    """What `gridrun init` writes, and what a grid without a parameter has, are values of it."""
    for parameter in PARAMETERS:
        chosen = (*(parameter.start or ()), *(parameter.default or ()))
        assert set(chosen) <= set(parameter.values), parameter.name
