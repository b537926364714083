"""Studies on a real Slurm of one node: sent, run, brought in, whatever happens between."""

from __future__ import annotations

import getpass
import os
import re
import signal
import sqlite3
from collections import Counter
from pathlib import Path

import clusterstudies as it
import pytest
from toystudies import table

from backends.slurm._submission import log_of, options_of
from gridrun.errors import EnvironmentFault, UserError


def require_complete(directory):
    """The table is that of a run in one process, and nothing was counted twice."""
    assert table(directory) == it.local_table(directory)
    db = sqlite3.connect(directory / ".gridrun" / "ledger.sqlite")
    try:
        tries = db.execute("SELECT context, fold, code FROM attempt WHERE final = 1").fetchall()
    finally:
        db.close()
    assert max(Counter(tries).values()) == 1


def starts(log):
    """(context, fold, code) of every start of a task that a worker noted."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [tuple(line.split()[1:4]) for line in lines]


def jobs_of(cluster, study):
    """Ids of all arrays of a study that Slurm has accepted and not forgotten."""
    names = ",".join(sweep.name for sweep in it.opened(study).sweeps())
    return set(cluster.ask("squeue", "--states=all", "-h", f"--name={names}", "-o", "%F").split())


def test_a_study_on_slurm_has_the_table_of_a_local_run(cluster, tmp_path):
    """Asked, sent, looked at from other processes, brought in; nothing stays behind."""
    study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.2}, options={"sleep_ms": 300})
    assert "nothing was sent to Slurm yet" in it.drive(study, "slurm", "status").stdout
    quoted = it.drive(study, "slurm", "--dry-run").stdout
    assert "72 tasks" in quoted
    assert "5 shards, 1 sweep" in quoted
    refused = it.drive(study, "slurm", exit_code=2)
    assert "sending costs time of the cluster and needs confirmation" in refused.stderr
    sent = it.drive(study, "slurm", "submit", "--yes")
    assert "sweeps still hold 72 tasks" in sent.stderr
    assert f"gridrun slurm status {study}" in sent.stderr
    (sweep,) = it.sweeps(study)
    it.wait_for(lambda: it.outcomes_there(study))
    status = it.drive(study, "slurm", "status").stdout
    assert re.search(r"children: 3 pending \(resources\), 2 running \(\w+\)", status)
    assert "nothing to send" in it.drive(study, "slurm", "--dry-run").stdout
    it.wake(study)
    done = it.drive(study, "slurm", "--yes", exit_code=1)  # the toy refuses some, as upstream does
    assert "72 tasks" in done.stdout
    require_complete(study)
    assert len(jobs_of(cluster, study)) == 1
    assert not sweep.exists()
    it.wait_for(lambda: not cluster.ask("squeue", "-h"))  # it clears up after a job


@pytest.mark.slow
class TestWhatMayHappen:
    """Each on the shared Slurm."""

    def test_a_bad_partition_is_the_users_mistake(self, cluster, tmp_path):
        """Exit code 2 with Slurm's sentence; nothing counts as sent, and it can be put right."""
        study = it.study(tmp_path / "study", slurm={"partition": "nix"})
        said = it.drive(study, "slurm", "--yes", exit_code=2).stderr
        assert "Slurm refuses the jobs: " in said
        assert "Invalid partition name specified" in said
        assert "invalid partition specified: nix" in said
        assert [sweep.state for sweep in it.opened(study).sweeps()] == ["abandoned"]
        assert not it.sweeps(study)
        file = study / "study.yaml"
        file.write_text(file.read_text().replace('"nix"', '"main"'))
        it.wake(study)
        it.drive(study, "slurm", "--yes", exit_code=1)
        require_complete(study)

    def test_cancel_leaves_nothing(self, cluster, tmp_path):
        """No job in the queue, no process, no file; what was done counts, the rest waits."""
        log = tmp_path / "starts"
        options = {"sleep_ms": 200, "start_log": str(log)}
        study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.2}, options=options)
        it.drive(study, "slurm", "submit", "--yes")
        it.wait_for(lambda: it.outcomes_there(study))
        cancelled = it.drive(study, "slurm", "cancel")
        assert "asked for the end of" in cancelled.stderr
        it.wait_for(lambda: not cluster.ask("squeue", "-h"))  # it clears up after a job
        pids = {int(line.split()[0]) for line in log.read_text().splitlines()}
        it.wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
        assert not it.sweeps(study)
        assert [sweep.state for sweep in it.opened(study).sweeps()] == ["cancelled"]
        assert 0 < it.opened(study).status().parts["done"] < 72
        it.wake(study)
        it.drive(study, "slurm", "--yes", exit_code=1)
        require_complete(study)

    def test_scancel_by_hand_is_not_undone(self, cluster, tmp_path):
        """The command that waits gives the tasks back, and sends nothing again by itself."""
        study = it.study(tmp_path / "study", options={"sleep_ms": 300})
        driver = it.begin(study, "slurm", "--yes")
        it.wait_for(lambda: it.outcomes_there(study))
        cluster.run("scancel", "--name", it.sweeps(study)[0].name)
        out, err = driver.communicate(60)
        assert driver.returncode == 130, out + err
        assert "send them with: gridrun slurm" in err
        assert len(jobs_of(cluster, study)) == 1
        it.wake(study)
        it.drive(study, "slurm", "--yes", exit_code=1)
        require_complete(study)

    def test_a_driver_is_killed_and_another_collects(self, cluster, tmp_path):
        """Jobs go on; whoever comes later brings everything in, and sends nothing twice."""
        log = tmp_path / "starts"
        options = {"sleep_ms": 200, "start_log": str(log)}
        study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.2}, options=options)
        driver = it.begin(study, "slurm", "--yes")
        it.wait_for(lambda: it.outcomes_there(study))
        driver.kill()
        driver.wait()
        it.wake(study)
        it.wait_for(lambda: not cluster.ask("squeue", "-h"))
        it.drive(study, "slurm", "collect", exit_code=1)
        require_complete(study)
        assert len(starts(log)) == 72
        assert len(jobs_of(cluster, study)) == 1

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_the_answer_of_sbatch_is_lost(self, cluster, tmp_path, moment):
        """Killed before sbatch or after it accepted: one array, found by its name."""
        taken = ("--cpus-per-task=2", "--mem=10", "--output=/dev/null")
        cluster.run("sbatch", *taken, "--job-name=taken", "--wrap", "sleep 600")
        study = it.study(tmp_path / "study")
        killed = it.begin(study, "slurm", "--yes", f"--killed-{moment}-sbatch")
        killed.wait(60)
        assert killed.returncode == -signal.SIGKILL
        assert [sweep.state for sweep in it.opened(study).sweeps()] == ["planned"]
        assert len(jobs_of(cluster, study)) == (moment == "after")
        it.wake(study)
        driver = it.begin(study, "slurm", "--yes")
        it.wait_for(lambda: [sweep.state for sweep in it.opened(study).sweeps()] == ["sent"])
        cluster.run("scancel", "--name=taken")
        out, err = driver.communicate(100)
        assert driver.returncode == 1, out + err
        assert len(jobs_of(cluster, study)) == 1, err
        assert [sweep.state for sweep in it.opened(study).sweeps()] == ["ended"]
        require_complete(study)

    def test_a_sweep_that_was_accepted_and_forgotten_is_not_sent_again(self, cluster, tmp_path):
        """What its jobs left says that it was, also where Slurm does not know it any more."""
        study = it.study(tmp_path / "study")
        it.wake(study)
        it.begin(study, "slurm", "--yes", "--killed-after-sbatch").wait(60)
        it.wait_for(lambda: not cluster.ask("squeue", "-h"))
        cluster.forget()
        assert not jobs_of(cluster, study)
        report, _ = it.run(study, send=True, wait=True)
        assert report.tally.finished == 72
        assert not jobs_of(cluster, study)
        require_complete(study)

    def test_requeue_goes_on_where_outcomes_end(self, cluster, tmp_path):
        """By scontrol requeue: the same task runs the rest; no outcome is made twice."""
        log = tmp_path / "starts"
        options = {"sleep_ms": 200, "start_log": str(log)}
        study = it.study(tmp_path / "study", options=options)
        driver = it.begin(study, "slurm", "--yes")
        it.wait_for(lambda: it.outcomes_there(study) > 3)
        (job,) = jobs_of(cluster, study)
        assert not cluster.run("scontrol", "requeue", f"{job}_0").returncode
        it.wait_for(lambda: "BeginTime" in cluster.ask("squeue", "-h", "-o", "%r"))
        kept, before = it.finished_there(study), len(starts(log))
        it.wake(study)
        cluster.run("scontrol", "update", f"JobId={job}_0", "StartTime=now")
        out, err = driver.communicate(200)
        assert driver.returncode == 1, out + err
        assert len(starts(log)) - before == 72 - kept
        assert jobs_of(cluster, study) == {job}
        require_complete(study)

    def test_a_node_is_drained_and_resumed(self, cluster, tmp_path):
        """What runs there ends, the rest waits, is said to wait, and goes on."""
        study = it.study(
            tmp_path / "study", slurm={"shard_minutes": 0.2}, options={"sleep_ms": 200}
        )
        driver = it.begin(study, "slurm", "--yes")
        it.wait_for(lambda: it.outcomes_there(study))
        node = cluster.ask("sinfo", "-h", "-o", "%n")
        cluster.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
        it.wake(study)
        it.wait_for(lambda: not cluster.ask("squeue", "-h", "-t", "RUNNING,COMPLETING"))
        # Slurm says why a job waits when it has tried to start it again
        it.wait_for(
            lambda: re.search(r"3 pending \(.*drained", it.drive(study, "slurm", "status").stdout)
        )
        assert driver.returncode is None
        cluster.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
        out, err = driver.communicate(100)
        assert driver.returncode == 1, out + err
        assert len(jobs_of(cluster, study)) == 1
        require_complete(study)

    def test_the_controller_restarts_in_mid_run(self, cluster, tmp_path):
        """While it is away outcomes are read, and what is not known is said; nothing is lost."""
        study = it.study(
            tmp_path / "study", slurm={"shard_minutes": 0.2}, options={"sleep_ms": 200}
        )
        driver = it.begin(study, "slurm", "--yes")
        it.wait_for(lambda: it.outcomes_there(study))
        cluster.end("slurmctld")
        for _ in range(2):  # by the end of the second the run, too, has asked in vain
            status = it.drive(study, "slurm", "status", exit_code=3)
            assert "Slurm does not answer: " in status.stderr
        cluster.start_controller()
        it.wake(study)
        out, err = driver.communicate(100)
        assert driver.returncode == 1, out + err
        assert "outcomes are read all the same" in err
        assert len(jobs_of(cluster, study)) == 1
        require_complete(study)

    def test_jobs_that_cannot_work_end_the_run_with_what_they_said(self, cluster, tmp_path):
        """A line of setup that fails: exit code 3, its last words, and the tasks wait."""
        study = it.study(
            tmp_path / "study", slurm={"setup": "module load R/9", "lease_seconds": 0.5}
        )
        with pytest.raises(EnvironmentFault) as caught:
            it.run(study, send=True, wait=True)
        said = caught.value.text()
        assert "no job of the sweep produced a result" in said
        assert "ended as FAILED: " in said
        assert "module: command not found" in said
        assert it.opened(study).status().parts["waiting"]
        assert len(jobs_of(cluster, study)) == 1, "not again and again"

    def test_files_that_are_gone_are_said(self, cluster, tmp_path):
        """A folder that was removed, and that cancel gives its tasks back."""
        study = it.study(tmp_path / "study", options={"sleep_ms": 300})
        it.run(study, send=True)
        (sweep,) = it.sweeps(study)
        sweep.rename(tmp_path / "elsewhere")
        with pytest.raises(UserError, match="do not exist"):
            it.run(study)
        it.drive(study, "slurm", "cancel")
        assert [sweep.state for sweep in it.opened(study).sweeps()] == ["cancelled"]


