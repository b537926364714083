"""How busy the workers of a study's last run were, from its ledger.

    gridrun local STUDY --workers 2
    python benchmarks/busy.py STUDY
    python benchmarks/busy.py --small    # of a toy study that it runs

Prints task seconds / (workers x time from the first task's start to the last
one's end). Wall seconds of tasks: a task that waits for a processor counts as
busy, so run it on a machine that does nothing else.
"""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from pathlib import Path

from _command import command
from bench_scheduler import SMALL, outcomes, study


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("study", nargs="?", type=Path, help="its directory")
    options = parser.parse_args()
    if options.small:
        with tempfile.TemporaryDirectory() as name:
            outcomes("inprocess", study(Path(name), 1, SMALL), None)
            tell(Path(name))
    elif options.study is None:
        parser.error("name a study")
    else:
        tell(options.study)


def tell(directory: Path) -> None:
    """Print what the ledger of a study says."""
    ledger = directory / ".gridrun" / "ledger.sqlite"
    db = sqlite3.connect(f"{ledger.resolve().as_uri()}?mode=ro", uri=True)
    (run,) = db.execute("SELECT MAX(run) FROM attempt").fetchone()
    tasks = db.execute(
        "SELECT worker, started, seconds FROM attempt WHERE run = ? AND unit != ''", (run,)
    ).fetchall()
    workers = {worker for worker, _, _ in tasks}
    busy = sum(seconds for _, _, seconds in tasks)
    first = min(started for _, started, _ in tasks)
    last = max(started + seconds for _, started, seconds in tasks)
    share = busy / (len(workers) * (last - first))
    took = f"{last - first:.1f} s"
    print(f"{len(tasks)} attempts on {len(workers)} workers in {took}: {share:.2%} busy")
    for worker in sorted(workers):
        own = sorted((s, s + t) for w, s, t in tasks if w == worker)
        gaps = [b[0] - a[1] for a, b in itertools.pairwise(own)]
        print(
            f"  {worker}: {len(own)} attempts, {sum(gaps):.1f} s between them "
            f"(longest {max(gaps, default=0):.2f}), idle {own[0][0] - first:.1f} s before, "
            f"{last - own[-1][1]:.1f} s after"
        )


if __name__ == "__main__":
    main()
