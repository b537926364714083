"""Shards: written, run by `gridrun worker`, killed, gone on with, read back."""

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from commands import start

from gridrun.errors import UserError
from gridrun.pipeline import TaskResult
from gridrun.plan.units import (
    Attempt,
    ContextFacts,
    FoundAtFault,
    Kind,
    PeakMeasured,
    TaskDone,
    TaskFailed,
    Unit,
    UnitFinished,
    UnitStarted,
    WorkerReady,
    is_final,
)
from gridrun.shard import (
    ARTIFACTS,
    MANIFEST,
    SegmentWriter,
    Shard,
    TornSegment,
    event_from,
    event_text,
    is_segment,
    open_shard,
    pack_shards,
    read_manifest,
    read_segment,
    work_on,
)
from gridrun.shard._text import job_data, job_from
from gridrun.shard.contexts import Contexts
from gridrun.shard.queue import ShardQueue, write_queue
from gridrun.testing.processes import all_gone
from gridrun.testing.toy import PIPELINE
from gridrun.testing.units import expected_rows, task_key, toy_content, toy_job, toy_units


def make_shard(place, units, *, code=None, **options):
    """An archive with one shard and its artifacts beside it."""
    job = toy_job(**options)
    shard = Shard("shard-00000", job, {1: ContextFacts("c" * 32, "tree", code or {})}, tuple(units))
    (place / ARTIFACTS).mkdir(exist_ok=True)
    for unit in units:
        (place / ARTIFACTS / unit.artifact).write_bytes(toy_content(unit.artifact))
    pack_shards(place / "shards.zip", [shard])
    return job, place / "shards.zip"


def worker(archive, out, *more):
    return start("worker", archive, "--shard", "0", "--out", out, *more)


def run(archive, out, *more):
    process = worker(archive, out, *more)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def events_in(out):
    names = sorted(path.name for path in out.iterdir() if is_segment(path.name))
    lines = [line for name in names for line in read_segment(out / name)]
    return [event_from(line, lambda digest: {"c" * 32: 1}[digest]) for line in lines]


def rows_of(events):
    return {
        task_key(event.task): event.result.rows if isinstance(event, TaskDone) else event.reason
        for event in events
        if is_final(event)
    }


def test_a_shard_comes_back_as_it_was_but_for_the_paths_of_inputs(tmp_path):
    """Units, job and contexts survive the file; paths of this machine do not travel."""
    units = toy_units(3, 5)
    job = toy_job(task_seconds=4.0, sleep_ms=1)
    job = dataclasses.replace(
        job, settings=dataclasses.replace(job.settings, inputs={"table": "/secret/place.txt"})
    )
    contexts = {1: ContextFacts("d" * 32, "tree", {"train": "x"})}
    shard = Shard("shard-00007", job, contexts, tuple(units))
    pack_shards(tmp_path / "s.zip", [shard])
    (tmp_path / "s.jsonl").write_text(shard.text())
    assert "secret" not in shard.text()
    blank = dataclasses.replace(job, settings=dataclasses.replace(job.settings, inputs={}))
    for found in (open_shard(tmp_path / "s.jsonl"), open_shard(tmp_path / "s.zip", 7)):
        assert found == dataclasses.replace(shard, job=blank)


def test_equal_shards_make_equal_archives(tmp_path, monkeypatch):
    """Nothing of the moment or place is in the archive."""
    shard = Shard("shard-00000", toy_job(), {1: ContextFacts("d", "tree")}, tuple(toy_units(2, 2)))
    pack_shards(tmp_path / "a.zip", [shard])
    tomorrow = time.time() + 86_400  # archives hold times by two seconds
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    pack_shards(tmp_path / "b.zip", [shard])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, 0.1, 1 / 3, 1e-300, 3, None, "NA", "\udc80é"]
)
def test_events_come_back_as_they_were(value):
    """Every kind of event and every kind of cell survives the text."""
    (unit,) = toy_units(1, 1)
    task = unit.tasks[0]
    attempt = Attempt("u", 2, "host/1", 1.5, 0.25)
    pooled, payloads = {"MCC": value}, {"rows": bytes(range(256)), "none": b""}
    rows, details = ({"MCC": value},), ({"consequence": "x"},)
    result = TaskResult(rows, details, "key", True, ("n",), {"fits": {}}, pooled, payloads)
    events = [
        WorkerReady("w", {"R": "4.2.2"}),
        UnitStarted("u", "w"),
        TaskDone(task, attempt, result, "log"),
        TaskFailed(task, attempt, Kind.CRASH, "gone", False, 9, None, None, "train", "log"),
        UnitFinished("u", "w", stopped=True),
        PeakMeasured(1, "impute imputation=large", 3 << 30),
    ]
    for event in events:
        text = event_text(event, lambda number: f"digest {number}")
        assert "\n" not in text
        back = event_from(text, lambda digest: int(digest.split()[1]))
        assert type(back) is type(event)
        assert repr(back) == repr(event)


