"""The commands as a person meets them: their text, their exit codes, their files."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import gridrun

ROOT = Path(__file__).resolve().parent.parent.parent
QUICKSTART = ROOT / "examples" / "quickstart"
COMMANDS = (
    "init",
    "plan",
    "local",
    "status",
    "results",
    "report",
    "describe",
    "logs",
    "params",
    "doctor",
)


@pytest.fixture
def quickstart(tmp_path: Path) -> Path:
    """A copy of the quickstart without anything computed."""
    target = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, target, ignore=shutil.ignore_patterns(".gridrun", "results"))
    return target


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """A small part of the quickstart, run in one process; what it printed."""
    target = tmp_path_factory.mktemp("done") / "quickstart"
    shutil.copytree(QUICKSTART, target, ignore=shutil.ignore_patterns(".gridrun", "results"))
    ran = gridrun(
        "local", target, "--in-process", "--folds", "1",
        "--only", "quality=clingen", "--only", "imputation=zero_imp,mean_imp",
    )  # fmt: skip
    return target, ran


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    """--help explains the command and shows how it is typed."""
    ran = gridrun(command, "--help")
    assert ran.returncode == 0
    assert "Example" in ran.stdout
    assert f"gridrun {command}" in ran.stdout


OF_HELP = {
    "annotated_doc",
    "backends",
    "gridrun",
    "gridrun.cli",
    "gridrun.errors",
    "gridrun.pipeline",
    "gridrun.plan",
    "gridrun._version",
    "shellingham",
    "typer",
}
"""What help may load beside Python's own modules: Typer with its two, and declarations."""

HEAVY = {"asyncio", "concurrent", "logging", "multiprocessing", "pydoc", "sqlite3", "ssl"}
"""Modules of Python that take longer to load than help says anything."""


@pytest.mark.parametrize(
    ("command", "less"),
    [((), HEAVY), (("status",), HEAVY), (("azure",), set()), (("slurm", "status"), set())],
    ids=["gridrun", "status", "azure", "slurm status"],
)
def test_help_does_not_import_what_only_runs_need(command, less):
    """--help answers with Typer and declarations alone: no ray, pandas, pydantic, rich or YAML."""
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom gridrun.cli import app\n"
        f"try:\n app([*{command!r}, '--help'])\nexcept SystemExit:\n pass\n"
        "print(*{'.'.join(name.split('.')[: 1 + name.startswith('gridrun.')])"
        " for name in set(sys.modules) - before}, sep='\\n', file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Usage:" in ran.stdout, ran.stderr
    loaded = set(ran.stderr.split())
    own = {name for name in loaded if not name.startswith("_sysconfigdata_")}
    assert own - OF_HELP - sys.stdlib_module_names == set()
    assert loaded & less == set()


def test_shell_completion_is_offered():
    """The script for a shell can be printed."""
    ran = gridrun("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert ran.returncode == 0
    assert "complete" in ran.stdout


def test_the_version_is_printed():
    """--version names program and version."""
    import gridrun as package

    assert gridrun("--version").stdout == f"gridrun {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("plan", "nowhere"), ["nowhere"]),
        (("local", "."), ["study.yaml", "gridrun init"]),
        (("params", "imputaton"), ['did you mean "imputation"?']),
        (("local", QUICKSTART, "--only", "imputation=mean"), ['did you mean "mean_imp"?']),
        (("local", QUICKSTART, "--only", "imputation=knnImputation"), ["knnImputation"]),
        (("plan", QUICKSTART, "--combinations", "22"), ["22", "21"]),
        (("plan", QUICKSTART, "--folds", "0"), ["--folds 0"]),
        (("local", QUICKSTART, "--workers", "0"), ["--workers"]),
        (("local", QUICKSTART, "--rows", "0"), ["--rows 0"]),
    ],
)
def test_a_mistake_gets_an_explanation_and_exit_code_2(tmp_path, arguments, parts):
    """What, where and what to do; no traceback; nothing written."""
    ran = gridrun(*arguments, cwd=tmp_path)
    assert ran.returncode == 2, ran.stderr
    for part in parts:
        assert part in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []
    assert not (QUICKSTART / ".gridrun").exists()


