"""What methods and killed processes leave behind: daemons, files, ports; found or not touched."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gridrun.pipeline import Settings, TaskSpec
from gridrun.plan.units import Job, TaskDone, TaskFailed, Unit
from gridrun.testing.processes import lives
from gridrun.worker import ChildProcess, left_behind
from gridrun.worker.left_behind import clear_left_behind, own_directory, remove_own

HERE = Path(__file__).parent
ADOPTS = """\
import sys
from pathlib import Path
from gridrun.worker import ChildProcess, adopt_orphans
adopt_orphans(kill=True)
child = ChildProcess("served:leaves_a_hidden_daemon", parent_directory=Path(sys.argv[1]))
child.send(sys.argv[2])
for said in child.replies():
    print(said, flush=True)
child.close()
"""
OWNS = """\
import subprocess, sys, time
from pathlib import Path
from gridrun.worker.left_behind import MARK, own_directory
place = own_directory("", Path(sys.argv[1]))
mark = {MARK: str(place / "child")}
left = subprocess.Popen(["sleep", "3600"], env=mark, start_new_session=True)
print(place, left.pid, flush=True)
time.sleep(3600)
"""


@pytest.fixture
def place(tmp_path):
    """A directory that only its user can change."""
    directory = tmp_path / "place"
    directory.mkdir(mode=0o700)
    return directory


def is_gone(*pids):
    """Whether processes that were killed are gone, within seconds."""
    deadline = time.monotonic() + 30
    while any(map(lives, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)  # between two looks
    return not any(map(lives, pids))


def python(code, *arguments):
    """Code in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )


def test_a_daemon_without_our_environment_goes_with_its_child(place):
    """Neither session, nor parent, nor environment tells whose it is; who adopted it does."""
    child = ChildProcess("served:leaves_a_hidden_daemon", parent_directory=place)
    child.send("live")
    (pid,), _ = child.wait(20)
    assert lives(pid)
    child.close()
    assert is_gone(pid)
    assert not list(place.iterdir())


def test_a_daemon_whose_child_has_died_ends(place):
    """It is then a child of the supervisor, which has not started it."""
    with python(ADOPTS, place, "die") as process:
        pid, ending = process.communicate(timeout=30)[0].splitlines()
    assert "signal=9" in ending
    assert is_gone(int(pid))
    assert not list(place.iterdir())


def test_the_next_run_clears_what_a_killed_one_has_left(place):
    """Not before it is killed, and not what has nobody's name."""
    foreign = place / "gridrun-of-an-earlier-version"
    foreign.mkdir()
    with python(OWNS, place) as process:
        directory, _, pid = process.stdout.readline().rpartition(" ")
        assert clear_left_behind(place) == ""
        assert Path(directory).is_dir()
        assert lives(int(pid))
        process.kill()
        process.wait()
        assert "1 temporary folder of processes that were killed" in clear_left_behind(place)
        assert not Path(directory).exists()
        assert is_gone(int(pid))
    assert list(place.iterdir()) == [foreign]


@pytest.mark.parametrize(
    ("exe", "cmdline", "later", "found"),
    [
        (True, b"", b"MARK=here/child\0", True),  # it has just begun another program
        (False, b"", b"MARK=here/child\0", False),  # it has ended, and nobody has asked how
        (True, b"sleep\0", b"MARK=here/child\0", False),  # it has no variable
        (True, b"", b"HOME=/\0", False),
    ],
)
def test_a_process_that_begins_a_program_is_waited_for(tmp_path, exe, cmdline, later, found):
    """It has neither variables nor arguments for a moment."""
    if exe:
        (tmp_path / "exe").touch()
    (tmp_path / "cmdline").write_bytes(cmdline)
    (tmp_path / "environ").touch()
    timer = threading.Timer(0.1, (tmp_path / "environ").write_bytes, [later])
    timer.start()
    assert left_behind._has(tmp_path, b"MARK=here/") is found
    timer.join()


def test_a_directory_of_this_process_is_not_left(place):
    """It is held until it is removed; afterwards no descriptor is."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    directory = own_directory("mine-", place)
    assert clear_left_behind(place) == ""
    assert directory.is_dir()
    remove_own(directory)
    assert not directory.exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(shutil.which("R") is None, reason="there is no R on this machine")
@pytest.mark.parametrize("function", ["leaves_much", "leaves_much_and_dies"])
def test_what_a_method_leaves_goes_with_its_process(supervise, tmp_path, monkeypatch, function):
    """A daemon, files in R's directories, an open port: after a task that is done, and a death."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    left, temporary = tmp_path / "left", tmp_path / "tmp"
    temporary.mkdir()
    for name, value in {"LEFT": left, "LEFT_PORT": port, "TMPDIR": temporary}.items():
        monkeypatch.setenv(name, str(value))
    tasks = (TaskSpec(1, 0, 1, "rf", {"do": function}),)
    driven = supervise(job=Job("real_r:PIPELINE", Settings({}, "amiss", seed=1)))
    events = driven.run(Unit("unit", "", tasks), seconds=120)
    assert isinstance(events[-2], TaskDone if function == "leaves_much" else TaskFailed)
    driven.supervisor.close()
    pids = [int(line) for line in left.read_text().split()]
    assert len(pids) == (1 if function == "leaves_much" else 2)
    if function == "leaves_much":  # who ends the daemons of the dead is another test
        assert is_gone(*pids)
    else:
        for pid in filter(lives, pids):
            os.kill(pid, signal.SIGKILL)
    assert not list(temporary.iterdir())
    assert not driven.workdir.exists()
    with socket.create_server(("0.0.0.0", port)):
        pass  # nobody listens there any more