def test_a_segment_has_bounds(tmp_path, monkeypatch):
    """A writer ends one that is full before its time; one that is larger than any is not read."""
    monkeypatch.setattr("gridrun.shard._segments._FULL_BYTES", 1_000)
    writer = SegmentWriter(tmp_path, lambda: 0.0)
    writer.add("x" * 999)
    assert writer.seconds_to_flush() > 0
    writer.add("y")
    assert writer.seconds_to_flush() == 0
    writer.flush()
    assert writer.seconds_to_flush() > 0
    (path,) = tmp_path.iterdir()
    assert read_segment(path) == ["x" * 999, "y"]
    monkeypatch.setattr("gridrun.shard._segments.MOST_BYTES", 1_000)
    with pytest.raises(TornSegment, match="more than any that gridrun writes"):
        read_segment(path)


def test_a_worker_runs_its_shard(tmp_path):
    """Rows equal those of the pipeline; the manifest counts every task and segment; exit 0."""
    units = toy_units(4, 12)
    finding = "fold=1,column_share=0.66"
    job, archive = make_shard(tmp_path, units, misbehave={finding: "error"}, predictions=3)
    code, stdout, stderr = run(archive, tmp_path / "out", "--workers", "2")
    assert (code, stderr) == (0, "")
    assert "44 tasks done, 4 failed, 0 finished before" in stdout
    events = events_in(tmp_path / "out")
    assert rows_of(events) == expected_rows(job, units)
    done = [event.result for event in events if isinstance(event, TaskDone)]
    assert all(result.pooled["hits"] == result.rows[0]["hits"] for result in done)
    assert {len(PIPELINE.read_predictions(result.payloads)["row_id"]) for result in done} == {3}
    manifest = read_manifest(tmp_path / "out" / MANIFEST)
    assert (manifest.shard, manifest.tasks) == ("shard-00000", 48)
    assert sum(segment.rows for segment in manifest.segments) == len(events)
    assert {event.worker for event in events if isinstance(event, WorkerReady)}


def test_a_killed_worker_goes_on(tmp_path):
    """After kill -9, tasks with a line in a segment do not run again; children are gone."""
    units = toy_units(2, 60)
    starts, awake = tmp_path / "starts", tmp_path / "awake"
    options = {"sleep_ms": 60, "sleep_until": str(awake), "start_log": str(starts)}
    job, archive = make_shard(tmp_path, units, **options)
    process = worker(archive, tmp_path / "out", "--workers", "2")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not list(tmp_path.glob("out/segment-*")):
        time.sleep(0.02)  # until a segment is written
    process.kill()
    process.communicate()
    assert all_gone(starts)
    awake.touch()
    before = rows_of(events_in(tmp_path / "out"))
    assert before
    seen = len(starts.read_text().splitlines())
    assert not (tmp_path / "out" / MANIFEST).exists()
    code, stdout, _ = run(archive, tmp_path / "out", "--workers", "2")
    assert code == 0
    assert f"{len(before)} finished before" in stdout
    assert len(starts.read_text().splitlines()) - seen == 120 - len(before)
    assert rows_of(events_in(tmp_path / "out")) == expected_rows(job, units)
    assert read_manifest(tmp_path / "out" / MANIFEST).tasks == 120


