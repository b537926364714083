"""Runs one of gridrun's commands as a shell would, with studies of another pipeline.

Arguments: pipeline, study, command and its options. The toy's options come from a file.
The command ``wait`` takes in what is out until nothing is; ``--killed-before-writing`` and
``--killed-after-writing`` end the process at once at that moment.
"""

import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

import gridrun.api
import gridrun.run.queue_backend
from gridrun.api import OpenStudy
from gridrun.cli import main
from gridrun.pipeline import load_pipeline
from gridrun.run.backend import load_backend
from gridrun.study import load_study


def open_study(path, **_):
    study = load_study(Path(path), load_pipeline(pipeline))
    options = json.loads((study.directory / "options.json").read_text())
    return OpenStudy(dataclasses.replace(study, options=options), pipeline)


def wait(study):
    opened = open_study(study)
    name, settings = opened.backend_settings("slurm")
    backend = load_backend(name, settings=settings, send=False)
    ended = opened.engine(backend, collect_only=True, name=name).run()
    if ended.fault is not None:
        raise ended.fault


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


pipeline, place, *command = sys.argv[1:]
# there is no option for it; everything else is as a person has it
gridrun.api.open_study = open_study
write = gridrun.run.queue_backend.write_queue
if "--killed-before-writing" in command:
    gridrun.run.queue_backend.write_queue = die
elif "--killed-after-writing" in command:
    gridrun.run.queue_backend.write_queue = lambda *given, **named: die(write(*given, **named))
command = [word for word in command if not word.startswith("--killed")]
words = next((n for n, word in enumerate(command) if word.startswith("-")), len(command))
sys.argv = ["gridrun", *command[:words], place, *command[words:]]
if command == ["wait"]:
    import gridrun.cli

    gridrun.cli.app.command("wait")(wait)
main()
