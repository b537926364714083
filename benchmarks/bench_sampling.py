"""How far main effects from a sample are from those of the full grid: balanced and random samples.

A sample of 5 % of the published grid is drawn by several designs, with as many combinations each,
and the mean absolute error of all main effects (a value's mean over everything else, minus the
grand mean) against the full grid is averaged over seeds. The answer of the grid is made: effects
of values, of all pairs and triples of values, of each set of rows, of each block and of each
combination, drawn anew for each seed with the standard deviations below. With --study it is the
table of a study of which the whole grid, or a whole part of it, was run.

Main effects are estimated by means, as a table shows them, and by least squares of all main
effects together, which takes out what the sample has unevenly.

    python benchmarks/bench_sampling.py [--seeds 50] [--share 0.05]
    python benchmarks/bench_sampling.py --study DIRECTORY [--metric MCC]
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _command import command, exit_code
from numpy.typing import NDArray

import gridrun
from amiss_tasks.parameters import PARAMETERS, SINGLE_VALUE_METHODS
from amiss_tasks.pipeline import PIPELINE
from gridrun.pipeline import Pipeline
from gridrun.plan.grid import Grid
from gridrun.plan.selection import SampleSize, Selection

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DEVIATIONS = {"value": 1.0, "pair": 0.25, "triple": 0.05, "rows": 0.3, "block": 0.5, "single": 0.2}
"""Of each effect of the made answer, in parts of that of a value."""
TARGET = 0.5
"""Largest error of the balanced sample, in parts of that of random blocks."""


def published() -> Grid:
    """Upstream's grid of 72,576 combinations."""
    values = {p.name: tuple(p.under("amiss")) for p in PARAMETERS}
    values["imputation"] = tuple(SINGLE_VALUE_METHODS)
    return Grid(tuple(values), tuple(values.values()))


def made_answer(grid: Grid, compared: str, rows: tuple[str, ...], seed: int) -> Floats:
    """An answer for every combination."""
    rng = np.random.default_rng(seed)
    axes = range(len(grid.names))
    answer = np.zeros(grid.sizes)

    def add(some: set[int], deviation: float) -> None:
        shape = [size if axis in some else 1 for axis, size in enumerate(grid.sizes)]
        answer[...] += rng.normal(0, deviation, shape)

    for order, name in enumerate(("value", "pair", "triple"), start=1):
        for some in itertools.combinations(axes, order):
            add(set(some), DEVIATIONS[name])
    add({axis for axis in axes if grid.names[axis] in rows}, DEVIATIONS["rows"])
    add({axis for axis in axes if grid.names[axis] != compared}, DEVIATIONS["block"])
    add(set(axes), DEVIATIONS["single"])
    return answer.ravel()


def table_of(directory: Path, metric: str) -> tuple[Grid, Floats]:
    """Grid and answers of a study, NaN where a combination has none."""
    frame = gridrun.open_study(directory).results()
    frame = frame[frame["state"] == "done"]
    names = [p.name for p in PARAMETERS]
    values = tuple(tuple(frame[name].unique()) for name in names)
    grid = Grid(tuple(names), values)
    means = frame.groupby(names)[metric].mean()
    answer = np.full(len(grid), np.nan)
    for key, value in means.items():
        answer[grid.index(dict(zip(names, key, strict=True)))] = value
    return grid, answer


def by_means(digits: Ints, sizes: list[int], answer: Floats) -> Floats:
    """Main effects as differences of means; 0 of a value that is not there."""
    effects = []
    for positions, size in zip(digits, sizes, strict=True):
        count = np.bincount(positions, minlength=size)
        total = np.bincount(positions, answer, minlength=size)
        effects.append(np.where(count > 0, total / np.maximum(count, 1) - answer.mean(), 0.0))
    return np.concatenate(effects)


def by_least_squares(digits: Ints, sizes: list[int], answer: Floats) -> Floats:
    """Main effects of all parameters together, each parameter's with the sum 0."""
    columns = [np.ones((len(answer), 1))]
    codings = [np.vstack([np.eye(size - 1), -np.ones(size - 1)]) for size in sizes]
    columns += [coding[each] for coding, each in zip(codings, digits, strict=True)]
    found = np.linalg.lstsq(np.hstack(columns), answer, rcond=None)[0]
    ends = np.cumsum([size - 1 for size in sizes])
    parts = np.split(found[1:], ends[:-1])
    return np.concatenate([coding @ part for coding, part in zip(codings, parts, strict=True)])


ESTIMATES = {"means": by_means, "least squares": by_least_squares}


