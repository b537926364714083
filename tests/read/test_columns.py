"""What is plain is read by Arrow, in columns: as cell by cell, and no row more than is used."""

from __future__ import annotations

import pickle
import re
import tracemalloc
from itertools import product

import pytest
from inputs import BASE_INPUT, GOLDEN_INPUT, edit_csq, lines_of, write_lines

from amiss_tasks.stages.columns.by_transcript import matched_columns
from amiss_tasks.stages.columns.coded import Coded, split_cells
from amiss_tasks.stages.columns.variants import ABSENT, KEPT, THERE, Names, Variants
from amiss_tasks.stages.filter_mask import asked_mask, filter_mask
from amiss_tasks.stages.read import ReadResult, read_inputs
from amiss_tasks.stages.read._batch import match_transcript
from amiss_tasks.stages.read._judged import repeated_transcripts
from amiss_tasks.stages.usable import MISSENSE, YES, Chosen, usable_blocks
from gridrun.errors import InputError


def coded(*cells: str) -> Coded:
    return Coded.of_cells(cells)


def _rows(read: ReadResult) -> list[dict[str, object]]:
    """Rows with NaN as text, so that equal ones are equal."""
    return [
        {name: "NaN" if value != value else value for name, value in row.items()}  # noqa: PLR0124
        for row in read.table.to_pylist()
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a|b\nc", 2),
        ("a|b\nc|d|e", 2),
        ("a|b\n\nc|d", 3),
        ("\na|b", 2),
        ("a|b\n", 2),
        ("", 0),
        ("\ufeffa|b", 1),
    ],
)
def test_what_is_not_as_wide_as_it_should_be_is_left_to_others(text, rows):
    """Also an empty line, which Arrow would take for empty cells, and a mark that it takes off."""
    assert split_cells(text, "|", 2, (0, 1), rows) is None


def test_cells_are_those_that_python_splits():
    """Quotes, blanks, NA and letters of any kind are as they stand."""
    text = '"a|NA\n a\t|""\nü"|\\\n|null'
    found = split_cells(text, "|", 2, (0, 1), 4)
    assert found is not None
    cells = [line.split("|") for line in text.split("\n")]
    assert [found[at].cells() for at in (0, 1)] == list(zip(*cells, strict=True))


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> ReadResult:
    return read_inputs(GOLDEN_INPUT, {}, tmp_path_factory.mktemp("cache"), "golden")


def test_golden_rows_are_those_that_are_read_cell_by_cell(golden, tmp_path, monkeypatch):
    """Whether Arrow splits the text or nobody but the readers with their messages does."""
    by_column = golden
    for module in ("read._records", "files.tsv"):
        monkeypatch.setattr(f"amiss_tasks.stages.{module}.split_cells", lambda *_: None)
    monkeypatch.setattr("amiss_tasks.stages.read.vcf.VcfReader.plain", lambda *_: None)
    by_cell = read_inputs(GOLDEN_INPUT, {}, tmp_path, "cells")
    assert by_column.table.schema == by_cell.table.schema
    assert _rows(by_column) == _rows(by_cell)
    assert by_column.notes == by_cell.notes
    assert by_column.counts == by_cell.counts


def test_sound_files_are_read_in_columns(tmp_path, monkeypatch):
    """The readers that take each cell alone are not asked, or it would be slow unseen."""

    def refuse(*_):
        raise AssertionError("read cell by cell")

    def split(*asked):
        found = split_cells(*asked)
        return refuse() if found is None else found

    monkeypatch.setattr("amiss_tasks.stages.read.vcf.VcfReader._records", refuse)
    monkeypatch.setattr("amiss_tasks.stages.files.tsv.split_cells", split)
    assert read_inputs(GOLDEN_INPUT, {}, tmp_path, "x").counts.rows


