"""Models, predictions and explained folds from the command line, mistakes included."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import gridrun
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.errors import EnvironmentFault, GridrunError, UserError
from gridrun.worker import answering
from gridrun.worker.isolated import call_isolated

ROOT = Path(__file__).resolve().parent.parent.parent
QUICKSTART = ROOT / "examples" / "quickstart"
COMMAND = [sys.executable, "-c", "from gridrun.cli import main; main()"]
RECORDS = 60


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """The quickstart with one fold of combination 1 done and a model of combination 5."""
    target = tmp_path_factory.mktemp("models") / "quickstart"
    shutil.copytree(QUICKSTART, target, ignore=shutil.ignore_patterns(".gridrun", "results"))
    ran = gridrun("local", target, "--in-process", "--folds", "1", "--combinations", "1")
    assert ran.returncode == 0, ran.stderr
    ran = gridrun("export-model", target, "--combination", "5", "--classifier", "lr")
    assert ran.returncode == 0, ran.stderr
    return target


def model_of(study: Path) -> Path:
    return study / "models" / "combination-5-lr.gridrun-model"


def cadd(study: Path) -> list[str]:
    data = study / "data"
    return ["--cadd-snv", f"{data}/cadd_snv.tsv.gz", "--cadd-indel", f"{data}/cadd_indel.tsv.gz"]


def lines_of(study: Path) -> list[str]:
    with gzip.open(study / "data" / "clinvar.vep.vcf.gz", "rt") as stream:
        return stream.read().splitlines()


def without_labels(lines: list[str]) -> list[str]:
    """A VCF that ClinVar has never seen."""
    kept = [
        line for line in lines if not line.startswith(("##INFO=<ID=CLNSIG", "##INFO=<ID=CLNREV"))
    ]
    found = []
    for line in kept:
        cells = line.split("\t")
        if not line.startswith("#"):
            items = cells[7].split(";")
            cells[7] = ";".join(i for i in items if not i.startswith(("CLNSIG=", "CLNREVSTAT=")))
        found.append("\t".join(cells))
    return found


def predicted(study: Path, lines: list[str], folder: Path, *more: str):
    vcf = folder / "new.vcf"
    vcf.write_text("\n".join(lines) + "\n")
    out = folder / "predictions.csv"
    ran = gridrun("predict", model_of(study), "--vcf", vcf, *cadd(study), "--out", out, *more)
    rows = list(csv.DictReader(out.open())) if out.exists() else []
    return ran, rows


def test_variants_without_labels_are_predicted(study, tmp_path):
    """Without a label in sight, all are predicted, and as when they had one."""
    lines = lines_of(study)
    head = [line for line in lines if line.startswith("#")]
    records = [line for line in lines if not line.startswith("#")][:RECORDS]
    (tmp_path / "with").mkdir()
    ran, labelled = predicted(study, [*head, *records], tmp_path / "with")
    assert ran.returncode == 0, ran.stderr
    ran, rows = predicted(study, without_labels([*head, *records]), tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert rows == labelled
    assert {(row["chromosome"], row["position"]) for row in rows} == {
        tuple(record.split("\t")[:2]) for record in records
    }
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)
    for row in rows:
        wanted = "positive" if float(row["probability"]) > 0.5 else "negative"
        assert row["predicted_class"] == wanted
        assert int(row["missing"]) == len(list(filter(None, row["missing_features"].split("; "))))
    assert "imputed by itself" in ran.stdout
    said = "in the folds of quickstart: none of 1 fold of the study is done"
    assert said in ran.stdout
    assert f"{len(rows)} rows, {len(rows)} predicted" in ran.stdout


def test_no_variant_is_lost_silently(study, tmp_path):
    """What cannot be predicted stands in the table with its reason, and is counted."""
    lines = without_labels(lines_of(study))
    head = [line for line in lines if line.startswith("#")]
    records = [line.split("\t") for line in lines if not line.startswith("#")][:RECORDS]
    records[0][4] = "<DEL>"
    records[1][1] = str(int(records[1][1]) + 1)
    records[2][7] = ";".join(item for item in records[2][7].split(";") if "CSQ=" not in item) or "."
    at = next(i for i, line in enumerate(head) if line.startswith("##INFO=<ID=CSQ"))
    fields = head[at].split("Format: ")[1].split('"')[0].split("|")
    canonical = fields.index("CANONICAL")
    blocks = [block.split("|") for block in records[3][7].partition("CSQ=")[2].split(",")]
    for block in blocks:
        block[canonical] = ""
    records[3][7] = "CSQ=" + ",".join("|".join(block) for block in blocks)
    ran, rows = predicted(study, [*head, *("\t".join(one) for one in records)], tmp_path, "--json")
    assert ran.returncode == 0, ran.stderr
    reasons = {(row["chromosome"], row["position"]): row["note"] for row in rows}
    wanted = [
        "not predicted: ALT is not one sequence of bases",
        "not predicted: no CADD row for this variant",
        "not predicted: no CSQ",
        "not predicted: no transcript with CANONICAL=YES",
    ]
    assert [reasons[one[0], one[1]] for one in records[:4]] == wanted
    counts = json.loads(ran.stdout)
    assert counts["rows"] == len(rows) == counts["predicted"] + 4
    assert sorted(counts["not_predicted"].values()) == [1, 1, 1, 1]
    lines_in_order = [(row["chromosome"], row["position"]) for row in rows]
    assert lines_in_order == [(one[0], one[1]) for one in records]


def test_versions_that_differ_are_named(study, tmp_path):
    """A model of another R or of other code is used, with a note that says so."""
    import zipfile

    other = tmp_path / "quickstart" / "models"
    other.mkdir(parents=True)
    with zipfile.ZipFile(model_of(study)) as source:
        recipe = json.loads(source.read("recipe.json"))
        recipe["environment"]["R"] = "R version 9.9.9"
        recipe["code"]["train"] = "other"
        with zipfile.ZipFile(other / model_of(study).name, "w") as target:
            target.writestr("recipe.json", json.dumps(recipe))
            for name in recipe["files"]:
                target.writestr(name, source.read(name))
    shutil.copytree(study / "data", tmp_path / "quickstart" / "data")
    lines = lines_of(study)
    head = [line for line in lines if line.startswith("#")]
    ran, rows = predicted(tmp_path / "quickstart", [*head, *lines[len(head) :][:3]], tmp_path)
    assert ran.returncode == 0
    assert len(rows) == 3
    assert "the model was trained with R version 9.9.9" in ran.stderr
    assert "code has changed since the model was trained (train)" in ran.stderr


def test_a_recorded_fold_is_explained_and_holds(study):
    """The script of a fold that is done is held to the ledger's numbers, and reaches them."""
    ran = gridrun("explain", study, "1", "1", "--classifier", "lr")
    assert ran.returncode == 0, ran.stderr
    assert "ledger" not in ran.stderr
    script = study / "explained" / "combination-1-fold-1-lr.R"
    assert f"script: {script}" in ran.stdout
    assert "in its ledger" in script.read_text()
    done = subprocess.run(
        ["Rscript", "--vanilla", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    table = list(csv.DictReader((study / "results" / "final_cv_results.csv").open()))
    (row,) = [one for one in table if one["classifier"] == "lr"]
    assert f"MCC {float(row['MCC'])!r}" in ran.stdout
    again = gridrun("explain", study, "1", "1", "--classifier", "lr")
    assert again.returncode == 2
    assert "exists already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ("export-model", "--combination", "99", "--classifier", "rf"),
            ["no combination 99", "21"],
        ),
        (
            ("export-model", "--combination", "5", "--classifier", "xgbost"),
            ['did you mean "xgboost"?', "known: rf, xgboost, lr"],
        ),
        (
            ("export-model", "--combination", "5", "--classifier", "lr"),
            ["exists already", "--force"],
        ),
        (
            ("export-model", "--combination", "5", "--classifier", "lr", "--out", "/proc/x/y"),
            ["cannot be written", "--out"],
        ),
        (("explain", "1", "4"), ["no fold 4"]),
        (("explain", "0", "1"), ["no combination 0"]),
    ],
)
def test_mistakes_are_named(study, arguments, parts):
    """Each says what is wrong and what to do, with exit code 2 and no traceback."""
    command, *rest = arguments
    ran = gridrun(command, study, *rest)
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr
    for part in parts:
        assert part in ran.stderr


