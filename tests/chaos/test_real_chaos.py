"""Real R, and a real Ray: kills and stops of all that runs, processes that end themselves.

The long form is ``python tests/chaos real``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import commands
import models
import pytest
import real
from attacks import COMMAND
from toystudies import TOY, open_toy, table, write_study
from writes import GRID

from amiss_tasks.testing import write_small_study
from gridrun.api import open_study
from gridrun.testing.misbehaviour import BEHAVIOURS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("number", range(len(real.EVENTS)))
def test_the_table_is_that_of_a_quiet_run(number, tmp_path):
    """Whatever is killed, stopped, full, slow or closed: right exit codes, and nothing is left."""
    real.try_seed(number, tmp_path)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A model is made there once."""
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize("number", range(30))
def test_a_damaged_model_predicts_nothing_or_the_same(number, scratch):
    """Neither a traceback nor another probability comes of it."""
    models.try_seed(number, scratch)


ALWAYS = {
    "kill": (1, r"was killed by signal 9 \(SIGKILL\)"),
    "kill_parent": (3, r"\d+ workers were lost one after another, with no outcome of their tasks"),
}


@pytest.mark.parametrize("how", ALWAYS)
def test_workers_that_end_themselves_for_ever_are_given_up(how, tmp_path):
    """After few attempts, and with a sentence; what does not end itself is done once it may."""
    assert how in BEHAVIOURS
    code, said = ALWAYS[how]
    study = write_study(tmp_path / "study", GRID, folds=1)
    (study / "options.json").write_text(json.dumps({"misbehave": {"thinning=1": how}}))
    ended = commands.gridrun(*(TOY, study, "local", "--workers", "2"), script=COMMAND, timeout=1800)
    told = ended.stdout + ended.stderr
    assert ended.returncode == code, told
    assert "Traceback" not in told
    results = study / "results" / "final_cv_results.csv"
    assert re.search(said, told + (results.read_text() if results.exists() else ""))
    opened = open_toy(study)
    assert opened.status().parts["running"] == 0
    assert len(list(opened.logs())) <= 2 * len(open_toy(study).plan().stages) * 8
    (study / "options.json").write_text("{}")
    again = commands.gridrun(
        *(TOY, study, "local", "--in-process", "--retry-failed"), script=COMMAND
    )
    assert again.returncode == 0, again.stderr
    quiet = write_study(tmp_path / "quiet", GRID, folds=1)
    open_toy(quiet).run(backend="inprocess")
    assert table(study) == table(quiet)


DONE = {"conns", "forky", "globals", "nsover", "print1g", "rmtmp"}
KINDS = {
    "abrt": "crash: ",
    "big": "memory: ",
    "kill9": "crash: ",
    "quitter": "crash: ",
    "sleepy": "timeout: ",
}
"""Files whose tasks are done, and those whose reason begins so; all others end in an error."""

NEIGHBOURS = ["mean_imp", "zero_imp"]


def test_every_odd_method_costs_its_own_tasks_only(shared, tmp_path):
    """The kind is right, no other method's number changes, and no process or file is left."""
    files = {path.stem: path for path in sorted((shared / "data" / "odd-methods").glob("*.R"))}
    study = write_small_study(
        tmp_path / "study",
        imputation=[*NEIGHBOURS, *files],
        own_methods=files,
        classifiers=["lr"],
        folds=1,
        limits={"task": {"seconds": 120, "memory": "1 GB"}},
    )
    temporary = Path(tempfile.mkdtemp(prefix="gro-", dir="/tmp"))
    ended = subprocess.run(
        [*real.GRIDRUN, "local", study, "--workers", "2"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert list(real.processes_of(temporary)) == []
    temporary.rmdir()
    found = open_study(study).results().set_index("imputation")
    for name in files:
        row = found.loc[name]
        kind = KINDS.get(name, "error: ")
        assert row["state"] == ("done" if name in DONE else "failed"), (name, row["reason"])
        assert name in DONE or row["reason"].startswith(kind), (name, row["reason"])
    for text in (ended.stdout, ended.stderr, *found["reason"].dropna()):
        assert all(letter.isprintable() or letter in "\n\t" for letter in text)
    alone = write_small_study(
        tmp_path / "alone", imputation=NEIGHBOURS, classifiers=["lr"], folds=1
    )
    assert commands.gridrun("local", alone, "--in-process").returncode == 0
    right = open_study(alone).results().set_index("imputation")
    same = [name for name in right if name not in {"combination", "tr_time", "te_time"}]
    assert right[same].equals(found.loc[right.index, same])