@pytest.mark.slow
def test_a_full_queue_is_waited_for(make_cluster, tmp_path):
    """MaxJobCount: who waits sends the rest when there is room; who does not is told."""
    cluster = make_cluster(MaxJobCount=6, MinJobAge=2)
    cluster.run("sbatch", "--array=0-3", "--mem=10", "--output=/dev/null", "--wrap", "sleep 600")
    study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.2})
    it.wake(study)
    full = it.drive(study, "slurm", "submit", "--yes", exit_code=3)
    assert "Slurm takes no more jobs just now: " in full.stderr
    assert "run the same command again later" in full.stderr
    assert not it.opened(study).status().parts["running"]
    driver = it.begin(study, "slurm", "--yes")
    it.wait_for(lambda: [s.state for s in it.opened(study).sweeps()] == ["abandoned", "planned"])
    assert driver.returncode is None
    cluster.run("scancel", "--name", "wrap")
    out, err = driver.communicate(100)
    assert driver.returncode == 1, out + err
    require_complete(study)


@pytest.mark.slow
def test_no_more_tasks_are_queued_than_the_study_says(cluster, tmp_path):
    """max_queued: several arrays, one after the other."""
    settings = {"shard_minutes": 0.2, "max_queued": 2}
    study = it.study(tmp_path / "study", slurm=settings)
    it.wake(study)
    report, said = it.run(study, send=True, wait=True)
    assert report.tally.finished == 72
    assert any("more than the 2 of max_queued" in text for text in said)
    assert len(jobs_of(cluster, study)) == 3
    require_complete(study)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_near_its_time_limit_goes_on_in_another_start(cluster, tmp_path):
    """Slurm's signal: the task that runs ends, the job is put back, no outcome is made twice."""
    log = tmp_path / "starts"
    options = {"sleep_ms": 3000, "start_log": str(log)}
    settings = {"hours": 1 / 60, "notice_minutes": 0.25}
    study = it.study(tmp_path / "study", slurm=settings, options=options)
    driver = it.begin(study, "slurm", "--yes")
    it.wait_for(lambda: "BeginTime" in cluster.ask("squeue", "-h", "-o", "%r"), 150)
    kept, before = it.finished_there(study), len(starts(log))
    assert kept == before, "what had begun has ended"
    it.wake(study)
    out, err = driver.communicate(300)
    assert driver.returncode == 1, out + err
    assert len(starts(log)) == 72
    assert len(jobs_of(cluster, study)) == 1
    require_complete(study)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_whose_task_takes_longer_than_its_limit_is_not_put_back(cluster, tmp_path):
    """It ends, and so does the run: with what to raise."""
    settings = {"hours": 1 / 60, "notice_minutes": 0.25}
    study = it.study(tmp_path / "study", slurm=settings, options={"sleep_ms": 600_000})
    with pytest.raises(EnvironmentFault) as caught:
        it.run(study, send=True, wait=True)
    assert "the time limit of the job came before any task had ended" in caught.value.text()
    assert "hours below slurm in study.yaml" in caught.value.text()


