"""`gridrun azure` as a person meets it, with the real pipeline on the quickstart's data."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from toys import azure_keys, by_az, table

from backends.azureml.sdk.versions import PACKAGES, version_of

pytestmark = pytest.mark.azure

ROOT = Path(__file__).resolve().parents[2]
PART = [
    "--only",
    "quality=clingen,twostar",
    "--only",
    "imputation=zero_imp,mean_imp",
    "--folds",
    "2",
]


def gridrun(service, home, *arguments, text=None, **env):
    return subprocess.run(
        [sys.executable, "-m", "gridrun", *map(str, arguments)],
        capture_output=True,
        text=True,
        input=text,
        env=service.env(HOME=str(home), PYTHONPATH=str(ROOT), COLUMNS="120", **env),
        check=False,
        timeout=250,
    )


@pytest.fixture
def study(azure_service, tmp_path):
    """A copy of the quickstart with azure settings."""
    target = tmp_path / "quickstart"
    unwanted = shutil.ignore_patterns(".gridrun", "results")
    shutil.copytree(ROOT / "examples" / "quickstart", target, ignore=unwanted)
    with (target / "study.yaml").open("a") as file:
        file.write(f"azure: {json.dumps(azure_keys(azure_service, shard_minutes=0.05))}\n")
    return target


def test_the_same_table_as_local_with_the_whole_story(azure_service, study, tmp_path):
    """Dry run, refusal to spend unasked, run, status, logs; the table equals that of local."""
    home = tmp_path / "home"
    dry = gridrun(azure_service, home, "azure", study, "--dry-run", "--hourly-rate", "2", *PART)
    assert dry.returncode == 0, dry.stderr
    assert "16 tasks in" in dry.stdout
    assert "node-hours" in dry.stdout
    assert "at 2 an hour" in dry.stdout
    assert not azure_service.sweeps
    asked = gridrun(azure_service, home, "azure", study, *PART)
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    assert not azure_service.sweeps
    ran = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    assert "zero_imp" in ran.stdout
    (sweep,) = azure_service.sweeps
    assert f"the table lies beside the sweep, too: {sweep.run.run_id}" in ran.stderr
    uploaded = azure_service.artifacts(sweep.run.run_id)["outputs/final_cv_results.csv"]
    assert uploaded == (study / "results" / "final_cv_results.csv").read_bytes()
    local = tmp_path / "local"
    shutil.copytree(study, local, ignore=shutil.ignore_patterns(".gridrun", "results"))
    here = gridrun(azure_service, home, "local", local, "--in-process", *PART)
    assert here.returncode == 0, here.stderr
    assert table(study) == table(local)
    runs = (study / "results" / "runs.csv").read_text()
    assert all(child.run_id in runs for child in sweep.children)
    status = gridrun(azure_service, home, "azure", "status", study)
    assert status.returncode == 0
    assert f"{sweep.run.run_id}: ended" in status.stdout
    logs = gridrun(azure_service, home, "azure", "logs", study)
    assert f"{sweep.children[0].run_id}: completed" in logs.stdout
    one = gridrun(azure_service, home, "azure", "logs", study, "--child", sweep.children[0].run_id)
    assert "tasks done" in one.stdout
    nothing = gridrun(azure_service, home, "azure", "cancel", study)
    assert nothing.returncode == 0
    assert "nothing to cancel" in nothing.stderr


def test_one_child_per_combination(azure_service, study, tmp_path):
    """Upstream's names as arguments, mcc on each child, and the same table."""
    home = tmp_path / "home"
    flag = "--one-child-per-combination"
    ran = gridrun(azure_service, home, "azure", study, "--yes", flag, *PART)
    assert ran.returncode == 0, ran.stderr
    (sweep,) = azure_service.sweeps
    assert len(sweep.children) == 4
    frame = pd.read_csv(study / "results" / "final_cv_results.csv")
    for child in sweep.children:
        values = dict(zip(child.arguments[::2], child.arguments[1::2], strict=True))
        own = frame[
            (frame.imputation == values["--imputation"]) & (frame.quality == values["--quality"])
        ]
        expected = max(own[own.classifier == name].MCC.mean() for name in ("rf", "lr"))
        log = gridrun(azure_service, home, "azure", "logs", study, "--child", child.run_id).stdout
        assert float(log.partition("mcc: ")[2].split()[0]) == pytest.approx(expected)
        assert "cannot be logged" not in log
    local = tmp_path / "local"
    shutil.copytree(study, local, ignore=shutil.ignore_patterns(".gridrun", "results"))
    here = gridrun(azure_service, home, "local", local, "--in-process", *PART)
    assert here.returncode == 0, here.stderr
    assert table(study) == table(local)


def test_a_child_that_cannot_work_is_heard_on_the_terminal(azure_service, study, tmp_path):
    """An image without gridrun: exit 3 and the first line of what the child said."""
    azure_service.image_env["PYTHONPATH"] = str(tmp_path / "nothing-here")
    (tmp_path / "nothing-here").mkdir()
    (tmp_path / "nothing-here" / "gridrun.py").write_text("raise SystemExit('no gridrun here')\n")
    ran = gridrun(azure_service, tmp_path / "home", "azure", study, "--yes", *PART)
    assert ran.returncode == 3, ran.stderr
    assert "no child of the sweep produced a result" in ran.stderr
    assert "gridrun azure logs" in ran.stderr
    assert "Traceback" not in ran.stderr
    logs = gridrun(azure_service, tmp_path / "home", "azure", "logs", study)
    assert "no gridrun here" in logs.stdout