@pytest.mark.parametrize("transcript", ["canonical", "keep_all", "mane"])
def test_a_narrow_grid_keeps_the_rows_that_its_filters_do(golden, tmp_path, transcript):
    """What a combination gets is the same; what none can use is not in the table."""
    whole = golden
    for quality, restriction in (("twostar", "missense"), ("onestar", "all")):
        asked = (transcript, quality, restriction)
        names = ("transcript", "quality", "restriction")
        grid = {name: (value,) for name, value in zip(names, asked, strict=True)}
        wanted = whole.table.filter(filter_mask(whole.table, *asked))
        try:
            narrow = read_inputs(GOLDEN_INPUT, grid, tmp_path, "-".join(asked))
        except Exception:  # noqa: BLE001  # a grid that has no row is refused either way
            assert len(wanted) <= 2, asked
            continue
        mask = filter_mask(narrow.table, *asked)
        assert _rows(whole.__class__(**{**vars(whole), "table": wanted})) == _rows(
            narrow.__class__(**{**vars(narrow), "table": narrow.table.filter(mask)})
        )
        assert len(narrow.table) < len(whole.table) or asked == ("keep_all", "onestar", "all")


def test_rows_that_are_drawn_are_drawn_from_all(tmp_path):
    """``--rows`` draws the same variants whatever the grid keeps of them."""
    grid = {"transcript": ("canonical",), "restriction": ("missense",)}
    drawn = [
        read_inputs(GOLDEN_INPUT, values, tmp_path, str(number), rows=400, seed=1)
        for number, values in enumerate(({}, grid))
    ]
    assert _rows(drawn[0]) == _rows(drawn[1])


def test_values_of_transcripts_are_those_of_each_block_alone():
    """By position in the list; one value counts for all; what is not listed has none."""
    own = coded("ENST1", "ENST2", "ENST3", "", "ENST1")
    listed = coded("ENST1&ENST2", "ENST1&ENST2", "ENST1", "ENST1&ENST2", "ENST1&ENST1")
    values = coded("0.1&0.2", "7", "0.3", "0.1&0.2", "1&2")
    found = matched_columns(own, listed, [values])
    assert not len(found.odd)
    assert list(zip(*(column.cells() for column in found.columns), strict=True)) == [
        match_transcript(mine, cells)
        for mine, *cells in zip(*(c.cells() for c in (own, listed, values)), strict=True)
        for cells in [tuple(cells)]
    ]


@pytest.mark.parametrize(
    ("own", "listed", "value"),
    [
        ("ENST00.2", "ENST00.1", "1"),
        ("ENST00", "ENST1&ENST00.1", "5&6"),
        ("ENST00.1", "ENST00&ENST1", "7"),
        ("ENST00", "ENST00.1&ENST00.2", "5&6"),
        ("ENST1", "ENST1&ENST2", "1&2&3"),
        ("ENST3", "ENST1&ENST2&ENST3", "1&2"),
        ("ENST00", "ENST00.1", ""),
    ],
)
def test_rows_of_whose_lists_something_is_to_be_said_are_named(own, listed, value):
    """Another version, and a list of another length; values are as block by block."""
    sound = coded("ENST1", own), coded("ENST1", listed), [coded("1", value)]
    found = matched_columns(*sound)
    assert found.odd.tolist() == [1]
    assert tuple(column.cell(1) for column in found.columns) == match_transcript(
        own, (listed, value)
    )


def test_versions_in_a_whole_file_are_read_in_columns(tmp_path, monkeypatch):
    """VEP writes them with ``--transcript_version``; what is said is as block by block."""
    lines = [re.sub(r"\|(ENST\d+)\|", r"|\1.4|", line) for line in lines_of(GOLDEN_INPUT["vcf"])]
    inputs = {**GOLDEN_INPUT, "vcf": write_lines(tmp_path / "v.vcf", lines)}
    found = []
    for number, name in enumerate(("_records", "plain")):
        with monkeypatch.context() as patched:
            patched.setattr(f"amiss_tasks.stages.read.vcf.VcfReader.{name}", lambda *_: None)
            found.append(read_inputs(inputs, {}, tmp_path, str(number)))
    by_column, by_cell = found
    assert any("has a version in Feature" in note.message for note in by_cell.notes)
    assert by_column.notes == by_cell.notes
    assert _rows(by_column) == _rows(by_cell)


def test_a_transcript_is_repeated_and_a_motif_is_not():
    """VEP names a motif by its matrix, twice for two sites."""
    assert repeated_transcripts(["A", "B", "MA0139.1", "MA0139.1"]) == []
    assert repeated_transcripts(["B", "A", "B", "A"]) == ["A", "B"]


