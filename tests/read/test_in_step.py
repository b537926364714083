"""Two VCFs that are read with the same tables: what each gives alone, and each table read once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from inputs import BASE_INPUT, lines_of, write_lines
from test_on_disk import alike
from test_read_once import BLOCK, bytes_read  # noqa: F401  # a fixture

from amiss_tasks.stages.files import memory, pool
from amiss_tasks.stages.files.digests import Digests, ReadKey
from amiss_tasks.stages.files.in_step import Shared, in_step
from amiss_tasks.stages.files.memory import BASE_BYTES, Memory
from amiss_tasks.stages.read import read_inputs, reading_inputs
from gridrun.errors import InputError
from gridrun.plan.fingerprint import digest_of

GRID = {"transcript": ("canonical", "keep_all")}


@pytest.fixture
def pair(tmp_path) -> list[dict[str, str]]:
    """Some inputs, with the first and with the last two thirds of the records."""
    lines = lines_of(BASE_INPUT["vcf"])
    head = [line for line in lines if line.startswith("#")]
    records, third = lines[len(head) :], len(lines) // 3
    parts = {"older.vcf": records[: 2 * third], "later.vcf": records[third:]}
    tables = {
        role: write_lines(tmp_path / f"{role}.tsv", lines_of(path))
        for role, path in BASE_INPUT.items()
        if role != "vcf"
    }
    return [
        {"vcf": write_lines(tmp_path / name, [*head, *part]), **tables}
        for name, part in parts.items()
    ]


def together(pair, place, **options):
    """Both read in step."""
    key, shared = ReadKey(Digests({}), digest_of), Shared()
    return in_step(
        [reading_inputs(each, GRID, place, key, shared=shared, **options) for each in pair]
    )


@pytest.mark.parametrize(
    ("processes", "options"),
    [
        (1, {}),
        (1, {"most_bytes": BASE_BYTES + 1_000}),
        (1, {"rows": 10, "seed": 3}),
        (2, {"most_bytes": 1 << 40}),
    ],
    ids=["in memory", "on disk", "drawn", "by processes"],
)
def test_both_are_what_each_is_alone(pair, tmp_path, monkeypatch, processes, options):
    """Rows to the bit, notes and counts."""
    monkeypatch.setattr(pool, "WORTH_BYTES", 0)
    monkeypatch.setattr(memory, "processes_for", lambda *_: processes)
    monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", 3_000)
    found = together(pair, tmp_path / "both", **options)
    for inputs, both in zip(pair, found, strict=True):
        key = ReadKey(Digests({}), digest_of)
        assert alike(read_inputs(inputs, GRID, tmp_path / "alone", key, **options), both)
        assert both.counts.cadd_rows
    again = together(pair, tmp_path / "both", **options)
    assert [each.path for each in again] == [each.path for each in found]


def test_each_table_is_read_once(pair, tmp_path, bytes_read):  # noqa: F811
    """And so is each VCF, both tables' rows being chosen for each; no block waits for long."""
    together(pair, tmp_path)
    for path in {path for inputs in pair for path in inputs.values()}:
        assert Path(path).stat().st_size <= bytes_read[Path(path).name]
        assert bytes_read[Path(path).name] <= Path(path).stat().st_size + BLOCK
    del pair[1]
    bytes_read.clear()
    together(pair, tmp_path / "another")
    assert all(bytes_read[Path(p).name] == Path(p).stat().st_size for p in pair[0].values())


def test_blocks_are_gone_once_all_have_them():
    """Whoever goes on ahead of the others is met again at the next block."""
    alive: list[int] = []

    class Counted(bytes):
        def __new__(cls, *args):
            alive.append(1)
            return super().__new__(cls, *args)

        def __del__(self):
            alive.pop()

    def blocks():
        for _ in range(100):
            yield Counted(b"x")

    def reading(shared, most, until):
        shared.join()
        yield
        for _ in shared.of(Path("x"), blocks()):
            most.append(len(alive))
            yield
            if len(most) >= until:
                break
        return len(most)

    shared, most = Shared(), [[], [], []]
    readings = [reading(shared, *each) for each in zip(most, (100, 100, 5), strict=True)]
    assert in_step(readings) == [100, 100, 5]
    assert max(map(max, most)) <= 3  # Python's tee holds them until 57 are read
    assert not alive


def test_the_first_fault_is_that_of_the_study_s_own_file(pair, tmp_path):
    """Whatever is wrong with the later one; nothing is kept."""
    for each, word in zip(pair, ("first", "second"), strict=True):
        lines = lines_of(each["vcf"])
        lines[-1] = re.sub("CLNSIG=[^;]*", f"CLNSIG={word}", lines[-1])
        write_lines(Path(each["vcf"]), lines)
    with pytest.raises(InputError, match='"first" is in none of') as caught:
        together(pair, tmp_path / "cache")
    assert "second" not in caught.value.text()
    assert not (tmp_path / "cache").exists()


def test_two_readings_share_the_memory(tmp_path, monkeypatch):
    """Each may take half of what one may."""
    monkeypatch.setattr(memory, "processes_for", lambda *_: 1)
    room = 200 * 10**6
    monkeypatch.setattr(memory, "HELD_BYTES", room)
    one, two = (
        Memory(BASE_BYTES + room, tmp_path, beside_bytes=0, readings=number) for number in (1, 2)
    )
    assert one.hold_rows(1_000, room // 3, 1.0)
    assert not two.hold_rows(1_000, room // 3, 1.0)
    assert two.hold_rows(1_000, room // 5, 1.0)
