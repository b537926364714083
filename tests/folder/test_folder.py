"""Shards in a folder: written, run by whoever finds them, brought in, whatever happens between."""

import json
import os
import re
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import walks
from commands import gridrun, start
from toystudies import TOY

from gridrun.errors import EnvironmentFault, UserError
from gridrun.plan.fingerprint import digest_of_text
from gridrun.run.backend import load_backend
from gridrun.run.sweep_memory import SweepMemory
from gridrun.shard import MANIFEST, read_segment
from gridrun.shard.contexts import Contexts
from gridrun.shard.queue import ShardQueue, queues_in, write_queue
from gridrun.testing.units import toy_content, toy_job, toy_units


def starts(log):
    """(context, fold, code) of every start of a task that a worker noted."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [tuple(line.split()[1:4]) for line in lines]


def outcomes(directory):
    """(context, fold, code) of every outcome, and of every final attempt, in the ledger."""
    db = sqlite3.connect(directory / ".gridrun" / "ledger.sqlite")
    try:
        keys = db.execute("SELECT context, fold, code FROM outcome").fetchall()
        tries = db.execute("SELECT context, fold, code FROM attempt WHERE final = 1").fetchall()
    finally:
        db.close()
    return keys, tries


def require_complete(directory):
    """The table is that of a run in one process, and nothing was counted twice."""
    assert walks.table(directory) == walks.local_table(directory)
    keys, tries = outcomes(directory)
    assert max(Counter(tries).values()) == 1
    assert set(tries) <= set(keys)


def test_a_study_through_a_folder_has_the_table_of_a_local_run(tmp_path):
    """Written, run by two workers at once, brought in; twice brought in is once."""
    study = walks.study(tmp_path / "study", options={"sleep_ms": 20})
    sent = walks.drive(study, "shards")
    folder = study / "shards"
    assert "sweeps still hold 72 tasks" in sent.stderr
    assert f"gridrun worker {folder}\n" in sent.stderr
    assert f"gridrun collect {study}" in sent.stderr
    assert "5 shards" in sent.stderr
    again = walks.drive(study, "shards", "--dry-run")
    assert "nothing to send" in again.stdout
    workers = [walks.worker(folder), walks.worker(folder)]
    said = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    ran = [out.count("finished before") for out, _ in said]
    assert sum(ran) == 5
    assert min(ran) > 0, "both have run some"
    walks.drive(study, "collect", exit_code=1)  # the toy refuses some, as upstream does
    first = (study / "results" / "final_cv_results.csv").read_bytes()
    require_complete(study)
    assert not list(folder.iterdir()), "what was brought in is gone"
    done = walks.drive(study, "collect", exit_code=1)
    assert "72 finished before" in done.stdout
    assert (study / "results" / "final_cv_results.csv").read_bytes() == first
    runs = (study / "results" / "runs.csv").read_text().splitlines()
    assert len({line.split(",")[-1] for line in runs[1:]}) == 5, "a part of each shard"


def test_a_worker_is_killed_and_the_next_goes_on_where_it_was(tmp_path):
    """Its shard is free at once on this machine; no outcome that was written is made again."""
    log = tmp_path / "starts"
    options = {"sleep_ms": 150, "start_log": str(log)}
    study = walks.study(tmp_path / "study", folder={"shard_minutes": 30}, options=options)
    report, _ = walks.run(study, send=True)
    assert (report.state, report.held) == ("detached", 72)
    worker = walks.worker(study / "shards")
    walks.wait_for(lambda: walks.outcomes_there(study))
    worker.kill()
    worker.communicate()
    kept = sum(len(read_segment(path)) for path in walks.segments(study)) - 1  # WorkerReady
    assert 0 < kept < 72
    (queue,) = queues_in(study / "shards")
    assert queue.state("shard-00000").state == "waiting"
    before = len(starts(log))
    walks.wake(study)
    said = walks.work(study / "shards")
    assert f"{kept} finished before" in said
    assert len(starts(log)) - before == 72 - kept
    report, _ = walks.run(study)
    assert report.tally.done == 72
    require_complete(study)


def test_what_is_there_is_brought_in_while_workers_go_on(tmp_path):
    """Collect takes what segments have, and leaves the rest out; the waiting driver gets it all."""
    study = walks.study(tmp_path / "study", options={"sleep_ms": 100})
    walks.run(study, send=True)
    worker = walks.worker(study / "shards")
    walks.wait_for(lambda: walks.outcomes_there(study))
    report, _ = walks.run(study)
    assert 0 < report.tally.done < 72
    assert 0 < report.held <= 72
    assert report.state == "detached"
    parts = walks.opened(study).status().parts
    assert parts["done"] >= report.tally.done
    walks.wake(study)
    report, said = walks.run(study, wait=True)
    assert report.held == 0
    assert any("done" in text for text in said)
    worker.communicate(timeout=60)
    require_complete(study)


@pytest.mark.parametrize("through", [False, True])
def test_a_torn_segment_is_not_taken_in(tmp_path, through):
    """Before its worker is through it makes those outcomes again; after it they are sent again."""
    options = {"sleep_ms": 60}
    settings = {"shard_minutes": 30, "lease_seconds": 0.5}
    study = walks.study(tmp_path / "study", folder=settings, options=options)
    walks.run(study, send=True)
    worker = walks.worker(study / "shards")
    walks.wait_for(lambda: len(walks.segments(study)) > 1)
    if not through:
        worker.kill()
    walks.wake(study)
    worker.communicate(timeout=60)
    torn = walks.segments(study)[0]
    torn.write_bytes(torn.read_bytes()[:-40])
    if not through:
        report, _ = walks.run(study)
        assert torn.exists(), "who brings in leaves the folder alone"
        assert report.tally.done < 72
        walks.work(study / "shards")
        report, _ = walks.run(study)
        assert report.held == 0
    else:
        time.sleep(0.6)  # older than the lease: it is not on its way
        report, said = walks.run(study)
        assert any(torn.name in text for text in said)
        assert report.state == "interrupted", "its tasks wait"
        report, _ = walks.run(study, send=True)
        assert 0 < report.held < 72
        walks.work(study / "shards")
        walks.run(study)
    require_complete(study)


def test_a_torn_segment_that_is_young_is_waited_for(tmp_path):
    """A copy that is on its way is not taken for damage: the same collect takes it later."""
    study = walks.study(tmp_path / "study", folder={"shard_minutes": 30})
    walks.run(study, send=True)
    walks.work(study / "shards")
    torn = walks.segments(study)[0]
    whole = torn.read_bytes()
    torn.write_bytes(whole[:-40])
    report, said = walks.run(study)
    assert report.state == "detached"
    assert any(torn.name in text for text in said)
    torn.write_bytes(whole)
    walks.run(study)
    require_complete(study)


def test_what_a_worker_brought_may_not_change(tmp_path):
    """A manifest that names other outcomes than were taken in is an error, not a result."""
    study = walks.study(tmp_path / "study", folder={"shard_minutes": 30}, options={"sleep_ms": 250})
    walks.run(study, send=True)
    worker = walks.worker(study / "shards")
    process = None
    try:
        process = start(TOY, study, "wait", script=walks.DRIVER)
        walks.wait_for(lambda: outcomes(study)[0])
        worker.kill()
        worker.communicate()
        (out,) = (study / "shards").glob("*/out/shard-00000")
        (first, *_) = sorted(out.glob("segment-*"))
        facts = {"name": first.name, "rows": 1, "checksum": "other"}
        text = json.dumps({"shard": "shard-00000", "tasks": 72, "segments": [facts]})
        (out / MANIFEST).write_text(text)
        _, err = process.communicate(timeout=60)
    finally:
        worker.kill()
        if process is not None:
            process.kill()
    assert process.returncode == 3, err
    assert "the outcomes were modified after the child wrote them" in err


def test_cancel_ends_workers_and_gives_the_rest_back(tmp_path):
    """A worker ends its shard within seconds; what it has counts, what is left is sent again."""
    study = walks.study(
        tmp_path / "study", folder={"shard_minutes": 30}, options={"sleep_ms": 1000}
    )
    walks.run(study, send=True)
    worker = walks.worker(study / "shards")
    walks.wait_for(lambda: walks.outcomes_there(study))
    ended = walks.drive(study, "shards", "cancel")
    assert "asked for the end of gridrun-study-" in ended.stderr
    out, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert "given back" in out
    assert "no other shard is free" in out
    parts = walks.opened(study).status().parts
    assert parts["done"] > 0
    assert parts["waiting"] > 0
    assert [sweep.state for sweep in walks.opened(study).sweeps()] == ["cancelled"]
    assert not walks.sweeps(study)
    nothing = walks.drive(study, "shards", "cancel")
    assert "nothing to cancel" in nothing.stderr
    walks.set_options(study, sleep_ms=0)
    walks.run(study, send=True)
    walks.work(study / "shards")
    walks.run(study)
    require_complete(study)


def test_a_silent_worker_s_shard_is_taken_over_and_counts_once(tmp_path):
    """One that was stopped and wakes again gives way; what both ran is in the table once."""
    log = tmp_path / "starts"
    options = {"sleep_ms": 100, "start_log": str(log)}
    settings = {"shard_minutes": 30, "lease_seconds": 2}
    study = walks.study(tmp_path / "study", folder=settings, options=options)
    walks.run(study, send=True)
    first = walks.worker(study / "shards")
    walks.wait_for(lambda: walks.outcomes_there(study))
    first.send_signal(signal.SIGSTOP)
    (queue,) = queues_in(study / "shards")
    walks.wait_for(lambda: queue.state("shard-00000").state == "waiting")
    second = walks.worker(study / "shards")
    walks.wait_for(lambda: queue.taken("shard-00000") == 2)
    first.send_signal(signal.SIGCONT)
    out, _ = first.communicate(timeout=60)
    assert "given back" in out
    walks.wake(study)
    second.communicate(timeout=60)
    assert second.returncode == 0
    walks.run(study)
    require_complete(study)
    again = [task for task, count in Counter(starts(log)).items() if count > 1]
    assert len(again) < 72, "what was written was not run again"


def test_a_shard_that_two_workers_ran_whole_counts_once(tmp_path):
    """Two workers, each with a shard's file and a directory of its own, merged afterwards."""
    study = walks.study(tmp_path / "study", folder={"shard_minutes": 30})
    walks.run(study, send=True)
    (queue,) = queues_in(study / "shards")
    for name in ("one", "two"):
        done = gridrun("worker", queue.file("shard-00000"), "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
        shutil.copytree(tmp_path / name, queue.out("shard-00000"), dirs_exist_ok=True)
    report, _ = walks.run(study)
    assert report.tally.done == 72
    require_complete(study)


def test_a_worker_on_another_machine_is_gone_when_its_lease_is_over(tmp_path):
    """As long as its claim is young nobody takes its shard, however many ask."""
    study = walks.study(tmp_path / "study", folder={"shard_minutes": 30, "lease_seconds": 30})
    walks.run(study, send=True)
    (queue,) = queues_in(study / "shards")
    claim = queue.directory / "claims" / "shard-00000.1"
    claim.write_text("far-away another-boot 4711 12345\n")
    assert queue.claim() is None
    assert "no other shard is free" in walks.work(study / "shards")
    state = queue.state("shard-00000")
    assert (state.state, state.owner) == ("running", "process 4711 on far-away")
    old = time.time() - 100
    os.utime(claim, (old, old))
    state = queue.state("shard-00000")
    assert state.state == "waiting"
    assert 99 < state.silent_seconds < 110
    look = walks.backend_of(study).look(queue.name)
    assert "process 4711 on far-away is gone, or has been silent for 10" in look.children[0].error
    taken = queue.claim()
    assert taken is not None
    assert queue.claim() is None, "it is taken, by this very process"
    assert taken.holds()
    taken.release()
    walks.work(study / "shards")
    walks.run(study)
    require_complete(study)


def test_a_shard_is_taken_by_one_of_many_who_ask_at_once(tmp_path):
    """Eight at a time, sixty shards: each is taken once, and none is left."""
    shards = [[unit] for unit in toy_units(60, 1)]
    write_queue(tmp_path / "sweep", toy_job(), Contexts(), shards, read_artifact=toy_content)
    queue = ShardQueue(tmp_path / "sweep")
    barrier = threading.Barrier(8)

    def ask(_):
        barrier.wait()
        taken = []
        while (claim := ShardQueue(queue.directory).claim()) is not None:
            taken.append(claim.shard)
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [shard for found in pool.map(ask, range(8)) for shard in found]
    assert sorted(taken) == queue.shards()
    assert len(taken) == 60


def test_a_shard_that_another_takes_meanwhile_is_left_to_it(tmp_path):
    """Between the look and the taking somebody else may have been quicker."""

    class Slow(ShardQueue):
        def state(self, shard):
            found = super().state(shard)
            assert ShardQueue(self.directory).claim() is not None
            return found

    shards = [toy_units(1, 1)]
    write_queue(tmp_path / "sweep", toy_job(), Contexts(), shards, read_artifact=toy_content)
    assert Slow(tmp_path / "sweep").claim() is None
    assert ShardQueue(tmp_path / "sweep").taken("shard-00000") == 1


def test_what_another_backend_sent_is_left_to_it(tmp_path):
    """Each takes in its own sweeps only; who holds the others is said, installed or not."""
    study = walks.study(tmp_path / "study")
    walks.run(study, send=True, only=("smoothing=flat",))
    first = walks.opened(study).sweeps()[0]
    toy = walks.opened(study)
    _, settings = toy.backend_settings("folder")
    other = load_backend("folder", settings=settings, folder=tmp_path / "other", wait=False)
    report = toy.engine(other, name="another").run()
    assert report.held == 72
    assert any("`gridrun collect` brings what it has" in str(note) for note in report.notes)
    assert [sweep.backend for sweep in toy.sweeps()] == ["folder", "another"]
    walks.work(study / "shards")
    walks.work(tmp_path / "other")
    report, _ = walks.run(study)
    assert report.tally.done == first.tasks
    ran = walks.drive(study, "local", "--in-process")
    assert "the backend that sent them, another, is not installed here" in ran.stderr
    other = load_backend("folder", settings=settings, send=False, wait=False)
    walks.opened(study).engine(other, name="another", collect_only=True).run()
    require_complete(study)


def test_a_claim_without_its_owner_s_name_is_held_until_the_lease_is_over(tmp_path):
    """A worker killed while it took a shard blocks it no longer than any other."""
    study = walks.study(tmp_path / "study", folder={"shard_minutes": 30, "lease_seconds": 30})
    walks.run(study, send=True)
    (queue,) = queues_in(study / "shards")
    claim = queue.directory / "claims" / "shard-00000.1"
    claim.touch()
    assert queue.state("shard-00000").state == "running"
    old = time.time() - 31
    os.utime(claim, (old, old))
    assert queue.state("shard-00000").state == "waiting"


def test_a_driver_killed_before_the_shards_are_there_loses_nothing(tmp_path):
    """The ledger knows a sweep before it is written: the next run gives its tasks back."""
    study = walks.study(tmp_path / "study")
    killed = gridrun(TOY, study, "shards", "--killed-before-writing", script=walks.DRIVER)
    assert killed.returncode == -signal.SIGKILL
    assert not walks.sweeps(study)
    (planned,) = walks.opened(study).sweeps()
    assert (planned.state, planned.tasks) == ("planned", 72)
    report, _ = walks.run(study, send=True)
    assert report.held == 72
    assert [sweep.state for sweep in walks.opened(study).sweeps()] == ["abandoned", "sent"]
    walks.work(study / "shards")
    walks.run(study)
    require_complete(study)


def test_a_driver_killed_after_the_shards_are_there_finds_them(tmp_path):
    """Workers may have begun: nothing is written a second time."""
    study = walks.study(tmp_path / "study")
    killed = gridrun(TOY, study, "shards", "--killed-after-writing", script=walks.DRIVER)
    assert killed.returncode == -signal.SIGKILL
    (written,) = walks.sweeps(study)
    assert [sweep.state for sweep in walks.opened(study).sweeps()] == ["planned"]
    report, _ = walks.run(study, send=True)
    assert report.held == 72
    assert walks.sweeps(study) == [written]
    assert [sweep.state for sweep in walks.opened(study).sweeps()] == ["sent"]
    walks.work(study / "shards")
    walks.run(study)
    require_complete(study)


def test_a_folder_may_be_elsewhere_and_move(tmp_path):
    """--folder is remembered; where the folder is gone that is said, and it can be named anew."""
    study = walks.study(tmp_path / "study")
    place = tmp_path / "disk" / "my shards"
    sent = walks.drive(study, "shards", "--folder", place)
    assert f"gridrun worker '{place}'" in sent.stderr
    assert not (study / "shards").exists()
    walks.work(place)
    moved = place.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="do not exist") as caught:
        walks.run(study)
    assert "--folder" in caught.value.text()
    status = walks.drive(study, "shards", "status")
    assert "its folder does not exist" in status.stdout
    walks.drive(study, "collect", "--folder", moved, exit_code=1)
    require_complete(study)


