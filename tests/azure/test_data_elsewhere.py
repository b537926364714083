"""Inputs in a datastore: a first job reads them there, and no variant's row comes here."""

import gzip
import hashlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from toys import azure_keys, table

from backends.azureml.node import _store
from backends.azureml.sdk.versions import version_of
from backends.azureml.settings import AzureData
from gridrun.errors import EnvironmentFault

pytestmark = pytest.mark.azure

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "examples" / "quickstart"
NAMES = {
    "vcf": "clinvar.vep.vcf.gz",
    "cadd_snv": "cadd_snv.tsv.gz",
    "cadd_indel": "cadd_indel.tsv.gz",
}
PART = ["--only", "quality=clingen", "--only", "imputation=zero_imp,mean_imp", "--folds", "2"]
VARIANT = b"ENST"
"""Begins the identifier of a transcript, which stands in the name of every row."""


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def start(service, home, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "gridrun", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=service.env(HOME=str(home), PYTHONPATH=str(ROOT), COLUMNS="120"),
    )


def gridrun(service, home, *arguments):
    process = start(service, home, *arguments)
    out, err = process.communicate(timeout=250)
    assert "Traceback" not in err, err
    return process.returncode, out, err


@pytest.fixture
def container(azure_service):
    """The container of a datastore that holds the quickstart's inputs."""
    files = {f"2026/{n}": (QUICKSTART / "data" / n).read_bytes() for n in NAMES.values()}
    return azure_service.add_datastore("patients", files)


@pytest.fixture
def study(azure_service, container, tmp_path):
    """The quickstart's grid with inputs in the datastore, and nothing of them here."""
    directory = tmp_path / "study"
    directory.mkdir()
    text = (QUICKSTART / "study.yaml").read_text()
    head, _, rest = text.partition("inputs:")
    rest = rest[rest.index("grid:") :]
    data = {"datastore": "patients", **{role: f"2026/{n}" for role, n in NAMES.items()}}
    azure = azure_keys(azure_service, shard_minutes=0.2, data=data)
    (directory / "study.yaml").write_text(f"{head}{rest}azure: {json.dumps(azure)}\n")
    return directory


def test_the_table_of_a_local_run_without_a_row_of_data_here(
    azure_service, container, study, tmp_path
):
    """The first job reads in the datastore, children fetch tables there, the table is equal."""
    home = tmp_path / "home"
    text = (study / "study.yaml").read_text()
    code, out, err = gridrun(azure_service, home, "plan", study, *PART)
    assert code == 0, err
    assert "8 to run" in out
    (study / "study.yaml").write_text(f"{text}predictions: yes\n")
    code, _, err = gridrun(azure_service, home, "plan", study, *PART)
    assert code == 2
    assert "the study keeps predictions, which name every variant" in err
    (study / "study.yaml").write_text(text)
    code, out, _ = gridrun(azure_service, home, "azure", study, "--dry-run", *PART)
    assert code == 0
    assert "first, a job on one node reads datastore patients: 2026/clinvar.vep.vcf.gz" in out
    assert not azure_service.sweeps
    code, _, err = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert code == 0, err
    reading, sweep = azure_service.sweeps
    assert reading.run.run_id.endswith("-data")
    assert [child.status for child in reading.children] == ["Completed"]
    assert "blocks whose tables come from the datastore: 1" in (
        azure_service.artifacts(sweep.children[0].run_id)["user_logs/std_log.txt"].decode()
    )
    blocks = [name for name in azure_service.blobs(container) if name.startswith("gridrun/blocks/")]
    assert len(blocks) == 3, "a block for each quality"
    checksums = {Path(name).name for name in blocks}
    assert checksums == {sha256(azure_service.blobs(container)[name]) for name in blocks}
    here = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}
    sent = [snapshot.files for snapshot in azure_service.state.snapshots.values()]
    for content in [*here.values(), *(content for files in sent for content in files.values())]:
        assert sha256(content) not in checksums
        assert VARIANT not in content
    for files in sent:
        for name, content in files.items():
            assert not name.startswith("artifacts/") or content.startswith(b'{"gridrun_stub')
    local = tmp_path / "local"
    shutil.copytree(QUICKSTART, local, ignore=shutil.ignore_patterns(".gridrun", "results"))
    code, _, err = gridrun(azure_service, home, "local", local, "--in-process", *PART)
    assert code == 0, err
    assert table(study) == table(local)
    # a copy of the directory is enough to look, and nothing is read or sent twice
    copy = shutil.copytree(study, tmp_path / "copy")
    code, out, err = gridrun(azure_service, home, "azure", copy, "--yes", *PART)
    assert code == 0, err
    assert len(azure_service.sweeps) == 2
    code, out, _ = gridrun(azure_service, home, "status", copy)
    assert code == 0
    code, _, err = gridrun(azure_service, home, "local", study, "--in-process", "--folds", "3")
    assert code == 2
    assert "the inputs are not here" in err
    assert "gridrun azure" in err


