"""What a run says and leaves when Ray, or the run itself, is ended from outside."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from outside import table, uncounted

from gridrun.plan.retries import RETRIES
from gridrun.plan.units import Loss
from gridrun.worker.left_behind import users_of

pytestmark = pytest.mark.ray


# the name of a program that is Ray's, the signal that ends it, and how long a task takes
ENDS = {
    "raylet": ("raylet/raylet", signal.SIGKILL, 150),
    "gcs": ("gcs_server", signal.SIGKILL, 900),  # workers go on without it for 10 s
    "driver": ("backends.local._driver", signal.SIGKILL, 50),
    "driver, asked": ("backends.local._driver", signal.SIGTERM, 150),
    "raylet, asked": ("raylet/raylet", signal.SIGTERM, 150),
}


@pytest.mark.parametrize(
    "who", [pytest.param(who, marks=[pytest.mark.slow] if who != "driver" else []) for who in ENDS]
)
def test_a_run_outlives_ray(begin, who, quiet):
    """When Ray ends, the run says so, starts another one and goes on, to the table of a quiet run.

    No task counts twice, and nothing is left behind of either Ray.
    """
    program, number, dawdle_ms = ENDS[who]
    run = begin("--workers", "2", dawdle_ms=dawdle_ms)
    run.wait_for(lambda: run.outcomes() > 3)
    (pid,) = run.pids(program)
    os.kill(pid, number)
    code, out, err = run.end(120)
    assert code == 0, err
    assert "Ray ended, and its workers with it" in err
    assert "it is started again (1 of 5)" in err
    assert "Traceback" not in err
    assert "*** SIG" not in err
    assert "loss" in out
    assert uncounted(table(run)) == quiet
    assert run.nothing_left()


@pytest.mark.slow
def test_a_ray_that_ends_again_and_again_ends_the_run(begin):
    """It is started a bounded number of times; then the run writes its table and ends with 3."""
    run = begin("--workers", "2", dawdle_ms=400)
    killed = set()
    while len(killed) < RETRIES[Loss.HOST].tries:
        run.wait_for(lambda: set(run.pids("raylet/raylet")) - killed)
        # without an outcome between, tasks that are lost again and again would end the run
        run.wait_for_outcome()
        (pid,) = set(run.pids("raylet/raylet")) - killed
        os.kill(pid, signal.SIGKILL)
        killed.add(pid)
    code, out, err = run.end()
    assert code == 3, err
    assert "Ray ended 6 times within an hour" in err
    assert "the run was broken off; continue with: gridrun local" in err
    assert "Traceback" not in err
    assert "loss" in out
    assert len(table(run).splitlines()) > 1
    assert run.nothing_left()


@pytest.mark.slow
def test_sigterm_ends_as_ctrl_c_does(begin):
    """SIGTERM waits for the running tasks however long they take, then writes the table: 130."""
    run = begin("--workers", "1", dawdle_ms=12_000)
    run.wait_for(lambda: run.pids("gridrun.worker.child"))
    run.wait_for(lambda: run.outcomes() > 0)
    run.process.terminate()
    code, _, err = run.end()
    assert code == 130, err
    assert "ending after the tasks that are running" in err
    assert "the run was interrupted; continue with: gridrun local" in err
    assert "Traceback" not in err
    assert "SIGABRT" not in err
    assert run.outcomes() == 2
    assert run.nothing_left()


@pytest.mark.slow
def test_sigterm_to_every_process_is_an_interruption(begin):
    """A batch system or systemd ends all processes at once: 130, not a fault of the machine."""
    run = begin("--workers", "2", dawdle_ms=300)
    run.wait_for(lambda: run.outcomes() > 3)
    for pid in [run.process.pid, *users_of(run.temporary)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    code, _, err = run.end()
    assert code == 130, err
    assert "Traceback" not in err
    assert len(table(run).splitlines()) > 1
    assert run.nothing_left()


@pytest.mark.slow
def test_twice_is_at_once(begin):
    """A second signal does not wait for a task of a minute."""
    run = begin("--workers", "1", dawdle_ms=60_000)
    run.wait_for(lambda: run.pids("gridrun.worker.child"))
    time.sleep(3)  # by now the task, which takes a minute, is running
    run.process.terminate()
    time.sleep(0.5)  # two signals at once could count as one
    began = time.monotonic()
    run.process.terminate()
    code, _, err = run.end()
    assert code == 130, err
    assert time.monotonic() - began < 10
    assert run.nothing_left()


def test_twice_is_at_once_while_c_code_runs(begin):
    """In one process, too, where Python's handlers wait for the library to return."""
    run = begin("--in-process", environment={"DAWDLE_IN_C": "1"}, dawdle_ms=60_000)
    run.wait_for(lambda: "dawdling" in Path(f"/proc/{run.process.pid}/comm").read_text())
    run.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)  # two signals at once could count as one
    began = time.monotonic()
    run.process.send_signal(signal.SIGTERM)
    code, _, err = run.end(30)
    assert code == 130, err
    assert time.monotonic() - began < 5
    assert "ending after the tasks" in err
    assert "continue with: gridrun local" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_rays_own_variables_do_not_decide(begin):
    """Variables that are set for other uses of Ray change nothing, and Ray prints nothing."""
    strange = {
        "RAY_ADDRESS": "127.0.0.1:6399",
        "RAY_TMPDIR": "/nonexistent",
        "RAY_NAMESPACE": "x",
        "RAY_RUNTIME_ENV_HOOK": "nowhere.hook",
        "RAY_AUTH_MODE": "disabled",
        "RAY_BACKEND_LOG_LEVEL": "debug",
        "RAY_OVERRIDE_RESOURCES": '{"CPU": 0}',
    }
    run = begin("--workers", "1", environment=strange)
    code, out, err = run.end(200)
    assert code == 0, err
    assert "loss" in out
    assert all(line.startswith("[") for line in err.splitlines()), err
    assert run.nothing_left()