def test_a_folder_that_is_lost_can_be_given_up(tmp_path):
    """Cancel gives the tasks back though nobody can be asked to end."""
    study = walks.study(tmp_path / "study")
    walks.run(study, send=True)
    shutil.rmtree(study / "shards")
    walks.drive(study, "shards", "cancel")
    assert [sweep.state for sweep in walks.opened(study).sweeps()] == ["cancelled"]
    report, _ = walks.run(study, send=True)
    assert report.held == 72


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """Exit code 3, and nothing counts as out."""
    study = walks.study(tmp_path / "study")
    (study / "shards").write_text("a file")
    with pytest.raises(EnvironmentFault, match="shards cannot be written"):
        walks.run(study, send=True)
    assert [sweep.state for sweep in walks.opened(study).sweeps()] == ["abandoned"]
    (study / "shards").unlink()
    report, _ = walks.run(study, send=True)
    assert report.held == 72


def test_a_local_run_leaves_what_is_out_and_says_who_brings_it(tmp_path):
    """The messages are the backend's: its commands bring the tasks in, or give them back."""
    study = walks.study(tmp_path / "study")
    walks.run(study, send=True, only=("smoothing=flat",))
    ran = walks.drive(study, "local", "--in-process")
    assert "`gridrun collect` brings what it has" in ran.stderr
    assert "`gridrun shards cancel` gives the rest back" in ran.stderr
    assert re.search(r"sweeps elsewhere hold \d+ tasks: gridrun shards status", ran.stderr)
    walks.work(study / "shards")
    walks.run(study)
    require_complete(study)


