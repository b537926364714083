"""Every malformed VCF and CADD file gets what its manifest says."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from inputs import BASE_INPUT, MALFORMED, canonical_hash, order_hash, read

from amiss_tasks.stages.files.memory import BASE_BYTES
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.read import read_inputs
from gridrun.errors import InputError

BASE_ROWS = 22
"""Rows of base at keep_all, onestar, all, by the README of the malformed inputs."""


def _cases() -> list[dict[str, str]]:
    with (MALFORMED / "MANIFEST.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in rows if row["role"] != "grid" and not row["file"].startswith("(")]


CASES = _cases()

SPECIAL = {
    "file": None,
    "path": None,
    "both paths": r"cadd_indel.*same file as cadd_snv.*CADD_clingen\.tsv",
    "line of the declaration": r":11: .*line 11",
    "one example of each": r"\w+ here, ENST\w+ there",
    "first line": r"first on line \d+",
    "counts per CLNREVSTAT": r'by CLNREVSTAT: "no_assertion_criteria_provided" 16',
    "quality, restriction, transcript": r"quality=onestar, restriction=all, transcript=keep_all",
    "CpG against GC": r"CpG against GC",
}
"""Parts of the manifest that describe the text rather than quote it."""

RESULT = {
    "all 16 records are read",
    r"no value ends in \r",
    "the same variants as base",
    "the same rows as base",
    "CSQ is read, not BCSQ",
    "all fields are found",
    "the 2 rows of 21:59335153 join",
}
"""Parts of the manifest about the result of an accepted file; see ``_check_result``."""

ROWS_LOST = {
    "vcf/csq_no_value.vcf": 1,
    "vcf/symbolic_alt.vcf": 1,
    "vcf/alt_dot.vcf": 1,
    "vcf/one_without_clnsig.vcf": 1,
    "cadd/indel_header_only.tsv": 2,
}
"""Accepted files with fewer rows than base, as upstream has them."""


def _inputs(case: dict[str, str]) -> dict[str, str]:
    inputs = dict(BASE_INPUT)
    for file, role in zip(case["file"].split(" + "), case["role"].split(" + "), strict=True):
        inputs[role] = str(MALFORMED / file)
    return inputs


def _assert_names(part: str, text: str, case: dict[str, str]) -> None:
    """One part of ``message_must_name`` is in the text, literally where it is a name."""
    if part in {"file", "path"}:
        assert case["file"].split(" + ")[0] in text
    elif SPECIAL.get(part):
        assert re.search(str(SPECIAL[part]), text), f"{part!r} not in {text!r}"
    elif part.startswith("line "):
        number = part.removeprefix("line ")
        assert re.search(rf"line {number}\b", text), f"{part!r} not in {text!r}"
    else:
        # In the manifest n stands for a count.
        pattern = r"\d+ ".join(re.escape(piece) for piece in re.split(r"\bn ", part))
        assert re.search(pattern, text), f"{part!r} not in {text!r}"


def test_every_case_is_there() -> None:
    """The manifest's 88 VCF and CADD cases with files are all tried."""
    assert len(CASES) == 88


def test_base_is_accepted(tmp_path: Path) -> None:
    """The sound files are read without a note, and give upstream's 22 rows."""
    result, notes = read(BASE_INPUT, tmp_path)
    assert notes == []
    assert filter_table(result, "keep_all", "onestar", "all").rows == BASE_ROWS


@pytest.mark.parametrize("case", CASES, ids=[f"{case['file']}-{case['role']}" for case in CASES])
def test_malformed(case: dict[str, str], tmp_path: Path) -> None:
    """The file is accepted, accepted with a note, or refused, naming all parts asked for."""
    cache = tmp_path / "cache"
    parts = [part.strip() for part in case["message_must_name"].split(";")]
    if case["expected"] == "reject":
        with pytest.raises(InputError) as caught:
            read(_inputs(case), cache)
        assert caught.value.exit_code == 2
        text = caught.value.text()
        assert not list(cache.glob("*")), "nothing is written when a file is refused"
        for part in parts:
            _assert_names(part, text, case)
        return
    result, notes = read(_inputs(case), cache)
    text = "\n".join(note.text() for note in notes)
    assert bool(notes) == (case["expected"] == "accept with note"), text
    for part in parts:
        if part not in RESULT:
            _assert_names(part, text, case)
    table = filter_table(result, "keep_all", "onestar", "all")
    assert table.rows == BASE_ROWS - ROWS_LOST.get(case["file"], 0)
    if set(parts) & RESULT:
        _check_result(case, tmp_path, table)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['file']}-{case['role']}" for case in CASES])
def test_the_same_is_said_in_any_memory(case, tmp_path, monkeypatch) -> None:
    """To the letter, where rows are joined piece by piece, too; nothing is left of these."""
    monkeypatch.setattr("amiss_tasks.stages.files.on_disk.ROWS_OF_PIECE", 10)
    said = []
    for number, most in enumerate((None, BASE_BYTES)):
        cache = tmp_path / str(number)
        try:
            found = read_inputs(_inputs(case), {}, cache, "x", most_bytes=most)
        except InputError as error:
            said.append(error.text())
            assert not list(cache.glob("*"))
        else:
            said.append([note.text() for note in found.notes])
            table = filter_table(found, "keep_all", "onestar", "all")
            said[-1] += [canonical_hash(table), order_hash(table)]
    assert said[0] == said[1]


def _check_result(case: dict[str, str], tmp_path: Path, table) -> None:
    """An accepted file gives the table that base gives."""
    base, _ = read(BASE_INPUT, tmp_path / "base")
    expected = filter_table(base, "keep_all", "onestar", "all")
    if "indel_all_ref_t" in case["file"]:
        rows = list(zip(table.text["Pos"], table.text["Ref"], strict=True))
        assert rows.count(("59335153", "T")) == 2
        return
    assert table.text == expected.text
    assert canonical_hash(table) == canonical_hash(expected)


def test_notes_survive_the_cache(tmp_path: Path) -> None:
    """A second call loads table, notes and counts of the first, without the files."""
    inputs = {**BASE_INPUT, "vcf": str(MALFORMED / "vcf" / "crlf.vcf")}
    first, _ = read(inputs, tmp_path)
    gone = {role: path + ".gone" for role, path in inputs.items()}
    again = read_inputs(gone, {}, tmp_path, "test")
    assert [note.message for note in again.notes] == [note.message for note in first.notes]
    assert first.notes
    assert again.counts == first.counts
    table, expected = (filter_table(each, "keep_all", "onestar", "all") for each in (again, first))
    assert table.text == expected.text
    assert canonical_hash(table) == canonical_hash(expected)
