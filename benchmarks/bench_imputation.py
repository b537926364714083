"""Imputation as ratios within one run: gridrun's stages against mice and missForest themselves.

The stages impute the training table by some rows of hyperparameters, and the test table by the
last of them (protocol ``corrected``). For MICE they stand beside ``mice::mice`` on the same tables
with the same predictors, numbers of tables and iterations; for missForest beside its published
loop of ``randomForest`` on the training table, whose forests the test rows only go through.
Target: at most 1.2 times their CPU seconds, one thread, medians.

    python benchmarks/bench_imputation.py [--methods rf missForest] [--small]
"""

import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _command import ROOT, command, exit_code

HERE = Path(__file__).parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "amiss")]

from golden_tables import golden_block  # noqa: E402 - found through the path above

from amiss_tasks.methods import METHODS  # noqa: E402
from amiss_tasks.protocols import CORRECTED, Protocol  # noqa: E402
from amiss_tasks.r import session as r_session  # noqa: E402
from amiss_tasks.stages.fold import fold_rows  # noqa: E402
from amiss_tasks.tasks.r_stages import RStages  # noqa: E402

TARGET = 1.2
REPEATS = 3
SEED = 1
# from few trees to many, as drawn rows of hyperparameters have them
ROWS: dict[str, list[dict[str, Any]]] = {
    "pmm": [{"donors": 5, "ridge": 1e-5, "matchtype": 1}, {"donors": 21, "matchtype": 2}],
    "norm": [{}],
    "norm.predict": [{}],
    "rf": [{"ntree": 16}, {"ntree": 91}],
    "missForest": [{"mtry": 5, "ntree": 50}, {"mtry": 15, "ntree": 50}],
}
SIZES = {"iterations": 3, "completions": 2}
"""Of MICE: fewer than the ten and ten of a study, which changes the seconds and not the ratio."""
SMALL_ROWS = {"rf": [{"ntree": 2}], "missForest": [{"mtry": 2, "ntree": 2}]}
SMALL_SIZES = {"iterations": 1, "completions": 1}


class Case:
    """A fold's training and test table in R, and the timed functions."""

    def __init__(self, *, small: bool) -> None:
        self.protocol = Protocol(CORRECTED, seed=SEED)
        self.stages = RStages(protocol=self.protocol)
        block = golden_block("canonical", "onestar", "all", "exclude", "dummy").train
        fold = fold_rows(block.rows, 1)
        rows = [part[:40] if small else part for part in (fold.train, fold.test)]
        parts = [block.take(part) for part in rows]
        train, test = (self.stages.table(part) for part in parts)
        sampled = self.stages.draw_sample(
            train,
            self.stages.outcome(parts[0]),
            predraw={},
            downsampling=False,
            feature_share=0.33,
            row_share=1.0,
        )
        prepared = self.stages.prepare(train, sampled, variance=True, correlation=True)
        self.shape = (len(prepared.rows), parts[1].rows, len(prepared.features))
        self.train = self.stages.cut(train, prepared.rows, prepared.features)
        self.test = self.stages.cut(test, np.arange(parts[1].rows), prepared.features)
        self.session = r_session.start()
        self.timed = self.session.environment(self.session.shared)
        self.session.source_text((HERE / "bench_imputation.R").read_text(), self.timed)

    def seconds(self, name: str, rows: list[dict[str, Any]], sizes: dict[str, int]) -> list[float]:
        """CPU seconds of gridrun's stages, and of what they stand beside."""
        method = self.stages.method_file(METHODS[name])
        fixed = self.protocol.corrections_for(name)
        given = {str(n): {**row, **fixed} for n, row in enumerate(rows)}
        own = self._call("time_stages", method, self.train, self.test, given, SEED, sizes)
        if name == "missForest":
            return [own, self._call("time_forests", self.train, given, SEED)]
        tables = (self.train, self.test)
        return [own, self._call("time_mice", name, method, *tables, given, SEED, sizes)]

    def _call(self, function: str, *args: Any) -> float:
        return float(self.session.call(self.timed, function, *args).value.python()[0])


def main() -> int:
    """Print the ratios; 1 when a target is missed."""
    parser = command(__doc__)
    parser.add_argument("--methods", nargs="+", choices=ROWS, default=list(ROWS))
    options = parser.parse_args()
    case = Case(small=options.small)
    print("{} training and {} test rows, {} features".format(*case.shape))
    sizes = SMALL_SIZES if options.small else SIZES
    missed = False
    for name, rows in (SMALL_ROWS if options.small else ROWS).items():
        if name not in options.methods:
            continue
        if not options.small:
            case.seconds(name, rows[:1], SMALL_SIZES)  # R loads what it needs
        pairs = [case.seconds(name, rows, sizes) for _ in range(1 if options.small else REPEATS)]
        own, theirs = (median(seconds) for seconds in zip(*pairs, strict=True))
        ratio = median(own / theirs for own, theirs in pairs)
        beside = "randomForest's loop" if name == "missForest" else "mice"
        print(f"  {name:12} own {own:.2f} s, {beside} {theirs:.2f} s: {ratio:.2f} x (<= {TARGET})")
        missed |= ratio > TARGET
    return exit_code(options, missed=missed)


if __name__ == "__main__":
    raise SystemExit(main())
