"""Studies on a Slurm with accounting: jobs it has forgotten, and limits that a site sets users."""

from __future__ import annotations

import getpass
import re

import clusterstudies as it
import pytest
from onenode import OneNode
from test_slurm import require_complete

from backends.slurm._cluster import ask_cluster
from backends.slurm.settings import SlurmSettings
from gridrun.errors import EnvironmentFault, UserError

pytestmark = pytest.mark.slow

USER = getpass.getuser()


@pytest.fixture(scope="module")
def accounted(accounting_packages, directory):
    """A Slurm that keeps account of jobs, and forgets them two seconds after their end."""
    node = OneNode(
        directory, accounting=True, partitions=("PartitionName=narrow QoS=narrow",), MinJobAge=2
    )
    try:
        node.start()
        yield node
    finally:
        node.close()


@pytest.fixture
def cluster(accounted, monkeypatch):
    """The same, which this test's commands find; without limits and jobs before and after."""
    for name, value in accounted.env.items():
        monkeypatch.setenv(name, value)
    yield accounted
    accounted.clear()
    accounted.limit("user", USER, MaxSubmitJobs=-1, MaxWall=-1)
    for account in ("lab", "root"):
        accounted.limit("account", account, GrpSubmitJobs=-1, GrpJobs=-1)
    of_qos = ("MaxSubmitJobsPerUser", "MaxSubmitJobsPerAccount", "GrpSubmitJobs", "MaxWall")
    accounted.limit("qos", "normal", **dict.fromkeys(of_qos, -1))


def arrays_of(cluster, study):
    """(id, state) of all arrays of a study that Slurm has ever accepted."""
    names = ",".join(sweep.name for sweep in it.opened(study).sweeps())
    words = ("-X", "-n", "-P", "--starttime=now-1days", f"--name={names}", "--format=JobID,State")
    lines = cluster.ask("sacct", *words).splitlines()
    return {(line.split("_")[0].split("|")[0], line.split("|")[1].split()[0]) for line in lines}


def test_a_job_that_slurm_has_forgotten_is_asked_for(cluster, tmp_path):
    """Cancelled by hand and forgotten: not sent again by itself, as it would be if it was lost."""
    study = it.study(
        tmp_path / "study", slurm={"shard_minutes": 0.2}, options={"sleep_ms": 600_000}
    )
    it.drive(study, "slurm", "submit", "--yes")
    it.wait_for(lambda: cluster.ask("squeue", "-h", "-t", "RUNNING"))
    (name,) = [sweep.name for sweep in it.opened(study).sweeps()]
    cluster.run("scancel", f"--name={name}")
    it.wait_for(lambda: not cluster.ask("squeue", "-h", "--states=all"))
    it.wait_for(lambda: {state for _, state in arrays_of(cluster, study)} == {"CANCELLED"})
    status = it.drive(study, "slurm", "status").stdout
    assert re.search(r"5 cancelled", status), status
    done = it.drive(study, "slurm", "--yes", exit_code=130)
    assert "send them with: gridrun slurm" in done.stderr
    assert len(arrays_of(cluster, study)) == 1, "nobody sent it again"
    it.wake(study)
    it.drive(study, "slurm", "--yes", exit_code=1)
    require_complete(study)
    assert {state for _, state in arrays_of(cluster, study)} == {"CANCELLED", "COMPLETED"}


def test_how_a_forgotten_job_ended_is_said(cluster, tmp_path):
    """A line of setup that fails, long ago: Slurm's word for it, and what the job said last."""
    study = it.study(tmp_path / "study", slurm={"setup": "module load R/9"})
    it.drive(study, "slurm", "submit", "--yes")
    it.wait_for(lambda: not cluster.ask("squeue", "-h", "--states=all"))
    it.wait_for(lambda: {state for _, state in arrays_of(cluster, study)} == {"FAILED"})
    with pytest.raises(EnvironmentFault) as caught:
        it.run(study, send=True, wait=True)
    assert "ended as FAILED: " in caught.value.text()
    assert "module: command not found" in caught.value.text()


def test_without_an_answer_of_the_accounting_all_else_goes_on(cluster, tmp_path):
    """The database is away: it is said, outcomes are brought in, and the rest is sent again."""
    ready = tmp_path / "ready"
    study = it.study(tmp_path / "study", slurm={"lease_seconds": 0.5, "setup": f"test -e {ready}"})
    it.wake(study)
    it.drive(study, "slurm", "submit", "--yes")
    it.wait_for(lambda: not cluster.ask("squeue", "-h", "--states=all"))
    cluster.end("slurmdbd")
    try:
        status = it.drive(study, "slurm", "status").stdout
        assert "how jobs ended that Slurm has forgotten is not known" in status
        lost = it.drive(study, "slurm", "--yes", exit_code=3)
        assert "is not known to Slurm any more" in lost.stderr
        ready.touch()
        it.drive(study, "slurm", "--yes", exit_code=1)
        require_complete(study)
    finally:
        cluster.accounting.start_daemon(cluster)


LIMITS = {
    "of the user": ("user", USER, {"MaxSubmitJobs": 2}),
    "of the QOS": ("qos", "normal", {"MaxSubmitJobsPerUser": 2}),
    "of the account": ("account", "lab", {"GrpSubmitJobs": 2}),
    "of all accounts": ("account", "root", {"GrpSubmitJobs": 2}),
    "of all with the QOS": ("qos", "normal", {"GrpSubmitJobs": 2}),
    "of the account with the QOS": ("qos", "normal", {"MaxSubmitJobsPerAccount": 2}),
}


