"""The loopback service of version 2 under plain requests: refusals, faults and odd answers."""

import json
import time

import pytest
import requests
from sweeps import needs_sdk
from sweeps_v2 import Rest, body_of, ended

LIMIT_S = 10


@pytest.fixture
def cluster(azure_service):
    azure_service.add_compute("cpu", max_nodes=4)
    return azure_service


@pytest.fixture
def rest(cluster):
    return Rest(cluster)


REFUSED = {
    "trials": {"limits": {"maxTotalTrials": 1001}},
    "none at once": {"limits": {"maxConcurrentTrials": 0}},
    "no duration": {"limits": {"timeout": "3600"}},
    "longer than 60 days": {"limits": {"timeout": "P61D"}},
    "no values": {"searchSpace": {"shard": ["choice", [[]]]}},
    "no choice": {"searchSpace": {"shard": ["uniform", [0, 1]]}},
    "dashes": {"searchSpace": {"--shard": ["choice", [[0]]]}},
    "no metric": {"objective": {"goal": "maximize"}},
    "no cluster": {"computeId": "cpu-of-nobody"},
    "no input": {"trial": {"command": "${{inputs.x}}", "environmentId": "azureml:AzureML-x:1"}},
    "no environment": {"trial": {"command": "true", "environmentId": "azureml:mine:1"}},
    "numbers as tags": {"tags": {"a": 1}},
}


