"""How fast a VEP-annotated VCF is read, in how much memory, and whether it is read right.

    python benchmarks/bench_read.py path/to/split-vep.vcf [--records N]
    python benchmarks/bench_read.py --small

The file's records are repeated to the number asked for (100,000), and to a
quarter of it, in two temporary files; each is read in a process of its own.
``split-vep.vcf`` of bcftools (test/split-vep.vcf) has 84 CSQ fields and 2.8
blocks a record. Prints records per CPU second and peak memory of both sizes:
the larger must not need more. Then every cell of the file as given is compared
with what ``bcftools +split-vep`` prints, if bcftools is there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from _command import ROOT, command, exit_code

SMALL = ROOT / "tests" / "malformed" / "base" / "clinvar.vep.vcf"
"""What the small form reads."""
TARGET_PER_SECOND = 40_000
DEFAULT_RECORDS = 100_000

CHILD = """
import resource, sys, time
from amiss_tasks.stages.read import VcfReader
started, cpu = time.perf_counter(), time.process_time()
records = blocks = cells = 0
with VcfReader(sys.argv[1]) as reader:
    for record in reader:
        records += 1
        for block in record.csq_blocks:
            blocks += 1
            cells += len(block)
cpu, wall = time.process_time() - cpu, time.perf_counter() - started
print(records, blocks, cells, cpu, wall, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def repeat(source: Path, target: Path, records: int) -> None:
    """Write the header of a VCF and its records again and again."""
    lines = source.read_text().splitlines(keepends=True)
    header = [line for line in lines if line.startswith("#")]
    body = lines[len(header) :]
    with target.open("w") as file:
        file.writelines(header)
        for start in range(0, records, len(body)):
            file.writelines(body[: records - start])


def measure(path: Path) -> tuple[float, float]:
    """Read a file in a process of its own; records per CPU second and peak MB."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True
    )
    records, blocks, cells, cpu, wall, peak_kb = map(float, done.stdout.split())
    print(
        f"{records:>9,.0f} records  {blocks:>9,.0f} blocks  {cells:>12,.0f} cells  "
        f"{cpu:5.2f} CPU s  {wall:5.2f} s  {records / cpu:>8,.0f} records/CPU s  "
        f"peak {peak_kb / 1024:.0f} MB"
    )
    return records / cpu, peak_kb / 1024


def compare(path: Path) -> bool | None:
    """Whether every cell equals what bcftools prints; None where it prints nothing."""
    from amiss_tasks.stages.read import VcfReader

    bcftools = shutil.which("bcftools")
    if bcftools is None:
        return None
    command = [bcftools, "+split-vep", str(path), "-d", "-A", "tab"]
    command += ["-f", "%CHROM\\t%POS\\t%REF\\t%ALT\\t%CSQ\\n"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode < 0:  # 1.16 dies on some files
        print(f"bcftools was ended by signal {-done.returncode}")
        return None
    done.check_returncode()
    theirs = [line.split("\t") for line in done.stdout.splitlines()]
    with VcfReader(path) as reader:
        mine = [
            [record.chrom, record.pos, record.ref, record.alt, *(cell or "." for cell in block)]
            for record in reader
            for block in record.csq_blocks
        ]
    return mine == theirs


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("vcf", nargs="?", type=Path, help="an unpacked VCF with CSQ")
    parser.add_argument("--records", type=int, default=DEFAULT_RECORDS)
    options = parser.parse_args()
    if options.vcf is None and not options.small:
        parser.error("name a VCF")
    source = options.vcf or SMALL
    records = 400 if options.small else options.records
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.vcf"), Path(folder, "large.vcf")
        repeat(source, small, records // 4)
        repeat(source, large, records)
        _, small_mb = measure(small)
        per_second, large_mb = measure(large)
    equal = compare(source)
    print(f"records per CPU second: {per_second:,.0f} (target {TARGET_PER_SECOND:,})")
    print(f"memory, four times the records: x {large_mb / small_mb:.2f} (target 1.1 at most)")
    print(f"equal to bcftools +split-vep, cell by cell: {equal}")
    if equal is False:
        return 1
    return exit_code(options, missed=per_second < TARGET_PER_SECOND)


if __name__ == "__main__":
    sys.exit(main())
