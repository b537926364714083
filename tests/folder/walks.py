"""Studies whose shards lie in a folder, and workers that run them, each a process of its own."""

from __future__ import annotations

import json
import time
from pathlib import Path

from commands import gridrun, start
from toystudies import SMALL_GRID, TOY, open_toy, table, write_study

from gridrun.run.backend import load_backend

DRIVER = Path(__file__).with_name("driver.py")


def study(directory, *, folder=None, options=None, grid=None, **keys):
    """A directory with a toy study; its options lie beside it, for the drivers."""
    settings = {"shard_minutes": 0.2, "poll_seconds": 0.2, **(folder or {})}
    write_study(directory, grid or SMALL_GRID, folder=json.dumps(settings), **keys)
    options = {"sleep_until": str(directory / "awake"), **(options or {})}
    (directory / "options.json").write_text(json.dumps(options))
    return directory


def wake(directory):
    """Have tasks that start from now on not sleep."""
    (directory / "awake").touch()


def drive(directory, *command, exit_code=0):
    """One of the commands, on a study of the toy; what it printed, and what it said."""
    done = gridrun(TOY, directory, *command, script=DRIVER)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == exit_code, done.stderr + done.stdout
    return done


def options_of(directory):
    return json.loads((directory / "options.json").read_text())


def opened(directory):
    """The study in this process."""
    return open_toy(directory, **options_of(directory))


def run(directory, *, send=False, wait=False, **request):
    """What `gridrun shards` and `gridrun collect` do, in this process; the report, what was said.

    With ``wait`` it goes on until nothing is out.
    """
    said = []
    toy = opened(directory)
    name, settings = toy.backend_settings("folder")
    backend = load_backend(name, settings=settings, send=send, wait=wait, say=said.append)
    report = toy.engine(backend, collect_only=not send, name=name, **request).run()
    return report, said


def backend_of(directory):
    """The backend by itself, for questions."""
    name, settings = opened(directory).backend_settings("folder")
    return load_backend(name, settings=settings)


def local_table(directory):
    """The table that the same study has when it is run here."""
    here = write_study(directory.with_name(f"{directory.name}-here"), SMALL_GRID)
    left_out = {"sleep_ms", "sleep_until", "start_log"}
    options = {n: v for n, v in options_of(directory).items() if n not in left_out}
    open_toy(here, **options).run(backend="inprocess")
    return table(here)


def worker(folder, *options):
    """A worker that takes shards until none is free."""
    return start("worker", folder, "--workers", "1", *options)


def work(folder, *options, exit_code=0):
    """Have a worker run all that is free; what it said."""
    process = worker(folder, *options)
    out, err = process.communicate(timeout=200)
    assert process.returncode == exit_code, out + err
    assert "Traceback" not in err, err
    return out + err


def wait_for(what, seconds=60):
    """Wait until something is so; a moment later at the latest."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two looks


def sweeps(directory):
    """Directories of the sweeps that lie in a study's folder."""
    folder = directory / "shards"
    return sorted(folder.glob("gridrun-*")) if folder.is_dir() else []


def outcomes_there(directory):
    """How many tasks are done by the segments in a study's folder."""
    return sum(path.read_text().count('"event":"TaskDone"') for path in segments(directory))


def set_options(directory, **options):
    """Other options of the toy; no result depends on them."""
    (directory / "options.json").write_text(json.dumps(options))


def segments(directory):
    """All segments in a study's folder."""
    return sorted((directory / "shards").glob("*/out/*/segment-*.jsonl"))
