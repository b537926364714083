"""Rows that memory has no room for are on disk until they are joined: the same, in any memory."""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path

import pytest
from inputs import BASE_INPUT, GOLDEN_INPUT, lines_of, write_lines

from amiss_tasks.features.features_file import read_features
from amiss_tasks.r.collation import text_key
from amiss_tasks.stages.columns.stretches import Stretches
from amiss_tasks.stages.files import memory, on_disk
from amiss_tasks.stages.files.memory import BASE_BYTES
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.files.scratch import PREFIX
from amiss_tasks.stages.read import ReadResult, read_inputs
from gridrun.errors import EnvironmentFault, InputError

ROOM = BASE_BYTES + 400_000
"""For some hundred rows."""
NARROW = {"transcript": ("canonical",), "quality": ("twostar",), "restriction": ("missense",)}


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of some hundred rows."""
    monkeypatch.setattr(on_disk, "ROWS_OF_PIECE", 100)


def both(inputs, place, grid=None, room=ROOM, **options) -> list[ReadResult]:
    """The same inputs read with and without room in memory."""
    return [
        read_inputs(inputs, grid or {}, place / str(most), "x", most_bytes=most, **options)
        for most in (None, room)
    ]


def _bytes_of(column) -> bytes:
    return column.to_numpy(zero_copy_only=False).tobytes()


def alike(one: ReadResult, other: ReadResult) -> bool:
    """Whether two tables have the same rows in the same order, to the bit, and the same is said."""
    tables = (each.table.replace_schema_metadata(None).combine_chunks() for each in (one, other))
    first, second = (hashlib.sha256() for _ in range(2))
    for digest, table in zip((first, second), tables, strict=True):
        digest.update(str(table.schema).encode())
        for name in table.column_names:
            column = table[name].combine_chunks()
            values = column.to_pylist() if column.type == "string" else _bytes_of(column)
            digest.update(repr(values).encode())
    same = (one.notes, one.counts, one.features) == (other.notes, other.counts, other.features)
    return same and first.digest() == second.digest()


@pytest.mark.parametrize("grid", [{}, NARROW], ids=["everything", "narrow"])
def test_golden_rows_are_the_same_in_any_memory(tmp_path, small_pieces, grid):
    """To the bit and in order; no directory is left, and the table is found again."""
    room = ROOM if not grid else BASE_BYTES + 1_000
    in_memory, from_disk = both(GOLDEN_INPUT, tmp_path, grid, room)
    assert in_memory.aside is None
    assert alike(in_memory, from_disk)
    names = {path.name for path in from_disk.path.parent.iterdir()}
    about = {f"read-x.{ending}{end}" for ending in ("arrow", "json") for end in ("", ".sha256")}
    assert names == about
    again = read_inputs(GOLDEN_INPUT, grid, from_disk.path.parent, "x", most_bytes=room)
    assert alike(from_disk, again)


def moved(directory: Path, place, *, is_shuffled: bool) -> dict[str, str]:
    """The golden inputs with other chromosomes and positions, in order or in none."""
    inputs = {}
    for role, path in GOLDEN_INPUT.items():
        lines = lines_of(path)
        head = [line for line in lines if line.startswith("#")]
        rows = [line.split("\t", 2) for line in lines[len(head) :]]
        rows = ["\t".join([*place(name, at), rest]) for name, at, rest in rows]
        if is_shuffled:
            random.Random(1).shuffle(rows)
        inputs[role] = write_lines(directory / Path(path).stem, [*head, *rows])
    return inputs


@pytest.mark.parametrize("is_shuffled", [False, True], ids=["in order", "in no order"])
@pytest.mark.parametrize(
    "place",
    [
        lambda *own: own,
        lambda name, at: ("1", str(10**9 + int(at) % 997 + 1_000 * len(name))),
    ],
    ids=["as they are", "one place"],
)
def test_pieces_are_many_and_small(tmp_path, small_pieces, monkeypatch, place, is_shuffled):
    """So what is in memory does not grow with the rows, wherever and in whatever order they are."""
    inputs = moved(tmp_path, place, is_shuffled=is_shuffled)
    sizes, batches = [], []
    pieces = on_disk.OnDisk.pieces

    def watched(disk):
        for piece in pieces(disk):
            sizes.append(len(piece["vcf"]))
            yield piece
        batches.append(len(disk._kept["vcf"].bounds))

    monkeypatch.setattr(on_disk, "BATCHES_OF_PIECE", 20)
    monkeypatch.setattr(on_disk.OnDisk, "pieces", watched)
    in_memory, found = both(inputs, tmp_path / "cache")
    assert alike(in_memory, found)
    assert sum(sizes) == found.counts.rows + found.counts.rows_without_cadd
    assert len(sizes) > 5
    # of one position there may be many rows
    assert max(sizes) < sum(sizes) / 3
    assert batches[0] <= sum(sizes) / 5 + 10


def test_rows_go_to_disk_long_before_memory_is_full(tmp_path, small_pieces, monkeypatch):
    """So that reading more rows takes no more of it; where nothing limits it they stay there."""
    monkeypatch.setattr(memory, "HELD_BYTES", 200_000)
    in_memory, from_disk = both(GOLDEN_INPUT, tmp_path, room=1_500_000_000)
    # what is known only once rows have been joined piece by piece is beside their table
    assert not in_memory.path.with_suffix(".json").exists()
    assert from_disk.path.with_suffix(".json").exists()
    assert alike(in_memory, from_disk)


def test_rows_go_to_disk_while_a_table_is_read(tmp_path, small_pieces):
    """Where memory has room for the VCF alone; what was read of other files goes there, too."""
    held = read_inputs(BASE_INPUT, {}, tmp_path / "whole", "x").table.nbytes
    used = []
    take = on_disk.OnDisk.take

    def watched(disk, role, table):
        used.append((role, len(table)))
        take(disk, role, table)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(on_disk.OnDisk, "take", watched)
        patched.setattr("amiss_tasks.stages.read._study.bytes_beside", lambda *_: 0)
        # so that rows of the table are in memory, too, when there is no more room
        patched.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", 1_024)
        in_memory, from_disk = both(BASE_INPUT, tmp_path, room=BASE_BYTES + 3 * held // 2)
    assert {role for role, rows in used if rows} == {"vcf", "cadd_snv", "cadd_indel"}
    assert alike(in_memory, from_disk)


def test_names_that_differ_by_case_alone_are_sorted_together(tmp_path, small_pieces):
    """R looks at cases after all letters of all keys, so rows of both names alternate."""
    inputs = {}
    for role, path in GOLDEN_INPUT.items():
        lines = []
        for line in lines_of(path):
            chromosome, tab, rest = line.partition("\t")
            odd = rest.partition("\t")[0][-1:] in set("13579")
            name = "mM"[odd] if chromosome == "1" else chromosome
            lines.append(f"{name}{tab}{rest}")
        inputs[role] = write_lines(tmp_path / Path(path).stem, lines)
    in_memory, from_disk = both(inputs, tmp_path)
    assert {"m", "M"} <= set(from_disk.table["X.Chrom"].to_pylist())
    assert alike(in_memory, from_disk)


def test_places_are_in_the_order_of_their_rows():
    """Whatever the order in which they are met: by chromosome and position, both as text."""
    import pyarrow as pa

    names = ["2", "10", "chrX", "CHRx", "chr1", None, "1"]
    places = ["9", "10", "100", "1005", "99999", "123456789", "1234", "2147483647", "1", "0", None]
    rows = [(name, place) for name in names for place in places]
    columns = (pa.chunked_array([list(each)], pa.string()) for each in zip(*rows, strict=True))
    stretches = Stretches()
    found = stretches.of(*columns).tolist()
    chromosomes = stretches.in_order()
    at = [next(n for n, (a, b) in enumerate(chromosomes) if a <= each < b) for each in found]
    keys = [(text_key(name or "NA")[0], text_key(place or "NA")[0]) for name, place in rows]
    by_key = [each for _, each in sorted(zip(keys, zip(at, found, strict=True), strict=True))]
    assert by_key == sorted(by_key)
    assert len(set(found)) == len(set(keys))


def test_pages_of_a_mapped_table_are_given_back(tmp_path):
    """What was read of it counts as this process's until then; the rows are still there."""
    found = read_inputs(GOLDEN_INPUT, {}, tmp_path, "x")
    mapped = found.mapped
    assert mapped is not None

    def resident() -> int:
        lines = iter(Path("/proc/self/smaps").read_text().splitlines())
        for line in lines:
            if line.endswith("read-x.arrow"):
                return next(int(row.split()[1]) for row in lines if row.startswith("Rss:"))
        raise AssertionError("not mapped")

    before = mapped.table.to_pylist()
    assert resident() > 1_000
    mapped.give_back()
    assert resident() < 100
    assert mapped.table.slice(0, 50).to_pylist()[0].keys() == before[0].keys()


