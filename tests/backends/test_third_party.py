"""A backend in a package of its own, with a key of studies and a command, runs another pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from toystudies import SMALL_GRID, TOY, write_study

MODULE = '''
"""Runs units here, and says so."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gridrun.documents.tree import Leaf
from gridrun.errors import Fault, InputError
from gridrun.pipeline import load_pipeline
from gridrun.plan.units import Attempt, TaskDone, TaskFailed, UnitFinished, UnitStarted, WorkerReady
from gridrun.run.backend import Capabilities, load_backend
from gridrun.study.backend_keys import BackendKey, BackendValue
from gridrun.worker import try_task


class Loud:
    capabilities = Capabilities(isolates=False)

    def __init__(self, settings="quietly"):
        self.voice, self.stopping = settings, False

    def open(self, job, read_artifact):
        pipeline = load_pipeline(job.pipeline)
        self.runner = pipeline.open_runner(job.settings, lambda stage, key: None)
        self.read_artifact = read_artifact

    def run(self, next_unit):
        yield WorkerReady("loud", dict(self.runner.environment()))
        with tempfile.TemporaryDirectory() as name:
            while not self.stopping and (unit := next_unit()) is not None:
                yield UnitStarted(unit.id, "loud")
                path = Path(name, unit.artifact)
                path.write_bytes(self.read_artifact(unit.artifact))
                for task in unit.tasks:
                    tried = try_task(self.runner, task, path)
                    attempt = Attempt(unit.id, 1, "loud", tried.started, tried.seconds)
                    if tried.result is not None:
                        yield TaskDone(task, attempt, tried.result)
                    else:
                        yield TaskFailed(task, attempt, tried.kind, tried.reason)
                sys.stderr.write(f"{self.voice}: {len(unit.tasks)} tasks\\n")
                yield UnitFinished(unit.id, "loud")

    def stop(self):
        self.stopping = True

    def close(self):
        pass


def read(node, file, roles):
    if not isinstance(node, Leaf) or node.value not in ("loudly", "quietly"):
        raise InputError([Fault(file, 'key "voice" is neither loudly nor quietly', node.line)])
    return BackendValue(node.value)


KEY = BackendKey("loud", "How loud it is.", read, lambda file: "quietly")
app = typer.Typer(add_completion=False)


@app.command()
def shout(study: Path, pipeline: Annotated[str, typer.Option()]) -> None:
    """Run a study, and say so."""
    from gridrun.api import open_study

    opened = open_study(study, pipeline=pipeline)
    name, settings = opened.backend_settings("voice")
    ended = opened.run(load_backend(name, settings=settings))
    print(f"{ended.tally.done} tasks done")
'''
ENTRY_POINTS = """
[gridrun.backends]
loud = loud_backend:Loud
[gridrun.study_keys]
voice = loud_backend:KEY
[gridrun.commands]
shout = loud_backend:app
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The package, installed by pip from a wheel: nothing of gridrun is changed for it."""
    place = tmp_path_factory.mktemp("loud")
    wheel = place / "loud_backend-1.0-py3-none-any.whl"
    about = {
        "METADATA": "Metadata-Version: 2.1\nName: loud-backend\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": ENTRY_POINTS,
    }
    files = {"loud_backend.py": MODULE}
    files |= {f"loud_backend-1.0.dist-info/{name}": text for name, text in about.items()}
    record = "loud_backend-1.0.dist-info/RECORD"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(record, "".join(f"{name},,\n" for name in [*files, record]))
    site = place / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps",
         "--disable-pip-version-check", "--target", site, wheel],
        check=True,
    )  # fmt: skip
    return site


def gridrun(site: Path | None, *arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", "from gridrun.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(site or ""), "COLUMNS": "120", "NO_COLOR": "1"},
    )


def test_a_package_brings_backend_key_and_command(installed, tmp_path):
    """Its command runs a study of the toy on its backend, as the study's key says."""
    grid = {**SMALL_GRID, "tuning": ["fixed"]}
    study = write_study(tmp_path / "study", grid, voice="loudly")
    ran = gridrun(installed, "shout", study, "--pipeline", TOY)
    assert ran.returncode == 0, ran.stderr
    assert "loudly: " in ran.stderr
    # 24 combinations x 2 folds: line is not asked under levels
    assert ran.stdout == "72 tasks done\n"
    shown = gridrun(installed, "status", study, "--pipeline", TOY)
    assert "the last run (Loud) ended" in shown.stdout
    assert "shout" in gridrun(installed, "--help").stdout


def test_its_faults_are_told_with_the_others(installed, tmp_path):
    """A wrong value of its key is named with its line, beside those of other keys."""
    study = write_study(tmp_path, SMALL_GRID, voice="hoarsely", sample="none")
    ran = gridrun(installed, "plan", study, "--pipeline", TOY)
    assert ran.returncode == 2
    assert 'study.yaml:4: key "voice" is neither loudly nor quietly' in ran.stderr
    assert 'study.yaml:5: key "sample"' in ran.stderr


def test_without_the_package_its_key_and_command_are_unknown(tmp_path):
    """Nothing of it is left in gridrun itself."""
    study = write_study(tmp_path, SMALL_GRID, voice="loudly")
    ran = gridrun(None, "plan", study, "--pipeline", TOY)
    assert ran.returncode == 2
    assert 'unknown key "voice"' in ran.stderr
    assert gridrun(None, "shout", study).returncode == 2