@pytest.mark.slow
def test_more_shards_than_an_array_may_have(make_cluster, tmp_path):
    """Several arrays, none larger than MaxArraySize of scontrol show config."""
    make_cluster(MaxArraySize=10)
    study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.001, "max_running": 60})
    it.wake(study)
    quoted = it.drive(study, "slurm", "--dry-run").stdout
    count = int(re.search(r"(\d+) shards", quoted)[1])
    assert count > 10
    report, said = it.run(study, send=True, wait=True)
    sizes = [int(found[1]) for text in said if (found := re.search(r"has (\d+) tasks?", text))]
    assert sum(sizes) > 10
    assert max(sizes) <= 10
    assert len(sizes) > 1
    assert report.tally.finished == 72
    require_complete(study)


@pytest.mark.slow
def test_nodes_that_do_not_see_the_folder(make_cluster, tmp_path):
    """Slurm cannot even write a log: exit code 3, and which folder it is about."""
    if os.geteuid() != 0:
        pytest.skip("hiding a folder from the node's daemon takes root")
    study = it.study(tmp_path / "study", slurm={"lease_seconds": 0.5})
    cluster = make_cluster()
    cluster.end("node0")
    hidden = f'mount -t tmpfs none {study} && exec "$0" "$@"'
    cluster.start_node("unshare", "--mount", "sh", "-c", hidden)
    cluster.wait_until(cluster.is_idle)
    with pytest.raises(EnvironmentFault) as caught:
        it.run(study, send=True, wait=True)
    assert "it has printed nothing: do the nodes see" in caught.value.text()
    assert str(study / "slurm") in caught.value.text()


