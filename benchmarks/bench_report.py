"""Size of the report of the whole published grid, and how quickly its explorer answers.

Writes the final table of a made-up study (72,576 combinations, three classifiers, ten folds; its
numbers are drawn, with effects of each parameter), makes the report of it, and opens that in
Debian's chromium: a file of at most 4.5 MB, open in 1 s, a brush in 16 ms of the page's own code
(median of 50; drawing is counted apart), 217,728 rows sorted in 100 ms.

    python benchmarks/bench_report.py

Without chromium the file alone is measured.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _command import ROOT, command, exit_code

import gridrun
from amiss_tasks.parameters import PARAMETERS, SINGLE_VALUE_METHODS
from amiss_tasks.study.comparison import REFERENCE
from gridrun.report.page import Known, write_page
from gridrun.report.tables import Summary, SummaryGroup
from gridrun.study.state import StudyState

sys.path.insert(0, str(ROOT / "tests"))
from browser import PROGRAM, Browser, browser

CLASSIFIERS = ("rf", "xgboost", "lr")
FOLDS = 10
FAILING = 0.05
"""Share of combinations and classifiers that fail in a third of their folds."""
SMALL = {"quality", "downsampling"}
"""Parameters that vary in the small form, beside the method."""
MOST_MB, MOST_OPEN, MOST_BRUSH, MOST_SORT = 4.5, 1.0, 16.0, 100.0
BRUSHES = 50


def study_of(place: Path, *, small: bool) -> StudyState:
    """A study of the whole grid whose inputs are never opened."""
    lines = ["inputs: {vcf: a.txt, cadd_snv: b.txt, cadd_indel: c.txt}"]
    lines += [
        f"classifiers: [{', '.join(CLASSIFIERS)}]",
        f"folds: {2 if small else FOLDS}",
        "grid:",
    ]
    for name in ("a", "b", "c"):
        (place / f"{name}.txt").write_text(name)
    for parameter in PARAMETERS:
        values: Any = list(parameter.under("amiss"))
        if parameter.name == "imputation":
            values = list(SINGLE_VALUE_METHODS)
        elif small and parameter.name not in SMALL:
            values = values[:1]
        lines.append(f"  {parameter.name}: {values!r}")
    (place / "study.yaml").write_text("\n".join(lines) + "\n")
    return gridrun.open_study(place).state()


def write_table(state: StudyState, metrics: list[str]) -> int:
    """Draw the final table: effects of each parameter and classifier, and noise by fold."""
    draw = np.random.default_rng(1)
    grid, folds = state.study.grid, state.folds
    combination = np.arange(len(grid))
    digits = np.unravel_index(combination, grid.sizes)
    signal = sum(
        draw.normal(0, 0.02, size)[at] for size, at in zip(grid.sizes, digits, strict=True)
    )
    whole = np.repeat(combination, len(CLASSIFIERS) * folds)
    classifier = np.tile(np.repeat(np.arange(len(CLASSIFIERS)), folds), len(grid))
    # a method fails in some combinations, in the same folds of each; the reference never does
    fails = draw.random((len(grid), len(CLASSIFIERS))) < FAILING
    fails[digits[grid.names.index("imputation")] == SINGLE_VALUE_METHODS.index(REFERENCE)] = False
    fold = np.tile(np.arange(folds) + 1, len(grid) * len(CLASSIFIERS))
    has_failed = fails[whole, classifier] & (fold <= max(1, folds // 3))
    columns: dict[str, Any] = {
        "combination": whole + 1,
        "fold": fold,
        "classifier": pa.DictionaryArray.from_arrays(classifier, list(CLASSIFIERS)).cast("string"),
        "state": pa.array(np.where(has_failed, "failed", "done")),
        "tr_time": np.full(len(whole), 1.0),
        "te_time": np.full(len(whole), 0.1),
    }
    level = 0.6 + signal[whole] - 0.05 * classifier
    for metric in metrics:
        values = np.clip(level + draw.normal(0, 0.05, len(whole)), -1, 1)
        columns[metric] = np.where(has_failed, np.nan, values)
    paths = state.study.paths
    paths.results.mkdir()
    pq.write_table(pa.table(columns), paths.results_parquet)
    return len(whole)


def summary_of(state: StudyState) -> Summary:
    """What the tables of such a study would say; its means are of no interest here."""
    metrics = ("MCC", "AUC")
    groups = [
        SummaryGroup(method, classifier, metrics, n=1, _sums={"MCC": 0.5}, _counts={"MCC": 1})
        for method in SINGLE_VALUE_METHODS
        for classifier in CLASSIFIERS
    ]
    folds, label = state.folds, state.protocol_label
    count = len(state.study.grid)
    return Summary(tuple(groups), {}, {}, count, folds, label, "imputation")


def in_browser(page: Path, profile: Path) -> tuple[float, ...]:
    """Seconds to open, and of its main thread; milliseconds of a brush, a drawing and a sort."""
    figure = "document.querySelector('figure[data-figure=explorer]')"
    with browser(profile) as shown:
        opened, busy = [], []
        # processor time: what a machine with other work takes does not count
        shown.call("Performance.enable", timeDomain="threadTicks")
        for _ in range(5):
            start = time.perf_counter()
            shown.open(page)
            shown.until(f"{figure}?.dataset.ready === 'yes'")
            opened.append(time.perf_counter() - start)
            busy.append(busy_seconds(shown))  # counted from the page's beginning
        shown.evaluate(
            f"""(async () => {{
              const place = {figure};
              const axes = place.selection().axes;
              for (const list of Object.values(place.measured)) list.length = 0;
              for (let at = 0; at < {BRUSHES}; at++) {{
                // one axis is brushed and let go, then the next: most rows are kept, and counted
                const axis = (at >> 1) % axes.length;
                const one = axes[axis];
                const part = (at * 7919 % 100) / 100;
                const span = one.most - one.least;
                place.brush(axis, at % 2 ? null : one.numeric
                  ? {{ from: one.least + span * part / 2, to: one.most }}
                  : {{ set: new Set([...one.labels.keys()].filter((value) => value !== at % 7)) }});
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
              }}
              place.measured.sort.length = 0;
              for (const name of ["n", "mean MCC", "se AUC", "imputation", "mean F1"]) {{
                place.resort(name, "down");
                place.resort(name, "up");
              }}
            }})()"""
        )
        times = shown.evaluate(f"{figure}.measured")
        before = busy_seconds(shown)
        shown.evaluate(
            f"""(() => {{
              const place = {figure};
              for (let at = 0; at < {BRUSHES}; at++) {{
                const axis = (at >> 1) % (place.selection().axes.length - 1);
                place.brush(axis, at % 2 ? null : {{ set: new Set([0]) }});
              }}
            }})()"""
        )
        alone = (busy_seconds(shown) - before) / BRUSHES * 1000
        assert shown.complaints == [], shown.complaints
        assert {request.partition("#")[0] for request in shown.requests} == {page.as_uri()}
    medians = (statistics.median(times[name]) for name in ("brush", "draw", "sort"))
    return (min(opened), min(busy), *medians, alone)


def busy_seconds(shown: Browser) -> float:
    """Processor seconds that the page's main thread has taken."""
    metrics = {one["name"]: one["value"] for one in shown.call("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def main() -> int:
    options = command(__doc__ or "").parse_args()
    missed = False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder) / "study"
        place.mkdir()
        state = study_of(place, small=options.small)
        known = Known(state, summary_of(state))
        rows = write_table(state, [metric.column for metric in known.metrics])
        start = time.process_time()
        page = state.study.paths.report_html
        write_page([known], page)
        took = time.process_time() - start
        size = page.stat().st_size / 1e6
        missed |= size > MOST_MB
        print(f"{len(state.study.grid):,} combinations x {len(CLASSIFIERS)}, {rows:,} parts")
        print(f"page: {size:.2f} MB (<= {MOST_MB}), made in {took:.1f} CPU s")
        if PROGRAM is None:
            print("no chromium here: nothing else is measured (apt-get install chromium)")
            return exit_code(options, missed=missed)
        if options.small:
            return 0
        opened, busy, brush, draw, sort, alone = in_browser(page, Path(folder) / "profile")
        print(f"open: {opened:.2f} s (<= {MOST_OPEN}), {busy:.2f} CPU s of its main thread")
        print(f"brush: {brush:.1f} ms of script (<= {MOST_BRUSH}), and {draw:.1f} ms of drawing")
        print(f"brush: {alone:.1f} CPU ms of the main thread (mean of {BRUSHES}, one drawing)")
        print(f"sort: {sort:.1f} ms (<= {MOST_SORT})")
        missed |= opened > MOST_OPEN or brush > MOST_BRUSH or sort > MOST_SORT
    return exit_code(options, missed=missed)


if __name__ == "__main__":
    sys.exit(main())
