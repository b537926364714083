"""The scripts of docs/folder.md for SGE, PBS and LSF, with what each of them sets for a job.

None of these is here: their directives are comments to bash, and what a job is told by variables
is set by hand, as the manuals have it.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import walks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "folder.md"
SECTION = PAGE.read_text("utf-8").partition("\n## On SGE, PBS and LSF\n")[2].partition("\n## ")[0]
SCRIPTS = dict(re.findall(r"^\*\*(\w+)\*\*.*?```bash\n(.*?)```", SECTION, re.MULTILINE | re.DOTALL))
SETS = {
    "SGE": {"JOB_ID": "7", "SGE_TASK_ID": "{task}", "NSLOTS": "1", "QUEUE": "all.q"},
    "PBS": {"PBS_JOBID": "7[{task}].host", "PBS_ARRAY_INDEX": "{task}", "PBS_O_WORKDIR": "{place}"},
    "LSF": {"LSB_JOBID": "7", "LSB_JOBINDEX": "{task}", "LSB_DJOB_NUMPROC": "1"},
}
"""Variables that each sets for a task of an array."""

OTHERS_START = {"SGE": "", "PBS": "/", "LSF": ""}
"""Where a job begins that does not begin where it was submitted."""


class Job:
    """A task of an array, as the scheduler starts it: nothing else in its environment."""

    def __init__(self, scheduler, study, task):
        place = study.parent
        script = SCRIPTS[scheduler].replace("STUDY", shlex.quote(study.name))
        sets = {name: text.format(task=task, place=place) for name, text in SETS[scheduler].items()}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=OTHERS_START[scheduler] or place,
            env={"PATH": path, "HOME": str(place), **sets},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self):
        """Its exit code, and what it said."""
        said, _ = self.process.communicate(timeout=120)
        return self.process.returncode, said


def test_each_recipe_is_tried():
    """One for each scheduler, of about ten lines, and none that nobody runs here."""
    assert SCRIPTS.keys() == SETS.keys()
    assert SECTION.count("```bash") == len(SCRIPTS)
    assert all(script.startswith("#!/bin/bash\n") for script in SCRIPTS.values())


@pytest.mark.parametrize("scheduler", SETS)
def test_a_job_runs_the_shards_and_a_late_one_ends_at_once(scheduler, tmp_path):
    """The table is that of a local run."""
    study = walks.study(tmp_path / "study", folder={"shard_minutes": 10})
    walks.wake(study)
    walks.drive(study, "shards")
    code, said = Job(scheduler, study, 1).end()
    assert code == 0, said
    late, said = Job(scheduler, study, 20).end()
    assert late == 0, said
    walks.drive(study, "collect", exit_code=1)  # the toy refuses some, as upstream does
    assert walks.table(study) == walks.local_table(study)


@pytest.mark.parametrize("scheduler", SETS)
def test_a_job_that_reaches_its_time_gives_its_shard_back(scheduler, tmp_path):
    """By the signal that the script waits for; the next job goes on with the shard at once."""
    study = walks.study(
        tmp_path / "study",
        folder={"shard_minutes": 10, "lease_seconds": 600},
        options={"sleep_ms": 600_000},
    )
    walks.drive(study, "shards")
    job = Job(scheduler, study, 1)
    walks.wait_for(lambda: "1 running" in walks.drive(study, "shards", "status").stdout)
    # SGE says it to the script, the others have `timeout` in the script's place
    job.process.send_signal(signal.SIGUSR1 if scheduler == "SGE" else signal.SIGTERM)
    _, said = job.end()
    walks.wake(study)
    code, more = Job(scheduler, study, 2).end()
    assert code == 0, said + more
    walks.drive(study, "collect", exit_code=1)
    assert walks.table(study) == walks.local_table(study)