def test_status_and_logs_say_how_shards_stand(tmp_path):
    """Which wait, run and are done; what a worker said of one; why one could not be run."""
    study = walks.study(tmp_path / "study", options={"sleep_ms": 10})
    assert "nothing was sent to a folder yet" in walks.drive(study, "shards", "status").stdout
    walks.run(study, send=True)
    (queue,) = queues_in(study / "shards")
    broken = queue.file("shard-00002")
    text = broken.read_text()
    broken.write_text("{}\n")
    said = walks.work(study / "shards", exit_code=2)
    assert "this is not a shard" in said or "has format" in said
    status = walks.drive(study, "shards", "status")
    assert "children: 4 done, 1 waiting" in status.stdout
    assert "1 x " in status.stdout
    (sweep,) = json.loads(walks.drive(study, "shards", "status", "--json").stdout)["sweeps"]
    assert (sweep["backend"], sweep["now"]["state"]) == ("folder", "waiting")
    assert sweep["place"] == str(queue.directory)
    logs = walks.drive(study, "shards", "logs")
    assert f"{queue.name}_2: waiting: " in logs.stdout
    one = walks.drive(study, "shards", "logs", "--child", f"{queue.name}_1")
    assert "tasks done, 0 failed" in one.stdout
    none = walks.drive(study, "shards", "logs", "--child", "nothing_77", exit_code=2)
    assert "there is no shard nothing_77" in none.stderr
    broken.write_text(text)
    walks.work(study / "shards")
    walks.run(study)
    require_complete(study)