@pytest.mark.parametrize("whose", LIMITS)
def test_more_shards_than_the_queue_may_have_of_a_user(cluster, tmp_path, whose):
    """Several arrays, one after the other, none larger than the limit; nothing is to be set."""
    what, name, limits = LIMITS[whose]
    cluster.limit(what, name, **limits)
    study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.2})
    it.wake(study)
    report, said = it.run(study, send=True, wait=True)
    assert report.tally.finished == 72
    sizes = [int(found[1]) for text in said if (found := re.search(r"has (\d+) tasks?", text))]
    assert set(sizes) == {2}
    assert len(sizes) == 3
    assert any("SubmitJob" in text and "it is tried again" in text for text in said), said
    require_complete(study)


@pytest.mark.parametrize(
    ("what", "name", "limits", "word"),
    [
        ("user", USER, {"MaxSubmitJobs": 6}, "AssocMaxSubmitJobLimit"),
        ("account", "lab", {"GrpSubmitJobs": 6}, "AssocGrpSubmitJobsLimit"),
        ("qos", "normal", {"MaxSubmitJobsPerAccount": 6}, "MaxSubmitJobsPerAccount"),
    ],
)
def test_a_limit_that_other_jobs_use_up_is_waited_for(cluster, tmp_path, what, name, limits, word):
    """Who waits sends when there is room; who does not is told, and nothing counts as sent."""
    cluster.limit(what, name, **limits)
    cluster.run("sbatch", "--array=0-3", "--mem=10", "--output=/dev/null", "--wrap", "sleep 600")
    study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.2})
    it.wake(study)
    full = it.drive(study, "slurm", "submit", "--yes", exit_code=3)
    assert f"Slurm takes no more jobs just now: {word}" in full.stderr
    assert not it.opened(study).status().parts["running"]
    driver = it.begin(study, "slurm", "--yes")
    it.wait_for(lambda: [s.state for s in it.opened(study).sweeps()] == ["abandoned", "planned"])
    cluster.run("scancel", "--name", "wrap")
    out, err = driver.communicate(100)
    assert driver.returncode == 1, out + err
    require_complete(study)


def test_a_limit_on_running_jobs_has_the_others_wait(cluster, tmp_path):
    """One at a time of an account: the array is sent whole, and `status` says why tasks wait."""
    cluster.limit("account", "lab", GrpJobs=1)
    study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.2}, options={"sleep_ms": 4000})
    it.drive(study, "slurm", "submit", "--yes")
    it.wait_for(lambda: cluster.ask("squeue", "-h", "-t", "RUNNING"))
    it.wait_for(lambda: "AssocGrpJobsLimit" in cluster.ask("squeue", "-h", "--array"))
    assert "1 running" in (shown := it.drive(study, "slurm", "status").stdout)
    assert "pending (assocgrpjobslimit)" in shown.lower(), shown
    it.wake(study)
    it.drive(study, "slurm", "--yes", exit_code=1)
    assert len(arrays_of(cluster, study)) == 1
    require_complete(study)


def test_a_limit_that_cannot_be_asked_for_is_the_users_to_name(cluster, tmp_path):
    """No database, an empty queue, an array too large: refused for ever, so not waited for."""
    cluster.limit("user", USER, MaxSubmitJobs=2)
    study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.2})
    it.wake(study)
    cluster.end("slurmdbd")
    try:
        settings = SlurmSettings(tmp_path)
        assert ask_cluster(settings).unknown
        with pytest.raises(UserError) as caught:
            it.run(study, send=True, wait=True)
        assert "AssocMaxSubmitJobLimit" in caught.value.text()
        assert "max_queued below slurm" in caught.value.text()
        file = study / "study.yaml"
        file.write_text(file.read_text().replace('"shard_m', '"max_queued": 2, "shard_m'))
        report, _ = it.run(study, send=True, wait=True)
        assert report.tally.finished == 72
        require_complete(study)
    finally:
        cluster.accounting.start_daemon(cluster)


def test_jobs_ask_for_no_more_time_than_the_user_may_have(cluster, tmp_path):
    """More, and Slurm lets them wait for ever. What a QOS says comes before what the user has."""
    cluster.limit("user", USER, MaxWall=45)
    assert ask_cluster(SlurmSettings(tmp_path)).most_hours == 0.75
    cluster.limit("qos", "normal", MaxWall=30)
    assert ask_cluster(SlurmSettings(tmp_path)).most_hours == 0.5
    study = it.study(tmp_path / "study")
    it.wake(study)
    report, said = it.run(study, send=True, wait=True)
    assert any("of at most 30 minutes" in text for text in said)
    assert report.tally.finished == 72


def test_limits_of_a_partition_come_first(cluster, tmp_path):
    """Its own QOS before that of the job, before the association."""
    cluster.limit("user", USER, MaxSubmitJobs=7)
    cluster.limit("qos", "normal", MaxSubmitJobsPerUser=8)
    of_main, of_narrow = (
        ask_cluster(SlurmSettings(tmp_path, partition=name)) for name in ("", "narrow")
    )
    assert (of_main.most_queued, of_main.most_tasks) == (8, 8)
    assert (of_narrow.most_queued, of_narrow.most_tasks) == (3, 3)
    study = it.study(tmp_path / "study")
    said = it.drive(study, "doctor", "--slurm", exit_code=None)
    assert "tasks in the queue at once: at most 8" in said.stdout


def test_an_account_that_is_none_is_the_users_mistake(cluster, tmp_path):
    """Exit code 2 with Slurm's sentence; nothing counts as sent."""
    study = it.study(tmp_path / "study", slurm={"account": "nix"})
    said = it.drive(study, "slurm", "--yes", exit_code=2).stderr
    assert "Invalid account or account/partition combination specified" in said
    assert [sweep.state for sweep in it.opened(study).sweeps()] == ["abandoned"]