def test_plan_of_the_quickstart(quickstart):
    """Plan says what would run and writes nothing."""
    ran = gridrun("plan", quickstart, "--why")
    assert ran.returncode == 0, ran.stderr
    assert "21 combinations x 3 folds" in ran.stdout
    assert "126 to run of 126" in ran.stdout
    assert "not run yet" in ran.stdout
    assert not (quickstart / ".gridrun").exists()
    data = json.loads(gridrun("plan", quickstart, "--json").stdout)
    assert (data["combinations"], data["pending"]) == (21, 126)


def test_a_dry_run_is_the_plan(quickstart):
    """--dry-run prints what `plan` prints and runs nothing."""
    dry = gridrun("local", quickstart, "--dry-run")
    assert dry.returncode == 0
    assert dry.stdout == gridrun("plan", quickstart).stdout
    assert not (quickstart / ".gridrun").exists()


def test_init_writes_a_study_that_plans(tmp_path):
    """A first study needs only the paths of its inputs."""
    data = QUICKSTART / "data"
    target = tmp_path / "my study"
    ran = gridrun(
        "init", target,
        "--vcf", data / "clinvar.vep.vcf.gz",
        "--cadd-snv", data / "cadd_snv.tsv.gz",
        "--cadd-indel", data / "cadd_indel.tsv.gz",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    plan = gridrun("plan", target)
    assert plan.returncode == 0, plan.stderr
    assert "combinations x 10 folds" in plan.stdout
    text = (target / "study.yaml").read_text()
    (grid,) = [line for line in text.splitlines() if line.startswith("  imputation:")]
    assert "missingness_indicators]" in grid
    assert "# imputation also has, at many times the cost: knnImputation, bpca" in text
    again = gridrun("init", target)
    assert again.returncode == 2
    assert "this directory has a study already" in again.stderr


def test_params_lists_every_parameter_and_value():
    """Names, values and shorthands."""
    from amiss_tasks.parameters import PARAMETERS

    ran = gridrun("params")
    for parameter in PARAMETERS:
        for text in (parameter.name, *map(str, parameter.values), *parameter.shorthands):
            assert text in ran.stdout
    assert json.loads(gridrun("params", "quality", "--json").stdout)[0]["values"] == [
        "clingen",
        "twostar",
        "onestar",
    ]


def test_doctor_finds_this_machine_fit():
    """All checks pass where the tests run; R is asked in a process of its own."""
    ran = gridrun("doctor", QUICKSTART)
    assert ran.returncode == 0, ran.stdout
    assert "missing" not in ran.stdout
    assert "R" in ran.stdout


def test_doctor_names_a_missing_r(tmp_path):
    """Without R on the PATH: exit code 3 and what to install."""
    ran = gridrun("doctor", PATH=str(tmp_path))
    assert ran.returncode == 3
    assert "R is not on the PATH" in ran.stdout
    assert "docker/packages.txt" in ran.stdout


def test_local_ends_with_the_table_people_came_for(finished):
    """Means by imputation and classifier, failures, time, and where the files are."""
    directory, ran = finished
    assert ran.returncode == 0, ran.stderr
    for part in (
        "zero_imp",
        "mean_imp",
        "rf",
        "lr",
        "MCC",
        "AUC",
        "failed",
        "final_cv_results.csv",
    ):
        assert part in ran.stdout
    assert "4 tasks done" in ran.stdout
    assert "fitted by this run: 12 forests, 2 regressions" in ran.stdout
    with (directory / "results" / "final_cv_results.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 4
    for row in rows:
        mean = [line for line in ran.stdout.splitlines() if row["method"] in line]
        assert any(f"{float(row['MCC']):.3f}" in line for line in mean)


def test_status_results_and_logs_of_a_finished_study(finished):
    """They speak of what the last run was about, from the ledger alone."""
    directory, _ = finished
    status = json.loads(gridrun("status", directory, "--json").stdout)
    assert status["parts"] == {"waiting": 0, "running": 0, "done": 4, "failed": 0, "skipped": 0}
    assert status["last_run"]["state"] == "done"
    assert "ended" in gridrun("status", directory).stdout
    summary = json.loads(gridrun("results", directory, "--json").stdout)["summary"]
    assert [(g["method"], g["classifier"], g["n"]) for g in summary] == [
        ("zero_imp", "rf", 1),
        ("zero_imp", "lr", 1),
        ("mean_imp", "rf", 1),
        ("mean_imp", "lr", 1),
    ]
    assert gridrun("logs", directory).returncode == 0


@pytest.mark.parametrize("command", ["status", "logs"])
def test_status_and_logs_before_anything_ran(quickstart, command):
    """Of a study that was never run they say so, and how to begin; exit code 0."""
    ran = gridrun(command, quickstart)
    assert ran.returncode == 0
    assert "nothing has been run yet; `gridrun plan` shows what would run" in ran.stdout
    assert "failed or printed" not in ran.stdout
    assert not (quickstart / ".gridrun").exists()


def test_ctrl_c_once_ends_after_the_running_task_and_resumes(quickstart):
    """Exit code 130, how to go on, and nothing that was done is done again."""
    chosen = ["--only", "quality=clingen", "--folds", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from gridrun.cli import main; main()",
         "local", str(quickstart), "--in-process", *chosen],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    ledger = quickstart / ".gridrun" / "ledger.sqlite"
    deadline = time.monotonic() + 60
    while not ledger.exists() and time.monotonic() < deadline:
        time.sleep(0.05)  # until the ledger is there
    time.sleep(0.5)  # nothing tells from outside that the first task is running
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "continue with: gridrun local" in err
    before = json.loads(gridrun("status", quickstart, "--json").stdout)["parts"]
    assert before["waiting"] > 0
    ran = gridrun("local", quickstart, "--in-process", *chosen)
    assert ran.returncode == 0, ran.stderr
    assert f"{before['done']} finished before" in ran.stdout


@pytest.mark.ray
def test_local_on_ray_gives_the_table_of_the_process_to_the_byte(finished, quickstart):
    """The same study on Ray: the same table, time columns aside; nothing left running."""
    ran = gridrun(
        "local", quickstart, "--workers", "2", "--folds", "1",
        "--only", "quality=clingen", "--only", "imputation=zero_imp,mean_imp",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    tables = []
    for directory in (finished[0], quickstart):
        with (directory / "results" / "final_cv_results.csv").open(newline="") as handle:
            rows = list(csv.reader(handle))
        times = [rows[0].index(name) for name in ("tr_time", "te_time")]
        tables.append([[c for at, c in enumerate(row) if at not in times] for row in rows])
    assert tables[0] == tables[1]


@pytest.mark.parametrize("target", ["results", ".gridrun"])
def test_a_full_disk_is_named_and_leaves_nothing_half_written(quickstart, target):
    """No room to write: exit code 3, the path, `no space`; a later run completes."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    place = quickstart / target
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(place)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let a file system be mounted")
    chosen = ["--in-process", "--folds", "1", "--only", "quality=clingen",
              "--only", "imputation=zero_imp"]  # fmt: skip
    try:
        (place / "filler").write_bytes(b"x" * 4096 * 3)
        ran = gridrun("local", quickstart, *chosen)
        assert ran.returncode == 3, ran.stderr
        assert "no space" in ran.stderr
        assert str(place) in ran.stderr
        assert "Traceback" not in ran.stderr
        assert not (quickstart / "results" / "final_cv_results.csv").exists()
    finally:
        subprocess.run(["umount", str(place)], check=True)
    ran = gridrun("local", quickstart, *chosen)
    assert ran.returncode == 0, ran.stderr


def test_ctrl_c_while_gridrun_starts_is_no_traceback(tmp_path):
    """Importing the commands takes a while: 130 and a word, as later."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    ended = subprocess.run(
        [sys.executable, "-m", "gridrun", "status"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert (ended.returncode, ended.stderr) == (130, "interrupted\n")
