"""Faults on demand: the real SDK meets each of them, and sees what Azure's users see."""

import random

import pytest
import requests
from sweeps import QUICK, SLOW, is_alive, needs_sdk, submit, wait

pytestmark = needs_sdk

PREEMPTED_TEXT = "PreemptionError: Nodes of this job got pre-empted"
RESUMES = (
    QUICK
    + """
import time
mark = pathlib.Path("outputs/mark.txt")
if mark.exists():
    print("found", mark.read_text())
else:
    mark.write_text("first")
    time.sleep(60)
"""
)
"""Takes a minute unless an earlier start left its mark in outputs/."""


@pytest.fixture
def cluster(azure_service):
    azure_service.add_compute("cpu", max_nodes=4)
    return azure_service


@pytest.fixture
def done(cluster, sdk_workspace, tmp_path):
    """A finished sweep of three children, with its tokens, caches and connections warm."""
    run = submit(sdk_workspace, tmp_path / "source")
    assert wait(run) == "Completed"
    return run


def status_of(error) -> int | None:
    """The HTTP status inside the SDK's exceptions, wherever it hides."""
    while error is not None:
        for holder in (error, getattr(error, "inner_exception", None)):
            status = getattr(holder, "status_code", None)
            response = getattr(holder, "response", None)
            status = status or getattr(response, "status_code", None)
            if status is not None:
                return status
        error = error.__cause__
    return None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_read_is_tried_again(cluster, done, status):
    """The SDK itself gets over one 429, 500 or 503 on a read."""
    fault = cluster.fault("GET .*/children", status=status, retry_after_s=0)
    assert len(list(done.get_children())) == 3
    assert fault.hits == 1
    answers = [entry.status for entry in cluster.requests("GET .*/children")]
    assert answers[-2:] == [status, 200]
    assert [entry.fault for entry in cluster.requests("GET .*/children")][-2:] == [True, False]


def test_an_error_that_lasts_reaches_the_client(cluster, done):
    """A 404 for ever is raised with its status, after no retry at all."""
    cluster.fault("GET .*/children", status=404, count=None)
    before = len(cluster.requests("GET .*/children"))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK has a class per path
        list(done.get_children())
    assert status_of(caught.value) == 404
    assert len(cluster.requests("GET .*/children")) == before + 1
    cluster.clear_faults()
    assert len(list(done.get_children())) == 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refused_submit_starts_nothing(cluster, sdk_workspace, tmp_path, status):
    """An error answer to a submit is not retried by the SDK, and no sweep exists."""
    cluster.fault("POST .*/hdruns/", status=status)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK has a class per path
        submit(sdk_workspace, tmp_path / "source")
    assert status_of(caught.value) == status
    assert cluster.sweeps == []
    assert wait(submit(sdk_workspace, tmp_path / "source")) == "Completed"


def test_a_lost_answer_starts_one_sweep_under_its_id(cluster, sdk_workspace, tmp_path):
    """Cut after acceptance: the SDK sends again, gets 409, and one sweep exists."""
    from azureml.core import Run

    cluster.fault("POST .*/hdruns/", drop="after")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK has a class per path
        submit(sdk_workspace, tmp_path / "source")
    assert status_of(caught.value) == 409
    assert [entry.status for entry in cluster.requests("POST .*/hdruns/")] == [0, 409]
    assert [sweep.run.run_id for sweep in cluster.sweeps] == ["sweep-1"]
    assert wait(Run.get(sdk_workspace, "sweep-1")) == "Completed"


def test_a_lost_answer_without_an_id_starts_two_sweeps(cluster, sdk_workspace, tmp_path):
    """The same without a custom run id: two sweeps run and the client knows one."""
    cluster.fault("POST .*/runs$", drop="after")
    run = submit(sdk_workspace, tmp_path / "source", run_id=None)
    assert len(cluster.sweeps) == 2
    assert cluster.sweeps[1].run.run_id == run.id


def test_a_cut_before_acceptance_starts_one_sweep(cluster, sdk_workspace, tmp_path):
    """Cut before acceptance: the SDK sends again and that one is taken."""
    cluster.fault("POST .*/hdruns/", drop="before")
    run = submit(sdk_workspace, tmp_path / "source")
    assert [entry.status for entry in cluster.requests("POST .*/hdruns/")] == [0, 201]
    assert wait(run) == "Completed"