def test_a_machine_at_fault_ends_all_workers_of_a_shard(tmp_path):
    """One has found out what is lost; another one might take its failures for findings."""
    units = toy_units(20, 12)
    places = {"fold=1": "need", "fold=1,twin_check=off,column_share=0.33": "lose"}
    first = units[0].tasks
    units[0] = dataclasses.replace(units[0], tasks=(first[9], *first[:9], *first[10:]))
    options = {"misbehave": places, "state_dir": str(tmp_path), "sleep_ms": 25}
    _, archive = make_shard(tmp_path, units, **options)
    code, _, stderr = run(archive, tmp_path / "out", "--workers", "2")
    assert code == 3
    assert "so does one that was done before" in stderr
    ended = rows_of(events_in(tmp_path / "out"))
    assert 0 < len(ended) < 200, "the others wait"
    (fault,) = [e for e in events_in(tmp_path / "out") if isinstance(e, FoundAtFault)]
    assert "cannot open shared object" in fault.alike
    assert fault.text in stderr


def test_a_worker_asked_to_end_keeps_what_it_has(tmp_path):
    """SIGTERM, which comes before a node is taken away: outcomes are written, exit is not 0."""
    starts = tmp_path / "starts"
    _, archive = make_shard(tmp_path, toy_units(1, 500), sleep_ms=20, start_log=str(starts))
    process = worker(archive, tmp_path / "out", "--workers", "1")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not starts.exists():
        time.sleep(0.02)  # until a task has begun
    time.sleep(0.7)  # into the middle of the 500 tasks of 20 ms
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert all_gone(starts)
    count = len(rows_of(events_in(tmp_path / "out")))
    assert 0 < count >= len(starts.read_text().splitlines()) - 1 - 0.5 / 0.02


def test_what_was_finished_is_not_run_again(tmp_path):
    """A worker started once more on a finished shard starts no task and ends well."""
    starts = tmp_path / "starts"
    _, archive = make_shard(tmp_path, toy_units(2, 3), start_log=str(starts))
    assert run(archive, tmp_path / "out")[0] == 0
    count = len(starts.read_text().splitlines())
    code, stdout, _ = run(archive, tmp_path / "out")
    assert code == 0
    assert "6 finished before" in stdout
    assert len(starts.read_text().splitlines()) == count == 6


def test_a_torn_segment_is_run_again(tmp_path):
    """A segment cut short is no outcome: its tasks run again and the manifest leaves it out."""
    units = toy_units(1, 6)
    job, archive = make_shard(tmp_path, units)
    assert run(archive, tmp_path / "out")[0] == 0
    (path,) = (tmp_path / "out").glob("segment-*")
    path.write_text(path.read_text()[:-30])
    with pytest.raises(TornSegment):
        read_segment(path)
    code, stdout, _ = run(archive, tmp_path / "out")
    assert code == 0
    assert "0 finished before" in stdout
    assert rows_of(events_in(tmp_path / "out")) == expected_rows(job, units)


@pytest.mark.parametrize("cut", [1, 2, 10, 200])
def test_segments_cut_anywhere_are_recognised(tmp_path, cut):
    """However many bytes are missing at the end, the segment is torn."""
    writer = SegmentWriter(tmp_path)
    for number in range(20):
        writer.add(json.dumps({"number": number}))
    writer.flush()
    (path,) = tmp_path.glob("segment-*")
    assert len(read_segment(path)) == 20
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(TornSegment):
        read_segment(path)


def test_segments_are_few_in_a_long_run(tmp_path):
    """A day of steady outcomes makes hundreds of segments, not tens of thousands."""
    now = [0.0]
    writer = SegmentWriter(tmp_path, lambda: now[0])
    while now[0] < 86400:
        now[0] += max(writer.seconds_to_flush(), 0.01)
        writer.add("{}")
        writer.flush()
    assert 100 < len(list(tmp_path.iterdir())) < 1000


def test_other_code_is_refused(tmp_path):
    """A shard made for other code does not run: exit 3, stages named, nothing written."""
    values = toy_units(1, 1)[0].tasks[0].values
    code = dict(PIPELINE.code_digests("tree", values))
    _, archive = make_shard(tmp_path, toy_units(1, 1), code=code)
    assert run(archive, tmp_path / "good")[0] == 0
    _, archive = make_shard(tmp_path, toy_units(1, 1), code={**code, "train": "other"})
    exit_code, _, stderr = run(archive, tmp_path / "out")
    assert exit_code == 3
    assert "code that the shard was made for: train" in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_artifact_ends_the_worker_with_the_path(tmp_path):
    """It could not work, so the exit code is not 0, and what is missing is named."""
    units = toy_units(1, 1)
    _, archive = make_shard(tmp_path, units)
    (tmp_path / ARTIFACTS / units[0].artifact).unlink()
    code, _, stderr = run(archive, tmp_path / "out")
    assert code == 2
    assert units[0].artifact in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["this is not a shard"]),
        ("{}", ["has format None"]),
        ('{"gridrun_shard": 99}', ["format 99", "version of gridrun"]),
        ('{"gridrun_shard": 1}\nx', ["this is not a shard"]),
        (None, ["cannot be read", "No such file"]),
    ],
)
def test_a_file_that_is_no_shard_is_refused(tmp_path, content, parts):
    """Whatever is wrong with it is said in a sentence with the path."""
    path = tmp_path / "s.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError) as caught:
        open_shard(path)
    for part in (str(path), *parts):
        assert part in caught.value.text()


