"""What ``gridrun plan`` takes on the published grid, as a user meets it: the whole command.

CPU seconds (target: below 1) and peak memory (target: below 150 MB) of a study of upstream's 72,576
combinations x 10 folds on upstream's golden input: new, then with a ledger, whose first plan has no
digests of code that an earlier process kept. Each is the median of some runs.

    python benchmarks/bench_plan.py [--runs 5] [--small]

Python's bytecode is made before anything is measured; without PYTHONDONTWRITEBYTECODE, under which
no digest is kept either.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from _command import ROOT, command, exit_code

from amiss_tasks.parameters import PARAMETERS, SINGLE_VALUE_METHODS
from amiss_tasks.tasks import _kept_digests

INPUT = ROOT / "tests" / "golden" / "input"
TARGET_SECONDS, TARGET_MB = 1.0, 150
MEASURED = """
import resource, sys
from gridrun.cli import main
try:
    main()
finally:
    print("peak MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


def study(home: Path, folds: int, *, small: bool) -> Path:
    """Write a study of upstream's grid."""
    grid = {p.name: list((small and p.start) or p.under("amiss")) for p in PARAMETERS}
    grid["imputation"] = list(SINGLE_VALUE_METHODS)
    inputs = {
        "vcf": str(INPUT / "clinvar.vep.vcf.gz"),
        "cadd_snv": str(INPUT / "CADD_clingen.tsv.gz"),
        "cadd_indel": str(INPUT / "CADD_clingen_indel.tsv.gz"),
    }
    keys = {"inputs": inputs, "folds": folds, "protocol": "amiss", "grid": grid}
    (home / "study.yaml").write_text(json.dumps(keys))
    return home


def gridrun(*arguments: str) -> tuple[float, int, str]:
    """CPU seconds, peak MB and what was printed."""
    env = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode > 1:  # a task may fail: an outcome as any other
        raise SystemExit(ran.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, int(ran.stderr.rpartition("peak MB ")[2]), ran.stdout


def measured(what: str, directory: Path, runs: int) -> tuple[float, int]:
    """Print the median of some plans."""
    found = [gridrun("plan", str(directory))[:2] for _ in range(runs)]
    cpu, peak = median(cpu for cpu, _ in found), max(peak for _, peak in found)
    each = " ".join(f"{one:.2f}" for one, _ in found)
    print(f"{what}: {cpu:.2f} CPU s (<= {TARGET_SECONDS:.0f}; {each}), {peak} MB (<= {TARGET_MB})")
    return cpu, peak


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    parser = command(__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how many of each")
    options = parser.parse_args()
    runs = 1 if options.small else options.runs
    with tempfile.TemporaryDirectory() as name:
        directory = study(Path(name), 10, small=options.small)
        said = gridrun("plan", str(directory))[2]
        print(next(line for line in said.splitlines() if " combinations x " in line))
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        found = [measured("new study", directory, runs)]
        if not options.small:
            one = ("--combinations", "1", "--folds", "1", "--in-process")
            gridrun("local", str(directory), *one)
            _kept_digests.place().unlink(missing_ok=True)
            measured("with a ledger, first", directory, 1)  # held to no target
            found.append(measured("with a ledger, then", directory, runs))
    is_missed = any(cpu > TARGET_SECONDS or peak > TARGET_MB for cpu, peak in found)
    return exit_code(options, missed=is_missed)


if __name__ == "__main__":
    raise SystemExit(main())
