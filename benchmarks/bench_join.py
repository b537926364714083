"""How fast a study's inputs are read and joined, in how much memory, at the size of ClinVar.

    python benchmarks/bench_join.py [--records N] [--keep FOLDER]
    python benchmarks/bench_join.py --small

A made-up VCF (8 CSQ blocks a record, 130 fields each) and its CADD tables (125 columns) are
written packed, with the number of records asked for (100,000) and a quarter of it; each is
read and joined in a process of its own, for a grid of canonical transcripts, missense variants
and two stars. Prints CSQ blocks per CPU second and the peak memory of the process and of all
that it started (PSS), which must not grow with the records.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _clinvar_sized import BLOCKS, write_inputs
from _command import command, exit_code

TARGET_PER_SECOND = 50_000
MOST_MB = 1_500
DEFAULT_RECORDS = 100_000
_EACH = 0.05

CHILD = """
import resource, sys, time
from pathlib import Path
from amiss_tasks.stages.read import read_inputs
values = {
    "transcript": ("canonical",), "quality": ("twostar",), "restriction": ("missense",),
    "vus_inclusion": ("exclude",), "categorical": ("factor",),
}
inputs = dict(zip(("vcf", "cadd_snv", "cadd_indel"), sys.argv[1:4]))
began = time.perf_counter()
found = read_inputs(inputs, values, Path(sys.argv[4]), "d")
wall = time.perf_counter() - began
of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu = sum(each.ru_utime + each.ru_stime for each in of)
print(found.counts.records, found.counts.blocks, len(found.table), cpu, wall)
"""


def memory_of(pid: int) -> float:
    """Memory of a process and of all that it started (MB); shared pages are counted once."""
    total, waiting = 0, [pid]
    while waiting:
        place = Path("/proc", str(waiting.pop()))
        try:
            for line in (place / "smaps_rollup").read_text().splitlines():
                total += int(line.split()[1]) if line.startswith("Pss:") else 0
            for task in (place / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue  # it has ended meanwhile
    return total / 1024


def measure(folder: Path, inputs: dict[str, str]) -> tuple[float, float]:
    """Read and join in a process of its own; blocks per CPU second and peak MB."""
    arguments = [sys.executable, "-c", CHILD, *inputs.values(), str(folder / "cache")]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    peak = 0.0
    while child.poll() is None:
        peak = max(peak, memory_of(child.pid))
        time.sleep(_EACH)
    assert child.stdout is not None
    if child.returncode:
        raise SystemExit(f"reading ended with {child.returncode}")
    records, blocks, rows, cpu, wall = map(float, child.stdout.read().split())
    disk = sum(path.stat().st_size for path in (folder / "cache").iterdir())
    print(
        f"{records:>9,.0f} records  {blocks:>10,.0f} blocks  {rows:>9,.0f} rows kept  "
        f"{cpu:7.2f} CPU s  {wall:7.2f} s  {blocks / cpu:>8,.0f} blocks/CPU s  "
        f"peak {peak:.0f} MB  disk {disk / 1e6:.1f} MB"
    )
    return blocks / cpu, peak


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("--records", type=int, default=DEFAULT_RECORDS)
    parser.add_argument("--keep", type=Path, help="where inputs are kept, and found again")
    options = parser.parse_args()
    records = 1_600 if options.small else options.records
    with tempfile.TemporaryDirectory() as temporary:
        found = []
        for number in (records // 4, records):
            folder = (options.keep or Path(temporary)) / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            inputs = written(folder, number)
            with tempfile.TemporaryDirectory(dir=folder) as cache:
                found.append(measure(Path(cache), inputs))
        (_, small_mb), (per_second, large_mb) = found
    print(f"blocks per CPU second: {per_second:,.0f} (target {TARGET_PER_SECOND:,})")
    print(f"peak memory: {large_mb:.0f} MB (target {MOST_MB:,} at most)")
    print(f"memory, four times the records: x {large_mb / small_mb:.2f} (target 1.1 at most)")
    return exit_code(options, missed=per_second < TARGET_PER_SECOND or large_mb > MOST_MB)


def written(folder: Path, records: int) -> dict[str, str]:
    """The inputs of so many records; those that are there already are not made again."""
    done = folder / "done"
    roles = ("vcf", "cadd_snv", "cadd_indel")
    if done.exists():
        return dict(zip(roles, done.read_text().splitlines(), strict=True))
    began = time.process_time()
    inputs = write_inputs(folder, records)
    packed = sum(Path(path).stat().st_size for path in inputs.values())
    print(
        f"written: {records:,} records, {records * BLOCKS:,} blocks, {packed / 1e6:,.1f} MB "
        f"packed, in {time.process_time() - began:.1f} CPU s"
    )
    done.write_text("\n".join(inputs.values()))
    return inputs


if __name__ == "__main__":
    sys.exit(main())
