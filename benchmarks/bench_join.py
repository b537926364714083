"""How fast a study's inputs are read and joined, in how much memory, at the size of ClinVar.

    python benchmarks/bench_join.py [--records N ...] [--keep FOLDER]
    python benchmarks/bench_join.py --small

A made-up VCF (8 CSQ blocks a record, 130 fields each) and its CADD tables (125 columns) are
written packed, for each of the numbers of records (20,000 and 1 million); each is read and joined
in a process of its own, for a grid of canonical transcripts, missense variants and two stars.
Prints CSQ blocks per CPU second and the peak memory of the process and of all that it started
(PSS), which must not grow with the records.

Beside it, on the same VCF: gridrun without the tables, ``bcftools +split-vep``, and cyvcf2 or
pysam in Python, each printing the same fields of the canonical missense rows; a program that is
not there is named. They check nothing that they print. 4 million records take 13 GB of disk.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _clinvar_sized import BLOCKS, write_inputs
from _command import command, exit_code
from _measure import Measured, watched

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import BASIC_FIELDS, VEP

TARGET_PER_SECOND = 50_000
MOST_MB = 1_500
MOST_GROWTH = 1.1
DEFAULT_RECORDS = (20_000, 1_000_000)
SMALL_RECORDS = (400, 20_000)

_RECORD = ("CHROM", "POS", "REF", "ALT", "CLNSIG", "CLNREVSTAT")
_OF_VEP = tuple(feature.sources[0] for feature in AMISS.of(VEP))
_FIELDS = (*BASIC_FIELDS, *_OF_VEP)

CHILD = """
import sys
from pathlib import Path
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import VEP, FeatureSet
from amiss_tasks.stages.read import read_inputs
from gridrun.plan.limits import Limits
values = {
    "transcript": ("canonical",), "quality": ("twostar",), "restriction": ("missense",),
    "vus_inclusion": ("exclude",), "categorical": ("factor",),
}
cache, *files = sys.argv[1:]
inputs = dict(zip(("vcf", "cadd_snv", "cadd_indel"), files))
features = AMISS if len(inputs) > 1 else FeatureSet(AMISS.of(VEP), demanded=AMISS.demanded)
most = Limits().read_bytes
found = read_inputs(inputs, values, Path(cache), "d", features=features, most_bytes=most)
print(found.counts.records, found.counts.blocks, len(found.table))
"""

OTHERS = {
    "cyvcf2": """
from cyvcf2 import VCF
vcf = VCF(sys.argv[1])
csq = vcf.get_header_type("CSQ")["Description"]
records = ((r.CHROM, r.POS, r.REF, r.ALT[0], r.INFO) for r in vcf)
""",
    "pysam": """
from pysam import VariantFile
vcf = VariantFile(sys.argv[1])
csq = vcf.header.info["CSQ"].description
def values_of(r):
    found = {name: r.info.get(name) for name in ("CLNSIG", "CLNREVSTAT", "CSQ")}
    return {name: ",".join(cells) if cells else None for name, cells in found.items()}
records = ((r.chrom, r.pos, r.ref, r.alts[0], values_of(r)) for r in vcf)
""",
}
"""A reader in Python to how it opens a file; the first that is there is tried."""

OTHER = """
import sys
{opening}
names = csq.partition("Format: ")[2].strip('"').split("|")
wanted = [names.index(name) for name in sys.argv[2:]]
canonical, consequence = names.index("CANONICAL"), names.index("Consequence")
for *variant, info in records:
    shared = [*map(str, variant), info.get("CLNSIG") or ".", info.get("CLNREVSTAT") or "."]
    for block in (info.get("CSQ") or "").split(","):
        cells = block.split("|")
        if cells[canonical] == "YES" and "missense_variant" in cells[consequence]:
            print("\\t".join([*shared, *(cells[at] or "." for at in wanted)]))