class Draws:
    """Samples of one size by several designs.

    Args:
        grid: The grid.
        pipeline: What is compared in it, and what decides the rows.
        blocks: How many blocks a sample has.
    """

    def __init__(self, grid: Grid, pipeline: Pipeline, blocks: int) -> None:
        self._grid = grid
        self._compared = pipeline.method_parameter
        self._rows = [grid.names.index(name) for name in pipeline.block if name in grid.names]
        self._blocks = blocks
        at = grid.names.index(self._compared)
        self.combinations = blocks * grid.sizes[at]
        self.seconds: list[float] = []
        """Processor seconds of each balanced draw."""
        self.designs: dict[str, Callable[[int], Ints]] = {
            "balanced blocks": self._balanced,
            "random blocks": lambda seed: self._drawn("random", seed),
            "random combinations": self._single,
            "random sets of rows": self._sets_of_rows,
        }

    def _balanced(self, seed: int) -> Ints:
        begin = time.process_time()
        drawn = self._drawn("balanced", seed)
        self.seconds.append(time.process_time() - begin)
        return drawn

    def _drawn(self, design: str, seed: int) -> Ints:
        size = SampleSize(blocks=self._blocks)
        compared = (self._compared,)
        drawn = Selection.of(self._grid, compared=compared, sample=size, design=design, seed=seed)
        return drawn.indices()

    def _single(self, seed: int) -> Ints:
        number = self.combinations
        return Selection.of(self._grid, sample=number, blocks=False, seed=seed).indices()

    def _sets_of_rows(self, seed: int) -> Ints:
        """Everything of some sets of rows, as near to the size as these can be."""
        digits = np.array(np.unravel_index(np.arange(len(self._grid)), self._grid.sizes))
        sizes = [self._grid.sizes[axis] for axis in self._rows]
        of = np.ravel_multi_index(digits[self._rows], sizes)
        sets = int(np.prod(sizes))
        number = max(1, round(self.combinations * sets / len(self._grid)))
        chosen = np.random.default_rng(seed).choice(sets, number, replace=False)
        return np.flatnonzero(np.isin(of, chosen))


def measure(
    grid: Grid, pipeline: Pipeline, answers: Callable[[int], Floats], seeds: int, share: float
) -> dict[tuple[str, str], Floats]:
    """Errors of main effects by design and estimate, one for each seed."""
    compared = grid.sizes[grid.names.index(pipeline.method_parameter)]
    blocks = max(1, round(share * len(grid) / compared))
    draws = Draws(grid, pipeline, blocks)
    every = np.array(np.unravel_index(np.arange(len(grid)), grid.sizes))
    varying = [axis for axis, size in enumerate(grid.sizes) if size > 1]
    sizes = [grid.sizes[axis] for axis in varying]
    print(f"{len(grid):,} combinations, {draws.combinations:,} in a sample of {blocks:,} blocks")
    errors: dict[tuple[str, str], list[float]] = {}
    spread = []
    for seed in range(1, seeds + 1):
        answer = answers(seed)
        there = np.isfinite(answer)
        truth = by_means(every[varying][:, there], sizes, answer[there])
        spread.append(np.abs(truth).mean())
        for design, draw in draws.designs.items():
            drawn = draw(seed)
            drawn = drawn[there[drawn]]
            for estimate, of in ESTIMATES.items():
                found = of(every[varying][:, drawn], sizes, answer[drawn])
                errors.setdefault((design, estimate), []).append(np.abs(found - truth).mean())
    print(f"a balanced draw: {np.median(draws.seconds):.2f} CPU s")
    print(f"mean absolute main effect: {np.mean(spread):.4f}")
    return {key: np.array(each) for key, each in errors.items()}


def show(errors: dict[tuple[str, str], Floats]) -> float:
    """Print the errors; that of the balanced sample in parts of that of random blocks, by means."""
    for (design, estimate), each in errors.items():
        own = errors["balanced blocks", estimate]
        line = f"{estimate + ',':15}{design + ':':22}{each.mean():.4f}"
        if len(each) > 1:
            line += f" (se {each.std(ddof=1) / np.sqrt(len(each)):.4f})"
        if own is not each:
            better = np.mean(own < each)
            line += f", balanced {own.mean() / each.mean():.2f} of it, less for {better:.0%}"
        print(line)
    balanced, blocks = (errors[f"{name} blocks", "means"].mean() for name in ("balanced", "random"))
    return float(balanced / blocks)


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="samples of each design")
    parser.add_argument("--share", type=float, default=0.05, help="of the blocks, in a sample")
    parser.add_argument("--study", type=Path, help="a study that was run as a whole")
    parser.add_argument("--metric", default="MCC", help="of its table")
    asked = parser.parse_args()
    grid = published()
    if asked.small:
        asked.seeds = 2
        grid = Grid(grid.names, tuple(values[:2] for values in grid.values))
    rows, compared = tuple(PIPELINE.block), PIPELINE.method_parameter
    answers: Callable[[int], Floats] = lambda seed: made_answer(grid, compared, rows, seed)  # noqa: E731
    if asked.study is not None:
        grid, answer = table_of(asked.study, asked.metric)
        answers = lambda _: answer  # noqa: E731
    ratio = show(measure(grid, PIPELINE, answers, asked.seeds, asked.share))
    return exit_code(asked, missed=ratio > TARGET)


if __name__ == "__main__":
    raise SystemExit(main())
