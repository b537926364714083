"""The loopback service under the real SDK of version 2: the whole cycle of a client."""

import json

import pytest
import requests
from sweeps import is_alive
from sweeps_v2 import Rest, ended, needs_sdk_2, sweep_of

pytestmark = needs_sdk_2

SCRIPT = """
import os, pathlib, sys
shard = sys.argv[sys.argv.index("--shard") + 1]
pathlib.Path("outputs/result.csv").write_text(f"shard,value\\n{shard},1\\n")
pathlib.Path("outputs/a b%20c.txt").write_text(os.environ["AZUREML_SWEEP_shard"])
print("shard", shard, os.environ["COLOUR"])
"""
SLOW = """
import os, pathlib, time
pathlib.Path("outputs/pid.txt").write_text(str(os.getpid()))
time.sleep(60)  # longer than any test waits: it is ended from outside
"""


@pytest.fixture
def cluster(azure_service):
    azure_service.add_compute("cpu", max_nodes=4)
    return azure_service


def files_of(client, run_id):
    """{name: content} of a run, by a listing of the storage."""
    from azure.ai.ml._artifacts._artifact_utilities import get_datastore_info
    from azure.storage.blob import ContainerClient

    info = get_datastore_info(client.datastores, "workspaceartifactstore")
    prefix = f"ExperimentRun/dcid.{run_id}/"
    with ContainerClient(
        info["account_url"], info["container_name"], credential=info["credential"]
    ) as store:
        names = [blob.name for blob in store.list_blobs(name_starts_with=prefix)]
        return {
            name.removeprefix(prefix): store.download_blob(name).readall().decode()
            for name in names
        }


def test_whole_cycle(azure_service, ml_client, tmp_path, monkeypatch):
    """Sign in, make a cluster, submit, look up, page through the trials, read their files."""
    from azure.ai.ml.entities import AmlCompute

    monkeypatch.chdir(tmp_path)
    azure_service.settings.page_size = 5
    azure_service.settings.blob_page_size = 2
    assert ml_client.workspaces.get(azure_service.workspace.name).location == "loopregion"
    wanted = AmlCompute(name="cpu", size="STANDARD_D2_V2", max_instances=2, tier="low_priority")
    ml_client.compute.begin_create_or_update(wanted).result()
    assert ml_client.compute.get("cpu").size == "STANDARD_D2_V2"

    sent = ml_client.jobs.create_or_update(sweep_of(tmp_path / "src", SCRIPT, n=12))
    assert (sent.name, sent.status, sent.display_name) == ("sweep-1", "Running", "shown")
    assert ended(azure_service).status == "Completed"
    assert ml_client.jobs.get("sweep-1").tags["gridrun"] == "1"
    assert ml_client.jobs.get("sweep-1_1").command == "python go.py --shard 1"
    # a page is all that the SDK reads; the service has the others
    assert len(list(ml_client.jobs.list(parent_job_name="sweep-1"))) == 5
    children = {child["runId"]: child for child in Rest(azure_service).children("sweep-1")}
    assert sorted(children) == sorted(f"sweep-1_{number}" for number in range(12))
    assert json.loads(children["sweep-1_7"]["tags"]["hyperparameters"]) == {"shard": 7}
    assert files_of(ml_client, "sweep-1_1") == {
        "outputs/result.csv": "shard,value\n1,1\n",
        "outputs/a b%20c.txt": "1",
        "user_logs/std_log.txt": "shard 1 blue\n",
    }
    ml_client.jobs.begin_cancel("sweep-1").result()

    before = len(azure_service.requests("PUT .*/src/go.py"))
    ml_client.jobs.create_or_update(sweep_of(tmp_path / "src", SCRIPT, n=1, name="sweep-2"))
    assert ended(azure_service, "sweep-2").status == "Completed"
    assert len(azure_service.requests("PUT .*/src/go.py")) == before  # known by its hash


def test_a_name_is_taken_once(cluster, ml_client, tmp_path, monkeypatch):
    """An answer that is lost: the SDK sends again, is refused, and there is one sweep."""
    from azure.core.exceptions import HttpResponseError

    monkeypatch.chdir(tmp_path)
    cluster.fault("PUT .*/jobs/sweep-1$", drop="after")
    with pytest.raises(HttpResponseError, match="JobPropertyImmutable") as caught:
        ml_client.jobs.create_or_update(sweep_of(tmp_path / "src", SCRIPT))
    assert caught.value.status_code == 400
    assert len(cluster.requests("PUT .*/jobs/sweep-1$")) == 2
    assert [sweep.run.run_id for sweep in cluster.sweeps] == ["sweep-1"]
    assert ended(cluster).status == "Completed"


def test_cancelling_a_sweep_ends_its_processes(cluster, ml_client, tmp_path, monkeypatch):
    """Files of a running trial can be read; after the cancel no process is left."""
    monkeypatch.chdir(tmp_path)
    ml_client.jobs.create_or_update(sweep_of(tmp_path / "src", SLOW, n=5, concurrent=1))
    cluster.wait_until(lambda: cluster.artifacts("sweep-1_0").get("outputs/pid.txt"))
    pid = int(files_of(ml_client, "sweep-1_0")["outputs/pid.txt"])
    assert is_alive(pid)
    cluster.settings.cancel_polls = 1
    ml_client.jobs.begin_cancel("sweep-1").result()
    assert ended(cluster).status == "Canceled"
    assert not is_alive(pid)
    assert len(cluster.sweeps[0].children) == 1


def test_data_come_to_the_node_and_outputs_go_to_the_datastore(
    cluster, ml_client, tmp_path, monkeypatch
):
    """A file and a folder of a datastore, and a folder that is filled by the trial."""
    from azure.ai.ml import Input, Output

    monkeypatch.chdir(tmp_path)
    base = "azureml://datastores/patients/paths/"
    container = cluster.add_datastore("patients", {"in/a.csv": b"one", "in/deep/b.csv": b"two"})
    script = (
        "import pathlib, sys\n"
        "file, folder, out = sys.argv[3:]\n"
        "text = pathlib.Path(file).read_text() + pathlib.Path(folder, 'deep/b.csv').read_text()\n"
        "pathlib.Path(out, 'made.txt').write_text(text)\n"
    )
    inputs = {
        "file": Input(type="uri_file", path=base + "in/a.csv", mode="download"),
        "folder": Input(type="uri_folder", path=base + "in", mode="ro_mount"),
    }
    outputs = {"out": Output(type="uri_folder", path=base + "out", mode="upload")}
    more = " ${{inputs.file}} ${{inputs.folder}} ${{outputs.out}}"
    parts = {"n": 1, "inputs": inputs, "outputs": outputs, "more": more}
    ml_client.jobs.create_or_update(sweep_of(tmp_path / "src", script, **parts))
    assert ended(cluster).status == "Completed"
    assert cluster.blobs(container)["out/made.txt"] == b"onetwo"

    inputs["file"] = Input(type="uri_file", path=base + "in/none.csv", mode="download")
    ml_client.jobs.create_or_update(sweep_of(tmp_path / "src", script, **parts, name="sweep-2"))
    assert ended(cluster, "sweep-2").status == "Failed"
    assert "paths/in/none.csv" in cluster.runs["sweep-2_0"].error


def test_az_signs_in(cluster, tmp_path, monkeypatch):
    """The stand-in of Azure's command line is enough for AzureCliCredential."""
    from azure.identity import AzureCliCredential

    cluster.write_az(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    token = AzureCliCredential().get_token("https://management.azure.com/.default").token
    url = f"https://management.azure.com{cluster.workspace.arm_path}"
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 200
