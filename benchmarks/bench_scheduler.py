"""Plan, "nothing to do" and durable no-op outcomes on the published grid's shape.

    python benchmarks/bench_scheduler.py plan
    python benchmarks/bench_scheduler.py outcomes [--backend inprocess] [--limit-outcomes N]
    python benchmarks/bench_scheduler.py nothing
    python benchmarks/bench_scheduler.py --small    # all three on a small grid

``plan`` and ``nothing`` are measured as a user meets them: a whole process, from
start to exit. ``outcomes`` fills a study of 72,576 combinations x 10 folds with
no-op outcomes, each durable before it counts, and prints the rate and the
driver's memory at every 100,000; ``nothing`` then times a run on that study.
Tasks are the toy pipeline's: what is measured is the scheduler.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from _command import command

from gridrun.pipeline import Value
from gridrun.run import Silent
from gridrun.testing import toy

TOY = "gridrun.testing.toy:PIPELINE"
HOME = Path(tempfile.gettempdir()) / "gridrun-bench-scheduler"

MEASURED = """
import resource, sys
import gridrun
study = gridrun.open_study(sys.argv[1], pipeline=sys.argv[2])
if sys.argv[3] == "plan":
    plan = study.plan()
    print(f"{plan.combinations} combinations x {plan.folds} folds, {plan.pending} tasks to run")
else:
    report = study.run(backend="inprocess")
    print(f"{report.tally.before} tasks were done, {report.tally.done} had to run")
print("peak MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


PUBLISHED = {p.name: p.values for p in toy.PARAMETERS}
SMALL = {
    name: values[: 2 if name in toy.PIPELINE.block else 1] for name, values in PUBLISHED.items()
}
"""32 combinations."""


def study(home: Path, folds: int, grid: Mapping[str, Sequence[Value]]) -> Path:
    """Write a study of the toy."""
    home.mkdir(parents=True, exist_ok=True)
    for name in ("a.txt", "b.txt"):
        if not (home / name).exists():
            (home / name).write_text(name)
    lines = [
        "inputs: {table: a.txt, labels: b.txt}",
        f"folds: {folds}",
        "grid:",
        *(f"  {name}: {list(values)!r}" for name, values in grid.items()),
    ]
    (home / "study.yaml").write_text("\n".join(lines) + "\n")
    return home


def whole_process(what: str, directory: Path, runs: int) -> None:
    walls = []
    for _ in range(runs):
        began = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, "-c", MEASURED, str(directory), TOY, what],
            capture_output=True,
            text=True,
            check=True,
        )
        walls.append(time.perf_counter() - began)
    print(ran.stdout.strip().replace("\n", "; "))
    print(f"{what}: wall s, {runs} whole processes: {' '.join(f'{w:.2f}' for w in sorted(walls))}")


class Meter(Silent):
    """Prints rate and memory as outcomes become durable; may end the run early."""

    def __init__(self, limit: int | None) -> None:
        self.limit, self.engine = limit, None
        self.seen, self.at, self.began = 0, time.perf_counter(), 0.0

    def phase(self, text: str) -> None:
        if text == "running" and not self.began:
            self.at = self.began = time.perf_counter()

    def update(self, tally) -> None:
        if tally.done - self.seen >= 100_000 or tally.done == self.limit:
            now = time.perf_counter()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            rate = (tally.done - self.seen) / (now - self.at)
            print(f"{tally.done:>9,} outcomes, {rate:,.0f} per s, driver {peak} MB", flush=True)
            self.seen, self.at = tally.done, now
        if tally.done == self.limit:
            self.engine.stop()


def outcomes(backend: str, directory: Path, limit: int | None) -> None:
    import gridrun

    meter = Meter(limit)
    opened = gridrun.open_study(directory, pipeline=TOY)
    workers = 2 if backend == "local" else None
    meter.engine = opened.engine(backend, progress=meter, workers=workers)
    report = meter.engine.run()
    print(f"{report.tally.done:,} outcomes by {backend}, all: {report.seconds:.1f} s with tables")


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("what", nargs="?", choices=("plan", "outcomes", "nothing"))
    parser.add_argument("--backend", default="inprocess")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--limit-outcomes", type=int)
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    if chosen.small:
        with tempfile.TemporaryDirectory() as name:
            directory = study(Path(name), 1, SMALL)
            whole_process("plan", directory, 1)
            outcomes("inprocess", directory, 10)
            outcomes("inprocess", directory, None)
            whole_process("nothing", directory, 1)
        return
    if chosen.what is None:
        parser.error("say what: plan, outcomes or nothing")
    directory = study(HOME, chosen.folds, PUBLISHED)
    if chosen.what == "outcomes":
        outcomes(chosen.backend, directory, chosen.limit_outcomes)
    else:
        whole_process(chosen.what, directory, chosen.runs)


if __name__ == "__main__":
    main()
