"""Processes that do not start, what is said about them, and what a task finds around it."""

import sys
import time
from pathlib import Path

import pytest

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import Settings
from gridrun.plan.units import Job, Kind, TaskDone, TaskFailed, Unit
from gridrun.testing.units import toy_content, toy_digest, toy_units
from gridrun.worker import _task_process
from gridrun.worker._shared_status import StatusPage


def job_of(name, **options):
    return Job(f"odd_pipelines:{name}", Settings({}, "plain", seed=1, options=options))


def fault_of(driven):
    with pytest.raises(EnvironmentFault) as caught:
        driven.run(toy_units(1, 2)[0])
    return caught.value


def test_what_the_pipeline_explains_is_passed_on(supervise):
    """A fault the pipeline explains comes at once, with its own words and advice."""
    fault = fault_of(supervise(job=job_of("WITHOUT_R")))
    assert (fault.what, fault.todo) == ("there is no R on this machine", "install r-base-core")
    assert fault_of(supervise(job=job_of("NOT_THERE"))).what.endswith('has no "NOT_THERE"')


def test_a_python_package_that_is_missing_is_named(supervise):
    """Once, without a traceback, with the Python that lacks it."""
    fault = fault_of(supervise(job=job_of("LACKS_A_PACKAGE")))
    assert fault.what.endswith(f"by {sys.executable}: No module named 'no_such_package'")
    assert "Traceback" not in fault.text()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("RAISES", ["code 1", "Traceback", "RuntimeError: the library is of another version"]),
        ("LEAVES", ["code 3", "cannot open shared object file"]),
    ],
)
def test_three_failed_starts_are_a_fault(supervise, name, parts):
    """A process that cannot start, three times in a row, is a fault with what it printed."""
    fault = fault_of(supervise(job=job_of(name)))
    for part in ("while it started", "3 times in a row", *parts):
        assert part in fault.text()


def test_two_failed_starts_are_forgiven(supervise, tmp_path):
    """A process that starts the third time runs the unit, and no task has failed."""
    state = tmp_path / "state"
    state.mkdir()
    events = supervise(job=job_of("LEAVES_TWICE", state_dir=str(state))).run(toy_units(1, 1)[0])
    assert sum(isinstance(event, TaskDone) for event in events) == 1
    assert not any(isinstance(event, TaskFailed) for event in events)


def test_a_start_that_hangs_is_given_up(supervise, monkeypatch):
    """A process that is not ready in time is killed, and that is said."""
    monkeypatch.setattr(_task_process, "START_SECONDS", 0.5)
    began = time.monotonic()
    fault = fault_of(supervise(job=job_of("HANGS")))
    assert "was not ready within 0.5 s, 3 times in a row" in fault.what
    assert time.monotonic() - began < 20


def looking_unit(*positions, artifact=""):
    """Tasks with smoothing flat (0), upper (1), lower (2), mean (4)."""
    (unit,) = toy_units(1, 1008)
    return Unit("looks", artifact, tuple(unit.tasks[144 * position] for position in positions))


def test_what_a_task_finds(supervise):
    """One thread, UTC, an empty stdin, a session of its own, the artifact, no stray descriptor."""
    digest = toy_digest("looked at")
    events = supervise(job=job_of("LOOKS")).run(looking_unit(0, artifact=digest))
    (row,) = next(event.result.rows for event in events if isinstance(event, TaskDone))
    opened = row.pop("open")
    assert row == {
        "threads": "1",
        "zone": "UTC",
        "stdin": "",
        "session": True,
        "artifact": toy_content(digest),
    }
    assert (
        len(opened) <= 7
    )  # in, out, error, commands, replies, status page, and the listing itself


def test_a_unit_may_have_no_artifact(supervise):
    """A unit without a digest gives its tasks no file."""
    events = supervise(job=job_of("LOOKS")).run(looking_unit(0))
    (row,) = next(event.result.rows for event in events if isinstance(event, TaskDone))
    assert row["artifact"] is None


def test_odd_ends_of_a_task(supervise):
    """What cannot be sent, a message of two lines and sys.exit() each fail one task, in place."""
    events = supervise(job=job_of("LOOKS")).run(looking_unit(1, 2, 4, 0))
    unsendable, two_lines, left = (event for event in events if isinstance(event, TaskFailed))
    assert {event.kind for event in (unsendable, two_lines, left)} == {Kind.ERROR}
    assert all(event.final for event in (unsendable, two_lines, left))
    assert unsendable.reason.startswith("the result cannot be sent: ")
    assert "lambda" in unsendable.reason
    assert (two_lines.reason, two_lines.log) == (
        "first line second line",
        "first line\nsecond line\n",
    )
    assert left.reason == "SystemExit: an exit in Python"
    assert sum(isinstance(event, TaskDone) for event in events) == 1


def test_the_supervisor_keeps_no_descriptor(supervise):
    """Children that come and go leave no descriptor open in the supervisor."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    driven = supervise(misbehave={"fold=1": "quit"})
    driven.run(toy_units(1, 4)[0])
    driven.supervisor.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_is_shared_is_on_no_disk(tmp_path):
    """A page of a mapped file that a full disk has no room for would end whoever writes on it."""
    page, other = StatusPage(tmp_path / "status"), StatusPage(tmp_path / "status")
    assert (tmp_path / "status").stat().st_dev != tmp_path.stat().st_dev
    page.want_stop()
    assert other.stop_wanted
    page.close()
    other.close()
    assert not (tmp_path / "status").exists()