@pytest.mark.parametrize("transcript", [None, "canonical", "keep_all", "mane"])
def test_blocks_are_chosen_as_the_filter_keeps_rows(golden, transcript):
    """Before they are cut, by the widest values of a grid; ``mane`` needs all for its notes."""
    table = golden.table
    columns = ("CLNREVSTAT", "CANONICAL", "Consequence.y")
    rows = list(zip(*(table[name].to_pylist() for name in columns), strict=True))
    blocks = [(a or "", f"{b or ''}|{c or ''}|{YES}_{MISSENSE}") for a, b, c in rows]
    for quality, restriction in product(
        (None, "clingen", "twostar", "onestar"), (None, "missense", "all")
    ):
        given = {"transcript": transcript, "quality": quality, "restriction": restriction}
        asked = (
            "canonical" if transcript == "canonical" else "keep_all",
            quality or "onestar",
            restriction or "all",
        )
        usable = usable_blocks({name: (value,) for name, value in given.items() if value})
        assert (usable is None) == (asked == ("keep_all", "onestar", "all"))
        if usable is not None:
            chosen = Chosen(usable, 1, 0)
            expected = asked_mask(table, *asked).to_pylist()
            assert [bool(chosen.of_text(each, [text])) for each, text in blocks] == expected
            assert expected == [
                bool(chosen.of_cells(each, [text.split("|")])) for each, text in blocks
            ]


def test_variants_are_found_by_what_is_kept_and_used_of_them():
    """Nothing, a record, a kept one; and, once rows are narrowed, those of used transcripts."""
    variants = Variants()
    for name, kept in (("a", True), ("b", False), ("c", True), ("b", True), ("d", False)):
        variants.add("1", name, is_kept=kept)
    assert variants.find(list("abcdx")).tolist() == [KEPT, KEPT, KEPT, THERE, ABSENT]
    assert (variants.kept(), variants.used(), variants.is_repeated()) == (3, 3, False)
    names, states = coded("a", "a", "b", "c"), variants.find(["a", "b", "c"])[[0, 0, 1, 2]]
    assert variants.wanted(names, states, None).all()
    variants.narrow(coded("a", "b"), coded("ENST1.1", "NA"))
    states = variants.find(["a", "b", "c"])[[0, 0, 1, 2]]
    assert variants.wanted(names, states, None).tolist() == [True, True, True, False]
    own = coded("ENST1.2", "ENST2", "", "ENST1")
    assert variants.wanted(names, states, own).tolist() == [True, False, True, False]
    assert (variants.kept(), variants.used()) == (3, 2)


def named_variants(count: int) -> Variants:
    """Every second of them is kept, and all of these have a row that is used."""
    variants = Variants()
    for number in range(count):
        variants.add("1", str(number), is_kept=number % 2 == 0)
    for begin in range(0, count, 500):
        kept = coded(*map(str, range(begin, min(begin + 500, count), 2)))
        variants.use(kept, coded(*["ENST1"] * len(kept.codes)))
    variants.narrow(coded(), coded())
    return variants


def test_variants_in_files_are_found_as_in_memory(tmp_path):
    """Also by a process that is given them; of two numbers of records alike, all is as before."""
    variants = named_variants(1_000)
    names, own = list(map(str, range(-5, 1_005))), ["ENST1", "ENST2"] * 505

    def asked(of: Variants) -> tuple:
        states = of.find(names)
        wanted = of.wanted(coded(*names), states, coded(*own)).tolist()
        of.write(tmp_path / "written.npy")
        there = Names(tmp_path / "written.npy").has(names).tolist()
        return states.tolist(), wanted, there, of.kept(), of.used(), of.is_repeated()

    before = asked(variants)
    assert before[2:] == ([name.isdigit() and int(name) < 1_000 for name in names], 500, 500, False)
    variants.keep(tmp_path)
    assert asked(variants) == before
    assert asked(pickle.loads(pickle.dumps(variants))) == before


def test_variants_take_eight_bytes_each_and_none_once_they_are_in_files(tmp_path):
    """Each process that reads tables is given them: what they hold is held as often."""
    named_variants(10).keep(tmp_path)  # imports what it needs
    held, sent = [], []
    for count in (20_000, 80_000):
        tracemalloc.start()
        variants = named_variants(count)
        before, peak = tracemalloc.get_traced_memory()
        variants.keep(tmp_path)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # of each a number, of every second that of a row, and of these for a moment one more
        assert 12 * count < before <= peak < 17 * count + 300_000
        held.append(after)
        sent.append(len(pickle.dumps(variants)))
    assert held[1] < held[0] + 20_000
    assert sent[0] == sent[1] < 2_000


