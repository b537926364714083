"""The loopback service under the real SDK: the whole cycle, as a client and as a child."""

import json
import subprocess
from pathlib import Path

import pytest
import requests
from sweeps import QUICK, SLOW, is_alive, needs_sdk, submit, wait

pytestmark = needs_sdk

AS_A_CHILD = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--shard", type=int)
shard = parser.parse_args().shard
from azureml.core import Run
run = Run.get_context(allow_offline=False)
print("child", run.id, "of", run.parent.id, os.environ["COLOUR"])
run.tag("seen", "yes")
for step in range(3):
    run.log("trace", shard + step)
run.log_row("table", shard=shard, text="a")
open("outputs/result.csv", "w").write(f"shard,value\\n{shard},1\\n")
open("aside.txt", "w").write("aside")
run.upload_file("extra/aside.txt", "aside.txt")
run.flush()
if shard == 1:
    raise SystemExit("deliberate failure")
"""


@pytest.fixture
def cluster(azure_service):
    azure_service.add_compute("cpu", max_nodes=4)
    return azure_service


def test_whole_cycle(azure_service, sdk_workspace, tmp_path):
    """Sign in, make a cluster, submit, poll, read metrics, files, logs, tags and parameters."""
    from azureml.core import Experiment, Run
    from azureml.core.compute import AmlCompute, ComputeTarget

    assert sdk_workspace.location == azure_service.workspace.region
    wanted = AmlCompute.provisioning_configuration(
        vm_size="STANDARD_D2_V2", vm_priority="lowpriority", min_nodes=0, max_nodes=2
    )
    ComputeTarget.create(sdk_workspace, "cpu", wanted).wait_for_completion()
    run = submit(
        sdk_workspace,
        tmp_path / "source",
        AS_A_CHILD,
        n=2,
        tags={"gridrun": "one"},
        variables={"COLOUR": "blue"},
    )
    assert wait(run, 120) == "Completed"

    children = {child.id: child for child in run.get_children()}
    assert set(children) == {"sweep-1_0", "sweep-1_1"}
    good, bad = children["sweep-1_0"], children["sweep-1_1"]
    assert good.status == "Completed"
    assert good.get_metrics() == {"trace": [0, 1, 2], "table": {"shard": 0, "text": "a"}}
    assert good.get_metrics(name="trace") == {"trace": [0, 1, 2]}
    assert good.get_tags()["seen"] == "yes"
    assert sorted(good.get_file_names()) == [
        "extra/aside.txt",
        "outputs/result.csv",
        "user_logs/std_log.txt",
    ]
    good.download_files(prefix="outputs/", output_directory=tmp_path / "got", append_prefix=False)
    assert (tmp_path / "got" / "result.csv").read_text() == "shard,value\n0,1\n"
    good.download_file("user_logs/std_log.txt", tmp_path / "log.txt")
    assert (tmp_path / "log.txt").read_text() == "child sweep-1_0 of sweep-1 blue\n"
    assert bad.status == "Failed"
    details = bad.get_details()
    assert "deliberate failure" in details["error"]["error"]["message"]
    assert details["runDefinition"]["arguments"] == ["--shard", "1"]
    assert "user_logs/std_log.txt" in details["logFiles"]

    again = Run.get(sdk_workspace, "sweep-1")
    assert again.type == "hyperdrive"
    assert again.get_hyperparameters() == {
        "sweep-1_0": '{"--shard": 0}',
        "sweep-1_1": '{"--shard": 1}',
    }
    found = Experiment(sdk_workspace, "exp").get_runs(tags={"gridrun": "one"})
    assert [one.id for one in found] == ["sweep-1"]
    assert list(Experiment(sdk_workspace, "exp").get_runs(tags={"gridrun": "two"})) == []
    (tmp_path / "final.csv").write_text("a,b\n")
    again.upload_file("outputs/final.csv", str(tmp_path / "final.csv"))
    assert azure_service.artifacts("sweep-1")["outputs/final.csv"] == b"a,b\n"


def test_journal_has_every_request_and_no_secret(cluster, sdk_workspace, tmp_path):
    """Tests count requests by kind; tokens, secrets and signatures are not in the journal."""
    wait(submit(sdk_workspace, tmp_path / "source", n=1))
    assert len(cluster.requests(r"POST .*/hdruns/sweep-1$")) == 1
    assert cluster.requests(r"POST .*/oauth2/v2\.0/token")[0].status == 200
    assert {entry.host for entry in cluster.journal} == {
        "login.microsoftonline.com",
        "management.azure.com",
        cluster.workspace.api_host,
        cluster.workspace.blob_host,
    }
    text = repr(cluster.journal) + repr(cluster.workspace)
    secrets = [cluster.workspace.client_secret, *cluster.state.tokens, "sig="]
    assert [secret for secret in secrets if secret in text] == []


def test_the_datastore_takes_and_gives_files(sdk_workspace, azure_service, tmp_path):
    """Files go into the default datastore and come back, signed with the account's key."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a b.csv").write_text("1,2\n")
    (tmp_path / "in" / "empty.txt").write_text("")
    store = sdk_workspace.get_default_datastore()
    store.upload(str(tmp_path / "in"), target_path="data/x", show_progress=False)
    assert azure_service.blobs() == {"data/x/a b.csv": b"1,2\n", "data/x/empty.txt": b""}
    assert store.download(str(tmp_path / "out"), prefix="data/x", show_progress=False) == 2
    assert (tmp_path / "out" / "data" / "x" / "a b.csv").read_text() == "1,2\n"
    assert (tmp_path / "out" / "data" / "x" / "empty.txt").read_text() == ""