def test_a_slow_answer_arrives(cluster, done):
    """A late answer is late, and counted as a fault."""
    cluster.fault("GET .*/children", delay_s=1.5)
    before = cluster.journal[-1].at_s
    assert len(list(done.get_children())) == 3
    assert cluster.requests("GET .*/children")[-1].at_s - before >= 1.5


def test_a_fault_may_let_requests_pass_first(cluster):
    """skip, count and probability say which requests are hit."""
    url = f"https://{cluster.workspace.api_host}/discovery"
    cluster.fault("GET /discovery", status=503, skip=1, count=2)
    assert [requests.get(url, timeout=10).status_code for _ in range(4)] == [200, 503, 503, 200]
    cluster.fault("GET /discovery", status=500, count=None, probability=0.5, seed=7)
    hit = [requests.get(url, timeout=10).status_code == 500 for _ in range(20)]
    chance = random.Random(7)
    assert hit == [chance.random() < 0.5 for _ in range(20)]


def test_expired_tokens_are_refused_until_a_new_sign_in(cluster, done, sdk_workspace, tmp_path):
    """401 on every call with an old token; a client that signs in again goes on."""
    from azureml.core import Run, Workspace
    from azureml.core.authentication import ServicePrincipalAuthentication

    cluster.expire_tokens()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK has a class per path
        Run.get(sdk_workspace, "sweep-1")
    assert status_of(caught.value) == 401
    names = cluster.workspace
    identity = ServicePrincipalAuthentication(
        names.tenant_id, names.client_id, names.client_secret, cloud="AzureCloud"
    )
    again = Workspace(names.subscription_id, names.resource_group, names.name, auth=identity)
    assert Run.get(again, "sweep-1").status == "Completed"


def test_refused_sign_in_says_why(cluster):
    """A wrong secret and a refused sign-in reach the client with their AADSTS text."""
    from azureml.core import Workspace
    from azureml.core.authentication import ServicePrincipalAuthentication

    names = cluster.workspace

    def sign_in(secret):
        identity = ServicePrincipalAuthentication(
            names.tenant_id, names.client_id, secret, cloud="AzureCloud"
        )
        return Workspace(names.subscription_id, names.resource_group, names.name, auth=identity)

    with pytest.raises(Exception, match="AADSTS7000215"):
        sign_in("not the secret")
    cluster.refuse_sign_in("AADSTS70043: The refresh token has expired.")
    with pytest.raises(Exception, match="AADSTS70043"):
        sign_in(names.client_secret)
    cluster.allow_sign_in()
    assert sign_in(names.client_secret).location == names.region


@pytest.mark.parametrize(("seconds", "again"), [(3600.0, False), (240.0, True)])
def test_a_token_about_to_expire_is_renewed(azure_service, sdk_workspace, seconds, again):
    """The SDK signs in again for a call within five minutes of the token's end, not before."""
    from azureml.core import Workspace
    from azureml.core.authentication import ServicePrincipalAuthentication

    azure_service.settings.token_s = seconds
    names = azure_service.workspace
    identity = ServicePrincipalAuthentication(
        names.tenant_id, names.client_id, names.client_secret, cloud="AzureCloud"
    )
    Workspace(names.subscription_id, names.resource_group, names.name, auth=identity)
    before = len(azure_service.requests("POST .*/token"))
    identity.get_authentication_header()
    assert len(azure_service.requests("POST .*/token")) == before + again


def test_a_young_sweep_is_not_found(cluster, sdk_workspace, tmp_path):
    """For a moment after submit the run answers 404, and then it is there."""
    from azureml.core import Run

    cluster.settings.visible_after_s = 2
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK has a class per path
        submit(sdk_workspace, tmp_path / "source")
    assert status_of(caught.value) == 404
    assert len(cluster.sweeps) == 1
    cluster.settings.visible_after_s = 0
    assert wait(Run.get(sdk_workspace, "sweep-1")) == "Completed"