def test_a_full_disk_is_said_with_its_place(tmp_path, monkeypatch):
    """While rows are kept until they are joined; nothing is left."""
    import pyarrow as pa

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pa.ipc, "new_file", full)
    with pytest.raises(EnvironmentFault, match="to keep rows until they are joined") as caught:
        read_inputs(GOLDEN_INPUT, {}, tmp_path / "cache", "x", most_bytes=ROOM)
    assert f"{tmp_path}" in caught.value.text()
    assert not list((tmp_path / "cache").iterdir())


def test_what_a_killed_process_left_is_cleared(tmp_path):
    """Its rows on disk, by the next one that has no room in memory."""
    left = tmp_path / f"{PREFIX}left"
    left.mkdir()
    (left / "lock").touch()
    (left / "0.arrow").write_bytes(b"torn")
    read_inputs(BASE_INPUT, {}, tmp_path, "x", most_bytes=BASE_BYTES)
    assert not left.exists()


def test_what_no_grid_can_train_on_leaves_no_table(tmp_path):
    """It is refused after rows were joined on disk, as it is in memory."""
    lines = [re.sub("CLNSIG=[^;]*", "CLNSIG=Benign", line) for line in lines_of(BASE_INPUT["vcf"])]
    inputs = {**BASE_INPUT, "vcf": write_lines(tmp_path / "v.vcf", lines)}
    said = []
    for most in (None, BASE_BYTES):
        with pytest.raises(InputError, match="one class is empty") as caught:
            read_inputs(inputs, {}, tmp_path / "cache", "x", most_bytes=most)
        said.append(caught.value.text())
        cache = tmp_path / "cache"
        assert not cache.exists() or not list(cache.iterdir())
    assert said[0] == said[1]


