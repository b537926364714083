"""A million no-op outcomes of the published grid in one run: rates, memory, and the tables.

    python benchmarks/bench_load.py [--folds 19] [--small]

Prints rate and the driver's memory at 10^4, 10^5 and every 10^5 outcomes after that, each durable
before it counts, and what `status` takes meanwhile, in a process of its own. At 9 * 10^5 outcomes
`results --no-tables` begins to read and check them all, while the run goes on, and once more at the
end: what is newer. Then CPU seconds and peak memory of writing the tables. Targets: the last 10^5
at most 1.2 times slower than the first, CPU seconds counted, `status` in 3 CPU seconds and the
means in 20, then 5; 10 folds (1.45 million rows, pooled once more) in 20. Tasks are the toy
pipeline's, run in this process: what is measured is what stands around them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _command import command, exit_code
from bench_scheduler import PUBLISHED, SMALL, TOY, study

from gridrun.run import Silent

SLOWER, ROWS_PER_SECOND, STATUS_SECONDS, MEANS_SECONDS = 1.2, 1_451_520 / 20, 3.0, 20.0
AGAIN_SECONDS = 5.0
MARKS = (10_000, 100_000)
MEANS_AT = 900_000

APART = """
import json, resource, sys, time
import gridrun
began, cpu = time.perf_counter(), time.process_time()
study = gridrun.open_study(sys.argv[1], pipeline=sys.argv[2])
if sys.argv[3] == "status":
    found = study.status().done
else:
    summary = study.summary(tables=sys.argv[3] == "tables")
    found = sum(summary.records()[0][name] for name in ("n", "failed"))
spent = time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps([time.perf_counter() - began, spent, peak, found]))
"""


def started(what: str, directory: Path) -> subprocess.Popen[str]:
    """Have another process ask the study something."""
    words = [sys.executable, "-c", APART, str(directory), TOY, what]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def answer(asked: subprocess.Popen[str]) -> tuple[float, float, int]:
    """Seconds, CPU seconds and peak MB that it took."""
    said, _ = asked.communicate()
    if asked.returncode:
        raise SystemExit(asked.returncode)
    wall, cpu, peak, _ = json.loads(said)
    return wall, cpu, peak


class Meter(Silent):
    """Prints rate and memory as outcomes become durable."""

    def __init__(self, directory: Path, marks: tuple[int, ...]) -> None:
        self.directory, self.marks = directory, list(marks)
        self.seen, self.cpu, self.began = 0, 0.0, False
        self.rates: list[float] = []
        self.status_cpu = self.means_cpu = 0.0
        self.means: subprocess.Popen[str] | None = None

    def phase(self, text: str) -> None:
        if text == "running" and not self.began:
            self.began, self.cpu = True, time.process_time()

    def update(self, tally) -> None:
        if not self.marks or tally.done < self.marks[0]:
            return
        now = time.process_time()
        rate = (tally.done - self.seen) / max(now - self.cpu, 1e-9)
        memory = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        said = f"{tally.done:>9,} outcomes, {rate:,.0f} per CPU s, driver {memory >> 20} MB"
        if tally.done - self.seen >= 100_000 or len(self.marks) > 1:
            self.rates.append(rate)
        if self.means is not None:
            is_done = self.means.poll() is not None
            wall, cpu, peak = answer(self.means)
            self.means_cpu = cpu
            print(
                f"results --no-tables meanwhile: {wall:.1f} s, {cpu:.1f} CPU s, {peak} MB"
                f"{'' if is_done else ', not done before the next 10^5'}"
            )
            self.means = None
        wall, cpu, peak = answer(started("status", self.directory))
        self.status_cpu = max(cpu, self.status_cpu)
        print(f"{said}; status {wall:.1f} s, {cpu:.1f} CPU s, {peak} MB", flush=True)
        if tally.done >= MEANS_AT and self.marks[0] == MEANS_AT:
            self.means = started("means", self.directory)
        self.seen, self.cpu = tally.done, time.process_time()
        last = self.marks.pop(0)
        if not self.marks and last >= MARKS[-1]:
            self.marks.append(last + 100_000)


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    import gridrun

    parser = command(__doc__)
    parser.add_argument("--folds", type=int, default=19, help="19 make a million outcomes")
    options = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as name:
        folds, grid = (1, SMALL) if options.small else (options.folds, PUBLISHED)
        directory = study(Path(name), folds, grid)
        meter = Meter(directory, (10,) if options.small else MARKS)
        opened = gridrun.open_study(directory, pipeline=TOY)
        report = opened.run(backend="inprocess", progress=meter)
        tally = report.tally
        print(f"{tally.done:,} outcomes in {report.seconds:.1f} s with tables")
        steady = meter.rates[1:]
        if len(steady) > 1:
            slower = steady[0] / steady[-1]
            missed |= slower > SLOWER
            print(f"the last 10^5 took {slower:.2f} times as long as the first (<= {SLOWER})")
        missed |= meter.status_cpu > STATUS_SECONDS or meter.means_cpu > MEANS_SECONDS
        (directory / ".gridrun" / "results.json").unlink()
        wall, cpu, peak = answer(started("means", directory))
        missed |= cpu > AGAIN_SECONDS
        print(f"results --no-tables again: {wall:.1f} s, {cpu:.1f} CPU s, {peak} MB")
        wall, cpu, peak = answer(started("tables", directory))
        with (directory / "results" / "final_cv_results.csv").open() as table:
            rows = sum(1 for _ in table) - 1
        most = rows / ROWS_PER_SECOND
        missed |= cpu > most
        print(f"tables of {rows:,} rows: {cpu:.1f} CPU s (<= {most:.1f}), {wall:.1f} s, {peak} MB")
    return exit_code(options, missed=missed)


if __name__ == "__main__":
    raise SystemExit(main())
