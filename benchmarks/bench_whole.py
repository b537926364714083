"""ClinVar whole, from three input files to a table of results, and once more with nothing to do.

    python benchmarks/bench_whole.py [--records N ...] [--keep FOLDER]
    python benchmarks/bench_whole.py --small

The made-up inputs of bench_join.py, for each of the numbers of records (100,000 and 1 million), go
through ``gridrun local``: canonical transcripts, missense variants, two stars, mean imputation,
logistic regression, two folds. Prints CPU seconds of all processes, wall seconds, their most memory
together (PSS), what they read, and the disk that the study takes. The second run must not read the
inputs again, to take their digests or for anything else: what it reads is its own code, and some
tables. 4 million records take 13 GB of disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _clinvar_sized import BLOCKS
from _command import command, exit_code
from _measure import Measured, watched
from bench_join import SMALL_RECORDS, written

DEFAULT_RECORDS = (100_000, 1_000_000)
MOST_MB_AGAIN = 100
"""What a run with nothing to do may read; inputs of 100,000 records are 300 MB."""

STUDY = """
inputs: {{vcf: {}, cadd_snv: {}, cadd_indel: {}}}
grid:
  transcript: canonical
  quality: twostar
  restriction: missense
  vus_inclusion: exclude
  categorical: dummy
  imputation: mean_imp
  downsampling: off
  hyperparameter_search_type: grid
  nonzero_variance_check: on
  correlation_check: on
  training_data_sampling_percentage: 1.0
  feature_sampling_percentage: 1.0
folds: 2
protocol: corrected
classifiers: [lr]
"""


def run(study: Path, arguments: list[str], called: str, each: float) -> Measured:
    """Run a study and print what it took."""
    program = [sys.executable, "-m", "gridrun", "local", str(study), *arguments]
    found = watched(program, study / "said", each=each, errors=subprocess.STDOUT)
    if found.code:
        raise SystemExit(found.said)
    print(f"  {called:>10}: {found.figures()}  read {found.read:,.0f} MB", flush=True)
    return found


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=DEFAULT_RECORDS)
    parser.add_argument("--keep", type=Path, help="where inputs are kept, and found again")
    options = parser.parse_args()
    numbers = SMALL_RECORDS[-1:] if options.small else options.records
    arguments = ["--in-process"] if options.small else []
    missed, peaks = False, []
    with tempfile.TemporaryDirectory() as temporary:
        for number in sorted(numbers):
            folder = (options.keep or Path(temporary)) / str(number)
            inputs = written(folder, number)
            size = sum(Path(path).stat().st_size for path in inputs)
            print(
                f"{number:,} records, {number * BLOCKS:,} blocks, {size / 1e6:,.0f} MB packed, "
                f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
                flush=True,
            )
            with tempfile.TemporaryDirectory(dir=folder) as name:
                study = Path(name)
                (study / "study.yaml").write_text(STUDY.format(*inputs))
                first = run(study, arguments, "first run", 1.0)
                again = run(study, arguments, "second run", 0.1)
                disk = sum(path.stat().st_size for path in study.rglob("*") if path.is_file())
                rows = (
                    len((study / "results" / "final_cv_results.csv").read_text().splitlines()) - 1
                )
            peaks.append(first.peak)
            missed = missed or not rows or again.read > MOST_MB_AGAIN
            print(f"  {rows} rows in the table, disk {disk / 1e6:.1f} MB", flush=True)
    times = max(numbers) / min(numbers)
    print(f"memory, {times:g} times the records: x {peaks[-1] / peaks[0]:.2f}")
    return exit_code(options, missed=missed)


if __name__ == "__main__":
    sys.exit(main())