def test_a_fault_names_the_first_of_its_lines_in_whatever_order_they_were_met():
    """And says what is wrong with the first; pieces are in another order than the file."""
    report = FileReport(Path("x"))
    for line in (9, 3, 7, 1, 5, 8, 2):
        report.fault(f"wrong at {line}", line=line, key="wrong", noun="row")
    (fault,) = report.faults
    assert fault.message == "wrong at 1 (7 rows, first on line 1, then 2, 3, 5, 7 and 2 more)"


def test_a_further_table_is_judged_by_all_pieces(tmp_path, small_pieces):
    """It has a row for one variant, so it is not refused for those that have none."""
    lines = lines_of(GOLDEN_INPUT["vcf"])
    cells = next(line for line in lines if "missense" in line and line[0] != "#").split("\t")
    row = "\t".join((*cells[:2], *cells[3:5], "0.5"))
    table = write_lines(tmp_path / "t.tsv", ["chrom\tpos\tref\talt\tscore", row])
    features = tmp_path / "f.yaml"
    features.write_text(
        "- {name: LRT_score, source: {vep: LRT_score}, type: numeric}\n"
        "- {name: more, source: {annotations: {t: score}}, type: numeric, optional: true}\n"
    )
    inputs = {"vcf": GOLDEN_INPUT["vcf"], "annotations.t": table}
    found = both(inputs, tmp_path, features=read_features(features).features)
    assert alike(*found)
    assert any("no row for" in note.message for note in found[0].notes)