@pytest.mark.slow
def test_a_sweep_that_was_sent_twice_is_run_once(cluster, tmp_path):
    """Jobs of the second array wait for those of the first, and find nothing to do."""
    log = tmp_path / "starts"
    options = {"sleep_ms": 500, "start_log": str(log)}
    study = it.study(tmp_path / "study", options=options)
    it.run(study, send=True)
    (place,) = it.sweeps(study)
    again = cluster.run("sbatch", *options_of(place), place / "job.sh")
    assert not again.returncode, again.stderr
    assert len(jobs_of(cluster, study)) == 2
    printed = log_of(place, "shard-00000")
    it.wait_for(lambda: printed.exists() and printed.read_text().count("00: job ") == 2)
    it.wait_for(lambda: it.outcomes_there(study))
    it.wake(study)
    it.run(study, wait=True)
    require_complete(study)
    assert len(starts(log)) == 72
    assert not cluster.ask("squeue", "-h")


@pytest.mark.slow
def test_a_job_reads_inputs_that_are_not_read_here(cluster, tmp_path):
    """The first job reads them, those after it run the shards; one command does both."""
    there = tmp_path / "far-away"
    there.mkdir()
    inputs = {"table": there / "a.txt", "labels": there / "b.txt"}
    for path in inputs.values():
        path.write_text(f"content of {path.name}")
    slurm = {"inputs": {role: str(path) for role, path in inputs.items()}}
    study = it.study(tmp_path / "study", slurm=slurm)
    file = study / "study.yaml"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    it.wake(study)
    quoted = it.drive(study, "slurm", "--dry-run").stdout
    assert f"first, a job on one node reads {there / 'a.txt'}" in quoted
    it.drive(study, "slurm", "--yes", exit_code=1)
    require_complete(study)
    assert [sweep.name[-5:] for sweep in it.opened(study).sweeps()] == ["-data", "hards"]
    assert not cluster.ask("squeue", "-h")


