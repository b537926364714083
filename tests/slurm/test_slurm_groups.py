"""A Slurm that ends jobs for memory by control groups, as that of a site does."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import gridrun

from amiss_tasks.testing import write_small_study
from gridrun.api import open_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

METHOD = """
impute_train <- function(data, params, seed) {{
  keep <- list()
  for (i in 1:{pieces}) {{ keep[[i]] <- rep(as.double(i), 13107200); Sys.sleep(.05) }}
  list(completed = list(impute_test(data, list(), seed)), state = list())
}}
impute_test <- function(data, state, seed) {{
  for (name in names(data)) data[[name]][is.na(data[[name]])] <- 0
  data
}}
"""
"""Takes so many pieces of 100 MB, and imputes zero."""

MEMORY = Path("/sys/fs/cgroup/memory")
GROUPS = {
    "CgroupMountpoint": "/sys/fs/cgroup",
    "CgroupPlugin": "cgroup/v1",
    "CgroupAutomount": "yes",
    "ConstrainRAMSpace": "yes",
    "ConstrainSwapSpace": "yes",
    "AllowedSwapSpace": "0",
}


@pytest.fixture
def cluster(make_cluster):
    """A Slurm whose jobs have a control group each, for processes and memory."""
    if not MEMORY.is_dir():
        pytest.skip("needs a memory controller of version 1, which this Slurm can use alone")
    before = set(MEMORY.parent.glob("*/slurm_*"))
    yield make_cluster(
        cgroup=GROUPS,
        ProctrackType="proctrack/cgroup",
        TaskPlugin="task/cgroup",
        JobAcctGatherType="jobacct_gather/cgroup",
    )
    for place in {*MEMORY.parent.glob("*/slurm_*")} - before:
        # it leaves them behind, with the jobs' in them
        for inner in sorted(place.glob("**/"), key=lambda one: -len(one.parts)):
            inner.rmdir()


def test_jobs_end_at_their_memory_without_gridrun(cluster, tmp_path):
    """Slurm is as it has to be for the tests below: what is larger is killed by the kernel."""
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\npython3 -c 'b = bytearray(900 << 20); print(sum(b[::4096]))'\n")
    said = cluster.run("sbatch", "--wait", "--mem=300", f"--output={tmp_path / 'out'}", script)
    assert said.returncode != 0, said.stdout + said.stderr
    state = cluster.ask("squeue", "--states=all", "-h", "-o", "%T")
    assert state == "OUT_OF_MEMORY", cluster.account()


def test_a_job_keeps_below_its_memory(cluster, tmp_path):
    """30 GB cost attempts of one task, neighbours have numbers, and Slurm ends no job."""
    files = {name: tmp_path / f"{name}.R" for name in ("large", "huge")}
    for name, pieces in {"large": 4, "huge": 300}.items():
        files[name].write_text(METHOD.format(pieces=pieces))
    study = write_small_study(
        tmp_path / "study",
        imputation=["zero_imp", "mean_imp", *files],
        own_methods=files,
        classifiers=["lr"],
        folds=1,
        slurm={"cpus": 2, "memory": "1600 MB", "poll_seconds": 1, "lease_seconds": 5},
    )
    ended = gridrun("slurm", study, "--yes", timeout=1500)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    found = open_study(study).results().set_index("imputation")
    assert found.loc["huge", "reason"].startswith("memory: used"), found["reason"].to_dict()
    states = found["state"].to_dict()
    assert states == {"zero_imp": "done", "mean_imp": "done", "large": "done", "huge": "failed"}
    jobs = cluster.ask("squeue", "--states=all", "-h", "-o", "%T").split()
    assert set(jobs) == {"COMPLETED"}, cluster.account()
    assert found.loc["large", "MCC"] == found.loc["zero_imp", "MCC"]