def test_a_kept_variant_in_two_records_is_repeated():
    """Whatever stands between them."""
    variants = Variants()
    for name in ("a", "b", "a"):
        variants.add("1", name, is_kept=True)
    assert variants.is_repeated()


def test_a_block_of_another_allele_is_found_among_thousands(tmp_path):
    """One in the middle of a sound file is refused with its line, as alone."""
    lines = lines_of(BASE_INPUT["vcf"])
    record = next(at for at, line in enumerate(lines) if "missense_variant" in line)
    wrong = edit_csq(lines, lambda cells: {**cells, "Allele": "TTT"})
    lines[record] = wrong[record]
    inputs = {**BASE_INPUT, "vcf": write_lines(tmp_path / "v.vcf", lines)}
    with pytest.raises(Exception, match=rf"v.vcf:{record + 1}: a CSQ block is of allele"):
        read_inputs(inputs, {}, tmp_path, "x")


def _with_a_block(tmp_path, change) -> tuple[dict[str, str], int]:
    """Golden inputs in which the last block that no two-star missense grid uses is changed."""
    lines = lines_of(GOLDEN_INPUT["vcf"])
    is_unused = [
        not line.startswith("#")
        and "CLNREVSTAT=criteria_provided,_single_submitter" in line
        and "missense_variant" not in line
        and ",_multiple" not in line
        for line in lines
    ]
    at = len(lines) - 1 - is_unused[::-1].index(True)
    fields = next(line for line in lines if line.startswith("##INFO=<ID=CSQ"))
    names = fields.partition("Format: ")[2].rstrip('">').split("|")
    before, _, rest = lines[at].partition("CSQ=")
    block = re.match("[^,;\t]*", rest)
    assert block is not None
    cells = change(dict(zip(names, block[0].split("|"), strict=True)))
    lines[at] = f"{before}CSQ={'|'.join(cells)}{rest[block.end() :]}"
    return {**GOLDEN_INPUT, "vcf": write_lines(tmp_path / "v.vcf", lines)}, at + 1


@pytest.mark.parametrize(
    ("message", "change"),
    [
        (r"CSQ block with \d+ fields, \d+ declared", lambda cells: [*cells.values(), "x"]),
        ("a CSQ block is of allele", lambda cells: {**cells, "Allele": "TTTT"}.values()),
    ],
    ids=["width", "allele"],
)
def test_shape_is_checked_where_the_grid_uses_nothing(tmp_path, message, change):
    """With its line; what a shifted block holds cannot be known."""
    grid = {"transcript": ("canonical",), "quality": ("twostar",), "restriction": ("missense",)}
    inputs, line = _with_a_block(tmp_path, change)
    with pytest.raises(InputError, match=rf"v.vcf:{line}: {message}"):
        read_inputs(inputs, grid, tmp_path, "x")


def test_values_are_checked_where_the_grid_uses_them(tmp_path):
    """Text where a number has to be stops a grid that uses the row, and no other."""
    grid = {"transcript": ("canonical",), "quality": ("twostar",), "restriction": ("missense",)}
    inputs, line = _with_a_block(
        tmp_path, lambda cells: {**cells, "phyloP100way_vertebrate": "x"}.values()
    )
    assert read_inputs(inputs, grid, tmp_path, "x").counts.rows
    with pytest.raises(InputError, match=rf"v.vcf:{line}: .*phyloP100way_vertebrate is .x."):
        read_inputs(inputs, {}, tmp_path, "y")


def test_a_canonical_block_says_yes():
    """What stands there instead, or in another field, is no YES."""
    usable = usable_blocks({"transcript": ("canonical",)})
    assert usable is not None
    blocks = ["YES|a|", "NO|a|", "|a|YES", "YES_|a|"]
    assert Chosen(usable, 1, 0).of_text(min(usable.statuses), blocks) == ["YES|a|"]
    assert Chosen(usable, 1, None).of_text(min(usable.statuses), blocks) == []