@pytest.mark.slow
def test_a_job_is_preempted(make_cluster, tmp_path):
    """By one of a partition that goes first: it is put back, and goes on where its outcomes end."""
    cluster = make_cluster(
        partitions=("PartitionName=urgent PriorityTier=10",),
        PreemptType="preempt/partition_prio",
        PreemptMode="REQUEUE",
    )
    log = tmp_path / "starts"
    options = {"sleep_ms": 200, "start_log": str(log)}
    study = it.study(tmp_path / "study", options=options)
    driver = it.begin(study, "slurm", "--yes")
    it.wait_for(lambda: it.outcomes_there(study) > 3)
    urgent = ("--partition=urgent", "--cpus-per-task=2", "--mem=10", "--output=/dev/null")
    cluster.run("sbatch", *urgent, "--wrap", "sleep 600")
    it.wait_for(lambda: "urgent" in cluster.ask("squeue", "-h", "-t", "RUNNING", "-o", "%P"))
    it.wait_for(lambda: cluster.ask("squeue", "-h", "-t", "PENDING", "-p", "main"))
    kept, before = it.finished_there(study), len(starts(log))
    it.wake(study)
    cluster.run("scancel", "--partition=urgent", f"--user={getpass.getuser()}")
    (job,) = jobs_of(cluster, study)
    cluster.run("scontrol", "update", f"JobId={job}_0", "StartTime=now")
    out, err = driver.communicate(200)
    assert driver.returncode == 1, out + err
    assert len(starts(log)) - before == 72 - kept
    assert jobs_of(cluster, study) == {job}
    require_complete(study)
