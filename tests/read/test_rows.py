"""From text to rows: numbers, transcripts, the join, and edges that no stored file has."""

from __future__ import annotations

import gzip
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from inputs import GOLDEN_INPUT, lines_of, read, write_lines

from amiss_tasks.r.names import r_name
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.read import ReadResult, VcfReader, _result, check_inputs, read_inputs
from amiss_tasks.stages.read._batch import match_transcript
from amiss_tasks.stages.values.parsing import parse_numbers
from gridrun.errors import InputError
from gridrun.store.cache import made_again, sum_path

NA = ("", ".", "NA")


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> ReadResult:
    return read_inputs(GOLDEN_INPUT, {}, tmp_path_factory.mktemp("cache"), "golden")


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Write the golden input with one file's lines changed."""

    def edit(role: str, change: Callable[[list[str]], list[str]]) -> dict[str, str]:
        path = tmp_path / f"edited.{role}"
        write_lines(path, change(lines_of(GOLDEN_INPUT[role])))
        return {**GOLDEN_INPUT, role: str(path)}

    return edit


def _records(lines: list[str]) -> list[int]:
    return [index for index, line in enumerate(lines) if not line.startswith("#")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-0.5", -0.5),
        ("+2", 2.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-05", 1e-05),
        ("1E5", 1e5),
        (" 3 ", 3.0),
        ("0.12345678901234567", 0.123456789012346),
        ("123456789012345678", 123456789012346000.0),
    ],
)
def test_numbers(text: str, value: float) -> None:
    """Decimal text is a number of at most 15 significant digits."""
    values, bad = parse_numbers([text], NA)
    assert (values.tolist(), bad) == ([value], [])


@pytest.mark.parametrize("text", ["", ".", "NA", "  ", None])
def test_missing_numbers(text: str | None) -> None:
    """What stands for NA is NaN, alone or among numbers."""
    values, bad = parse_numbers([text, "1"], NA)
    assert math.isnan(values[0])
    assert values[1] == 1
    assert bad == []


@pytest.mark.parametrize(
    "text",
    ["high", "0.3&0.4", "0,45", "Inf", "-inf", "nan", "1e999", "0x1A", "1 2", "null", "TRUE"],
)
def test_no_numbers(text: str) -> None:
    """Text that is no finite number is found, wherever it stands."""
    values, bad = parse_numbers(["0.5", text, "", "0.12345678901234567"], NA)
    assert bad == [1]
    assert math.isnan(values[1])
    assert values[3] == 0.123456789012346


@pytest.mark.parametrize(
    ("feature", "cells", "expected"),
    [
        ("T1", ("T1", "0.5", "."), ("T1", "0.5", ".")),
        ("T2", ("T1&T2", "1&2", "7"), ("T2", "2", "7")),
        ("T2", ("T1&T2&T3", "1&2", ".&.&3"), ("T2", "2", ".")),
        ("T3", ("T1&T2&T3", "1&2", ""), ("T3", "", "")),
        ("T9", ("T1&T2", "1&2", "7"), ("", "", "")),
        ("T9", ("T1", "1", "7"), ("", "", "")),
        ("T1", ("", "1", "7"), ("", "", "")),
        ("", ("", "1", "7"), ("", "", "")),
        ("T1", ("T1", "4&5", "7"), ("T1", "4", "7")),
    ],
)
def test_match_transcript(feature: str, cells: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """A transcript gets its own value of a list, the only value, or none (S01 step 5)."""
    padding = ("",) * (5 - len(cells))
    assert match_transcript(feature, cells + padding)[:3] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GERP++_NR", "GERP.._NR"),
        ("fathmm-MKL_coding_score", "fathmm.MKL_coding_score"),
        ("#Chrom", "X.Chrom"),
        ("1000G", "X1000G"),
        ("mirSVR-Score", "mirSVR.Score"),
        ("GC", "GC"),
    ],
)
def test_r_name(name: str, expected: str) -> None:
    """Columns are named as R's make.names does."""
    assert r_name(name) == expected


def test_rows_draws_whole_variants(golden: ReadResult, tmp_path: Path) -> None:
    """A subset holds all rows of its variants, in order, and a larger one contains it."""

    def variants(result: ReadResult) -> list[tuple]:
        names = ("X.Chrom", "Pos", "Ref", "Alt")
        return list(zip(*(result.table[name].to_pylist() for name in names), strict=True))

    few = read_inputs(GOLDEN_INPUT, {}, tmp_path, "rows", rows=100, seed=1)
    more = read_inputs(GOLDEN_INPUT, {}, tmp_path, "rows", rows=300, seed=1)
    other = read_inputs(GOLDEN_INPUT, {}, tmp_path, "rows", rows=100, seed=2)
    drawn = set(variants(few))
    assert len(drawn) == 100
    assert drawn < set(variants(more))
    assert drawn != set(variants(other))
    assert variants(few) == [key for key in variants(golden) if key in drawn]