def test_storage_checks_signatures_and_takes_blocks(azure_service):
    """A big blob arrives in blocks, is read in ranges, and only by who may."""
    from azureml._vendor.azure_storage.blob import BlobClient
    from service.signatures import signed_url

    content = bytes(range(256)) * 40
    url = signed_url(azure_service.state, "azureml", "big file.bin", "rcw")
    with BlobClient.from_blob_url(url, max_single_put_size=1000, max_block_size=1000) as client:
        client.upload_blob(content, overwrite=True)
    assert azure_service.blobs("azureml") == {"big file.bin": content}
    with BlobClient.from_blob_url(url, max_single_get_size=1000, max_chunk_get_size=700) as client:
        assert client.download_blob().readall() == content
    readable = signed_url(azure_service.state, "azureml", "big file.bin", "r")
    assert requests.put(readable, b"x", timeout=10).status_code == 403
    assert requests.get(readable.replace("&sig=", "&sig=0"), timeout=10).status_code == 403
    assert requests.get(readable.partition("?")[0], timeout=10).status_code == 403


def test_unchanged_files_are_inherited_from_the_last_snapshot(cluster, sdk_workspace, tmp_path):
    """A second submit sends only what changed, and its children still find every file."""
    script = 'import sys\nprint(open("lib/a.txt").read(), open("lib/b.txt").read())\n'
    source = tmp_path / "source"
    (source / "lib").mkdir(parents=True)
    (source / "lib" / "a.txt").write_text("one")
    (source / "lib" / "b.txt").write_text("two")
    wait(submit(sdk_workspace, source, script, n=1))
    (source / "lib" / "b.txt").write_text("three")
    before = len(cluster.requests("PUT /azureml/LocalUpload/"))
    wait(submit(sdk_workspace, source, script, n=1, run_id="sweep-2"))
    assert len(cluster.requests("PUT /azureml/LocalUpload/")) == before + 1
    assert cluster.artifacts("sweep-2_0")["user_logs/std_log.txt"] == b"one three\n"


def test_concurrency_of_the_sweep_is_kept(cluster, sdk_workspace, tmp_path):
    """Never more children at once than max_concurrent_runs, though there are more nodes."""
    wait(submit(sdk_workspace, tmp_path / "source", n=7, concurrent=2))
    (sweep,) = cluster.sweeps
    assert sweep.most_at_once == 2
    assert [child.status for child in sweep.children] == ["Completed"] * 7


def test_children_wait_for_a_node(azure_service, sdk_workspace, tmp_path):
    """With one node one child runs and the others are Queued."""
    azure_service.add_compute("cpu", max_nodes=1)
    azure_service.settings.prepare_s = 0.2
    run = submit(sdk_workspace, tmp_path / "source", SLOW, n=5, concurrent=3)
    azure_service.wait_until(lambda: "outputs/pid-0.txt" in azure_service.artifacts("sweep-1_0"))
    states = {child.id: child.status for child in run.get_children()}
    assert states == {"sweep-1_0": "Running", "sweep-1_1": "Queued", "sweep-1_2": "Queued"}
    first = azure_service.runs["sweep-1_0"].statuses
    assert first == ["NotStarted", "Queued", "Preparing", "Running"]
    assert next(iter(run.get_children(status="Running"))).id == "sweep-1_0"


def test_outputs_are_captured_as_the_child_goes(cluster, sdk_workspace, tmp_path):
    """A file written under outputs/ and the log can be fetched while the child still runs."""
    run = submit(sdk_workspace, tmp_path / "source", SLOW, n=1)
    cluster.wait_until(lambda: "outputs/pid-0.txt" in cluster.artifacts("sweep-1_0"))
    (child,) = run.get_children()
    assert child.status == "Running"
    child.download_files(prefix="outputs/", output_directory=tmp_path, append_prefix=False)
    assert (tmp_path / "shard-0.txt").read_text() == "result 0"


def test_cancelling_a_sweep_ends_its_processes(cluster, sdk_workspace, tmp_path):
    """After cancel() no child runs, none comes into being, and what was captured stays."""
    helper = "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
    run = submit(sdk_workspace, tmp_path / "source", helper + SLOW, n=5, concurrent=2)
    for number in (0, 1):
        wanted = f"outputs/pid-{number}.txt"
        cluster.wait_until(lambda: wanted in cluster.artifacts(f"sweep-1_{number}"))  # noqa: B023
    run.cancel()
    assert wait(run) == "Canceled"
    children = {child.id: child.status for child in run.get_children()}
    assert children == {"sweep-1_0": "Canceled", "sweep-1_1": "Canceled"}
    assert cluster.artifacts("sweep-1_1")["outputs/shard-1.txt"] == b"result 1"
    pid = int(cluster.artifacts("sweep-1_0")["outputs/pid-0.txt"])
    assert not is_alive(pid)
    sleeping = subprocess.run(
        ["pgrep", "-fx", "sleep 60"], capture_output=True, text=True, check=False
    )
    marks = [environment_of(pid) for pid in sleeping.stdout.split()]
    assert not [mark for mark in marks if "AZUREML_RUN_ID=sweep-1_" in mark]