def test_submit_status_cancel(azure_service, study, tmp_path):
    """Submit ends at once; status counts children; cancel ends them and gives the tasks back."""
    home = tmp_path / "home"
    sent = gridrun(azure_service, home, "azure", "submit", study, "--yes", *PART)
    assert sent.returncode == 0, sent.stderr
    assert "sweeps still hold 16 tasks" in sent.stderr
    for word in ("gridrun azure ", "azure status", "azure cancel"):
        assert word in sent.stderr
    status = gridrun(azure_service, home, "azure", "status", study, "--json")
    (sweep,) = json.loads(status.stdout)["sweeps"]
    assert sweep["state"] == "sent"
    assert sweep["now"]["name"] == azure_service.sweeps[0].run.run_id
    ended = gridrun(azure_service, home, "azure", "cancel", study)
    assert ended.returncode == 0, ended.stderr
    assert azure_service.sweeps[0].run.status in ("Canceled", "Completed")
    status = gridrun(azure_service, home, "azure", "status", study)
    assert "16 waiting" in status.stdout or "done" in status.stdout


def test_doctor_looks_at_azure(azure_service, study, tmp_path):
    """Each thing in turn, ending at the first that is missing, with what to do."""
    home = tmp_path / "home"
    good = gridrun(azure_service, home, "doctor", study, "--azure")
    assert good.returncode == 0, good.stderr
    package = PACKAGES[version_of("")][0]
    for words in (package, "sign-in: as a service principal", "workspace", "compute cpu"):
        assert words in good.stdout
    assert "does not exist; the first run creates it" in good.stdout
    azure_service.refuse_sign_in("AADSTS7000215: Invalid client secret provided.")
    bad = gridrun(azure_service, tmp_path / "home2", "doctor", study, "--azure")
    assert bad.returncode == 3
    assert "AADSTS7000215" in bad.stdout
    assert "AZUREML_SERVICE_PRINCIPAL_PASSWORD" in bad.stdout
    assert "az login" not in bad.stdout
    assert azure_service.workspace.client_secret not in bad.stdout + bad.stderr


def test_az_login_is_enough(azure_service, study, tmp_path):
    """Without a service principal the account of the Azure command line is used."""
    tools = tmp_path / "tools"
    ran = gridrun(
        azure_service, tmp_path / "home", "doctor", study, "--azure", **by_az(azure_service, tools)
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "as the account of `az login`" in ran.stdout


def test_the_table_beside_a_sweep_is_replaced(azure_service, study, tmp_path):
    """Azure takes no name twice: the old is deleted; where it may not be, it has a number."""
    home = tmp_path / "home"
    ran = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert ran.returncode == 0, ran.stderr
    (sweep,) = azure_service.sweeps
    azure_service.settings.odd.null_containers = True
    table_of = study / "results" / "final_cv_results.csv"
    name = "outputs/final_cv_results.csv"
    azure_service.replace_artifact(sweep.run.run_id, name, b"an older table")
    ran = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert f"too: {sweep.run.run_id}, {name}\n" in ran.stderr
    assert azure_service.artifacts(sweep.run.run_id)[name] == table_of.read_bytes()
    azure_service.fault("DELETE .*", status=503, count=2)
    azure_service.fault("PUT .*final_cv_results", drop="after")
    ran = gridrun(azure_service, home, "azure", "collect", study)
    assert f"too: {sweep.run.run_id}, {name}\n" in ran.stderr
    if version_of("") == "v2":  # which puts a file over another
        return
    azure_service.settings.deletes_artifacts = False
    ran = gridrun(azure_service, home, "azure", "collect", study)
    assert f"too: {sweep.run.run_id}, outputs/final_cv_results-2.csv\n" in ran.stderr
    there = azure_service.artifacts(sweep.run.run_id)
    assert there["outputs/final_cv_results-2.csv"] == table_of.read_bytes()


def test_sweeps_that_go_on_are_named_where_azure_does_not_answer(azure_service, study, tmp_path):
    """A sign-in that answers 503 for ever: exit 3, the sweep, how to collect and cancel it."""
    home = tmp_path / "home"
    azure_service.settings.queue_s = 300
    sent = gridrun(azure_service, home, "azure", "submit", study, "--yes", *PART)
    assert sent.returncode == 0, sent.stderr
    name = azure_service.sweeps[0].run.run_id
    assert name in sent.stderr.splitlines()[-1]
    azure_service.fault("POST .*/oauth2/v2.0/token", status=503, count=None)
    for command in ("collect", "cancel"):
        ran = gridrun(azure_service, home, "azure", command, study)
        assert ran.returncode == 3, ran.stderr
        assert "(5 of 5)" in ran.stderr or command == "cancel"
        assert f"1 sweep may continue, and continue to cost money: {name}" in ran.stderr
        assert f"gridrun azure collect {study}" in ran.stderr
        assert f"gridrun azure cancel {study}" in ran.stderr
        assert "az login" not in ran.stderr


def test_a_study_without_azure_settings_is_told(azure_service, study, tmp_path):
    """The key that is missing, and where to read."""
    text = (study / "study.yaml").read_text().partition("\nazure:")[0]
    (study / "study.yaml").write_text(f"{text}\n")
    ran = gridrun(azure_service, tmp_path / "home", "azure", study)
    assert ran.returncode == 2
    assert "add the key azure" in ran.stderr
    assert "docs/azure.md" in ran.stderr
