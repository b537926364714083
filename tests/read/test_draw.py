"""``--rows``: rows of variants that cannot be drawn are not kept, and the draw is the same."""

from __future__ import annotations

import re

import pytest
from inputs import GOLDEN_INPUT, lines_of, write_lines

from amiss_tasks.features.feature_set import VARIANT
from amiss_tasks.stages.columns import drawn as drawing
from amiss_tasks.stages.columns.drawn import place_in_draw
from amiss_tasks.stages.files.memory import BASE_BYTES
from amiss_tasks.stages.read import read_inputs
from amiss_tasks.stages.read._row_columns import RowColumns
from gridrun.errors import InputError, UserError


def _rows(table):
    return [str(row) for row in table.to_pylist()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Draws so many variants from the rows of all."""
    whole = read_inputs(GOLDEN_INPUT, {}, tmp_path_factory.mktemp("cache"), "x").table
    names = list(zip(*(whole[name].to_pylist() for name in VARIANT), strict=True))

    def rows_of(number, seed):
        first = set(sorted(set(names), key=lambda name: place_in_draw(seed, name))[:number])
        return [row for row, name in zip(_rows(whole), names, strict=True) if name in first]

    return rows_of


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads so many variants, keeping few others, in small blocks, by so many processes."""

    def reader(number, *, inputs=GOLDEN_INPUT, spare=50, count=1, seed=3, delay=2, **options):
        monkeypatch.setattr(drawing, "SPARE", spare)
        monkeypatch.setattr("amiss_tasks.stages.read._study.DELAY", max(delay, 2 * count + 1))
        monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", 100_000)
        monkeypatch.setattr("amiss_tasks.stages.files.pool.WORTH_BYTES", 0)
        monkeypatch.setattr("amiss_tasks.stages.files.memory.processes_for", lambda *_: count)
        name = f"{number}-{spare}-{count}-{seed}-{delay}"
        return read_inputs(inputs, {}, tmp_path, name, rows=number, seed=seed, **options)

    return reader


@pytest.mark.parametrize("number", [20, 200])
def test_the_draw_is_that_of_all_rows(read, drawn, number, monkeypatch):
    """And never are rows of many more variants there than are drawn."""
    most = []
    held = RowColumns.held.fget
    monkeypatch.setattr(
        RowColumns, "held", property(lambda self: most.append(held(self)[0]) or held(self))
    )
    found = read(number)
    assert _rows(found.table) == drawn(number, 3)
    assert 0 < max(most) < (3_360 if number == 200 else 1_200)


def test_several_processes_draw_the_same(read):
    """Whatever number of them reads."""
    one, two = (read(40, count=count, delay=5) for count in (1, 2))
    assert _rows(one.table) == _rows(two.table)
    assert (one.notes, one.counts) == (two.notes, two.counts)


def test_several_processes_check_the_same_rows(read, tmp_path):
    """Values are checked in more rows than are drawn: in the same ones everywhere, not in all."""
    lines = lines_of(GOLDEN_INPUT["vcf"])
    (header,) = [line for line in lines if line.startswith("##INFO=<ID=CSQ")]
    at = header.partition("Format: ")[2].rstrip('">').split("|").index("phyloP20way_mammalian")

    def damaged(line):
        head, csq, rest = line.partition("CSQ=")
        cells = rest.split("|")
        cells[at] = "odd"
        return head + csq + "|".join(cells)

    lines = [line if line.startswith("#") else damaged(line) for line in lines]
    inputs = GOLDEN_INPUT | {"vcf": write_lines(tmp_path / "odd.vcf", lines)}
    said = []
    for count in (1, 2):
        with pytest.raises(InputError) as caught:
            read(40, inputs=inputs, count=count, delay=5)
        (number,) = re.findall(r"not one number \((\d+) rows", caught.value.text())
        said.append((caught.value.text(), int(number)))
    assert said[0] == said[1]
    assert 100 < said[0][1] < 1_200


def test_where_few_of_them_join_more_are_read(read, drawn, monkeypatch):
    """A draw is complete though most of the variants that come first have no row in a table."""
    made = []
    has_enough = drawing.Draw.has_enough
    monkeypatch.setattr(
        drawing.Draw,
        "has_enough",
        lambda self, table: made.append(self.most) or has_enough(self, table),
    )
    found = read(60, spare=-61)
    assert made == [59, 472]
    assert _rows(found.table) == drawn(60, 3)


@pytest.mark.parametrize(("joined", "most"), [(0, 800), (5, 1_200), (29, 800)])
def test_how_few_of_them_joined_says_how_many_more_are_read(read, joined, most):
    """So that files are read once more, and not again and again with eight times as many."""
    draw = drawing.Draw(30, 3, 1, 100)
    draw.is_partial = True
    table = read(joined or 5).table
    assert not draw.has_enough(table if joined else table[:0])
    assert draw.wider().most == most


def test_a_draw_that_memory_has_no_room_for_is_refused(read):
    """By what to ask for instead."""
    with pytest.raises(UserError, match="--rows draws 400 variants") as caught:
        read(400, most_bytes=BASE_BYTES + 400_000)
    assert "ask for fewer --rows" in caught.value.text()