def environment_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text()
    except OSError:
        return ""


def test_cancelling_one_child_leaves_the_others(cluster, sdk_workspace, tmp_path):
    """child.cancel() ends that child; the sweep goes on to its end."""
    script = SLOW.replace("time.sleep(60)", "time.sleep(60 if number == '0' else 0)")
    run = submit(sdk_workspace, tmp_path / "source", script, n=3, concurrent=1)
    cluster.wait_until(lambda: "outputs/pid-0.txt" in cluster.artifacts("sweep-1_0"))
    next(iter(run.get_children())).cancel()
    assert wait(run) == "Completed"
    states = {child.run_id: child.status for child in cluster.sweeps[0].children}
    assert states == {"sweep-1_0": "Canceled", "sweep-1_1": "Completed", "sweep-1_2": "Completed"}


def test_a_child_past_its_time_limit_is_ended(cluster, sdk_workspace, tmp_path):
    """max_run_duration_seconds ends a child; a sweep without a completed child is Failed."""
    run = submit(sdk_workspace, tmp_path / "source", SLOW, n=1, limit_s=1)
    assert wait(run) == "Failed"
    assert cluster.runs["sweep-1_0"].status == "Canceled"


def test_a_command_instead_of_a_script(cluster, sdk_workspace, tmp_path):
    """A sweep may run a command; HyperDrive's arguments follow it."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "note.txt").write_text("x")
    command = ["echo", "said"]
    wait(submit(sdk_workspace, tmp_path / "source", None, n=1, command=command))
    assert cluster.artifacts("sweep-1_0")["user_logs/std_log.txt"] == b"said --shard 0\n"


def test_a_client_process_with_nothing_but_the_given_environment(azure_service, tmp_path):
    """env() is all a client needs: from_config finds the workspace, the SDK signs in from it."""
    azure_service.write_config(tmp_path)
    code = "from azureml.core import Workspace; print(Workspace.from_config().location)"
    done = subprocess.run(
        [azure_service.python, "-c", code],
        cwd=tmp_path,
        env=azure_service.env(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == azure_service.workspace.region, done.stderr


def test_az_gives_tokens(azure_service, tmp_path):
    """The stand-in for Azure's command line prints a token that the service takes."""
    az = azure_service.write_az(tmp_path / "bin")
    ask = [str(az), "account", "get-access-token", "--output", "json"]
    done = subprocess.run(ask, env=azure_service.env(), capture_output=True, check=True)
    token = json.loads(done.stdout)["accessToken"]
    headers = {"Authorization": f"Bearer {token}"}
    url = "https://management.azure.com/subscriptions"
    assert requests.get(url, headers=headers, timeout=10).status_code == 200
    azure_service.refuse_sign_in()
    done = subprocess.run(ask, env=azure_service.env(), capture_output=True, check=False)
    assert done.returncode == 1
    assert b"AADSTS700082" in done.stderr


def test_a_thousand_children_in_pages(cluster, sdk_workspace, tmp_path):
    """1,000 processes run and are listed in pages, each once, and their files come back."""
    cluster.add_compute("cpu", max_nodes=8)
    source = tmp_path / "source"
    source.mkdir()
    (source / "note.txt").write_text("x")
    run = submit(sdk_workspace, source, None, n=1000, concurrent=8, command=["true"])
    assert wait(run, 250) == "Completed"
    before = len(cluster.requests("GET .*/children"))
    children = [child.id for child in run.get_children()]
    assert sorted(children) == sorted(f"sweep-1_{number}" for number in range(1000))
    assert len(cluster.requests("GET .*/children")) == before + 2
    assert {child.starts for child in cluster.sweeps[0].children} == {1}


def test_many_children_without_processes(cluster, sdk_workspace, tmp_path):
    """A stand-in for the process finishes two hundred children in seconds, with their files."""

    def stand_in(run, directory):
        (directory / "outputs" / "name.txt").write_text(run.run_id)
        return 0 if run.run_id != "sweep-1_3" else 7

    cluster.settings.stand_in = stand_in
    cluster.settings.page_size = 30
    run = submit(sdk_workspace, tmp_path / "source", QUICK, n=200, concurrent=20)
    assert wait(run) == "Completed"
    assert len(list(run.get_children())) == 200
    assert len(cluster.requests("GET .*/children")) == 7
    assert cluster.runs["sweep-1_3"].exit_code == 7
    assert cluster.artifacts("sweep-1_150")["outputs/name.txt"] == b"sweep-1_150"