def test_self_test(tmp_path):
    """It runs a shard and starts R; the last lines say the versions."""
    command = [sys.executable, "-m", "gridrun", "worker", "--self-test"]
    ran = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert ran.returncode == 0, ran.stderr
    assert "shard: 12 tasks" in ran.stdout
    assert "R version" in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_unit_of_no_artifact_runs(tmp_path):
    """Units without an artifact need no file beside the shard."""
    (unit,) = toy_units(1, 2)
    bare = Unit(unit.id, "", unit.tasks)
    shard = Shard("shard-00000", toy_job(), {1: ContextFacts("c" * 32, "tree")}, (bare,))
    pack_shards(tmp_path / "shards.zip", [shard])
    assert run(tmp_path / "shards.zip", tmp_path / "out")[0] == 0
    assert len(rows_of(events_in(tmp_path / "out"))) == 2


def test_what_values_need_travels_with_a_shard():
    """A job that needs nothing more is written as before; one that does comes back with it."""
    job = toy_job()
    assert "needs" not in job_data(job)
    more = dataclasses.replace(job, settings=dataclasses.replace(job.settings, needs=("lens",)))
    assert job_from(json.loads(json.dumps(job_data(more)))).settings.needs == ("lens",)
    assert job_from(json.loads(json.dumps(job_data(job)))).settings.needs == ()


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/b", ".hidden", "a\nb"])
def test_a_shard_names_no_file_outside_of_its_folder(tmp_path, name):
    """An artifact or a shard of such a name is refused before anything is read or written."""
    job, units = toy_job(), toy_units(1, 1)
    contexts = {1: ContextFacts("c" * 32, "tree", {})}
    odd = [dataclasses.replace(units[0], artifact=name)]
    for number, shard in enumerate(
        (Shard("shard-00000", job, contexts, tuple(odd)), Shard(name, job, contexts, ()))
    ):
        path = tmp_path / f"{number}.jsonl"
        path.write_text(shard.text())
        with pytest.raises(UserError, match="which is no name of a file in its folder"):
            open_shard(path)


def test_an_archive_that_would_fill_the_memory_is_no_shard(tmp_path):
    """It is not unpacked."""
    with zipfile.ZipFile(tmp_path / "s.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("shard-00000.jsonl", bytes(2**26))
    with pytest.raises(UserError, match="unpacked to far more than a shard takes"):
        open_shard(tmp_path / "s.zip", 0)


def test_a_shard_that_is_to_end_lets_its_tasks_end(tmp_path):
    """Near a time limit: what runs has its outcome, nothing else is begun, the next goes on."""
    starts = tmp_path / "starts"
    job = toy_job(sleep_ms=150, start_log=str(starts))
    units = toy_units(2, 8)
    contexts = Contexts({1: ContextFacts("c" * 32, "tree")})
    write_queue(tmp_path / "q", job, contexts, [units], read_artifact=toy_content)
    queue = ShardQueue(tmp_path / "q")
    out = queue.out("shard-00000")
    report = work_on(
        queue, "shard-00000", workers=2, is_ending=lambda: starts.exists() and _lines(starts) > 3
    )
    assert report is not None
    assert report.stopped
    assert report.done + report.failed == _lines(starts) < 16
    assert queue.state("shard-00000").state == "waiting"
    report = work_on(queue, "shard-00000", workers=2)
    assert report is not None
    assert not report.stopped
    assert _lines(starts) == 16
    assert rows_of(events_in(out)) == expected_rows(job, units)
    assert work_on(queue, "shard-00000") is None, "it is done"


def _lines(path):
    return len(path.read_text().splitlines())
