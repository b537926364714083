"""Seconds of imputation methods and classifiers by rows and columns: what plans begin with.

Each method imputes, and each classifier is trained on, tables of several sizes out of the
recorded input. ``seconds x (rows / 400)^a x (columns / 30)^b`` is fitted to the CPU seconds and
printed as a row of ``amiss_tasks/study/_cost_table.py``. Of a method with many rows of
hyperparameters two are timed, and the rest is reckoned from these. One thread.

    python benchmarks/bench_costs.py [--methods pmm rf] [--points FILE] [--small]
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from _command import ROOT, command

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "amiss")]

from golden_tables import golden_block  # noqa: E402 - found through the path above

from amiss_tasks.classifiers import CLASSIFIERS  # noqa: E402
from amiss_tasks.methods import METHODS, MOST_ROWS, Method  # noqa: E402
from amiss_tasks.protocols import CORRECTED, Protocol  # noqa: E402
from amiss_tasks.tasks.r_stages import RStages  # noqa: E402
from gridrun.pipeline import TaskFailure  # noqa: E402

SIZES = ((100, 12), (400, 12), (100, 40), (250, 25))
"""Training rows and columns; half as many test rows."""
MORE_SIZES = ((1200, 25),)
"""Further ones, of what is cheap enough."""
SMALL_SIZES = ((60, 6),)
REFERENCE = (400, 30)
DEAR_SECONDS = 20.0
SEED = 1
TIMED_ROWS = 2
PULL = 0.2
"""Weight of the expectation that time grows with rows and columns; that of a point is one."""

Point = tuple[str, int, int, float]
"""Name, rows, columns, CPU seconds."""


class Tables:
    """Training and test tables of any size, out of the recorded input."""

    def __init__(self) -> None:
        self.stages = RStages(protocol=Protocol(CORRECTED, seed=SEED))
        self._block = golden_block("keep_all", "onestar", "all", "exclude", "dummy").train
        numbers = self._block.numeric
        # columns that vary and are known somewhere; those with most gaps are as likely as others
        spread = np.nanstd(np.where(np.isnan(numbers), np.nan, numbers), axis=0)
        self._usable = [
            name
            for name, sd in zip(self._block.numeric_names, spread, strict=True)
            if np.isfinite(sd) and sd > 0
        ]

    def of_size(self, rows: int, columns: int):
        """Training table, its outcome, and the test table."""
        random = np.random.default_rng(SEED)
        names = [str(name) for name in random.permutation(self._usable)[:columns]]
        taken = [random.choice(self._block.rows, size) for size in (rows, max(rows // 2, 20))]
        train, test = (self._block.take(np.sort(part)) for part in taken)
        cut = [
            self.stages.cut(self.stages.table(part), np.arange(part.rows), names)
            for part in (train, test)
        ]
        return cut[0], self.stages.outcome(train), cut[1]


def cpu_seconds() -> float:
    """Of this process, R in it included."""
    return time.process_time()


def rows_of(method: Method) -> tuple[list[dict], float]:
    """Rows of hyperparameters to time, and how many times their seconds all rows take."""
    tried = min(method.rows, MOST_ROWS) or 1
    if not method.axes:
        return [{}], 1.0
    count = min(tried, TIMED_ROWS)
    # evenly spread over all rows, so that what grows with a hyperparameter has its mean
    numbers = [round((place + 0.5) * method.rows / count + 0.5) for place in range(count)]
    return [dict(method.row(number)) for number in numbers], tried / count


def points_of_method(
    tables: Tables, method: Method, sizes: Sequence[tuple[int, int]]
) -> Iterator[Point]:
    """Seconds of imputing the training and the test table."""
    stages, (given, factor) = tables.stages, rows_of(method)
    for rows, columns in sizes:
        train, _, test = tables.of_size(rows, columns)
        began = cpu_seconds()
        try:
            imputed = stages.impute_rows(method, train, given, None, 1, test=test)
            usable = stages.usable(method, imputed, accepts_missing=method.keeps_missing)
        except TaskFailure as failure:
            print(f"{method.name}, {rows} x {columns}: {failure.message}")
            continue
        spent = (cpu_seconds() - began) * factor
        if not usable.tested_by(0):
            began = cpu_seconds()
            stages.impute_test(method, test, usable.states.at(0))
            spent += cpu_seconds() - began
        yield method.name, rows, columns, spent


def points_of_classifier(
    tables: Tables, name: str, sizes: Sequence[tuple[int, int]]
) -> Iterator[Point]:
    """Seconds of training on one imputed table, and of predicting."""
    stages, method = tables.stages, METHODS["none" if name == "pattern_lr" else "mean_imp"]
    for rows, columns in sizes:
        train, outcome, test = tables.of_size(rows, columns)
        accepts = stages.accepts_missing(name, method)
        imputed = stages.impute_rows(method, train, [{}], None, 1, test=test)
        usable = stages.usable(method, imputed, accepts_missing=accepts)
        completed = stages.impute_test(method, test, usable.states.at(0))
        began = cpu_seconds()
        trained = stages.train(name, usable, outcome)
        stages.predict(name, trained.models.at(0), completed.tables.at(0), None, method)
        yield name, rows, columns, cpu_seconds() - began


def fitted(points: Sequence[Point]) -> tuple[float, float, float]:
    """Coefficient and the exponents of rows and columns, by least squares of logarithms."""
    _, rows, columns, seconds = zip(*points, strict=True)
    wanted = np.log(np.maximum(seconds, 1e-3))
    if len(points) < len(SIZES) - 1:
        return float(np.exp(wanted.mean())), 1.0, 1.0
    known = np.column_stack(
        [
            np.ones(len(points)),
            *(np.log(np.array(a) / r) for a, r in zip((rows, columns), REFERENCE, strict=True)),
        ]
    )
    # a few points on a noisy machine: exponents are drawn towards one
    pull = np.sqrt(PULL) * np.eye(3)[1:]
    found, *_ = np.linalg.lstsq(
        np.vstack([known, pull]), np.append(wanted, pull.sum(axis=1)), rcond=None
    )
    return float(np.exp(found[0])), float(found[1]), float(found[2])


def main() -> int:
    """Print the points and the fits."""
    parser = command(__doc__)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--classifiers", nargs="*", default=[one.name for one in CLASSIFIERS])
    parser.add_argument("--points", type=Path, help="append the measured points to this file")
    options = parser.parse_args()
    tables = Tables()
    sizes = SMALL_SIZES if options.small else SIZES
    names = ["gower_knn"] if options.small else options.methods
    classifiers = ["lr"] if options.small else options.classifiers
    work = [(name, points_of_classifier, name) for name in classifiers]
    work += [(name, points_of_method, METHODS[name]) for name in names]
    for name, measure, what in work:
        points = list(measure(tables, what, SMALL_SIZES))[:0]  # R loads what it needs
        points += measure(tables, what, sizes)
        if not options.small and max(point[-1] for point in points) < DEAR_SECONDS:
            points += measure(tables, what, MORE_SIZES)
        if options.points:
            with options.points.open("a") as file:
                file.writelines(f"{json.dumps(point)}\n" for point in points)
        print(*(f"{rows} x {columns}: {s:.3f} s" for _, rows, columns, s in points), sep=", ")
        print(
            f'    "{name}": Cost({", ".join(f"{number:.3g}" for number in fitted(points))}),',
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