@pytest.mark.slow
def test_faults_of_the_inputs_come_home(azure_service, container, study, tmp_path):
    """What is wrong is said with file and line, as if the file were here; then it can be mended."""
    home = tmp_path / "home"
    good = azure_service.blobs(container)["2026/cadd_snv.tsv.gz"]
    azure_service.add_datastore("patients", {"2026/cadd_snv.tsv.gz": b"Chrom\tPos\n1\t2\n"})
    code, _, err = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert code == 2, err
    assert "datastore patients: 2026/cadd_snv.tsv.gz" in err
    assert "loopback-node" not in err, "the path on the node helps nobody"
    with azure_service.state.changed:
        del azure_service.state.blobs[container, "2026/cadd_snv.tsv.gz"]
    code, _, err = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert code == 2, err
    assert "datastore patients: 2026/cadd_snv.tsv.gz: is not there" in err
    known = azure_service.state.datastores.pop("patients")
    code, _, err = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert code == 2, err
    assert "datastore patients: it cannot be opened" in err
    assert "Could not find datastore with name patients" in err
    azure_service.state.datastores["patients"] = known
    azure_service.add_datastore("patients", {"2026/cadd_snv.tsv.gz": good})
    code, _, err = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert code == 0, err
    # with SDK v2 it is seen before anything is sent that an input is not there
    assert len(azure_service.sweeps) == (3 if version_of("") == "v2" else 5)


@pytest.mark.slow
def test_submit_and_kill_read_once(azure_service, study, tmp_path):
    """Submit sends the first job and ends; a killed client comes back to the same job."""
    home = tmp_path / "home"
    azure_service.settings.queue_s = 6
    code, _, err = gridrun(azure_service, home, "azure", "submit", study, "--yes", *PART)
    assert code == 0, err
    assert "the inputs are being read; continue with" in err
    code, out, err = gridrun(azure_service, home, "azure", "status", study)
    assert "-data: " in out
    process = start(azure_service, home, "azure", study, "--yes", *PART)
    azure_service.wait_until(lambda: azure_service.requests("GET .*-data/children"), 60)
    process.kill()
    process.communicate()
    azure_service.settings.queue_s = 0
    code, _, err = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert code == 0, err
    assert [sweep.run.run_id.endswith("-data") for sweep in azure_service.sweeps] == [True, False]