def test_a_worker_with_other_code_gives_the_shard_back(tmp_path):
    """Exit code 3, the reason with the shard, and a worker with the right code runs it."""
    study = walks.study(tmp_path / "study", folder={"shard_minutes": 30})
    walks.run(study, send=True)
    (queue,) = queues_in(study / "shards")
    file = queue.file("shard-00000")
    text = file.read_text()
    head, _, rest = text.partition("\n")
    data = json.loads(head)
    data["contexts"][0]["code"]["train"] = "other"
    del data["checksum"]  # whoever makes a shard writes one
    whole = "\n".join([json.dumps(data, separators=(",", ":")), *rest.splitlines()])
    head = json.dumps({**data, "checksum": digest_of_text(whole)})
    file.write_text(f"{head}\n{rest}")
    said = walks.work(study / "shards", exit_code=3)
    assert "is not the code that the shard was made for: train" in said
    look = walks.backend_of(study).look(queue.name)
    assert look.state == "waiting"
    assert "not the code that the shard was made for" in look.children[0].error
    file.write_text(text)
    walks.work(study / "shards")
    walks.run(study)
    require_complete(study)


def test_a_worker_asked_to_end_gives_its_shard_back(tmp_path):
    """SIGTERM, as a cluster sends it at the end of a job: exit code 143, nothing is lost."""
    study = walks.study(tmp_path / "study", folder={"shard_minutes": 30}, options={"sleep_ms": 100})
    walks.run(study, send=True)
    worker = walks.worker(study / "shards")
    walks.wait_for(lambda: walks.outcomes_there(study))
    worker.terminate()
    out, err = worker.communicate(timeout=60)
    assert worker.returncode == 143, out + err
    (queue,) = queues_in(study / "shards")
    walks.wake(study)
    assert queue.taken("shard-00000") == 0, "free for the next one, without waiting for a lease"
    walks.work(study / "shards")
    walks.run(study)
    require_complete(study)


