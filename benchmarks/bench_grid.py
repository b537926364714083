"""CPU hours of the published grid by measured means, and what sharing saves.

Draws groups of 56 from upstream's 72,576 combinations: everything that has one
block, one downsampling and one share of rows and of features, for within these
results are shared. Runs their tasks on upstream's golden input in this process,
in the order of a worker, and counts CPU seconds (one thread). The mean of each
classifier times its distinct tasks in the whole grid, times ten folds, is the
projection (target: below 100 hours; upstream, one combination after the other:
about 3,700).

    python benchmarks/bench_grid.py --groups 40
    python benchmarks/bench_grid.py --groups 3 --unshared

With ``--unshared`` every task is run a second time, with nothing kept from any
other: all numbers but times have to be equal, and the ratio of CPU seconds is told.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from _command import ROOT, command

import gridrun
from amiss_tasks.parameters import PARAMETERS, SINGLE_VALUE_METHODS
from amiss_tasks.tasks._memo import Memo
from amiss_tasks.tasks.runner import AmissRunner
from backends.inprocess import InProcessBackend
from gridrun.pipeline import Runner, TaskFailure, TaskResult, TaskSpec

INPUT = ROOT / "tests" / "golden" / "input"
FOLDS = 10
WITHIN_A_GROUP = (
    "imputation",
    "hyperparameter_search_type",
    "nonzero_variance_check",
    "correlation_check",
)
SMALL = {
    "imputation": ["zero_imp", "mean_imp"],
    "hyperparameter_search_type": ["grid"],
    "nonzero_variance_check": ["on"],
    "correlation_check": ["off"],
}
"""What the small form runs of a group."""
TARGET_HOURS, UPSTREAM_HOURS = 100.0, 3700.0


@dataclass
class Count:
    """What was counted.

    Args:
        seconds: Classifier to CPU seconds of each task, and whether it was shared.
        alone: CPU seconds of the tasks that were run again.
        differing: Tasks that came to other numbers then.
        failed: Classifier to the number of tasks that failed.
        stages: Stage to CPU seconds, of shared runs.
    """

    seconds: dict[str, list[tuple[float, bool]]] = field(default_factory=lambda: defaultdict(list))
    alone: list[float] = field(default_factory=list)
    differing: list[TaskSpec] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    stages: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class Counting:
    """A runner that counts the CPU seconds of its tasks.

    Args:
        runner: Runs them.
        count: Where they are counted.
        turn: Called when a task begins (with a stage for what comes before the first)
            and ends.
        unshared: Whether each is run again with nothing kept.
    """

    def __init__(
        self, runner: AmissRunner, count: Count, turn: Callable[..., None], *, unshared: bool
    ) -> None:
        self._runner = runner
        self._count = count
        self._turn = turn
        self._unshared = unshared

    def environment(self) -> Any:
        """As the runner has it."""
        return self._runner.environment()

    def run(self, task: TaskSpec, artifact: Path | None) -> TaskResult:
        """Run, count; run again if asked to, and compare."""
        self._turn("lookups")
        started = time.process_time()
        try:
            result = self._runner.run(task, artifact)
        except TaskFailure:
            self._count.failed[task.classifier] += 1
            self._count.seconds[task.classifier].append((time.process_time() - started, False))
            self._turn()
            raise
        spent = time.process_time() - started
        self._turn()
        self._count.seconds[task.classifier].append((spent, result.shared))
        if self._unshared:
            kept, self._runner.chain.memo = self._runner.chain.memo, Memo(0)
            started = time.process_time()
            again = self._runner.run(task, artifact)
            self._count.alone.append(time.process_time() - started)
            self._turn(counts=False)
            self._runner.chain.memo = kept
            if _numbers(again) != _numbers(result):
                self._count.differing.append(task)
        return result


class CountingBackend(InProcessBackend):
    """The in-process backend with a runner that counts."""

    def __init__(self, count: Count, *, unshared: bool) -> None:
        super().__init__()
        self._count = count
        self._unshared = unshared
        self._since = 0.0

    def _open_runner(self) -> Runner:
        runner = super()._open_runner()
        assert isinstance(runner, AmissRunner)
        return Counting(runner, self._count, self._turn, unshared=self._unshared)

    def _note_stage(self, stage: str, _key: str) -> None:
        self._turn()
        self._stage = stage

    def _turn(self, stage: str = "", *, counts: bool = True) -> None:
        """Put what was spent since the last turn to the stage that ran; begin another."""
        now = time.process_time()
        if self._stage and counts:
            self._count.stages[self._stage] += now - self._since
        self._since, self._stage = now, stage


def _numbers(result: TaskResult) -> str:
    """Everything but times, as text: NaN equals NaN."""
    rows = [
        {name: repr(value) for name, value in row.items() if not name.endswith("_time")}
        for row in (*result.rows, *result.details)
    ]
    return json.dumps(rows, sort_keys=True)


def _study(directory: Path, *, small: bool) -> gridrun.OpenStudy:
    grid = {p.name: list(p.under("amiss")) for p in PARAMETERS} | {
        "imputation": list(SINGLE_VALUE_METHODS)
    }
    study = {
        "inputs": {
            "vcf": str(INPUT / "clinvar.vep.vcf.gz"),
            "cadd_snv": str(INPUT / "CADD_clingen.tsv.gz"),
            "cadd_indel": str(INPUT / "CADD_clingen_indel.tsv.gz"),
        },
        "grid": grid,
        "folds": FOLDS,
        "seed": 1,
    }
    if small:
        study["classifiers"] = ["rf", "lr"]
    (directory / "study.yaml").write_text(json.dumps(study), "utf-8")
    return gridrun.open_study(directory)


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--groups", type=int, default=40, help="groups drawn")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--unshared", action="store_true", help="run everything again alone")
    asked = parser.parse_args()
    if asked.small:
        asked.groups, asked.unshared = 1, True
    rng = np.random.default_rng(asked.seed)
    axes = {p.name: p.under("amiss") for p in PARAMETERS if p.name not in WITHIN_A_GROUP}
    sizes = [len(values) for values in axes.values()]
    drawn = rng.choice(math.prod(sizes), asked.groups, replace=False)
    count = Count()
    with tempfile.TemporaryDirectory() as directory:
        study = _study(Path(directory), small=False)
        if asked.small:  # after the whole one, which has to open in the small form too
            study = _study(Path(directory), small=True)
        tables = study.state().tables
        tasks = {table.classifier: int(tables.is_run(table).sum()) for table in tables.tables}
        for number in drawn:
            at = np.unravel_index(number, sizes)
            only = {name: axes[name][i] for name, i in zip(axes, map(int, at), strict=True)}
            backend = CountingBackend(count, unshared=asked.unshared)
            study.run(backend, only={**only, **(SMALL if asked.small else {})}, folds=1)
    _tell(count, tasks, asked.groups / math.prod(sizes))


def _tell(count: Count, tasks: dict[str, int], share: float) -> None:
    hours = 0.0
    print(f"{share:.2%} of the grid, one fold")
    print(
        f"{'':8} {'run':>6} {'shared':>7} {'failed':>7} {'CPU s':>9} {'mean':>8} "
        f"{'tasks':>8} {'hours':>8}"
    )
    for name, counted in count.seconds.items():
        total = sum(seconds for seconds, _ in counted)
        shared = sum(was for _, was in counted)
        mean = total / len(counted)
        own = mean * tasks[name] * FOLDS / 3600
        hours += own
        print(
            f"{name:8} {len(counted):6} {shared:7} {count.failed[name]:7} {total:9.1f} "
            f"{mean:8.3f} {tasks[name]:8} {own:8.1f}"
        )
    print(
        f"published grid, {FOLDS} folds: {hours:.0f} CPU hours "
        f"(target {TARGET_HOURS:.0f}, upstream {UPSTREAM_HOURS:.0f})"
    )
    all_stages = sum(count.stages.values())
    for stage, spent in sorted(count.stages.items(), key=lambda item: -item[1]):
        print(f"  {stage:12} {spent:9.1f} CPU s {spent / all_stages:7.1%}")
    if count.alone:
        together = sum(s for counted in count.seconds.values() for s, _ in counted)
        alone = sum(count.alone)
        print(f"without sharing: {alone:.1f} CPU s, {alone / together:.2f} times as many")
        print(f"tasks with other numbers without sharing: {len(count.differing)}")
        for task in count.differing:
            print(f"  {task}")


if __name__ == "__main__":
    main()
