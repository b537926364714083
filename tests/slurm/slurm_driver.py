"""Runs one of gridrun's commands as a shell would, with studies of another pipeline.

Arguments: pipeline, study, command and its options. The toy's options come from a file.
``--killed-before-sbatch`` and ``--killed-after-sbatch`` end the process at once at that moment.
"""

import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

import gridrun.api
from backends.slurm import _controller
from gridrun.api import OpenStudy
from gridrun.cli import main
from gridrun.pipeline import load_pipeline
from gridrun.study import load_study


def open_study(path, **_):
    study = load_study(Path(path), load_pipeline(pipeline))
    options = json.loads((study.directory / "options.json").read_text())
    return OpenStudy(dataclasses.replace(study, options=options), pipeline)


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


pipeline, place, *command = sys.argv[1:]
# there is no option for it; everything else is as a person has it
gridrun.api.open_study = open_study
submit = _controller.submit
if "--killed-before-sbatch" in command:
    _controller.submit = die
elif "--killed-after-sbatch" in command:
    _controller.submit = lambda *given: die(submit(*given))
command = [word for word in command if not word.startswith("--killed")]
words = next((n for n, word in enumerate(command) if word.startswith("-")), len(command))
sys.argv = ["gridrun", *command[:words], place, *command[words:]]
main()
