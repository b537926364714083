"""Studies of the toy that are sent to Slurm, and what becomes of them."""

from __future__ import annotations

import json
import time
from pathlib import Path

from commands import gridrun, start
from toystudies import SMALL_GRID, TOY, open_toy, table, write_study

from gridrun.run.backend import load_backend

DRIVER = Path(__file__).with_name("slurm_driver.py")


def study(directory, *, slurm=None, options=None, grid=None, **keys):
    """A directory with a toy study; its options lie beside it, for the drivers."""
    settings = {"poll_seconds": 0.3, "lease_seconds": 1.5, "memory": "200 MB", **(slurm or {})}
    write_study(directory, grid or SMALL_GRID, slurm=json.dumps(settings), **keys)
    options = {"sleep_until": str(directory / "awake"), **(options or {})}
    (directory / "options.json").write_text(json.dumps(options))
    return directory


def wake(directory):
    """Have tasks that start from now on not sleep."""
    (directory / "awake").touch()


def begin(directory, *command):
    """Start one of the commands on a study of the toy."""
    return start(TOY, directory, *command, script=DRIVER)


def drive(directory, *command, exit_code=0):
    """One of the commands, on a study of the toy; what it printed, and what it said.

    Any exit code will do where ``exit_code`` is None.
    """
    done = gridrun(TOY, directory, *command, script=DRIVER)
    assert "Traceback" not in done.stderr, done.stderr
    assert exit_code in (None, done.returncode), done.stderr + done.stdout
    return done


def opened(directory):
    """The study in this process."""
    return open_toy(directory, **json.loads((directory / "options.json").read_text()))


def run(directory, *, send=False, wait=False, **request):
    """What `gridrun slurm` and its commands do, in this process; the report, what was said."""
    said = []
    toy = opened(directory)
    name, settings = toy.backend_settings("slurm")
    backend = load_backend(name, settings=settings, send=send, wait=wait, say=said.append)
    report = toy.engine(backend, collect_only=not send, name=name, **request).run()
    return report, said


def local_table(directory):
    """The table that the same study has when it is run here."""
    here = write_study(directory.with_name(f"{directory.name}-here"), SMALL_GRID)
    left_out = {"sleep_ms", "sleep_until", "start_log"}
    given = json.loads((directory / "options.json").read_text())
    open_toy(here, **{n: v for n, v in given.items() if n not in left_out}).run(backend="inprocess")
    return table(here)


def segments(directory):
    """All segments of a study's sweeps."""
    return sorted((directory / "slurm").glob("*/out/*/segment-*.jsonl"))


def outcomes_there(directory):
    """How many tasks are done by the segments in a study's folder."""
    return sum(path.read_text().count('"event":"TaskDone"') for path in segments(directory))


def finished_there(directory):
    """How many tasks have a final event by the segments in a study's folder."""
    lines = [line for path in segments(directory) for line in path.read_text().splitlines()]
    return sum('"event":"TaskDone"' in line or '"final":true' in line for line in lines)


def sweeps(directory):
    """Directories of the sweeps that lie in a study's folder."""
    return sorted((directory / "slurm").glob("gridrun-*"))


def wait_for(what, seconds=60):
    """Wait until something is so; a moment later at the latest."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # between two looks
