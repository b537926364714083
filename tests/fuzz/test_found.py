"""What damaged files have brought to light, one test for each kind."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import documents
import pytest
import shards
import tables

from amiss_tasks.features.features_file import read_features
from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.stages.read import read_inputs
from gridrun.api import predict_variants
from gridrun.documents import path_behind
from gridrun.documents.tree import Leaf
from gridrun.errors import EnvironmentFault, Fault, InputError, UserError
from gridrun.shard import TornSegment, event_from, open_shard, read_manifest, read_segment
from gridrun.study.grid_file import read_grid


def inputs_of(tmp_path: Path, role: str, content: bytes) -> dict[str, str]:
    path = tmp_path / f"damaged.{role}"
    path.write_bytes(content)
    return {name: str(file) for name, file in tables.inputs_with(path, role).items()}


def refusal(tmp_path: Path, role: str, content: bytes) -> str:
    inputs = inputs_of(tmp_path, role, content)
    with pytest.raises(InputError) as caught:
        read_inputs(inputs, {}, tmp_path / "cache", "x")
    return caught.value.text()


def edited(role: str, column: int, cell: bytes) -> bytes:
    """The sound table with another cell in its last row."""
    *lines, last = tables.sound()[role].removesuffix(b"\n").split(b"\n")
    cells = last.split(b"\t")
    cells[column] = cell
    return b"\n".join([*lines, b"\t".join(cells), b""])


def test_a_message_shows_no_control_characters_and_can_be_written(tmp_path):
    """Escape sequences and bytes of no encoding are escaped, in faults, notes and places."""
    text = refusal(tmp_path, "vcf", edited("vcf", 7, b"CSQ=\x1b[2J\xff;CSQ=\x1b[2J\xff;\xe9=\x9b1"))
    assert "\\u001b" in text or "\\udc" in text
    assert text.replace("\n", " ").replace("\t", " ").isprintable()
    text.encode()
    fault = Fault(Path("a\udcff\x1b"), "b\x07", 1, "c\x9b\nd")
    assert fault.text() == "a\\udcff\\u001b:1: b\\u0007\n  c\\u009b\nd"
    assert UserError("e\x1b", where="f\x1b").text() == "f\\u001b: e\\u001b"


@pytest.mark.parametrize("role", tables.FILES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_of_a_byte_order_mark_alone_is_empty(tmp_path, role, pack):
    """It is refused as an empty one is: nothing of it can be read."""
    assert "the file is empty" in refusal(tmp_path, role, pack(b"\xef\xbb\xbf"))


def test_a_chromosome_called_na_is_lost_as_any_other_that_cadd_lacks(tmp_path):
    """R reads the name as missing; the note says that there is no such row in CADD."""
    inputs = inputs_of(tmp_path, "vcf", edited("vcf", 0, b"NA"))
    notes = read_inputs(inputs, {}, tmp_path / "cache", "x").notes
    assert any("no row on chromosome NA" in note.message for note in notes)


@pytest.mark.parametrize("pos", [b"2147483648", b"9" * 5000, b"0" * 5000 + b"9" * 11, b"\xd9\xa1"])
def test_a_position_that_no_genome_has_is_refused(tmp_path, pos):
    """Whatever the number of its digits, in the VCF and in CADD's tables."""
    assert 'POS is "' in refusal(tmp_path, "vcf", edited("vcf", 1, pos))
    assert 'column Pos is "' in refusal(tmp_path, "cadd_snv", edited("cadd_snv", 1, pos))


def test_leading_zeros_of_a_position_mean_nothing(tmp_path):
    """However many there are."""
    row = tables.sound()["vcf"].removesuffix(b"\n").split(b"\n")[-1]
    plain, longer = tmp_path / "plain.vcf", tmp_path / "longer.vcf"
    plain.write_bytes(tables.sound()["vcf"])
    longer.write_bytes(edited("vcf", 1, b"0" * 5000 + row.split(b"\t")[1]))
    assert tables.read(longer, "vcf") == tables.read(plain, "vcf")


@pytest.mark.parametrize(("column", "name"), [(0, "CHROM"), (3, "REF"), (4, "ALT")])
def test_a_record_without_a_part_of_its_variant_is_refused(tmp_path, column, name):
    """An empty cell is no sequence of bases, and would join nothing."""
    assert f"{name} is empty" in refusal(tmp_path, "vcf", edited("vcf", column, b""))


@pytest.mark.parametrize(("column", "name"), [(0, "#Chrom"), (2, "Ref"), (3, "Alt")])
def test_a_row_without_a_part_of_its_variant_is_refused(tmp_path, column, name):
    """It would be lost without a word."""
    text = refusal(tmp_path, "cadd_snv", edited("cadd_snv", column, b""))
    assert f"column {name} is empty" in text


@pytest.mark.parametrize("role", ["vcf", "cadd_snv"])
@pytest.mark.parametrize("line", ["\u2028", "\x0b", "\u3000\xa0", "\x1c"])
def test_a_line_of_other_than_blanks_is_not_blank(tmp_path, role, line):
    """Only spaces and tabs are nothing; other tools read a record of such a line."""
    assert "damaged" in refusal(tmp_path, role, tables.sound()[role] + f"{line}\n".encode())


def test_a_number_of_other_than_blanks_is_not_missing(tmp_path):
    """The same of a cell: a line separator, say, is damage."""
    *lines, last = tables.sound()["vcf"].removesuffix(b"\n").split(b"\n")
    at = next(at for at, line in enumerate(lines) if line.endswith(b"||"))
    lines[at] += "\u2028".encode()
    text = refusal(tmp_path, "vcf", b"\n".join([*lines, last, b""]))
    assert "not one number" in text


