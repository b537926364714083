"""What reading takes where memory has no room for the rows, in any order and place of variants.

    python benchmarks/bench_on_disk.py [--records N] [--runs N] [--keep FOLDER]
    python benchmarks/bench_on_disk.py --small

The made-up inputs of bench_join.py (25,000 records) are read and joined for a grid that keeps all
rows with a star: in memory, and on disk, with a limit that some hundred rows pass. So are two other
forms of them: records in no order, and all variants in one place, at positions that begin alike.
Runs take turns, five of each, so that what else the machine does falls on all. Prints the CPU
seconds of each, the median of their ratio in each turn with the least and the greatest, and the
peak memory (PSS).
"""

from __future__ import annotations

import gzip
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from _command import command, exit_code
from _measure import Measured, watched
from bench_join import written

RECORDS, SMALL_RECORDS = 25_000, 400
RUNS, SMALL_RUNS = 5, 1

CHILD = """
import sys
from pathlib import Path
from amiss_tasks.stages.files.memory import BASE_BYTES
from amiss_tasks.stages.read import read_inputs
values = {
    "transcript": ("keep_all",), "quality": ("onestar",), "restriction": ("all",),
    "vus_inclusion": ("exclude",), "categorical": ("factor",),
}
cache, most, *files = sys.argv[1:]
inputs = dict(zip(("vcf", "cadd_snv", "cadd_indel"), files))
most_bytes = BASE_BYTES + 10**6 if most == "disk" else None
found = read_inputs(inputs, values, Path(cache), "d", most_bytes=most_bytes)
print(len(found.table))
"""

Lines = list[bytes]


def shuffled(lines: Lines) -> Lines:
    """Lines in no order."""
    random.Random(1).shuffle(lines)
    return lines


def in_one_place() -> Callable[[Lines], Lines]:
    """What gives every variant a place beside the others, in the order in which they are met."""
    places: dict[bytes, bytes] = {}

    def moved(lines: Lines) -> Lines:
        found = []
        for line in lines:
            end = line.index(b"\t", line.index(b"\t") + 1)
            own = b"%d" % (10**8 + len(places))
            found.append(b"1\t" + places.setdefault(line[:end], own) + line[end:])
        return found

    return moved


def rewritten(inputs: list[str], folder: Path, change: Callable[[Lines], Lines]) -> list[str]:
    """The inputs with other lines behind their headers; those that are there are not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    return [str(_rewritten(Path(each), folder, change)) for each in inputs]


def _rewritten(file: Path, folder: Path, change: Callable[[Lines], Lines]) -> Path:
    target = folder / file.name
    if not target.exists():
        with gzip.open(file) as lines:
            found = lines.readlines()
        header = [line for line in found[:5_000] if line.startswith(b"#")]
        aside = target.with_suffix(".aside")
        with gzip.open(aside, "wb", compresslevel=1) as out:
            out.writelines([*header, *change(found[len(header) :])])
        aside.replace(target)
    return target


def read(folder: Path, inputs: list[str], most: str) -> Measured:
    """Read and join in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        program = [sys.executable, "-c", CHILD, cache, most, *inputs]
        found = watched(program, folder / "out")
        if found.code:
            raise SystemExit(f"reading ended with {found.code}")
        return found


def turns(folder: Path, forms: dict[str, tuple[list[str], str]], runs: int) -> Iterator[str]:
    """Read all forms in turn, so many times; the lines to print."""
    found: dict[str, list[Measured]] = {name: [] for name in forms}
    for _ in range(runs):
        for name, (inputs, most) in forms.items():
            found[name].append(read(folder, inputs, most))
    first = [each.cpu for each in next(iter(found.values()))]
    for name, all_of_it in found.items():
        seconds = [each.cpu for each in all_of_it]
        times = sorted(one / of for one, of in zip(seconds, first, strict=True))
        yield (
            f"{name:>24}: {statistics.median(seconds):7.2f} CPU s, "
            f"x {statistics.median(times):.2f} "
            f"({times[0]:.2f} to {times[-1]:.2f}), peak {max(e.peak for e in all_of_it):.0f} MB"
        )


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--keep", type=Path, help="where inputs are kept, and found again")
    options = parser.parse_args()
    records = SMALL_RECORDS if options.small else options.records
    runs = SMALL_RUNS if options.small else options.runs
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)) / str(records)
        inputs = written(folder, records)
        mixed = rewritten(inputs, folder / "shuffled", shuffled)
        close = rewritten(inputs, folder / "one-place", in_one_place())
        forms = {
            "in memory": (inputs, "all"),
            "on disk": (inputs, "disk"),
            "in memory, shuffled": (mixed, "all"),
            "on disk, shuffled": (mixed, "disk"),
            "in memory, one place": (close, "all"),
            "on disk, one place": (close, "disk"),
        }
        lines = [*turns(folder, forms, runs)]
    print(f"{records:,} records, {runs} of each in turn; CPU seconds to those in memory:")
    print("\n".join(lines))
    return exit_code(options, missed=False)


if __name__ == "__main__":
    sys.exit(main())
