"""A real study in a control group with little memory, as a batch job or a container has it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from amiss_tasks.testing import write_small_study
from gridrun.api import open_study

BYTES = 1_600_000_000

METHOD = """
impute_train <- function(data, params, seed) {{
  keep <- list()
  for (i in 1:{pieces}) {{ keep[[i]] <- rep(as.double(i), 13107200); Sys.sleep(.1) }}
  Sys.sleep(1)
  list(completed = list(impute_test(data, list(), seed)), state = list())
}}
impute_test <- function(data, state, seed) {{
  for (name in names(data)) data[[name]][is.na(data[[name]])] <- 0
  data
}}
"""
"""Takes so many pieces of 100 MB, and imputes zero."""

LARGE = ("large1", "large2", "large3")


def killed_in(group: Path) -> int:
    """Processes of the group that the kernel has killed for want of memory."""
    for name in ("memory.oom_control", "memory.events"):
        with contextlib.suppress(FileNotFoundError):
            words = (group / name).read_text().split()
            return int(words[words.index("oom_kill") + 1])
    raise AssertionError("the kernel does not say whom it has killed")


@pytest.fixture
def group():
    """A control group with that much memory, of whichever version there is."""
    name = f"gridrun-test-{os.getpid()}"
    for mount, limit in (("memory", "memory.limit_in_bytes"), (".", "memory.max")):
        place = Path("/sys/fs/cgroup") / mount / name
        with contextlib.suppress(OSError):
            place.mkdir()
            (place / limit).write_text(str(BYTES))
            break
    else:
        pytest.skip("needs a memory controller in which this user may make control groups")
    yield place
    deadline = time.monotonic() + 20
    while (place / "cgroup.procs").read_text() and time.monotonic() < deadline:
        time.sleep(0.2)  # the last of them are about to end
    place.rmdir()


def run(group, study, *options):
    """``gridrun local`` in a group, on Ray."""
    inside = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group)]
    command = [*inside, sys.executable, "-m", "gridrun", "local", str(study), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_kernel_never_has_to_kill(group, tmp_path):
    """30 GB and three that do not fit together cost attempts of themselves; others have numbers.

    What was measured is known to the next run: of its large tasks none gives way.
    """
    own = {"large": 4, "huge": 300}
    files = {}
    for name in (*LARGE, "huge"):
        files[name] = tmp_path / f"{name}.R"
        files[name].write_text(METHOD.format(pieces=own[name.rstrip("123")]))
    study = write_small_study(
        tmp_path / "study",
        imputation=["zero_imp", *files],
        own_methods=files,
        classifiers=["lr"],
        folds=1,
    )
    first = run(group, study)
    assert first.returncode == 1, first.stdout + first.stderr
    found = open_study(study).results().set_index("imputation")
    reason = found.loc["huge", "reason"]
    assert reason.startswith("memory: used")
    states = found["state"].to_dict()
    expected = {"zero_imp": "done", "huge": "failed", **dict.fromkeys(LARGE, "done")}
    assert states == expected, found["reason"].to_dict()
    assert {*found.loc[[*LARGE], "MCC"]} == {found.loc["zero_imp", "MCC"]}

    assert run(group, study, "--folds", "2").returncode == 1
    attempts = [one for one in open_study(study).logs() if one.fold == 2]
    assert {one.combination for one in attempts if one.kind} == {len(found)}, "the last is huge"
    assert killed_in(group) == 0