@pytest.mark.parametrize(
    ("options", "part"),
    [(("--out", "x"), "go beside them"), (("--shard", "1"), "any free shard is taken")],
)
def test_options_of_a_single_shard_are_refused_for_a_folder(tmp_path, options, part):
    """What they would mean is said, and what to do."""
    said = walks.work(tmp_path, *options, exit_code=2)
    assert part in said


def test_a_folder_without_shards_is_no_mistake(tmp_path):
    """A job of a cluster that comes too late ends well, and says that it did nothing."""
    assert "0 shards run" in walks.work(tmp_path)


def test_doctor_looks_at_the_folder(tmp_path):
    """By the switch that the backend's key brings."""
    study = walks.study(tmp_path / "study")
    walks.run(study, send=True)
    found = walks.drive(study, "doctor", "--folder")
    assert f"folder: {study / 'shards'}: 5 shards" in found.stdout
    assert "gridrun worker --self-test" in found.stdout


def test_a_queue_is_there_as_a_whole_or_not_at_all(tmp_path):
    """What is being made or removed is seen by no worker."""
    study = walks.study(tmp_path / "study")
    walks.run(study, send=True)
    (sweep,) = walks.sweeps(study)
    for name in (".new-x", ".gone-x"):
        shutil.copytree(sweep, sweep.with_name(name))
    assert [queue.directory for queue in queues_in(study / "shards")] == [sweep]
    assert [queue.directory for queue in queues_in(sweep)] == [sweep]
    ShardQueue(sweep).remove()
    assert not sweep.exists()


@pytest.mark.parametrize("kept", [b"/a\xaf", b"/a\0b", b"", b"\0\0", b"relative"])
def test_a_damaged_memory_of_a_folder_is_none(tmp_path, kept):
    """It is a folder that is not known; what the user names is where shards are then."""
    memory = SweepMemory(tmp_path)
    memory.note("sweep", tmp_path / "other")
    assert memory.folders() == [tmp_path / "other"]
    (tmp_path / "sweep" / "place").write_bytes(kept)
    assert memory.folder("sweep") is None
    assert memory.folders() == []
    assert not memory.queue("sweep", tmp_path / "given").exists
