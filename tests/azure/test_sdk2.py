"""What SDK v2 alone does: pages, prefixes, containers that close, what is sent and what is not."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from sweeps_v2 import Rest, body_of, needs_sdk_2
from toys import azure_study, drive, finish, local_table, table

from backends.azureml.sdk import versions
from backends.azureml.sdk.calls import Calls
from backends.azureml.sdk.types import AzureTrouble, Submission, Trouble
from backends.azureml.settings import AzureSettings

UPSTREAM_DEFECTS = 1
"""Exit code when all that can be run is done: what upstream cannot run counts as failed."""

SCRIPT = """
import pathlib, sys
pathlib.Path("outputs/segment.txt").write_text(sys.argv[2])
pathlib.Path("outputs/other.txt").write_text("x")
print("argument", *sys.argv[1:])
"""


def settings_of(service, **changed):
    names = service.workspace
    given = {
        "compute": "cpu",
        "subscription": names.subscription_id,
        "resource_group": names.resource_group,
        "workspace": names.name,
        "image": "registry.example/gridrun-worker:1",
        "sdk": "v2",
        "max_nodes": 12,
        **changed,
    }
    return AzureSettings(**given)


@pytest.fixture
def calls(azure_service):
    """Calls by SDK v2, in a process of its own, to a workspace with a cluster."""
    azure_service.add_compute("cpu", max_nodes=12)
    made = Calls(settings_of(azure_service), lambda text: None)
    yield made
    made.close()


def submit(service, calls, directory, *, name="gridrun-x-1", axes=None, **changed):
    """Submit a small script, once for each value, and wait until all have ended."""
    directory.mkdir(exist_ok=True)
    (directory / "go.py").write_text(SCRIPT)
    settings = settings_of(service, **changed)
    axes = axes or {"--shard": range(12)}
    submission = Submission(name, settings, directory, "go.py", axes, "mcc")
    found = calls.once("submit", submission)
    service.wait_until(lambda: service.runs[name].is_over)
    return found


@needs_sdk_2
def test_twelve_children_by_pages_of_five_and_each_with_its_own_files(
    azure_service, calls, tmp_path
):
    """All of them come, with their values; child 1 has nothing of children 10 and 11."""
    submit(azure_service, calls, tmp_path / "code")
    for azure_service.settings.page_size, links in (
        (500, "both"),
        (5, "both"),
        (5, "token"),
        (5, "link"),
    ):
        azure_service.settings.odd.page_links = links
        children = calls.call("children", "gridrun-x-1")
        assert sorted(int(child.values["--shard"]) for child in children) == list(range(12))
        assert {child.state for child in children} == {"Completed"}
    child = next(child for child in children if child.values["--shard"] == 1)
    (fetched,) = calls.call(
        "fetch", [(child.name, str(tmp_path / "one"), None)], "outputs/s.*", "outputs/"
    )
    assert fetched.names == ("outputs/segment.txt",)
    found = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert [(path.name, path.read_text()) for path in found] == [("segment.txt", "1")]
    assert calls.call("text", child.name, r"user_logs/std_log.*\.txt") == "argument --shard 1\n"
    assert calls.call("log_size", child.name, r"user_logs/std_log.*\.txt") == 19
    # a container that was opened for an hour may be closed before
    azure_service.expire_signatures()
    (again,) = calls.call(
        "fetch", [(child.name, str(tmp_path / "two"), frozenset())], "outputs/.*", "outputs/"
    )
    assert (again.trouble, len(again.names)) == ("", 2)
    calls.call("cancel", "gridrun-x-1")
    azure_service.settings.odd.refuses_cancel_of_ended = True
    calls.call("cancel", child.name)


@needs_sdk_2
def test_what_is_sent(azure_service, calls, tmp_path, monkeypatch):
    """Limits, tags, arguments as upstream has them, and nothing of a git repository."""
    repository = tmp_path / "repository"
    repository.mkdir()
    subprocess.run(["git", "init", "-q", repository], check=True)
    monkeypatch.chdir(repository)
    azure_service.settings.odd.tags = "no hyperparameters"
    axes = {"--imputation": ["mean_imp", "rf"], "--rows": [0.33, 1.0]}
    found = submit(
        azure_service,
        calls,
        repository / "code",
        axes=axes,
        shard_hours=2.0,
        sweep_hours=5.0,
        tags={"owner": "me"},
        policy={"name": "bandit", "slack_factor": 0.1},
    )
    assert found.place.startswith("https://")
    sent = Rest(azure_service).arm("GET", "jobs/gridrun-x-1").json()["properties"]
    assert sent["limits"]["maxTotalTrials"] == sent["limits"]["maxConcurrentTrials"] == 4
    assert (sent["limits"]["timeout"], sent["limits"]["trialTimeout"]) == ("PT5H", "PT2H")
    assert sent["experimentName"] == "gridrun"
    assert {"gridrun": "1", "owner": "me"}.items() <= sent["tags"].items()
    assert sent["earlyTermination"]["evaluationInterval"] == 1
    assert "git" not in json.dumps(sent["properties"])
    arguments = [child.arguments for child in azure_service.sweeps[0].children]
    assert ["--imputation", "rf", "--rows", "0.33"] in arguments
    # the sweep's own tags say what children were given, where theirs do not: so SDK v1 has it
    given = [child.values for child in calls.call("children", "gridrun-x-1")]
    assert {"--imputation": "rf", "--rows": 0.33} in given
    again = Submission("gridrun-x-1", settings_of(azure_service), tmp_path, "go.py", axes, "mcc")
    with pytest.raises(AzureTrouble) as caught:
        calls.once("submit", again)
    assert caught.value.kind is Trouble.CONFLICT
    odd = Submission("x-2", again.settings, tmp_path, "go.py", {"--a": ["b c; rm"]}, "mcc")
    with pytest.raises(AzureTrouble, match="cannot stand in a command line"):
        calls.once("submit", odd)


@needs_sdk_2
def test_nodes_of_azure_s_choice(azure_service, calls, tmp_path):
    """Serverless, with spot nodes: no cluster is named, made or asked for."""
    shape = {"compute": "serverless", "vm_size": "Standard_F4s_v2", "low_priority": True}
    found = calls.call("cluster", settings_of(azure_service, **shape), create=True)
    assert (found.vm_size, found.low_priority, found.created) == ("Standard_F4s_v2", True, False)
    submit(azure_service, calls, tmp_path / "code", axes={"--shard": [0, 1]}, **shape)
    sent = Rest(azure_service).arm("GET", "jobs/gridrun-x-1").json()["properties"]
    assert not sent.get("computeId")
    assert sent["queueSettings"]["jobTier"] == "Spot"
    # the service refuses a sweep without a cluster whose size is not named
    assert {child.status for child in azure_service.sweeps[0].children} == {"Completed"}


@contextlib.contextmanager
def machine_identity(service, header):
    """Where a machine of Azure asks for tokens of its own; the address, and who asked for what."""
    asked = []

    class Tokens(BaseHTTPRequestHandler):
        def do_GET(self):  # the name is the base class's
            query = {
                name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()
            }
            asked.append((self.headers.get(header), query))
            expires = str(int(time.time()) + 3600)
            body = {"access_token": service.token(), "expires_on": expires, "token_type": "Bearer"}
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token", asked
    finally:
        server.shutdown()
        server.server_close()


@needs_sdk_2
@pytest.mark.parametrize("sign_in", ["managed_identity", "auto"])
@pytest.mark.parametrize(
    ("endpoint", "secret", "header"),
    [
        ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "X-IDENTITY-HEADER"),
        ("MSI_ENDPOINT", "MSI_SECRET", "secret"),
    ],
)
def test_a_machine_of_azure_signs_in_as_itself(
    azure_service, tmp_path, monkeypatch, sign_in, endpoint, secret, header
):
    """A managed identity, as a service's and as a compute instance's; with it a sweep is sent."""
    for name in azure_service.client_env:
        if "SERVICE_PRINCIPAL" in name:
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path))  # without az
    monkeypatch.setenv("DEFAULT_IDENTITY_CLIENT_ID", "the-identity")
    azure_service.add_compute("cpu", max_nodes=12)
    with machine_identity(azure_service, header) as (address, asked):
        monkeypatch.setenv(endpoint, address)
        monkeypatch.setenv(secret, "of this machine")
        calls = Calls(settings_of(azure_service, sign_in=sign_in), lambda text: None)
        try:
            assert calls.sign_in().signed_in_as == "a managed identity"
            submit(azure_service, calls, tmp_path / "code", axes={"--shard": [0, 1]})
        finally:
            calls.close()
    assert {who for who, _ in asked} == {"of this machine"}
    assert {query["resource"] for _, query in asked} == {"https://management.azure.com"}
    assert {query.get("client_id") or query["clientid"] for _, query in asked} == {"the-identity"}
    assert len(azure_service.sweeps) == 1


BROWSER = """
import re, sys, urllib.request
from urllib.parse import urlencode
page = urllib.request.urlopen(sys.argv[1], timeout=30).read().decode()
fields = dict(re.findall('name="(.*?)" value="(.*?)"', page))
(where,) = re.findall('action="(.*?)"', page)
urllib.request.urlopen(where, urlencode(fields).encode(), timeout=30).close()
"""
"""What a browser does with the page of somebody who has signed in."""


@needs_sdk_2
def test_a_person_signs_in_by_browser(azure_service, tmp_path, monkeypatch):
    """A window opens once, and what follows is asked with the token that came of it."""
    for name in azure_service.client_env:
        if "SERVICE_PRINCIPAL" in name:
            monkeypatch.delenv(name)
    (tmp_path / "browser.py").write_text(BROWSER)
    monkeypatch.setenv("BROWSER", f"{sys.executable} {tmp_path / 'browser.py'} %s &")
    monkeypatch.setenv("SSL_CERT_FILE", azure_service.client_env["REQUESTS_CA_BUNDLE"])
    azure_service.add_compute("cpu", max_nodes=12)
    calls = Calls(settings_of(azure_service, sign_in="browser"), lambda text: None)
    try:
        assert calls.sign_in().signed_in_as == "an account by browser"
        submit(azure_service, calls, tmp_path / "code", axes={"--shard": [0, 1]})
    finally:
        calls.close()
    assert len(azure_service.sweeps) == 1


@needs_sdk_2
def test_an_image_that_the_workspace_builds(azure_service, calls, tmp_path):
    """The Dockerfile is uploaded alone, and the sweep names what is built from it."""
    file = tmp_path / "worker.dockerfile"
    file.write_text("FROM registry.example/base:1\nRUN true\n")
    (tmp_path / "beside.txt").write_text("stays here")
    submit(
        azure_service,
        calls,
        tmp_path / "code",
        axes={"--shard": [0, 1]},
        image="",
        dockerfile=file,
    )
    sent = Rest(azure_service).arm("GET", "jobs/gridrun-x-1").json()["properties"]
    *_, name, _, version = sent["trial"]["environmentId"].split("/")
    made = Rest(azure_service).arm("GET", f"environments/{name}/versions/{version}").json()
    build = made["properties"]["build"]
    assert build["dockerfilePath"] == "Dockerfile"
    assert not made["properties"].get("image")
    folder = urlsplit(build["contextUri"]).path.strip("/").partition("/")[2].strip("/")
    found = {
        path.removeprefix(f"{folder}/"): blob.content
        for (_, path), blob in azure_service.state.blobs.items()
        if path.startswith(f"{folder}/")
    }
    assert found == {"Dockerfile": file.read_bytes()}


@needs_sdk_2
def test_a_workspace_in_legacy_mode_is_named(azure_service, calls):
    """It refuses SDK v2, which is said with what to do."""
    azure_service.settings.odd.v1_legacy_mode = True
    with pytest.raises(AzureTrouble, match=r"v1LegacyMode.*sdk: v1") as caught:
        calls.sign_in()
    assert caught.value.kind is Trouble.REFUSED


@needs_sdk_2
@pytest.mark.slow
def test_storage_without_keys_is_opened_by_the_sign_in(azure_service, tmp_path):
    """A whole study, where the storage has no key and this account may read it."""
    azure_service.settings.odd.identity_storage = azure_service.settings.odd.blob_role = True
    azure_service.settings.odd.history_after_s = 3
    azure_service.settings.odd.extra_fields = True
    azure_service.settings.empty_pages = True
    azure_service.settings.watches_outputs = False
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == local_table(tmp_path / "local")


NO_ROLE = "<?xml version='1.0'?><Error><Code>AuthorizationPermissionMismatch</Code></Error>"


@needs_sdk_2
@pytest.mark.parametrize(
    ("body", "kind"), [(None, Trouble.SIGNATURE), (NO_ROLE, Trouble.FORBIDDEN)], ids=str
)
def test_code_that_cannot_be_uploaded_is_told(azure_service, calls, tmp_path, body, kind):
    """The storage refuses a file: no sweep, and what the storage said, at once."""
    how = {"body": body, "content_type": "application/xml"}
    azure_service.fault("PUT .*/go.py", status=403, count=None, **how)
    with pytest.raises(AzureTrouble) as caught:
        submit(azure_service, calls, tmp_path / "code")
    assert caught.value.kind is kind
    assert not azure_service.sweeps


@needs_sdk_2
def test_a_child_that_is_no_job_is_ended_through_its_record(azure_service, calls):
    """The resource manager does not know it; the run history says how it is ended."""
    azure_service.settings.odd.trials_as_jobs = False
    job = body_of(azure_service)["properties"]
    job["trial"]["command"] = "sleep 60"
    assert Rest(azure_service).put("gridrun-z-1", {"properties": job}).status_code == 201
    azure_service.wait_until(
        lambda: "Running" in [run.status for run in azure_service.sweeps[0].children]
    )
    names = {child.name for child in calls.call("children", "gridrun-z-1")}
    running = next(run for run in azure_service.sweeps[0].children if run.status == "Running")
    assert running.run_id in names
    calls.call("cancel", running.run_id)
    azure_service.wait_until(lambda: running.status == "Canceled")
    with pytest.raises(AzureTrouble) as caught:
        calls.call("cancel", "gridrun-z-1_9")
    assert caught.value.kind is Trouble.MISSING


@needs_sdk_2
def test_a_failed_sweep_says_why(azure_service, calls):
    """The first line of what went wrong, which the resource manager does not have."""
    job = body_of(azure_service)["properties"]
    job["trial"]["command"] = "echo broken >&2; exit 3"
    assert Rest(azure_service).put("gridrun-y-1", {"properties": job}).status_code == 201
    azure_service.wait_until(lambda: azure_service.runs["gridrun-y-1"].is_over)
    assert calls.call("find", "gridrun-y-1").state == "Failed"
    assert {child.state for child in calls.call("children", "gridrun-y-1")} == {"Failed"}
    assert all(child.error for child in calls.call("children", "gridrun-y-1"))
    with pytest.raises(AzureTrouble) as caught:
        calls.call("find", "gridrun-y-2")
    assert caught.value.kind is Trouble.MISSING


@pytest.mark.parametrize(
    ("there", "setting", "version", "missing"),
    [
        ((), "", "v2", "azure-ai-ml"),
        (("azureml-core", "azureml-train-core"), "", "v1", ""),
        (("azureml-core",), "", "v2", "azure-ai-ml"),
        (("azure-ai-ml", "azure-identity"), "", "v2", ""),
        (("azure-ai-ml", "azure-identity"), "v1", "v1", "azureml-core"),
        (
            ("azureml-core", "azureml-train-core", "azure-ai-ml", "azure-identity"),
            "",
            "v2",
            "",
        ),
    ],
)
def test_the_sdk_that_is_installed_is_taken(monkeypatch, there, setting, version, missing):
    """What the study names, else what is there, the newer one first."""
    monkeypatch.setattr(versions, "installed", lambda package: "1" if package in there else "")
    assert versions.version_of(setting) == version
    assert versions.missing_of(version) == missing