def test_listings_may_repeat_and_shuffle_records(cluster, sdk_workspace, tmp_path):
    """Every child is listed, some twice, in no order."""
    cluster.settings.stand_in = lambda run, directory: 0
    run = submit(sdk_workspace, tmp_path / "source", n=40, concurrent=8)
    wait(run)
    cluster.settings.page_size = 15
    in_order = [child.id for child in run.get_children()]
    cluster.settings.repeat_records = True
    cluster.settings.shuffle_records = True
    listed = [child.id for child in run.get_children()]
    assert len(in_order) == 40
    assert len(listed) == 50
    assert set(listed) == set(in_order)
    assert list(dict.fromkeys(listed)) != in_order


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"max_total_runs": 1001}, "Must be between 1 and 1000."),
        ({"max_concurrent_runs": 101}, "Must be between 1 and 100."),
    ],
)
def test_limits_of_a_sweep(cluster, sdk_workspace, tmp_path, changed, text):
    """More than 1,000 runs or 100 at once are refused as Azure refuses them."""
    n, concurrent = changed.get("max_total_runs", 3), changed.get("max_concurrent_runs", 2)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK has a class per path
        submit(sdk_workspace, tmp_path / "source", n=n, concurrent=concurrent)
    assert status_of(caught.value) == 400
    assert text in caught.value.inner_exception.response.text
    assert cluster.sweeps == []


def test_a_preempted_child_runs_again_under_its_id(cluster, sdk_workspace, tmp_path):
    """Running, Queued, Running; what was captured lies in the directory of the second start."""
    cluster.child_fault("--shard 0$", "preempted", when="outputs/mark.txt")
    run = submit(sdk_workspace, tmp_path / "source", RESUMES, n=1)
    assert wait(run) == "Completed"
    child = cluster.runs["sweep-1_0"]
    assert child.starts == 2
    again = ["Queued", "Running"]
    assert child.statuses == ["NotStarted", *again, *again, "Finalizing", "Completed"]
    assert cluster.artifacts("sweep-1_0")["user_logs/std_log.txt"].endswith(b"found first\n")


def test_a_preempted_child_may_start_from_nothing(cluster, sdk_workspace, tmp_path):
    """The other guess about Azure: outputs are kept as artifacts, the new directory is bare."""
    fault = cluster.child_fault(
        "--shard 0$", "preempted", when="outputs/pid-0.txt", bring_outputs=False, count=2
    )
    script = "import os\nprint(os.listdir('outputs'), flush=True)\n" + SLOW
    run = submit(sdk_workspace, tmp_path / "source", script, n=1)
    child = "sweep-1_0"
    seen = set()

    def all_three_have_written():
        seen.add(cluster.artifacts(child).get("outputs/pid-0.txt"))
        return len(seen - {None}) == 3

    cluster.wait_until(all_three_have_written)
    assert (fault.hits, cluster.runs[child].starts) == (2, 3)
    assert cluster.artifacts(child)["user_logs/std_log.txt"].startswith(b"[]")
    run.cancel()
    assert wait(run) == "Canceled"


def test_a_child_that_is_preempted_for_good(cluster, sdk_workspace, tmp_path):
    """The other kind: Failed, with Azure's text; what was captured is kept."""
    fault = cluster.child_fault("--shard 1$", "preempted-failed", when="outputs/pid-1.txt")
    script = SLOW.replace("time.sleep(60)", "time.sleep(60 if number == '1' else 0)")
    run = submit(sdk_workspace, tmp_path / "source", script)
    assert wait(run) == "Completed"
    assert fault.hits == 1
    child = next(one for one in run.get_children() if one.id == "sweep-1_1")
    assert child.status == "Failed"
    assert child.get_details()["error"]["error"]["message"] == PREEMPTED_TEXT
    assert "outputs/shard-1.txt" in child.get_file_names()


def test_a_child_may_fail_with_any_text(cluster, sdk_workspace, tmp_path):
    """An error of the platform, such as an image that cannot be built, is shown as given."""
    cluster.child_fault("--shard 0$", "failed", error="Image build failed: no space left")
    run = submit(sdk_workspace, tmp_path / "source", SLOW, n=1)
    assert wait(run) == "Failed"
    (child,) = run.get_children()
    assert "Image build failed" in child.get_details()["error"]["error"]["message"]


def test_a_cluster_without_quota(cluster, sdk_workspace, tmp_path):
    """Children stay Queued, the cluster says why, and they run once there are nodes."""
    from azureml.core.compute import AmlCompute, ComputeTarget

    cluster.set_nodes("cpu", 0, error="the quota of 0 low priority cores is used up")
    run = submit(sdk_workspace, tmp_path / "source", n=2)
    cluster.wait_until(lambda: [one.status for one in cluster.sweeps[0].children] == ["Queued"] * 2)
    status = ComputeTarget(sdk_workspace, "cpu").get_status().serialize()
    assert status["errors"][0]["error"]["message"].startswith("the quota of 0")
    assert status["allocationState"] == "Resizing"
    cluster.set_nodes("cpu", None)
    assert wait(run) == "Completed"
    cluster.settings.compute_error = "no such size here"
    wanted = AmlCompute.provisioning_configuration(vm_size="STANDARD_X", max_nodes=1)
    with pytest.raises(Exception, match="no such size here"):
        ComputeTarget.create(sdk_workspace, "other", wanted).wait_for_completion()


