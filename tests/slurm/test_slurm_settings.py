"""What the key slurm may hold, and what follows from it; no Slurm is asked."""

from __future__ import annotations

import pytest
from toystudies import SMALL_GRID, TOY, write_study

from backends.slurm._estimates import job_seconds, memory_mb, notice_seconds, quote, time_limit
from backends.slurm._submission import node_path_of, options_of, write_job
from backends.slurm.settings import Bounds, SlurmSettings
from gridrun.errors import InputError
from gridrun.pipeline import load_pipeline
from gridrun.plan.limits import Limit, Limits
from gridrun.plan.units import Unit
from gridrun.study import load_study


def settings_of(directory, slurm):
    write_study(directory, SMALL_GRID, slurm=slurm)
    return load_study(directory, load_pipeline(TOY)).backend_options["slurm"]


@pytest.mark.parametrize(
    ("slurm", "message"),
    [
        ("{hours: 2:00:00}", 'slurm setting "hours" has'),
        ("{hours: {least: 4, most: 2}}", 'the least of "hours" is more than the most'),
        ("{hours: {at_least: 4}}", 'unknown bound of hours "at_least"'),
        ("{memory: 8}", 'slurm setting "memory" has'),
        ("{partitoin: short}", 'did you mean "partition"?'),
        ("{options: --array=0-3}", "gridrun gives the option --array=0-3 of sbatch itself"),
        ("{options: -t 60}", "use the setting hours"),
        ("{options: '--comment=\"a'}", "the options are not whole"),
        ("{cpus: 0}", "allowed: a whole number, at least 1"),
        ("short", 'key "slurm" has'),
        ("{shared_disk: perhaps}", 'slurm setting "shared_disk" has'),
        ("{shared_disk: no, node_path: scratch}", "scratch is no path from the root"),
        ("{node_path: /scratch}", "node_path is for nodes without a shared disk"),
        ("{shared_disk: no, inputs: {table: /a, labels: /b}}", "need a disk that all nodes see"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, slurm, message):
    """File, line, what is wrong, and what to write instead."""
    with pytest.raises(InputError) as caught:
        settings_of(tmp_path, slurm)
    assert message in caught.value.what
    assert "study.yaml:" in caught.value.what


def test_a_value_and_its_bounds(tmp_path):
    """One number is no estimate any more; one bound moves the other one that is in its way."""
    one = settings_of(tmp_path, "{hours: 3, memory: 4 GB}")
    assert (one.hours, one.memory) == (Bounds(3, 3), Bounds(4e9, 4e9))
    most = settings_of(tmp_path, "{hours: {most: 0.5}, memory: {most: 64 GB}}")
    assert (most.hours, most.memory) == (Bounds(0.5, 0.5), Bounds(2e9, 64e9))
    least = settings_of(tmp_path, "{hours: {least: 48}}")
    assert least.hours == Bounds(48, None)


def units(*seconds):
    return tuple(Unit(f"u{n}", "", (), each) for n, each in enumerate(seconds))


def test_what_sbatch_is_given_without_a_shared_disk(tmp_path):
    """Nothing that names a directory of this machine; a directory of its own for each job there."""
    place = tmp_path / "gridrun-study-1-001-shards"
    place.mkdir()
    settings = SlurmSettings(tmp_path, shared_disk=False, node_path="/two words", python="python3")
    write_job(settings, place, (units(60),), Limits(), None)
    text = "\n".join([*options_of(place), (place / "job.sh").read_text()])
    assert str(tmp_path) not in text
    assert "place='/two words/gridrun-study-1-001-shards'_$SLURM_ARRAY_TASK_ID" in text
    assert '-m backends.slurm._task "$place/gridrun-study-1-001-shards" 300 300' in text
    assert node_path_of(place) == "/two words"


def test_time_of_jobs(tmp_path):
    """Three times the longest shard and the notice, within bounds, a task's limit and MaxTime."""
    settings = SlurmSettings(tmp_path, cpus=2)
    assert job_seconds(settings, units(600, 600, 900)) == 30 + 1050
    assert job_seconds(settings, units(600, 10)) == 30 + 600, "a unit has one worker"
    shards = (units(7200, 7200), units(60))
    assert time_limit(settings, shards, Limits()) == (3 * 7230 + 300) // 60 + 1
    assert time_limit(settings, (units(60),), Limits()) == 60
    assert time_limit(settings, shards, Limits(Limit(seconds=36000))) == 605
    assert time_limit(settings, shards, Limits(), most_hours=2) == 120
    assert time_limit(settings, (), Limits()) == 24 * 60, "inputs take as long as they take"
    fixed = SlurmSettings(tmp_path, hours=Bounds(3, 3))
    assert time_limit(fixed, shards, Limits(), most_hours=2) == 180, (
        "Slurm says what it thinks of it"
    )
    assert notice_seconds(settings, 60) == 300
    assert notice_seconds(settings, 4) == 60


def test_memory_of_jobs(tmp_path):
    """Twice the limit of a task for each processor, or the least; gridrun's own beside it."""
    settings = SlurmSettings(tmp_path, cpus=4)
    limited = Limits(Limit(memory=3 * 10**9), values={"classifier=rf": Limit(memory=5 * 10**9)})
    assert memory_mb(settings, Limits()) == -int(-(4 * 2e9 + 0.5e9) // 2**20)
    assert memory_mb(settings, limited) == -int(-(4 * 10e9 + 0.5e9) // 2**20)
    fixed = SlurmSettings(tmp_path, cpus=4, memory=Bounds(2**30, 2**30))
    assert memory_mb(fixed, limited) == 1024


def test_the_quote_asks_no_slurm(tmp_path):
    """Shards, node-hours, and a price where there is one."""
    found = quote(SlurmSettings(tmp_path, hourly_rate=2.0), units(*[1800] * 4))
    assert (found.shards, found.sweeps, found.units) == (4, 1, 4)
    assert found.node_hours == 4 * 1830 / 3600
    assert found.cost == found.node_hours * 2


def test_what_sbatch_is_given(tmp_path):
    """Options and job script as they are written; each option is one word."""
    settings = SlurmSettings(
        tmp_path,
        partition="short",
        account="lab42",
        cpus=2,
        max_running=7,
        options=("--constraint=avx2", "--comment=two words"),
        setup="module load R/4.3\n",
        python="apptainer exec r.sif python3",
    )
    place = tmp_path / "gridrun-study-1-001-shards"
    place.mkdir()
    write_job(settings, place, (units(60), units(60)), Limits(), None)
    assert options_of(place) == [
        "--partition=short",
        "--account=lab42",
        "--job-name=gridrun-study-1-001-shards",
        "--array=0-1%7",
        "--time=60",
        "--mem=4292M",
        "--cpus-per-task=2",
        "--ntasks=1",
        "--requeue",
        "--signal=B:USR1@300",
        f"--chdir={place}",
        "--output=logs/shard-%5a.txt",
        "--open-mode=append",
        "--constraint=avx2",
        "--comment=two words",
    ]
    lines = (place / "job.sh").read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    assert lines[2:] == [
        "set -e",
        "module load R/4.3",
        "exec apptainer exec r.sif python3 -m backends.slurm._task . 300",
    ]
