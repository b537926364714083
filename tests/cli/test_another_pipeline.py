"""Every command with another pipeline than the one gridrun comes with."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from commands import gridrun

TOY = "gridrun.testing.toy:PIPELINE"
OPTION = ("--pipeline", TOY)
WITH_OPTION = (
    "init",
    "plan",
    "local",
    "status",
    "results",
    "report",
    "describe",
    "logs",
    "explain",
    "export-model",
    "predict",
    "params",
    "check-method",
    "doctor",
    "shards",
    "collect",
    "azure",
)


def rows(study: Path) -> list[dict[str, str]]:
    with (study / "results" / "final_cv_results.csv").open() as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> Path:
    """A study of the toy as `gridrun init` begins it."""
    target = tmp_path_factory.mktemp("toy") / "study"
    target.mkdir()
    (target / "t.txt").write_text("a table")
    ran = gridrun("init", target, "--table", target / "t.txt", *OPTION)
    assert ran.returncode == 0, ran.stderr
    assert f"gridrun plan {target} --pipeline {TOY}" in ran.stdout
    (target / "labels.txt").write_text("labels")
    return target


@pytest.fixture(scope="module")
def finished(begun, tmp_path_factory) -> Path:
    """The same, run in one process."""
    target = tmp_path_factory.mktemp("done") / "study"
    shutil.copytree(begun, target)
    ran = gridrun("local", target, "--in-process", "--folds", "2", *OPTION)
    assert ran.returncode == 0, ran.stderr
    return target


@pytest.mark.parametrize("command", WITH_OPTION)
def test_every_command_of_a_study_takes_a_pipeline(command):
    """--pipeline is an option of each, and the help that it leads to names nothing of amiss."""
    ran = gridrun(command, *OPTION, "--help")
    assert ran.returncode == 0, ran.stderr
    assert "--pipeline" in ran.stdout
    assert not re.search(
        r"amiss|vcf|cadd|mcc|imputation|zero_imp|\brf\b", ran.stdout, re.IGNORECASE
    )


def test_inputs_and_words_of_the_usual_pipeline_are_in_its_help():
    """Options for its inputs, an example with its values, its metrics."""
    assert "--cadd-indel" in gridrun("init", "--help").stdout
    assert "--cadd-indel" in gridrun("predict", "--help").stdout
    assert "--only imputation=zero_imp" in gridrun("local", "--help").stdout
    assert "MCC and AUC" in gridrun("results", "--help").stdout


def test_a_new_study_has_the_pipelines_inputs_and_parameters(begun):
    """Roles with the path given or the example, the first protocol, the first grid."""
    text = (begun / "study.yaml").read_text()
    assert "  table: t.txt  # never opened\n  labels: labels.txt\n" in text
    assert "protocol: plain\n" in text
    assert "classifiers: [tree, line]\n" in text
    assert "  origin: first  # or every\n" in text
    assert "  smoothing: [flat, upper, lower, spline, mean, median, kernel]\n" in text


def test_plan_and_params(begun):
    """Combinations, tasks and stages of the toy; its parameters with their values."""
    ran = gridrun("plan", begun, "--why", *OPTION)
    assert ran.returncode == 0, ran.stderr
    assert "7 combinations x 10 folds, protocol plain" in ran.stdout
    assert "140 to run of 140" in ran.stdout
    assert re.search(r"smooth +7 x 10", ran.stdout)
    assert not (begun / ".gridrun").exists()
    told = json.loads(gridrun("params", "--json", *OPTION).stdout)
    assert {p["name"]: p["values"] for p in told}["thinning"] == [1, 4]
    assert "values: flat, upper" in gridrun("params", "smoothing", *OPTION).stdout


@pytest.mark.parametrize(
    "how", [("--in-process",), pytest.param(("--workers", "2"), marks=pytest.mark.ray)]
)
def test_a_study_of_the_toy_runs(begun, tmp_path, how):
    """In this process and in workers of Ray: every part done, its metrics in the table."""
    target = tmp_path / "study"
    shutil.copytree(begun, target)
    ran = gridrun("local", target, "--folds", "2", *how, *OPTION)
    assert ran.returncode == 0, ran.stderr
    head = next(line for line in ran.stdout.splitlines() if "classifier" in line)
    assert head.split() == ["smoothing", "classifier", "n", "skill", "loss", "failed", "s/task"]
    assert "28 tasks done (0 shared), 0 failed" in ran.stdout
    table = rows(target)
    assert len(table) == 28
    assert {row["verdict"] for row in table} <= {"good", "poor"}
    again = gridrun("local", target, "--folds", "2", *how, *OPTION)
    assert "0 tasks done (0 shared), 0 failed" in again.stdout


def test_results_and_status_and_logs(finished):
    """What the last run was about, with the toy's columns, their types, and its states."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    before = rows(finished)
    ran = gridrun("results", finished, *OPTION)
    assert ran.returncode == 0, ran.stderr
    assert rows(finished) == before
    schema = pq.read_schema(finished / "results" / "final_cv_results.parquet")
    kinds = {"hits": pa.int64(), "verdict": pa.string(), "skill": pa.float64()}
    assert {name: schema.field(name).type for name in kinds} == kinds
    assert "at most 5 specimens" in gridrun("plan", finished, "--rows", "5", *OPTION).stdout
    state = json.loads(gridrun("status", finished, "--json", *OPTION).stdout)
    assert state["parts"]["done"] == 28
    assert "no attempt failed" in gridrun("logs", finished, *OPTION).stdout