def test_more_rows_than_variants(tmp_path: Path) -> None:
    """Asking for more variants than there are gives all, with a note."""
    result = read_inputs(GOLDEN_INPUT, {}, tmp_path, "many", rows=5000, seed=1)
    assert result.counts.variants == 1319
    assert any("1,319 variants, fewer than the 5,000 of --rows" in n.message for n in result.notes)


def test_truncated_cache_is_made_anew(golden: ReadResult, tmp_path: Path) -> None:
    """A cache file that was cut is not believed."""
    first = read_inputs(GOLDEN_INPUT, {}, tmp_path, "cut")
    expected = first.table["Pos"].to_pylist()
    data = first.path.read_bytes()
    first.path.unlink()
    first.path.write_bytes(data[: len(data) // 2])
    again = read_inputs(GOLDEN_INPUT, {}, tmp_path, "cut")
    assert again.table["Pos"].to_pylist() == expected
    assert again.path.stat().st_size == len(data)


def test_line_of_five_megabytes(edited: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    """A line of 5 MB is read like any other."""

    def change(lines: list[str]) -> list[str]:
        at = _records(lines)[3]
        lines[at] = lines[at].replace("CLNVC=", f"GENEINFO2={'x' * 5_000_000};CLNVC=", 1)
        return lines

    result, notes = read(edited("vcf", change), tmp_path / "cache")
    assert result.counts.rows == 3360
    assert [note.message.split(" is not")[0] for note in notes] == ["INFO key GENEINFO2"]


def test_many_gzip_members(tmp_path: Path) -> None:
    """A file of many gzip members, cut in the middle of lines, is read to its end."""
    data = "\n".join(lines_of(GOLDEN_INPUT["vcf"])).encode()
    path = tmp_path / "members.vcf.gz"
    pieces = [data[start : start + 50_000] for start in range(0, len(data), 50_000)]
    path.write_bytes(b"".join(gzip.compress(piece) for piece in pieces) + gzip.compress(b""))
    result, notes = read({**GOLDEN_INPUT, "vcf": str(path)}, tmp_path / "cache")
    assert len(pieces) > 10
    assert notes == []
    assert result.counts.records == 1500


def test_garbage_after_gzip(tmp_path: Path) -> None:
    """Bytes that are no gzip, after a gzip file, are not passed over."""
    path = tmp_path / "garbage.vcf.gz"
    path.write_bytes(Path(GOLDEN_INPUT["vcf"]).read_bytes() + b"garbage")
    with pytest.raises(InputError, match="damaged gzip"):
        read({**GOLDEN_INPUT, "vcf": str(path)}, tmp_path / "cache")


def test_faults_of_all_files_in_one_run(tmp_path: Path) -> None:
    """Content faults of different kinds and files are listed in one run, each with its line."""
    vcf = lines_of(GOLDEN_INPUT["vcf"])
    at = _records(vcf)
    vcf[at[0]] = vcf[at[0]].replace("\t", " ")
    vcf[at[1]] = "\t".join([*vcf[at[1]].split("\t")[:1], "abc", *vcf[at[1]].split("\t")[2:]])
    vcf[at[2]] += "|one|more"
    cadd = lines_of(GOLDEN_INPUT["cadd_snv"])
    cadd[5] += "\textra"
    inputs = {
        **GOLDEN_INPUT,
        "vcf": write_lines(tmp_path / "a.vcf", vcf),
        "cadd_snv": write_lines(tmp_path / "b.tsv", cadd),
    }
    check_inputs(inputs, {})
    with pytest.raises(InputError) as caught:
        read_inputs(inputs, {}, tmp_path / "cache", "test")
    found = {(Path(fault.file).name, fault.line) for fault in caught.value.faults}
    expected = {("a.vcf", at[index] + 1) for index in range(3)} | {("b.tsv", 6)}
    assert found == expected


def test_same_fault_is_counted(edited: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    """A fault on a thousand lines is one fault with a count and the first lines."""

    def change(lines: list[str]) -> list[str]:
        return [line if line.startswith("#") else line + "|x" for line in lines]

    with pytest.raises(InputError) as caught:
        read(edited("vcf", change), tmp_path / "cache")
    assert len(caught.value.faults) == 1
    assert "1500 blocks" in caught.value.faults[0].message


def _replace_value(key: str, value: str) -> Callable[[str], str]:
    def change(line: str) -> str:
        cells = line.split("\t")
        items = [
            f"{key}={value}" if item.startswith(f"{key}=") else item for item in cells[7].split(";")
        ]
        return "\t".join([*cells[:7], ";".join(items), *cells[8:]])

    return change


def test_unknown_class_without_star_is_no_fault(
    edited: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """A CLNSIG without class stops nothing where no tier keeps the record, as in ClinVar."""
    change = _replace_value("CLNSIG", "not_provided")
    inputs = edited(
        "vcf",
        lambda lines: [
            change(line) if "no_assertion_criteria_provided" in line else line for line in lines
        ],
    )
    result, notes = read(inputs, tmp_path / "cache")
    assert notes == []
    assert result.counts.rows == 3360


def test_unknown_classes_are_all_named(
    edited: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """Each CLNSIG without class is named with its count and first line, if the grid reaches it."""
    lines_changed: dict[str, list[int]] = {"not_provided": [], "Conflicting_x": []}

    def edit(lines: list[str]) -> list[str]:
        for number, at in enumerate(_records(lines)):
            if "single_submitter" in lines[at] and number % 2:
                value = "not_provided" if number % 3 else "Conflicting_x"
                if "CLNSIG=drug_response" not in lines[at]:
                    lines[at] = _replace_value("CLNSIG", value)(lines[at])
                    lines_changed[value].append(at + 1)
        return lines

    inputs = edited("vcf", edit)
    with pytest.raises(InputError) as caught:
        read(inputs, tmp_path / "cache")
    messages = [fault.message for fault in caught.value.faults]
    assert len(messages) == 2
    for value, lines in lines_changed.items():
        message = next(text for text in messages if f'"{value}"' in text)
        assert f"{len(lines)} variants, first on line {lines[0]}," in message
    result, _ = read(inputs, tmp_path / "narrow", {"quality": ["clingen", "twostar"]})
    assert filter_table(result, "keep_all", "twostar", "all").rows == 2241


def test_grid_decides_what_is_too_little(
    edited: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """A file that only a wider filter could use is refused by a grid that has not got it."""
    change = _replace_value("CLNREVSTAT", "criteria_provided,_single_submitter")
    inputs = edited(
        "vcf", lambda lines: [line if line.startswith("#") else change(line) for line in lines]
    )
    with pytest.raises(InputError) as caught:
        read(inputs, tmp_path / "cache", {"quality": ["clingen", "twostar"]})
    assert "0 variants at quality=twostar" in caught.value.text()
    assert '"criteria_provided,_single_submitter" 1500' in caught.value.text()
    assert read(inputs, tmp_path / "cache", {"quality": ["onestar"]})[0].counts.rows > 3360


def test_uncertain_variants_can_be_a_class(
    edited: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """Without negatives, vus_inclusion=benign can train and vus_inclusion=exclude cannot."""

    def edit(lines: list[str]) -> list[str]:
        for number, at in enumerate(_records(lines)):
            value = "Pathogenic" if number % 2 else "Uncertain_significance"
            lines[at] = _replace_value("CLNSIG", value)(lines[at])
        return lines

    inputs = edited("vcf", edit)
    assert read(inputs, tmp_path / "a", {"vus_inclusion": ["benign"]})[0].counts.rows > 0
    with pytest.raises(InputError, match="0 negative"):
        read(inputs, tmp_path / "b", {"vus_inclusion": ["exclude", "pathogenic"]})


def test_rows_without_transcript_join(tmp_path: Path) -> None:
    """R pastes a missing key as NA, so an intergenic VEP row joins an intergenic CADD row."""
    vcf = lines_of(GOLDEN_INPUT["vcf"])
    cadd = lines_of(GOLDEN_INPUT["cadd_snv"])
    with VcfReader(GOLDEN_INPUT["vcf"]) as reader:
        feature = reader.header.csq_fields.index("Feature")
    names = cadd[1].split("\t")
    cells = cadd[2].split("\t")
    cells[1] = "777777"
    cells[names.index("FeatureID")] = "NA"
    record = next(line for line in vcf if "practice_guideline" in line and "Benign" in line)
    columns = record.split("\t")
    items = columns[7].split(";")
    at = next(index for index, item in enumerate(items) if item.startswith("CSQ="))
    block = items[at].split(",")[0].split("|")
    block[0], block[feature] = f"CSQ={cells[3]}", ""
    items[at] = "|".join(block)
    columns[:2] = [cells[0], "777777"]
    columns[3:5] = cells[2:4]
    columns[7] = ";".join(items)
    inputs = {
        **GOLDEN_INPUT,
        "vcf": write_lines(tmp_path / "a.vcf", [*vcf, "\t".join(columns)]),
        "cadd_snv": write_lines(tmp_path / "b.tsv", [*cadd, "\t".join(cells)]),
    }
    result, _ = read(inputs, tmp_path / "cache")
    row = result.table.filter(pc.equal(result.table["Pos"], "777777"))
    assert row["FeatureID"].to_pylist() == [None]
    assert row["Ensembl_transcriptid"].to_pylist() == [None]
    assert len(result.table) == 3361


def test_same_key_other_consequence_is_two_rows(
    golden: ReadResult, edited: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """Upstream tells CADD rows of one key apart by their consequence, so both are kept."""
    first = golden.table.select(["Pos", "FeatureID", "Consequence.x"]).slice(0, 1).to_pylist()[0]

    def change(lines: list[str]) -> list[str]:
        old = f"\t{first['Consequence.x']}\t"
        again = next(
            line.replace(old, "\tOTHER\t")
            for line in lines
            if f"\t{first['Pos']}\t" in line and f"\t{first['FeatureID']}\t" in line
        )
        return [*lines, again]

    result, notes = read(edited("cadd_snv", change), tmp_path / "cache")
    assert ["another Consequence" in note.message for note in notes] == [True]
    assert "1 row, line 3" in notes[0].message
    assert len(result.table) == 3361
    assert result.table["Consequence.x"].to_pylist()[:2] == [first["Consequence.x"], "OTHER"]


def test_motif_columns_may_hold_truth_values(
    edited: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """CADD writes TRUE in motifEHIPos, which R reads as a truth value and no feature uses."""

    def change(lines: list[str]) -> list[str]:
        at = lines[1].split("\t").index("motifEHIPos")
        for index in range(2, len(lines)):
            cells = lines[index].split("\t")
            cells[at] = "True" if index % 2 else "NA"
            lines[index] = "\t".join(cells)
        return lines

    result, notes = read(edited("cadd_snv", change), tmp_path / "cache")
    assert notes == []
    values = result.numbers["motifEHIPos"]
    assert set(values[~np.isnan(values)].tolist()) == {1.0}


def test_no_indels_in_vcf(tmp_path: Path) -> None:
    """A VCF of SNVs may come with a table of indels: a note, not a refusal."""
    lines = [
        line
        for line in lines_of(GOLDEN_INPUT["vcf"])
        if line.startswith("#") or all(len(cell) == 1 for cell in line.split("\t")[3:5])
    ]
    inputs = {**GOLDEN_INPUT, "vcf": write_lines(tmp_path / "snv.vcf", lines)}
    _, notes = read(inputs, tmp_path / "cache")
    assert [Path(note.file).name for note in notes] == ["CADD_clingen_indel.tsv.gz"]
    assert "rows of this file match a variant" in notes[0].message


def test_variants_without_cadd_are_said(
    edited: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """Variants that CADD does not have are left out, counted and said."""
    result, notes = read(
        edited("cadd_snv", lambda lines: [*lines[:2], *lines[302:]]), tmp_path / "cache"
    )
    counts = result.counts
    assert counts.variants_without_cadd > 50
    assert counts.variants + counts.variants_without_cadd == 1319
    assert counts.rows + counts.rows_without_cadd == 3360
    assert any(f"{counts.variants_without_cadd} of 1,319 variants" in n.message for n in notes)


@pytest.mark.parametrize("size", [4_999, 65_536])
def test_chunks_do_not_matter(
    size: int, golden: ReadResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows come of chunks of any size, lines cut anywhere."""
    monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", size)
    result, _ = read(GOLDEN_INPUT, tmp_path / "cache")
    for name in ("Pos", "FeatureID", "vcf_line", "cadd_line"):
        assert result.table[name].to_pylist() == golden.table[name].to_pylist()


HEADER = b"##fileformat=VCFv4.1\n"
COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
HOSTILE = {
    "only line ends": (b"\n\n\n", "not"),
    "one letter": (b"x", "not"),
    "NUL bytes": (b"\0" * 3_000_000, "NUL byte"),
    "UTF-16 without mark": ("##fileformat=VCFv4.1\n".encode("utf-16-le"), "UTF-16"),
    "bytes": (bytes(range(256)) * 50, "NUL byte"),
    "bzip2": (b"BZh91AY&SY", "bzip2"),
    "gzip of nothing": (gzip.compress(b""), "empty"),
    "start of gzip": (b"\x1f\x8b\x08", "truncated gzip"),
    "header with spaces": (HEADER + COLUMNS.replace(b"\t", b" ") + b"1 2 . A C . . X=1\n", "tabs"),
    "half a header": (HEADER + b"##INFO=<ID=CSQ", "#CHROM"),
    "short column line": (HEADER + b"#CHROM\tPOS\n1\t2\n", "#CHROM"),
    "odd declarations": (
        HEADER + b"##INFO=<>\n##INFO=<ID=>\n##INFO=<ID=CSQ>\n" + COLUMNS,
        "Format:",
    ),
    "records of tabs": (HEADER + COLUMNS + b"\t\t\t\t\t\t\t\n" * 3, "POS"),
    "html": (b"<!DOCTYPE html>\n<html>\n", "not"),
}


@pytest.mark.parametrize("role", ["vcf", "cadd_snv", "cadd_indel"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str, role: str, tmp_path: Path) -> None:
    """Whatever the bytes, a file that is none of ours is refused with a text that names it."""
    path = tmp_path / "hostile"
    path.write_bytes(HOSTILE[name][0])
    with pytest.raises(InputError) as caught:
        read({**GOLDEN_INPUT, role: str(path)}, tmp_path / "cache")
    assert str(path) in caught.value.text()
    if role == "vcf":
        assert HOSTILE[name][1] in caught.value.text()


def test_unpacking_is_bounded(tmp_path: Path) -> None:
    """A gzip file that unpacks to one endless line is given up at a quarter of a gigabyte."""
    path = tmp_path / "bomb.vcf.gz"
    path.write_bytes(gzip.compress(b"a" * 300_000_000, 1))
    with pytest.raises(InputError, match="longer than 256 MB"):
        check_inputs({**GOLDEN_INPUT, "vcf": str(path)}, {})


@pytest.mark.parametrize("line", [b"\n", b"##a=b\n", b"1\t1\t.\tA\tC\t.\t.\tX=1\n"])
def test_what_unpacks_without_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    """Lines that are short enough, as many as anybody likes, of next to no packed bytes."""
    monkeypatch.setattr("amiss_tasks.stages.files.lines.PACKED_BYTES", 10**5)
    monkeypatch.setattr("amiss_tasks.stages.files.lines.PACKED_TIMES", 20)
    monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", 1 << 16)
    head = gzip.decompress(Path(GOLDEN_INPUT["vcf"]).read_bytes()).split(b"\n")
    own = b"\n".join(text for text in head if text.startswith(b"#"))
    path = tmp_path / "bomb.vcf.gz"
    path.write_bytes(gzip.compress(own + b"\n" + line * (12_000_000 // len(line))))
    with pytest.raises(InputError, match="unpacks to more than 20 times its size"):
        read({**GOLDEN_INPUT, "vcf": str(path)}, tmp_path / "cache")


DAMAGED: dict[str, Callable[[bytes, int], bytes]] = {
    "flipped bit": lambda data, at: data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :],
    "cut": lambda data, at: data[:at],
    "longer": lambda data, at: data + bytes(at),
    "another file": lambda data, at: b"ARROW1" * (len(data) // 6 + at),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_arrow_is_never_handed_other_bytes(golden: ReadResult, tmp_path: Path, how: str) -> None:
    """A wrong bit in a file that Arrow maps may end the process, or change a number."""
    copy = tmp_path / golden.path.name
    for path in (golden.path, sum_path(golden.path)):
        shutil.copyfile(path, tmp_path / path.name)
    files = {role: Path(path) for role, path in GOLDEN_INPUT.items()}
    whole, note = _result.load(copy, files, golden.features)
    assert whole is not None
    assert note is None
    data = copy.read_bytes()
    for share in (0.001, 0.3, 0.6, 0.9, 0.999):
        copy.write_bytes(DAMAGED[how](data, int(share * len(data))))
        found = _result.load(copy, files, golden.features)
        assert found == (None, made_again(copy, "its content is not what was written"))


def test_a_damaged_table_of_joined_rows_is_read_again(golden: ReadResult, tmp_path: Path) -> None:
    """The inputs are read once more, which a note says this time and not the next."""
    copy = tmp_path / "read-golden.arrow"
    data = golden.path.read_bytes()
    copy.write_bytes(data[:-1000] + bytes([data[-1000] ^ 1]) + data[-999:])
    shutil.copyfile(sum_path(golden.path), sum_path(copy))
    said = []
    for _ in range(2):
        again = read_inputs(GOLDEN_INPUT, {}, tmp_path, "golden")
        said.append([n.file for n in again.notes if "damaged and was made again" in n.message])
        assert copy.read_bytes() == data
    assert said == [[copy], []]
