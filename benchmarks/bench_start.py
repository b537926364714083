"""From Enter to the first task running: ``gridrun local`` on the quickstart, start by start.

Wall seconds from the start of the process to the start of the first task, as its ledger has it
(target: below 3), and CPU seconds of all processes until then, which other work on the machine
changes less. Each start is in a directory of its own: it reads the inputs as the first run of a
study does.

    python benchmarks/bench_start.py [--starts 5] [--small]
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

from _command import ROOT, command, exit_code

QUICKSTART = ROOT / "examples" / "quickstart"
TARGET_SECONDS = 3.0
TICKS = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.05
MARK = "GRIDRUN_BENCH_START"
"""Environment variable by which processes are known, in whatever session or group they are."""
FIRST = ("quality=clingen", "imputation=zero_imp")
"""One combination: what starts is the same."""


def cpu_seconds(mark: str) -> float:
    """CPU seconds of all processes with a mark, and of the children they have waited for."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={mark}\0".encode() in (process / "environ").read_bytes():
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                found += sum(map(int, fields[11:15]))
    return found / TICKS


def start(arguments: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds from the start of the command to the start of the first task."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study"
        shutil.copytree(QUICKSTART, study)
        program = [sys.executable, "-m", "gridrun", "local", str(study), *arguments]
        seen = []
        began = time.time()
        with subprocess.Popen(
            [*program, *(f"--only={one}" for one in FIRST)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, MARK: folder},
        ) as process:
            while process.poll() is None:
                seen.append((time.time(), cpu_seconds(folder)))
                time.sleep(LOOK_SECONDS)
            said = process.stdout.read().decode() if process.stdout else ""
        if process.returncode:
            raise SystemExit(said)
        ledger = study / ".gridrun" / "ledger.sqlite"
        with sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True) as db:
            first = float(db.execute("SELECT MIN(started) FROM attempt").fetchone()[0])
    return first - began, max(cpu for at, cpu in seen if at <= first)


def main() -> int:
    """Print the seconds; 1 when the target is missed."""
    parser = command(__doc__)
    parser.add_argument("--starts", type=int, default=5, help="how many")
    options = parser.parse_args()
    arguments = ["--in-process"] if options.small else []
    starts = [start(arguments) for _ in range(1 if options.small else options.starts)]
    wall = [seconds for seconds, _ in starts]
    cpu = median(seconds for _, seconds in starts)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"first task after {median(wall):.1f} s ({min(wall):.1f} to {max(wall):.1f}, <= 3)")
    print(f"CPU until then, all processes: {cpu:.1f} s")
    return exit_code(options, missed=median(wall) > TARGET_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