@pytest.mark.parametrize("why", REFUSED)
def test_refused_jobs(cluster, rest, why):
    """What the service would refuse is refused with its kind of error, and nothing starts."""
    answer = rest.put("sweep-1", body_of(cluster, **REFUSED[why]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UserError")
    assert cluster.sweeps == []


def test_one_state_for_both_versions(cluster, rest):
    """What version 2 sent is a HyperDrive run; what HyperDrive was sent is a job."""
    assert rest.put("new", body_of(cluster)).status_code == 201
    assert ended(cluster, "new").status == "Completed"
    by_experiment = rest.history("experiments/exp/runs/new").json()
    assert by_experiment["runType"] == "hyperdrive"
    assert json.loads(by_experiment["tags"]["_aml_system_generator_config"])["name"] == "GRID"
    assert cluster.artifacts("new_1")["outputs/said.txt"] == b"--shard 1\n"

    requests.post(
        f"https://{cluster.workspace.api_host}/hyperdrive/v1.0{cluster.workspace.arm_path}"
        "/experiments/exp/hdruns/old",
        files={"config": (None, json.dumps(hyperdrive_config(cluster)))},
        headers={"Authorization": f"Bearer {cluster.token()}"},
        timeout=10,
    ).raise_for_status()
    assert ended(cluster, "old").status == "Completed"
    shown = rest.arm("GET", "jobs/old").json()["properties"]
    assert (shown["jobType"], shown["status"]) == ("Sweep", "Completed")
    assert shown["limits"]["maxTotalTrials"] == 2
    assert rest.arm("GET", "jobs/old_1").json()["properties"]["jobType"] == "Command"
    assert sorted(child["runId"] for child in rest.children("old")) == ["old_0", "old_1"]
    assert rest.put("old", body_of(cluster)).status_code == 400


def hyperdrive_config(service):
    """What version 1 sends: the sweep of `body_of`."""
    snapshot = service.sweeps[0].snapshot_id
    overrides = {"command": "true", "target": "cpu"}
    return {
        "generator_config": {"name": "GRID", "parameter_space": {"--shard": ["choice", [[0, 1]]]}},
        "primary_metric_config": {"name": "mcc", "goal": "maximize"},
        "policy_config": {"name": "Default"},
        "platform_config": {"Definition": {"SnapshotId": snapshot, "Overrides": overrides}},
        "max_total_jobs": 2,
        "max_concurrent_jobs": 2,
        "max_duration_minutes": 60,
    }


def trial_of(command, **more):
    """The part of a body that says what is run."""
    return {"command": command, "environmentId": "azureml:AzureML-minimal:1", **more}


def test_a_command_job_runs_alone(cluster, rest):
    """A job without a sweep: its inputs, its log, its state."""
    inputs = {"word": {"jobInputType": "literal", "value": "hello"}}
    job = {
        "jobType": "Command",
        "experimentName": "exp",
        "computeId": f"{cluster.workspace.arm_path}/computes/cpu",
        "inputs": inputs,
        **trial_of("echo ${{inputs.word}} $COLOUR", environmentVariables={"COLOUR": "red"}),
    }
    assert rest.put("alone", {"properties": job}).json()["properties"]["status"] == "Starting"
    assert ended(cluster, "alone").status == "Completed"
    assert cluster.artifacts("alone") == {"user_logs/std_log.txt": b"hello red\n"}
    assert rest.put("alone", {"properties": job}).status_code == 400
    assert cluster.sweeps == []


def test_serverless_needs_an_instance_type(cluster, rest):
    """Without a compute the service finds nodes itself, if it is told which."""
    assert rest.put("none", body_of(cluster, computeId=None)).status_code == 400
    resources = {"instanceType": "Standard_E4s_v3", "instanceCount": 1}
    body = body_of(cluster, computeId=None, resources=resources, queueSettings={"jobTier": "Spot"})
    answer = rest.put("sweep-1", body).json()["properties"]
    assert (answer["computeId"], answer["queueSettings"]) == (None, {"jobTier": "Spot"})
    assert ended(cluster).status == "Completed"


def test_short_limits_are_taken_for_60_days(cluster, rest):
    """The service's own quirk below a minute; from a minute on a trial is ended."""
    cluster.settings.time_scale = 0.01
    trial = trial_of("test ${{search_space.shard}} = 1 || sleep 60")
    limits = {"maxTotalTrials": 2, "timeout": "PT1H", "trialTimeout": "PT1M"}
    rest.put("sweep-1", body_of(cluster, trial=trial, limits=limits))
    assert ended(cluster).status == "Completed"
    assert cluster.runs["sweep-1_0"].status == "Canceled"
    rest.put("short", body_of(cluster, limits={"trialTimeout": "PT59S", "timeout": "PT30S"}))
    assert cluster.sweeps[1].overrides["maxRunDurationSeconds"] == 60 * 86400
    assert cluster.sweeps[1].config["max_duration_minutes"] == 60 * 1440


def test_a_sweep_without_limits_gets_those_of_the_service(cluster, rest):
    """No limits at all: 1,000 trials, all at once, 60 days."""
    rest.put("sweep-1", body_of(cluster, limits=None))
    config = cluster.sweeps[0].config
    assert (config["max_total_jobs"], config["max_concurrent_jobs"]) == (1000, 1000)
    assert ended(cluster).status == "Completed"


METRIC = """
import os, requests
where = os.environ["MLFLOW_TRACKING_URI"].replace("azureml://", "https://")
body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "mcc", "value": SHARD / 10}
headers = {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}
for step in range(2):
    answer = requests.post(
        where + "/api/2.0/mlflow/runs/log-metric", json={**body, "step": step}, headers=headers
    )
    answer.raise_for_status()
"""


def test_trials_log_metrics_by_mlflow(cluster, rest):
    """A value logged by MLflow is read by version 1, and decides which trial is best."""
    code = METRIC.replace("SHARD", "${{search_space.shard}}")
    rest.put("sweep-1", body_of(cluster, trial=trial_of(f"python - <<'END'\n{code}\nEND")))
    assert ended(cluster).status == "Completed"
    assert cluster.runs["sweep-1"].properties["best_child_run_id"] == "sweep-1_1"
    api = f"https://{cluster.workspace.api_host}/metric/v2.0{cluster.workspace.arm_path}"
    headers = {"Authorization": f"Bearer {cluster.token()}"}
    url = f"{api}/runs/sweep-1_1/full"
    found = requests.post(url, json={"metricName": "mcc"}, headers=headers, timeout=LIMIT_S).json()
    assert [one["data"] for one in found["value"]] == [{"mcc": 0.1}, {"mcc": 0.1}]


def test_signatures_expire(cluster, rest):
    """What listSecrets gave opens the store for a while, for what it says."""
    rest.put("sweep-1", body_of(cluster))
    ended(cluster)

    def signed(seconds):
        cluster.settings.sas_s = seconds
        body = {"expirableSecret": True, "expireAfterHours": 1}
        path = "datastores/workspaceartifactstore/listSecrets"
        sas = rest.arm("POST", path, json=body).json()["sasToken"]
        base = f"https://{cluster.workspace.blob_host}/azureml"
        listing = f"{base}?restype=container&comp=list&prefix=ExperimentRun%2F&{sas}"
        file = f"{base}/ExperimentRun/dcid.sweep-1_1/outputs/said.txt?{sas}"
        return [requests.get(url, timeout=LIMIT_S) for url in (listing, file)]

    assert [answer.status_code for answer in signed(3600)] == [200, 200]
    late = signed(-1)
    assert [answer.status_code for answer in late] == [403, 403]
    assert "AuthenticationFailed" in late[0].text
    good = signed(3600)[1].url
    cluster.expire_signatures()
    assert requests.get(good, timeout=LIMIT_S).status_code == 403


def test_pages_come_in_other_shapes(cluster, rest):
    """An empty first page with a token; only a link; tags that are missing; unknown states."""
    cluster.settings.page_size = 2
    space = {"shard": ["choice", [list(range(5))]]}
    rest.put("sweep-1", body_of(cluster, searchSpace=space, limits={"maxTotalTrials": 5}))
    ended(cluster)
    names = sorted(f"sweep-1_{number}" for number in range(5))
    cluster.settings.empty_pages = True
    first = rest.history("runs/sweep-1/children").json()
    assert (first["value"], bool(first["continuationToken"])) == ([], True)
    assert sorted(child["runId"] for child in rest.children("sweep-1")) == names

    cluster.settings.empty_pages = False
    odd = cluster.settings.odd
    odd.page_links, odd.tags, odd.status_of = "link", "missing", lambda _: "NotResponding"
    found, page = [], rest.history("runs/sweep-1/children").json()
    while True:
        found += page["value"]
        if not page["nextLink"]:
            break
        assert page["continuationToken"] is None
        page = rest.follow(page["nextLink"]).json()
    assert sorted(child["runId"] for child in found) == names
    assert {child["status"] for child in found} == {"NotResponding"}
    assert [child for child in found if "tags" in child] == []


def until_ok(ask):
    deadline = time.monotonic() + LIMIT_S
    while ask().status_code != 200:
        assert time.monotonic() < deadline


def test_a_job_is_not_known_at_once(cluster, rest):
    """For a while after the PUT a GET finds nothing, and the run history still later."""
    cluster.settings.visible_after_s, cluster.settings.odd.history_after_s = 0.3, 0.5
    assert rest.put("sweep-1", body_of(cluster)).status_code == 201
    assert rest.arm("GET", "jobs/sweep-1").status_code == 404
    assert rest.put("sweep-1", body_of(cluster)).status_code == 400
    until_ok(lambda: rest.arm("GET", "jobs/sweep-1"))
    assert rest.history("runs/sweep-1/children").status_code == 404
    until_ok(lambda: rest.history("runs/sweep-1/children"))
    ended(cluster)


def test_the_resource_manager_counts_calls(cluster, rest):
    """Too many of them: 429 and when to come again; the run history counts none."""
    cluster.settings.odd.arm_reads = 3
    answers = [rest.arm("GET", "jobs/none") for _ in range(6)]
    assert [answer.status_code for answer in answers][:3] == [404, 404, 404]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Retry-After"] == "30"
    assert answers[0].headers["x-ms-ratelimit-remaining-subscription-reads"] == "2"
    assert rest.put("sweep-1", body_of(cluster)).status_code == 201
    assert rest.history("runs/sweep-1/children").status_code == 200
    ended(cluster)


def test_v1_only_workspaces_and_stores_without_keys(cluster, rest):
    """v1_legacy_mode refuses jobs; a store by identity gives no secrets and needs a role."""
    odd = cluster.settings.odd
    odd.v1_legacy_mode = True
    assert rest.arm("GET", "").json()["properties"]["v1LegacyMode"] is True
    assert rest.put("sweep-1", body_of(cluster)).status_code == 403
    odd.v1_legacy_mode, odd.identity_storage = False, True
    store = rest.arm("GET", "datastores/workspaceartifactstore").json()["properties"]
    assert store["credentials"] == {"credentialsType": "None"}
    url = f"https://{cluster.workspace.blob_host}/azureml?restype=container&comp=list"
    assert "AuthorizationPermissionMismatch" in rest.follow(url).text
    odd.blob_role = True
    assert rest.follow(url).status_code == 200


@pytest.mark.parametrize("kind", ["preempted", "preempted-failed"])
def test_a_trial_loses_its_node(cluster, rest, kind):
    """It is queued again under its id, or Failed with Azure's text; what was kept stays."""
    cluster.child_fault("--shard 0", kind, when="outputs/*")
    command = "echo --shard ${{search_space.shard}}; "
    command += "echo $RANDOM >> outputs/seen.txt; test -s outputs/second.txt && exit 0; "
    command += "echo 2 > outputs/second.txt; test ${{search_space.shard}} = 1 || sleep 3"
    rest.put("sweep-1", body_of(cluster, trial=trial_of(command)))
    assert ended(cluster).status == "Completed"
    trial = cluster.runs["sweep-1_0"]
    assert cluster.artifacts("sweep-1_0")["outputs/seen.txt"]
    if kind == "preempted":
        assert (trial.status, trial.starts) == ("Completed", 2)
    else:
        error = rest.history("runs/sweep-1_0").json()["error"]["error"]["message"]
        assert (trial.status, "pre-empted" in error) == ("Failed", True)


def test_faults_hit_requests_of_version_2(cluster, rest):
    """Cut before and after, throttled, out of order, late, signed out: one sweep in the end."""
    cluster.fault("PUT .*/jobs/sweep-1$", drop="before")
    with pytest.raises(requests.ConnectionError):
        rest.put("sweep-1", body_of(cluster))
    assert cluster.sweeps == []
    cluster.fault("PUT .*/jobs/sweep-1$", status=429, retry_after_s=1)
    refused = rest.put("sweep-1", body_of(cluster))
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    cluster.fault("PUT .*/jobs/sweep-1$", drop="after")
    with pytest.raises(requests.ConnectionError):
        rest.put("sweep-1", body_of(cluster))
    assert len(cluster.sweeps) == 1
    cluster.fault("PUT .*/jobs/sweep-2$", status=503, accepted=True)
    assert rest.put("sweep-2", body_of(cluster)).status_code == 503
    assert ended(cluster, "sweep-2").status == "Completed"
    for status in (500, 503):
        cluster.fault("GET .*/jobs/sweep-1$", status=status)
        assert rest.arm("GET", "jobs/sweep-1").status_code == status
    cluster.fault("GET .*/children", delay_s=0.3)
    began = time.monotonic()
    assert rest.history("runs/sweep-1/children").status_code == 200
    assert time.monotonic() - began >= 0.3
    cluster.expire_tokens()
    assert rest.arm("GET", "jobs/sweep-1").status_code == 401
    ended(cluster)


def test_files_come_torn_and_late(cluster, rest):
    """As a mount shows them: half of a file first; a folder as a blob; all of it later."""
    odd = cluster.settings.odd
    odd.torn_files = odd.folder_blobs = True
    command = "echo 0123456789 > outputs/a.txt; until test -e go; do sleep 0.05; done"
    rest.put("sweep-1", body_of(cluster, trial=trial_of(command)))
    seen = set()

    def has_grown():
        seen.add(cluster.artifacts("sweep-1_0").get("outputs/a.txt"))
        return {b"01234", b"0123456789\n"} <= seen

    cluster.wait_until(has_grown)
    assert cluster.blobs("azureml")["ExperimentRun/dcid.sweep-1_0/outputs"] == b""
    cluster.cancel_run("sweep-1")
    ended(cluster)

    odd.torn_files, odd.files_after_s = False, 0.5
    rest.put("sweep-2", body_of(cluster))
    assert ended(cluster, "sweep-2").status == "Completed"
    run = cluster.runs["sweep-2_1"]
    cluster.wait_until(lambda: "outputs/said.txt" in cluster.artifacts("sweep-2_1"))
    stored = cluster.state.blobs["azureml", "ExperimentRun/dcid.sweep-2_1/outputs/said.txt"]
    assert (stored.modified - run.started).total_seconds() > 0.5


def test_children_are_listed_late_and_with_values_as_text(cluster, rest):
    """A listing that lags behind; null instead of no records; a link that leads elsewhere."""
    odd = cluster.settings.odd
    odd.children_after_s, odd.tags = 3600, "values as text"
    rest.put("sweep-1", body_of(cluster))
    ended(cluster)
    assert rest.children("sweep-1") == []
    odd.children_after_s = 0
    values = [json.loads(one["tags"]["hyperparameters"]) for one in rest.children("sweep-1")]
    assert sorted(one["shard"] for one in values) == ["0", "1"]
    cluster.settings.empty_pages = odd.null_pages = True
    odd.page_links = "other host"
    page = rest.history("runs/sweep-1/children").json()
    assert page["value"] is None
    assert page["nextLink"].startswith(f"https://other.{cluster.workspace.api_host}/")


@needs_sdk
def test_version_1_attaches_to_a_sweep_of_version_2(cluster, rest, sdk_workspace, tmp_path):
    """The SDK of version 1 finds it, its trials and what each was given, and reads its files."""
    from azureml.core import Run
    from azureml.train import hyperdrive

    rest.put("sweep-1", body_of(cluster, tags={"gridrun": "1"}))
    ended(cluster)
    found = Run.get(sdk_workspace, "sweep-1")
    assert isinstance(found, hyperdrive.HyperDriveRun)
    assert (found.get_status(), found.get_tags()["gridrun"]) == ("Completed", "1")
    assert found.get_hyperparameters()["sweep-1_1"] == '{"shard": 1}'
    child = {child.id: child for child in found.get_children()}["sweep-1_1"]
    child.download_file("outputs/said.txt", str(tmp_path / "said.txt"))
    assert (tmp_path / "said.txt").read_text() == "--shard 1\n"