def test_mistakes_of_a_prediction_are_named(study, tmp_path):
    """No model, no annotation and a file that is there are refused; nothing is written."""
    vcf = tmp_path / "plain.vcf"
    vcf.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\t5\t.\tA\tC\t.\t.\t.\n"
    )
    there = tmp_path / "there.csv"
    there.write_text("mine")
    cases = {
        "is no model that": (QUICKSTART / "study.yaml", vcf, tmp_path / "out.csv"),
        'no "CSQ" in the header': (model_of(study), vcf, tmp_path / "out.csv"),
        "does not exist": (model_of(study), tmp_path / "absent.vcf", tmp_path / "out.csv"),
        "exists already": (model_of(study), vcf, there),
    }
    for message, (model, file, out) in cases.items():
        ran = gridrun("predict", model, "--vcf", file, *cadd(study), "--out", out)
        assert ran.returncode == 2, ran.stderr
        assert message in ran.stderr
        assert "CLNSIG" not in ran.stderr
        assert "Traceback" not in ran.stderr
    assert not (tmp_path / "out.csv").exists()
    assert there.read_text() == "mine"


CRASHING = """
import os, signal
from gridrun.errors import UserError
from gridrun.pipeline import TaskFailure
from gridrun.testing.toy import ToyPipeline, toy_pipeline
class Crashing(ToyPipeline):
    def of_study(self, options):
        return self
    def die(self):
        print("last words", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    def stop(self):
        print("last words", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    def refuse(self):
        raise UserError("what", where="where", todo="todo")
    def fail(self):
        raise TaskFailure("R's own words")
    def raises(self):
        raise ValueError("a defect")
    def answer(self, number):
        return number + 1
PIPELINE = Crashing(toy_pipeline().parameters, "1", "crashing_pipeline:PIPELINE")
"""