@pytest.mark.slow
def test_a_cancelled_first_job_is_sent_again(azure_service, study, tmp_path):
    """Cancel ends it; the next run sends another."""
    home = tmp_path / "home"
    azure_service.settings.queue_s = 60
    code, _, err = gridrun(azure_service, home, "azure", "submit", study, "--yes", *PART)
    assert code == 0, err
    code, _, err = gridrun(azure_service, home, "azure", "cancel", study)
    assert code == 0, err
    assert "asked for the end of" in err
    azure_service.wait_until(lambda: azure_service.sweeps[0].run.status == "Canceled")
    azure_service.settings.queue_s = 0
    process = start(azure_service, home, "azure", study, "--yes", *PART)
    azure_service.wait_until(lambda: len(azure_service.sweeps) > 1, 60)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "detaching" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_changed_tables_are_refused_and_made_again(azure_service, container, study, tmp_path):
    """A table that is not what was made stops the child; reading again makes it anew."""
    home = tmp_path / "home"
    code, _, err = gridrun(azure_service, home, "azure", study, "--yes", *PART)
    assert code == 0, err
    for name in azure_service.blobs(container):
        if name.startswith("gridrun/blocks/"):
            azure_service.state.put_blob(container, name, b"something else")
    more = [*PART[:-1], "3"]
    code, _, err = gridrun(azure_service, home, "azure", study, "--yes", *more)
    assert code == 3, err
    assert "no child of the sweep produced a result" in err
    code, out, err = gridrun(azure_service, home, "azure", "logs", study)
    assert "is not what was made" in out
    assert "--read-again" in out
    code, _, err = gridrun(azure_service, home, "azure", study, "--yes", "--read-again", *more)
    assert code == 0, err
    assert sum(sweep.run.run_id.endswith("-data") for sweep in azure_service.sweeps) == 2


@pytest.mark.slow
def test_changed_inputs_are_noticed_before_a_result_is_used(
    azure_service, container, study, tmp_path
):
    """Another file under the same name is read again; the same one, uploaded anew, is not."""
    home = tmp_path / "home"
    run = ("azure", study, "--yes", *PART)
    code, _, err = gridrun(azure_service, home, *run)
    assert code == 0, err
    path = "2026/cadd_snv.tsv.gz"
    old = azure_service.blobs(container)[path]
    changed = gzip.decompress(old).replace(b"\n", b" (again)\n", 1)
    azure_service.state.put_blob(container, path, gzip.compress(changed))
    code, _, err = gridrun(azure_service, home, "azure", "collect", study)
    assert f"datastore patients: {path} has changed since it was read" in err
    assert len(azure_service.sweeps) == 2
    code, _, err = gridrun(azure_service, home, *run)
    assert code == 0, err
    assert "has it read again" in err
    names = [sweep.run.run_id for sweep in azure_service.sweeps]
    assert [name.endswith("-data") for name in names] == [True, False, True, False]
    code, _, err = gridrun(azure_service, home, *run)
    assert code == 0, err
    assert "has changed" not in err
    assert len(azure_service.sweeps) == 4
    azure_service.fault("(HEAD|GET) /container-patients/.*", status=403, count=None)
    code, _, err = gridrun(azure_service, home, *run)
    assert "whether the inputs have changed is not known" in err
    assert len(azure_service.sweeps) == 4


def test_what_the_storage_refuses_is_not_an_empty_file(
    azure_service, sdk_workspace, container, tmp_path, monkeypatch
):
    """SDK v1's own download leaves an empty file behind, and its upload nothing, without a word."""
    from azureml.core import Datastore

    monkeypatch.setattr(_store, "_opened", lambda name: Datastore.get(sdk_workspace, name))
    inputs = {"vcf": f"2026/{NAMES['vcf']}", "other": "2026/none.gz"}
    store = _store.Datastore(AzureData("patients", inputs))
    block = tmp_path / "block"
    block.write_bytes(b"table")
    for method in ("GET", "HEAD", "PUT"):
        azure_service.fault(f"{method} /container-patients/.*", status=403, count=1)
    with pytest.raises(EnvironmentFault, match="be asked for"):
        store.stamps()
    with pytest.raises(EnvironmentFault, match="to the node: Auth"):
        store.bring_input("vcf", tmp_path)
    with pytest.raises(EnvironmentFault, match="be put there"):
        store.put_blocks([block])
    found = store.bring_input("vcf", tmp_path / "again")
    assert found.read_bytes() == (QUICKSTART / "data" / NAMES["vcf"]).read_bytes()
    assert store.bring_input("other", tmp_path) is None
    store.put_blocks([block])
    assert azure_service.blobs(container)["gridrun/blocks/block"] == b"table"
    assert store.bring_block("block", tmp_path / "back").read_bytes() == b"table"
