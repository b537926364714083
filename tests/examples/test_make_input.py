"""The generator of the quickstart's data, and the data it made."""

from __future__ import annotations

import gzip
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from amiss_tasks import clinvar
from amiss_tasks.features import amiss as features

ROOT = Path(__file__).parents[2]
STORED = ROOT / "examples" / "quickstart" / "data"
SCRIPT = ROOT / "examples" / "make_input.py"
FILES = ("clinvar.vep.vcf.gz", "cadd_snv.tsv.gz", "cadd_indel.tsv.gz")


@pytest.fixture(scope="module")
def generator():
    """The script as a module, its neighbours importable while it is used."""
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        spec = importlib.util.spec_from_file_location("make_input", SCRIPT)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(SCRIPT.parent))


def lines(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def records() -> list[list[str]]:
    return [line.split("\t") for line in lines(STORED / FILES[0]) if not line.startswith("#")]


def info(record: list[str]) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in record[7].split(";"))


def csq_fields() -> list[str]:
    (declaration,) = (line for line in lines(STORED / FILES[0]) if "ID=CSQ," in line)
    return declaration.split("Format: ")[1].removesuffix('">').split("|")


def blocks() -> list[tuple[list[str], dict[str, str]]]:
    """(record, CSQ block) of every transcript."""
    fields = csq_fields()
    return [
        (record, dict(zip(fields, block.split("|"), strict=True)))
        for record in records()
        for block in info(record)["CSQ"].split(",")
    ]


def cadd_rows() -> list[dict[str, str]]:
    rows = []
    for name in FILES[1:]:
        _, header, *body = lines(STORED / name)
        rows += [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in body]
    return rows


def test_the_stored_data_are_what_the_generator_writes(generator, tmp_path):
    """The documented call gives the stored files, byte for byte once unpacked."""
    for made in generator.make_input(tmp_path):
        assert gzip.decompress(made.read_bytes()) == gzip.decompress(
            (STORED / made.name).read_bytes()
        )


def test_compressed_files_carry_no_time_and_no_name(generator, tmp_path):
    """Two calls give equal files, whose gzip header has neither time nor file name."""
    first = generator.make_input(tmp_path / "a", variants=30, seed=5)
    second = generator.make_input(tmp_path / "b", variants=30, seed=5)
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.read_bytes()[3:8] == bytes(5)


def test_another_seed_gives_other_variants(generator, tmp_path):
    """The seed decides what is drawn."""
    first = generator.make_input(tmp_path / "a", variants=30, seed=5)
    second = generator.make_input(tmp_path / "b", variants=30, seed=6)
    for one, other in zip(first, second, strict=True):
        assert lines(one)[-1] != lines(other)[-1]


@pytest.mark.parametrize("count", [1, 24, 400])
def test_as_many_variants_as_asked_for(generator, tmp_path, count):
    """The VCF has exactly the number of variants that was asked for."""
    vcf, *_ = generator.make_input(tmp_path, variants=count)
    assert sum(not line.startswith("#") for line in lines(vcf)) == count


def test_a_wrong_number_is_refused_with_a_usage_line(tmp_path):
    """`--variants 0` is the user's mistake: exit code 2, no traceback, nothing written."""
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "out", "--variants", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "0 is not a number from 1 on" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_records_are_sorted_and_none_is_twice():
    """Positions ascend within a chromosome, and no key of the join occurs twice."""
    places: dict[str, list[int]] = {}
    for record in records():
        places.setdefault(record[0], []).append(int(record[1]))
    assert all(
        positions == sorted(positions) and len(set(positions)) == len(positions)
        for positions in places.values()
    )
    keys = [
        tuple(row[key] for key in ("#Chrom", "Pos", "Ref", "Alt", "FeatureID"))
        for row in cadd_rows()
    ]
    assert len(set(keys)) == len(keys)


def test_every_transcript_has_its_cadd_row():
    """The join loses no transcript of the VCF, and has some CADD rows to drop."""
    keys = {
        tuple(row[key] for key in ("#Chrom", "Pos", "Ref", "Alt", "FeatureID"))
        for row in cadd_rows()
    }
    wanted = {
        (record[0], record[1], record[3], record[4], block["Feature"]) for record, block in blocks()
    }
    assert wanted < keys


def test_classes_and_tiers_are_ones_that_amiss_knows():
    """Every CLNSIG has a class, every tier has variants of both classes."""
    known = clinvar.POSITIVE | clinvar.NEGATIVE | clinvar.UNCERTAIN
    assert {info(record)["CLNSIG"] for record in records()} <= known
    for tier in clinvar.REVIEW_TIERS.values():
        found = {info(r)["CLNSIG"] for r in records() if info(r)["CLNREVSTAT"] in tier}
        assert found & clinvar.POSITIVE
        assert found & clinvar.NEGATIVE
        assert found & clinvar.UNCERTAIN
    starless = {"no_assertion_criteria_provided"}
    assert starless & {info(record)["CLNREVSTAT"] for record in records()}


def test_every_feature_is_there_and_none_is_wholly_missing():
    """Each column that amiss reads exists and has values."""
    vep = [block for _, block in blocks()]
    for name in features.AMISS.csq_fields:
        assert any(block[name] not in {"", "."} for block in vep), name
    cadd = cadd_rows()
    for name in features.AMISS.cadd_columns:
        assert any(row[name] != "NA" for row in cadd), name


def test_missingness_follows_the_consequence():
    """DbNSFP is silent but for single-base changes of a protein; most else has a reason too."""
    for _, block in blocks():
        has_dbnsfp = bool(block["phyloP100way_vertebrate"])
        if block["Consequence"] in {"missense_variant", "stop_gained"}:
            assert has_dbnsfp
        if block["Consequence"] == "stop_gained" and block["CANONICAL"]:
            assert not block["SIFT_score"]
        if block["CANONICAL"] and block["Consequence"] == "synonymous_variant":
            assert not has_dbnsfp
    for row in cadd_rows():
        assert (row["Dst2Splice"] == "NA") == (row["Dst2SplType"] == "NA")
        if row["Consequence"] in {"INTRONIC", "3PRIME_UTR"}:
            assert row["relCDSpos"] == "NA"


def test_per_transcript_lists_are_as_long_as_the_transcripts():
    """A list of scores has one entry for each transcript that dbNSFP names, or a single one."""
    matched = [feature for feature in features.AMISS.features if feature.per_transcript]
    fields = [*(feature.sources[0] for feature in matched), *features.AMISS.demanded]
    for _, block in blocks():
        names = block["Ensembl_transcriptid"].split("&")
        for field in fields:
            if block[field]:
                assert len(block[field].split("&")) == len(names), field


def test_no_number_has_more_than_six_significant_digits():
    """Values pass through text files unchanged, whoever reads and writes them."""
    texts = {
        value for _, block in blocks() for field in block.values() for value in field.split("&")
    }
    texts |= {value for row in cadd_rows() for key, value in row.items() if key != "Pos"}
    numbers = [text for text in texts if re.fullmatch(r"-?\d+(\.\d+)?(e[-+]\d+)?", text)]
    assert len(numbers) > 10_000
    for number in numbers:
        digits = re.sub(r"e.*|[-.]", "", number).strip("0")
        assert len(digits) <= 6, number