def test_means_without_tables(finished, tmp_path):
    """The same lines of means and a note; nothing is made. Other means come from the tables."""
    target = shutil.copytree(finished, tmp_path / "study")
    shutil.rmtree(target / "results")
    ran = gridrun("results", target, "--no-tables", *OPTION)
    assert ran.returncode == 0, ran.stderr
    assert "no table was written: 8 files in results/ would be other ones" in ran.stdout
    assert not (target / "results").exists()
    means = re.findall(r"^ *(?:flat|mean|upper|kernel) .*$", ran.stdout, re.MULTILINE)
    assert len(means) > 4
    assert all(line in gridrun("results", target, *OPTION).stdout for line in means)
    refused = gridrun("results", target, "--no-tables", "--by", "smoothing", *OPTION)
    assert refused.returncode == 2
    assert "these means are taken from the tables" in refused.stderr


def test_shards_of_the_toy_are_run_and_collected(begun, tmp_path):
    """Written into a folder, run by a worker there, brought in: the table of a run here."""
    target, folder = tmp_path / "study", tmp_path / "shards"
    shutil.copytree(begun, target)
    part = ("--folds", "2", "--only", "smoothing=flat,mean")
    sent = gridrun("shards", target, "--folder", folder, *part, *OPTION)
    assert sent.returncode == 0, sent.stderr
    assert f"gridrun collect {target} --pipeline {TOY}" in sent.stderr
    refused = gridrun("collect", target)
    assert refused.returncode == 2
    assert f"write --pipeline {TOY}" in refused.stderr
    worked = gridrun("worker", folder, "--workers", "1")
    assert worked.returncode == 0, worked.stderr
    status = gridrun("shards", "status", target, *OPTION)
    assert status.returncode == 0, status.stderr
    brought = gridrun("collect", target, *OPTION)
    assert brought.returncode == 0, brought.stderr
    assert "8 tasks done" in brought.stdout
    here = tmp_path / "here"
    shutil.copytree(begun, here)
    assert gridrun("local", here, "--in-process", *part, *OPTION).returncode == 0
    assert rows(target) == rows(here)


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan",),
        ("local", "--in-process"),
        ("status",),
        ("results",),
        ("report",),
        ("logs",),
        ("export-model", "--combination", "1", "--classifier", "tree"),
    ],
)
def test_a_study_is_refused_to_another_pipeline(finished, arguments):
    """The pipeline that it was begun with is named, and what to write; the study stays as it is."""
    command, *rest = arguments
    table = (finished / "results" / "final_cv_results.csv").read_bytes()
    ran = gridrun(command, finished, *rest)
    assert ran.returncode == 2
    assert f"this study was begun with the pipeline {TOY}, not with amiss_tasks" in ran.stderr
    assert f"write --pipeline {TOY}" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (finished / "results" / "final_cv_results.csv").read_bytes() == table