@pytest.mark.parametrize("escape", ["\\UFFFFFFFF", "\\U00110000", "\\U7fffffff"])
def test_an_escape_of_no_character_is_not_yaml(tmp_path, escape):
    """The line and the escape are named."""
    path = tmp_path / "f.yaml"
    path.write_text(f'- name: "a"\n  source: {{vep: "{escape}"}}\n')
    with pytest.raises(InputError, match=r"f\.yaml:2: is not YAML: the escape \\U\w+ is no char"):
        read_features(path)


@pytest.mark.parametrize("character", "\x85\u2028\u2029")
def test_a_line_break_of_old_yaml_is_refused(tmp_path, character):
    """Parsers of YAML 1.1 and 1.2 read different things; in JSON it is text as any other."""
    path = tmp_path / "g.yaml"
    path.write_text(f"transcript: canonical\nquality{character}: onestar\n")
    with pytest.raises(InputError, match=rf"g\.yaml:2: .*U\+{ord(character):04X}"):
        read_grid(path, PARAMETERS)


@pytest.mark.parametrize("path", ["~\0/x", "a\0", "~\ud800", "\ud800.vcf"])
def test_text_that_cannot_be_a_path_is_refused(path):
    """Also behind a tilde, where the system is asked for a user of that name."""
    with pytest.raises(InputError, match="it cannot be a path"):
        path_behind(Path("study.yaml"), 'key "grid"', Leaf(1, path, path))


DEEP = "[" * 100_000


def test_json_nested_too_deep_is_no_shard_segment_or_manifest(tmp_path):
    """Python's parser gives up on it, gridrun says so."""
    for name in ("s.jsonl", "manifest.json"):
        (tmp_path / name).write_text(f"{DEEP}\n")
    with pytest.raises(UserError, match="not a shard"):
        open_shard(tmp_path / "s.jsonl")
    with pytest.raises(TornSegment):
        read_segment(tmp_path / "s.jsonl")
    with pytest.raises(TornSegment):
        read_manifest(tmp_path / "manifest.json")
    with pytest.raises(EnvironmentFault):
        event_from(DEEP, lambda _: 1)


def wrong_bits(packed: bytes) -> dict[str, bytes]:
    """An archive with a flipped flag, another method of packing, damaged content."""
    member, entry = packed.index(b"PK\x03\x04"), packed.index(b"PK\x01\x02")
    content = member + 30 + packed[member + 26]
    changes = {
        "password": {entry + 8: packed[entry + 8] | 1},
        "lzma": {member + 8: 14, entry + 10: 14},
        "bzip2": {member + 8: 12, entry + 10: 12},
        "unknown": {member + 8: 99, entry + 10: 99},
        "deflate": dict.fromkeys(range(content, content + 4), 255),
    }
    found = {}
    for name, change in changes.items():
        data = bytearray(packed)
        for at, byte in change.items():
            data[at] = byte
        found[name] = bytes(data)
    return found


@pytest.mark.parametrize("kind", ["password", "lzma", "bzip2", "unknown", "deflate"])
def test_an_archive_with_wrong_bits_is_no_shard_and_no_model(tmp_path, kind):
    """Whatever the unpacking makes of them."""
    packed = next(data for data, suffix in shards.sound_shards() if suffix == ".zip")
    path = tmp_path / "s.zip"
    path.write_bytes(wrong_bits(packed)[kind])
    with pytest.raises(UserError, match="shard"):
        open_shard(path, 0)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("recipe.json", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")
    path.write_bytes(wrong_bits(path.read_bytes())[kind])
    inputs = tables.inputs_with(tmp_path / "sound.vcf", "vcf")
    with pytest.raises(UserError, match=r"s\.zip"):
        predict_variants(path, file=tmp_path / "p.csv", **inputs)


@pytest.mark.parametrize("end", ["\x0b", "\x1c", "\r", "\x85", "\u2028"])
def test_a_shard_with_other_line_ends_is_not_what_was_written(tmp_path, end):
    """Only LF parts its lines, for the checksum as for the units."""
    path = tmp_path / "s.jsonl"
    path.write_bytes(shards.sound_shards()[0][0].decode().replace("\n", end, 1).encode())
    with pytest.raises(UserError, match="not a shard"):
        open_shard(path)


@pytest.mark.parametrize(
    ("key", "value"), [("pipeline", None), ("pipeline", [1]), ("values", True), ("code", 0.5)]
)
def test_a_shard_of_another_shape_is_refused(tmp_path, key, value):
    """Though its checksum is right: another version wrote it."""
    first, *lines = shards.sound_shards()[0][0].decode().removesuffix("\n").split("\n")
    head, unit = json.loads(first), json.loads(lines[0])
    del head["checksum"]
    if key == "pipeline":
        head["job"]["pipeline"] = value
    if key == "code":
        head["contexts"][0]["code"] = value
    unit["tasks"][0][4] = value if key == "values" else unit["tasks"][0][4]
    lines[0] = json.dumps(unit, separators=(",", ":"))
    plain = json.dumps(head, separators=(",", ":"))
    head["checksum"] = documents.checksum("\n".join([plain, *lines]))
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join([json.dumps(head), *lines, ""]))
    with pytest.raises(UserError, match="not a shard"):
        open_shard(path)


OTHERS = (
    *("5", "[]", "{}", "no json", '{"event":[]}', '{"event":"New","x":1}'),
    *('{"event":"WorkerReady","other":1}', '{"event":"TaskDone","task":[1],"attempt":{}}'),
)


@pytest.mark.parametrize("text", OTHERS)
def test_an_outcome_of_another_version_is_named(text):
    """Its segment is whole, so nothing is gained by sending it again."""
    with pytest.raises(EnvironmentFault, match="an outcome cannot be read"):
        event_from(text, lambda _: 1)
