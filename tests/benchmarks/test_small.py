"""Every script of benchmarks/ runs to its end in its small form; no figure is held to anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import gridrun

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ELSEWHERE = {"bench_azure_collect.py"}
"""Needs Azure's SDK: tests/azure runs it."""

FIGURES = {
    "bench_costs.py": (
        r"^60 x 6: [\d.]+ s$",
        r'^    "lr": Cost\([\d.e-]+, 1, 1\),$',
        r'^    "gower_knn": Cost\([\d.e-]+, 1, 1\),$',
    ),
    "bench_engine_transport.py": (
        r"supervisor \+ child: +[\d,]+ outcomes/s",
        r"Ray, two workers: +[\d,]+ outcomes/s, the first after [\d.]+ s",
        r"memory at most \d+ MB",
    ),
    "bench_grid.py": (
        r"^rf +2 +\d+ +0 +[\d.]+",
        r"^lr +2 +\d+ +0 +[\d.]+",
        r"published grid, 10 folds: \d+ CPU hours",
        r"^  train +[\d.]+ CPU s",
        r"tasks with other numbers without sharing: 0$",
    ),
    "bench_imputation.py": (
        r"^40 training and 40 test rows, \d+ features",
        r"^  rf +own [\d.]+ s, mice [\d.]+ s: [\d.]+ x",
        r"^  missForest +own [\d.]+ s, randomForest's loop [\d.]+ s: [\d.]+ x",
    ),
    "bench_join.py": (
        r"20,000 records +160,000 blocks +[\d,]+ rows kept",
        r"^blocks per CPU second: [\d,]+",
        r"^peak memory: \d+ MB",
        r"the VCF alone$",
        r"bcftools \+split-vep +[\d,]+ rows printed|bcftools is not installed",
    ),
    "bench_load.py": (
        r"^ +10 outcomes, [\d,]+ per CPU s, driver \d+ MB; status [\d.]+ s, [\d.]+ CPU s, \d+ MB",
        r"^48 outcomes in [\d.]+ s with tables",
        r"^tables of 64 rows: [\d.]+ CPU s \(<= [\d.]+\), [\d.]+ s, \d+ MB",
    ),
    "bench_models.py": (
        r"^27 x 59 ",
        r"rf  own [\d.]+ s, six bare forests [\d.]+ s: [\d.]+ x",
        r"lr  own [\d.]+ s",
    ),
    "bench_on_disk.py": (
        r"^400 records, 1 of each in turn",
        r"^ +on disk: +[\d.]+ CPU s, x [\d.]+ \([\d.]+ to [\d.]+\), peak \d+ MB",
        r"^ +on disk, one place: ",
    ),
    "bench_plan.py": (
        r"^504 combinations x 10 folds, protocol amiss",
        r"^new study: [\d.]+ CPU s \(<= 1; [\d.]+\), \d+ MB \(<= 150\)",
    ),
    "bench_read.py": (
        r"400 records +650 blocks",
        r"records per CPU second: [\d,]+",
        r"memory, four times the records: x [\d.]+",
    ),
    "bench_report.py": (
        r"^42 combinations x 3, 252 parts",
        r"^page: [\d.]+ MB \(<= 4.5\), made in [\d.]+ CPU s",
    ),
    "bench_sampling.py": (
        r"^4,096 combinations, 204 in a sample of 102 blocks",
        r"a balanced draw: [\d.]+ CPU s",
        r"^means, +balanced blocks: +[\d.]+",
        r"^means, +random blocks: +[\d.]+ .*, balanced [\d.]+ of it",
        r"^least squares, +random combinations: +[\d.]+ ",
    ),
    "bench_scheduler.py": (
        r"^32 combinations x 1 folds, 48 tasks to run",
        r"plan: wall s, 1 whole processes: [\d.]+",
        r"10 outcomes, [\d,]+ per s, driver \d+ MB",
        r"38 outcomes by inprocess",
        r"48 tasks were done, 0 had to run",
        r"nothing: wall s, 1 whole processes: [\d.]+",
    ),
    "bench_start.py": (
        r"^first task after [\d.]+ s \([\d.]+ to [\d.]+, <= 3\)",
        r"^CPU until then, all processes: [\d.]+ s",
    ),
    "bench_whole.py": (
        r"^20,000 records, 160,000 blocks, \d+ MB packed",
        r"first run: +[\d.]+ CPU s",
        r"second run: +[\d.]+ CPU s",
        r"2 rows in the table, disk [\d.]+ MB",
    ),
    "bench_xgboost.py": (
        r"^27 x 59 ",
        r"own [\d.]+ s, upstream 80 s",
        r"\d+ fits of 481, [\d,]+ trees",
        r"update [\d.]+, predict [\d.]+",
    ),
    "busy.py": (r"48 attempts on 1 workers in [\d.]+ s: [\d.]+% busy",),
}
"""Script to the lines that it prints."""


def test_every_script_is_run():
    """A script that is added gets a small form, and its figures a place here."""
    scripts = {path.name for path in BENCHMARKS.glob("*.py") if not path.name.startswith("_")}
    assert scripts == FIGURES.keys() | ELSEWHERE


MARKS = {
    # as bench_models, which starts R on the same tables
    "bench_costs.py": pytest.mark.slow,
    "bench_engine_transport.py": pytest.mark.ray,
    # a run of the quickstart, as tests/examples has one
    "bench_start.py": pytest.mark.slow,
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=MARKS.get(name, ())) for name in FIGURES]
)
def test_small_form(name):
    """The script ends with exit code 0 and prints its figures."""
    done = gridrun("--small", script=BENCHMARKS / name)
    assert done.returncode == 0, done.stderr
    for figure in FIGURES[name]:
        assert re.search(figure, done.stdout, re.MULTILINE), (figure, done.stdout)