def test_storage_fails_in_its_own_words(cluster, done):
    """A blob that is gone is an error in the shape of the storage service."""
    cluster.fault("GET /azureml/ExperimentRun/", status=404)
    logs = next(iter(done.get_children())).get_details()["logFiles"]
    answers = [requests.get(logs["user_logs/std_log.txt"], timeout=10) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [404, 200]
    assert answers[0].headers["x-ms-error-code"] == "BlobNotFound"


@pytest.mark.slow
def test_a_busy_blob_arrives_after_all(cluster, done, tmp_path):
    """The SDK waits 15 seconds after a 503 of storage, and then has the file."""
    child = next(iter(done.get_children()))
    name = next(name for name in child.get_file_names() if name.startswith("outputs/"))
    busy = cluster.fault("GET /azureml/ExperimentRun/", status=503)
    child.download_file(name, tmp_path / "one.txt")
    assert busy.hits == 1
    assert (tmp_path / "one.txt").read_text().startswith("result ")


def test_a_lost_child_stays_running_until_cancelled(cluster, sdk_workspace, tmp_path):
    """Its process is gone and nothing is captured any more, yet its state says Running."""
    late = 'pathlib.Path("outputs/late.txt").write_text("x")\n'
    script = SLOW.replace("time.sleep(60)", "time.sleep(60 if number == '0' else 0)") + late
    cluster.child_fault("--shard 0$", "lost", when="outputs/shard-0.txt")
    run = submit(sdk_workspace, tmp_path / "source", script, n=2)
    cluster.wait_until(lambda: cluster.runs["sweep-1_1"].is_over)
    states = {child.id: child.status for child in run.get_children()}
    assert states == {"sweep-1_0": "Running", "sweep-1_1": "Completed"}
    assert "outputs/late.txt" in cluster.artifacts("sweep-1_1")
    assert "outputs/late.txt" not in cluster.artifacts("sweep-1_0")
    run.cancel()
    assert wait(run) == "Canceled"


def test_a_silent_child_is_completed_without_outputs(cluster, sdk_workspace, tmp_path):
    """Completed says nothing about results: this one never ran."""
    cluster.child_fault("--shard 2$", "silent")
    run = submit(sdk_workspace, tmp_path / "source")
    assert wait(run) == "Completed"
    child = next(one for one in run.get_children() if one.id == "sweep-1_2")
    assert (child.status, child.get_file_names()) == ("Completed", [])
    assert cluster.runs["sweep-1_2"].starts == 0


def test_what_the_service_does_not_know_is_recorded(azure_proxy):
    """An unknown path, query, host or sign-in fails the test that caused it."""
    from service import Service

    service = Service(azure_proxy)
    service.assert_all_known()
    options = {
        "proxies": {"https": azure_proxy.environment["HTTPS_PROXY"]},
        "verify": azure_proxy.environment["REQUESTS_CA_BUNDLE"],
        "timeout": 10,
        "headers": {"Authorization": f"Bearer {service.token()}"},
    }
    api = f"https://{service.workspace.api_host}"
    assert requests.get(f"{api}/brand/new", **options).status_code == 400
    assert requests.request("BREW", f"{api}/discovery", **options).status_code == 400
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://elsewhere.example/", **options)
    with pytest.raises(AssertionError, match="brand/new") as caught:
        service.assert_all_known()
    assert "BREW" in str(caught.value)
    assert "elsewhere.example" in str(caught.value)
    service.close()
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(f"{api}/discovery", **options)


def test_closing_ends_every_process(cluster, sdk_workspace, tmp_path):
    """However a test ends, no child outlives the service."""
    submit(sdk_workspace, tmp_path / "source", SLOW, n=1)
    cluster.wait_until(lambda: "outputs/pid-0.txt" in cluster.artifacts("sweep-1_0"))
    pid = int(cluster.artifacts("sweep-1_0")["outputs/pid-0.txt"])
    assert is_alive(pid)
    cluster.close()
    assert not is_alive(pid)
    assert [run.status for run in cluster.runs.values()] == ["Canceled", "Canceled"]
