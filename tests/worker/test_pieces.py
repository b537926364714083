"""The small parts: log, status page, framing."""

import os
import pickle

import pytest

from gridrun.plan.units import TaskDone
from gridrun.testing.misbehaviour import FLOOD_BYTES
from gridrun.testing.units import toy_units
from gridrun.worker import _log
from gridrun.worker._channel import Decoder, framed
from gridrun.worker._messages import Idle, Ready
from gridrun.worker._shared_status import StatusPage


def test_everything_printed_is_kept_in_order(supervise):
    """Python, the descriptor, C's stdio and a shell's words are in the task's log, as printed."""
    unit = toy_units(1, 3)[0]
    selector = "column_share=0.66"
    events = supervise(misbehave={selector: "say"}).run(unit)
    logs = [event.log for event in events if isinstance(event, TaskDone)]
    said = f"python says {selector}\ndescriptor 1 says so\nC says so\na shell says so\n"
    assert logs == ["", said, ""]


def test_a_flood_keeps_head_and_tail(supervise):
    """Of much output beginning and end are kept, with the number of bytes left out."""
    events = supervise(misbehave={"fold=1": "flood"}).run(toy_units(1, 1)[0])
    (log,) = (event.log for event in events if isinstance(event, TaskDone))
    assert log.startswith("first line of the flood\n")
    assert log.endswith("last line of the flood\n")
    assert len(log) < _log.HEAD_BYTES + _log.TAIL_BYTES + 100 < FLOOD_BYTES
    left_out = int(log.partition("[... ")[2].partition(" bytes")[0])
    assert left_out > FLOOD_BYTES - _log.HEAD_BYTES - _log.TAIL_BYTES - 1000


def test_a_file_that_grows_is_trimmed(tmp_path, monkeypatch):
    """A log past its bound loses its middle while its writer goes on at the end."""
    monkeypatch.setattr(_log, "TRIM_BYTES", 2 * _log.HEAD_BYTES)
    path = tmp_path / "log"
    writer = _log.open_log(path)
    os.write(writer, b"a" * (3 * _log.HEAD_BYTES))
    _log.trim(path)
    os.write(writer, b"the end\n")
    os.close(writer)
    assert path.stat().st_size < _log.HEAD_BYTES + 100
    assert path.read_bytes().endswith(
        f"[... {2 * _log.HEAD_BYTES} bytes left out here ...]\nthe end\n".encode()
    )


def test_the_status_page_outlives_its_writer(tmp_path):
    """What one side notes the other reads, through the file."""
    child, supervisor = StatusPage(tmp_path / "status"), StatusPage(tmp_path / "status")
    assert supervisor.running() is None
    child.begin(7)
    child.at_stage("prepare", "key of it")
    child.close()
    running = supervisor.running()
    assert (running.position, running.stage, running.key) == (7, "prepare", "key of it")
    assert running.started_ns > 0
    supervisor.close()


def test_a_new_task_forgets_the_stage_before(tmp_path):
    """A task that has not reached a stage yet is not charged with the last one's."""
    status = StatusPage(tmp_path / "status")
    status.begin(0)
    status.at_stage("train", "key")
    status.begin(1)
    assert (status.running().stage, status.running().key) == ("", "")
    status.rest()
    assert status.running() is None
    status.close()


@pytest.mark.parametrize("length", [10, 5000, 100_000])
def test_a_key_of_any_length_fits(tmp_path, length):
    """A key too long for the status page is cut, no more."""
    status = StatusPage(tmp_path / "status")
    status.begin(0)
    status.at_stage("train", "k" * length)
    running = status.running()
    assert running.stage == "train"
    assert running.key == "k" * min(length, len(running.key))
    assert len(running.key) >= min(length, 4000)
    status.close()


def test_messages_survive_any_cut():
    """A stream of messages is put together from single bytes; a cut end gives nothing."""
    read, write = os.pipe()
    messages = [Ready({"R": "4.2.2"}, {}), Idle(), Ready({"x": "y" * 3000}, {})]
    for message in messages:
        os.write(write, framed(message))
    os.close(write)
    stream = os.read(read, 1 << 16)
    os.close(read)
    decoder = Decoder()
    assert [m for i in range(len(stream)) for m in decoder.feed(stream[i : i + 1])] == messages
    assert list(Decoder().feed(stream[:-1])) == messages[:2]
    assert len(stream) < 3 * len(pickle.dumps(messages))


def test_a_log_has_nothing_that_a_terminal_obeys(tmp_path):
    """Escape sequences are shown, and a progress bar is one line after the other."""
    log = tmp_path / "log"
    log.write_text("a\tb\x1b[2J\x9b1m\r\n10 %\r20 %\n")
    assert _log.take(log) == "a\tb\\u001b[2J\\u009b1m\n10 %\n20 %\n"