def test_a_study_that_both_could_read_is_refused_too(finished, tmp_path):
    """A pipeline with the same parameters, under another name, is another one."""
    (tmp_path / "same.py").write_text(
        "from gridrun.testing.toy import toy_pipeline\n"
        "PIPELINE = toy_pipeline(name='same:PIPELINE')\n"
    )
    ran = gridrun("status", finished, "--pipeline", "same:PIPELINE", cwd=tmp_path)
    assert ran.returncode == 2
    assert f"was begun with the pipeline {TOY}, not with same:PIPELINE" in ran.stderr


def test_a_pipeline_of_the_current_directory_runs_in_workers(begun, tmp_path):
    """A module beside the study is found here and in the processes that run its tasks."""
    (tmp_path / "mine.py").write_text(
        "from gridrun.testing.toy import toy_pipeline\n"
        "PIPELINE = toy_pipeline(name='mine:PIPELINE')\n"
    )
    shutil.copytree(begun, tmp_path / "study")
    ran = gridrun(
        "local", "study", "--folds", "1", "--workers", "1", "--only", "smoothing=flat",
        "--pipeline", "mine:PIPELINE", cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "2 tasks done" in ran.stdout


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("nonsense", ['"nonsense" is not the name of a pipeline', "MODULE:ATTRIBUTE"]),
        (":PIPELINE", ["is not the name of a pipeline"]),
        ("nowhere.at.all:PIPELINE", ["cannot be imported", "No module named 'nowhere'"]),
        ("broken:PIPELINE", ["cannot be imported", "ZeroDivisionError"]),
        ("leaves:PIPELINE", ["cannot be imported", "SystemExit"]),
        ("gridrun.testing.toy:PIPLINE", ['did you mean "PIPELINE"?']),
        ("gridrun.testing.toy:STAGES", ["is not a pipeline", "it has no", "gridrun.testing.toy"]),
        ("gridrun.testing.toy:ToyPipeline", ["is not a pipeline", "name"]),
    ],
)
def test_a_wrong_name_of_a_pipeline_is_explained(begun, tmp_path, name, parts):
    """Exit code 2, what is wrong and what to write; never a traceback."""
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    for arguments in (("plan", begun), ("params",), ("init", "new")):
        ran = gridrun(*arguments, "--pipeline", name, cwd=tmp_path)
        assert ran.returncode == 2, ran.stderr
        for part in parts:
            assert part in ran.stderr
        assert "Traceback" not in ran.stderr


def test_what_a_pipeline_does_not_offer_is_said(begun, tmp_path):
    """The toy has no models, describes nothing and takes no files; each is said in a sentence."""
    said = {
        ("describe", begun): "describe",
        ("export-model", begun, "--combination", "1", "--classifier", "tree"): "export model",
        ("explain", begun, "1", "1"): "explain",
        ("predict", begun / "t.txt", "--table", begun / "t.txt"): "predict",
        ("check-method", begun / "t.txt"): "files",
    }
    for arguments, word in said.items():
        ran = gridrun(*arguments, *OPTION, cwd=tmp_path)
        assert ran.returncode == 2, ran.stderr
        assert word in ran.stderr
        assert "Traceback" not in ran.stderr


def test_doctor_starts_the_runner_of_that_pipeline(begun):
    """What is looked at is the toy's worker, and a study of the toy."""
    ran = gridrun("doctor", begun, *OPTION)
    assert ran.returncode == 0, ran.stdout
    assert "ok      toy: 1" in ran.stdout
    assert "7 combinations, 140 tasks to run" in ran.stdout