@pytest.fixture
def crashing(tmp_path, monkeypatch):
    (tmp_path / "crashing_pipeline.py").write_text(CRASHING)
    monkeypatch.syspath_prepend(tmp_path)
    return "crashing_pipeline:PIPELINE"


def test_a_crash_of_the_process_with_r_is_a_message(crashing):
    """A process that dies is named with its signal and its last words; errors come through."""
    assert call_isolated(crashing, {}, "answer", {"number": 1}) == 2
    with pytest.raises(EnvironmentFault) as died:
        call_isolated(crashing, {}, "die", {})
    assert f"signal {signal.SIGSEGV.value}" in died.value.text()
    assert "last words" in died.value.text()
    with pytest.raises(UserError) as refused:
        call_isolated(crashing, {}, "refuse", {})
    assert refused.value.text() == "where: what\n  todo"
    with pytest.raises(GridrunError, match="R's own words") as failed:
        call_isolated(crashing, {}, "fail", {})
    assert failed.value.exit_code == 1
    with pytest.raises(EnvironmentFault, match="a defect"):
        call_isolated(crashing, {}, "raises", {})


def test_a_call_whose_process_is_stopped_is_given_up(crashing, monkeypatch):
    """It ends after the threshold, with what happened and the last words."""
    monkeypatch.setattr(answering, "STOPPED_SECONDS", 1.0)
    with pytest.raises(EnvironmentFault, match="stopped answering: it was stopped") as fault:
        call_isolated(crashing, {}, "stop", {})
    assert "last words" in fault.value.text()


def test_a_pipeline_without_models_says_so(tmp_path):
    """A pipeline that offers no models is named, with what it would have to offer."""
    opened = open_toy(write_study(tmp_path / "study", SMALL_GRID))
    with pytest.raises(UserError, match="has no export model"):
        opened.export_model(1, "tree")


OWN = """
impute_train <- function(data, params, seed) {
  means <- colMeans(data, na.rm = TRUE)
  list(completed = .fill(data, means), state = means)
}
impute_test <- function(data, state, seed) .fill(data, state)
.fill <- function(data, means) {
  for (name in names(data)) data[[name]][is.na(data[[name]])] <- means[[name]]
  data
}
"""

OWN_MODEL = """
fit <- function(x, y) list(model = list(means = colMeans(x[y == "positive", , drop = FALSE])))
predict_positive <- function(model, x) plogis(drop(x %*% model$means))
"""