"""


def measure(folder: Path, inputs: list[str], called: str) -> tuple[float, float]:
    """Read and join in a process of its own; blocks per CPU second and peak MB."""
    cache = folder / "cache"
    program = [sys.executable, "-c", CHILD, str(cache), *inputs]
    found = watched(program, folder / "out")
    if found.code:
        raise SystemExit(f"reading ended with {found.code}")
    records, blocks, rows = map(float, found.said.split())
    disk = sum(path.stat().st_size for path in cache.iterdir())
    shutil.rmtree(cache)
    print(
        f"{records:>9,.0f} records  {blocks:>10,.0f} blocks  {rows:>9,.0f} rows kept  "
        f"{found.figures()}  {blocks / found.cpu:>8,.0f} blocks/CPU s  disk {disk / 1e6:.1f} MB  "
        f"{called}",
        flush=True,
    )
    return blocks / found.cpu, found.peak


def compare(folder: Path, vcf: str, blocks: int) -> None:
    """Print what other programs take for the fields of the canonical missense rows of a VCF."""
    bcftools = shutil.which("bcftools")
    if bcftools is None:
        print("bcftools is not installed: not compared")
    else:
        names = "".join(f"\\t%{name}" for name in _FIELDS if set("+-").isdisjoint(name))
        text = "\\t".join(f"%{name}" for name in _RECORD) + names + "\\n"
        chosen = ["-d", "-s", "primary:missense", "-f", text]
        found = watched([bcftools, "+split-vep", vcf, *chosen], folder / "out")
        _show("bcftools +split-vep", found, blocks)
    there = [name for name in OTHERS if importlib.util.find_spec(name)]
    for name in there[:1]:
        program = OTHER.format(opening=OTHERS[name])
        fields = [sys.executable, "-c", program, vcf, *_FIELDS]
        _show(name, watched(fields, folder / "out", errors=subprocess.DEVNULL), blocks)
    if not there:
        print(f"none of {', '.join(OTHERS)} can be imported: not compared")


def _show(name: str, found: Measured, blocks: int) -> None:
    ended = f"  ended with {found.code}" if found.code else ""
    with found.output.open("rb") as lines:
        rows = sum(1 for _ in lines)
    print(
        f"{name:>20}  {rows:>9,} rows printed  {found.figures()}  "
        f"{blocks / found.cpu:>8,.0f} blocks/CPU s{ended}",
        flush=True,
    )


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=DEFAULT_RECORDS)
    parser.add_argument("--keep", type=Path, help="where inputs are kept, and found again")
    options = parser.parse_args()
    numbers = SMALL_RECORDS if options.small else options.records
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        for number in sorted(numbers):
            folder = (options.keep or Path(temporary)) / str(number)
            inputs = written(folder, number)
            with tempfile.TemporaryDirectory(dir=folder) as beside:
                found.append(measure(Path(beside), inputs, "with its tables"))
                if number in numbers[-1:] or not options.small:
                    measure(Path(beside), inputs[:1], "the VCF alone")
                    compare(Path(beside), inputs[0], number * BLOCKS)
    per_second, large_mb = found[-1]
    growth = large_mb / found[0][1]
    print(f"blocks per CPU second: {per_second:,.0f} (target {TARGET_PER_SECOND:,})")
    print(f"peak memory: {large_mb:.0f} MB (target {MOST_MB:,} at most)")
    times = max(numbers) / min(numbers)
    print(f"memory, {times:g} times the records: x {growth:.2f} (target {MOST_GROWTH} at most)")
    missed = per_second < TARGET_PER_SECOND or large_mb > MOST_MB
    return exit_code(options, missed=missed)


def written(folder: Path, records: int) -> list[str]:
    """The inputs of so many records, the VCF first; those that are there are not made again."""
    done = folder / "done"
    if done.exists():
        return done.read_text().splitlines()
    folder.mkdir(parents=True, exist_ok=True)
    began, cpu = time.perf_counter(), time.process_time()
    inputs = [*write_inputs(folder, records).values()]
    packed = sum(Path(path).stat().st_size for path in inputs)
    print(
        f"written: {records:,} records, {records * BLOCKS:,} blocks, {packed / 1e6:,.1f} MB "
        f"packed, in {time.process_time() - cpu:.1f} CPU s, {time.perf_counter() - began:.1f} s",
        flush=True,
    )
    done.write_text("\n".join(inputs))
    return inputs


if __name__ == "__main__":
    sys.exit(main())