def test_files_of_one_s_own_go_with_the_model(study, tmp_path):
    """A study's own method and classifier are exported, explained and used without their files."""
    own = tmp_path / "own"
    shutil.copytree(study / "data", own / "data")
    (own / "mine.R").write_text(OWN)
    (own / "model.R").write_text(OWN_MODEL)
    text = (study / "study.yaml").read_text().replace("    - mean_imp\n", "    - mine\n")
    text = text.replace("classifiers: [rf, lr]", "classifiers: [simple]")
    text += "own_methods: {mine: mine.R}\nown_classifiers: {simple: model.R}\n"
    (own / "study.yaml").write_text(text)
    ran = gridrun("export-model", own, "--combination", "5", "--classifier", "simple")
    assert ran.returncode == 0, ran.stderr
    assert "may hold the features of the" in ran.stderr
    ran = gridrun("explain", own, "5", "2", "--out", own / "why.R")
    assert ran.returncode == 0, ran.stderr
    done = subprocess.run(
        ["Rscript", "--vanilla", own / "why.R"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (own / "mine.R").unlink()
    (own / "model.R").unlink()
    model = own / "models" / "combination-5-simple.gridrun-model"
    vcf, out = tmp_path / "new.vcf", tmp_path / "out.csv"
    vcf.write_text("\n".join(lines_of(study)[:240]) + "\n")
    ran = gridrun("predict", model, "--vcf", vcf, *cadd(study), "--out", out)
    assert (ran.returncode, out.exists()) == (2, False)
    assert "mine.R (of mine, 10 lines), model.R (of simple, 3 lines)" in ran.stderr
    assert "give --trust" in ran.stderr
    ran = gridrun("predict", model, "--vcf", vcf, *cadd(study), "--out", out, "--trust")
    assert ran.returncode == 0, ran.stderr
    rows = list(csv.DictReader(out.open()))
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)
    assert len({row["probability"] for row in rows}) > 100


PYTHON_OWN = """
import helper
def impute_train(values, names, params, seed):
    means = helper.means(values)
    return impute_test(values, names, means, seed), means
def impute_test(values, names, state, seed):
    return helper.filled(values, state)
"""

PYTHON_HELPER = """
import numpy as np
def means(values):
    return np.nanmean(values, axis=0)
def filled(values, state):
    return np.where(np.isnan(values), state, values)
"""

PYTHON_MODEL = """
import numpy as np
class Centre:
    def __init__(self, values):
        self.means = values.mean(axis=0)
def fit(values, names, positive, seed):
    return {"model": Centre(values[positive])}
def predict_positive(model, values, names):
    return 1 / (1 + np.exp(-values @ model.means))
"""


@pytest.mark.slow
def test_python_files_of_one_s_own_go_with_the_model(study, tmp_path):
    """A model of Python files predicts without them as R's do; explain says what R cannot do."""
    own = tmp_path / "own"
    shutil.copytree(study / "data", own / "data")
    texts = {"mine.py": PYTHON_OWN, "helper.py": PYTHON_HELPER, "model.py": PYTHON_MODEL}
    texts |= {"mine.R": OWN, "model.R": OWN_MODEL}
    for name, text in texts.items():
        (own / name).write_text(text)
    text = (study / "study.yaml").read_text().replace("    - mean_imp\n", "    - mine\n")
    text = text.replace("classifiers: [rf, lr]", "classifiers: [simple]")
    vcf = study / "data" / "clinvar.vep.vcf.gz"
    out = tmp_path / "out.csv"
    tables = []
    for ending in ("R", "py"):
        keys = (
            f"own_methods: {{mine: mine.{ending}}}\nown_classifiers: {{simple: model.{ending}}}\n"
        )
        (own / "study.yaml").write_text(text + keys)
        model = tmp_path / f"{ending}.gridrun-model"
        ran = gridrun(
            "export-model", own, "--combination", "5", "--classifier", "simple", "--out", model
        )
        assert ran.returncode == 0, ran.stderr
        asked = ("predict", model, "--vcf", vcf, *cadd(study), "--out", out, "--force")
        ran = gridrun(*asked)
        assert ran.returncode == 2
        assert ("helper.py beside it" in ran.stderr) is (ending == "py")
        ran = gridrun(*asked, "--trust")
        assert ran.returncode == 0, ran.stderr
        tables.append(list(csv.DictReader(out.open())))
    for one, other in zip(*tables, strict=True):
        assert float(one["probability"]) == pytest.approx(float(other["probability"]), abs=1e-12)
    ran = gridrun("explain", own, "5", "2", "--out", own / "why.R")
    assert ran.returncode == 2
    assert "mine is in Python (mine.py), so no R script can impute by it" in ran.stderr
    (own / "study.yaml").write_text((own / "study.yaml").read_text().replace("mine.py", "mine.R"))
    ran = gridrun("explain", own, "5", "2", "--out", own / "why.R")
    assert ran.returncode == 0, ran.stderr
    done = subprocess.run(
        ["Rscript", "--vanilla", own / "why.R"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the training matrix of" in done.stdout


def test_a_study_that_removes_values_has_no_model(study, tmp_path):
    """A model trained on data made worse is refused, with what to do instead."""
    worse = tmp_path / "worse"
    shutil.copytree(study / "data", worse / "data")
    text = (study / "study.yaml").read_text() + "added_missingness: [0.3]\n"
    (worse / "study.yaml").write_text(text)
    ran = gridrun("export-model", worse, "--combination", "5", "--classifier", "lr")
    assert ran.returncode == 2
    assert 'without "added_missingness"' in ran.stderr
    assert not (worse / "models").exists()
