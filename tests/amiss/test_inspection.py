"""``gridrun doctor --inputs``: what files hold, held against a count of the file's own text."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from pathlib import Path

import pytest

from gridrun.errors import UserError
from gridrun.pipeline.inspection import DAMAGED, NOTE, OK
from gridrun.tools.inspect_inputs import inspect_inputs

DATA = Path(__file__).parents[2] / "examples" / "quickstart" / "data"
VCF = DATA / "clinvar.vep.vcf.gz"
TABLES = [DATA / "cadd_snv.tsv.gz", DATA / "cadd_indel.tsv.gz"]


def seen(*files: Path, records: int = 20_000) -> dict[str, list]:
    found: dict[str, list] = {}
    for one in inspect_inputs(files, records):
        found.setdefault(one.what, []).append(one)
    return found


@pytest.fixture(scope="module")
def whole():
    return seen(VCF, *TABLES)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return gzip.open(VCF, "rt").read().splitlines()


@pytest.fixture(scope="module")
def blocks(lines) -> list[dict[str, str]]:
    """CSQ blocks by another way: text between bars."""
    header = next(line for line in lines if line.startswith("##INFO=<ID=CSQ"))
    fields = header.split("Format: ")[1].split('"')[0].split("|")
    texts = re.findall(r"CSQ=([^;\t]+)", "\n".join(x for x in lines if x[0] != "#"))
    return [
        dict(zip(fields, block.split("|"), strict=True))
        for text in texts
        for block in text.split(",")
    ]


def test_the_set_that_fits_is_named_with_the_share_of_values(whole, blocks):
    """The quickstart has amiss's features; shares are those of blocks with a value."""
    assert [one.found for one in whole["fits"]] == ["write features: amiss into study.yaml"]
    assert whole["features: amiss"][0].found == "50 of 50 features are there"
    name = "gnomAD_exomes_AF"
    filled = sum(block[name] not in ("", ".") for block in blocks)
    share = filled / len(blocks)
    expected = f"{name} in {share * 100:.1f} % of blocks"
    assert (whole[name][0].verdict, whole[name][0].found) == (
        OK if share >= 0.5 else NOTE,
        expected,
    )


def test_classes_and_tiers_are_counted(whole, lines):
    """Classes are those of amiss's lists, on the records that were read."""
    values = Counter(re.findall(r"CLNSIG=([^;\t]+)", "\n".join(lines)))
    positive = values["Pathogenic"] + values["Likely_pathogenic"]
    positive += values["Pathogenic/Likely_pathogenic"]
    assert f"positive {positive:,}" in whole["CLNSIG"][0].found


def test_the_beginning_of_a_file_is_enough():
    """Of a large file the first records are read, and it is said."""
    (records,) = seen(VCF, records=7)["records"]
    assert records.found.startswith("the first 7 records on 1 chromosome")


def test_without_cadd_another_set_fits_and_amiss_is_said_to_lack_its_columns():
    """Amiss needs all of its columns; sets whose features are optional do not."""
    found = seen(VCF)
    assert found["features: amiss"][0].verdict == NOTE
    assert "needs all of its columns" in found["features: amiss"][0].todo
    assert "features: components2026" in found["fits"][0].found


def vcf_of(tmp_path: Path, fields: str, *rows: str) -> Path:
    text = (
        "##fileformat=VCFv4.2\n##reference=GRCh38\n"
        '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="class">\n'
        '##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description="review">\n'
        f'##INFO=<ID=CSQ,Number=.,Type=String,Description="VEP Format: {fields}">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
    body = [f"1\t{n}\t.\tA\tC\t.\t.\t{row}\n" for n, row in enumerate(rows, 1)]
    path = tmp_path / "v.vcf"
    path.write_text(text + "".join(body), "utf-8")
    return path


def test_what_is_odd_is_said(tmp_path):
    """Values of today's ClinVar, lists without their transcripts, empty fields, other numbers."""
    path = vcf_of(
        tmp_path,
        "Consequence|Feature|SIFT4G_score|am_pathogenicity|newscore|void",
        "CLNSIG=Pathogenic/Likely_pathogenic|other;CSQ=missense_variant|ENST1|0.1&.|0.9|3.5|",
        "CLNSIG=Benign;CSQ=intron_variant|ENST1|.&.||4e-2|,missense_variant|ENST2|0.2&0.3||1|.",
    )
    found = seen(path)
    assert "Pathogenic/Likely_pathogenic|other (1)" in found["CLNSIG"][1].found
    assert "positive 1, negative 1" in found["CLNSIG"][1].todo
    assert found["empty fields"][0].found == "1 CSQ field without a value here: void"
    assert found["other numbers"][0].found == "no set reads newscore"
    assert found["lists"][0].found.startswith("SIFT4G_score: lists of values by transcript")
    # am_pathogenicity exists on missense variants: one of two blocks, not of three
    assert found["AlphaMissense_score"][0].found.startswith("am_pathogenicity in 50.0 % of blocks")
    assert found["genes"][0].todo == "annotate again by VEP with --symbol"


def test_a_table_of_another_build_is_damage(tmp_path):
    """Positions of two genome builds do not fit together."""
    table = tmp_path / "t.tsv"
    table.write_text("# made on hg19\nchr\tpos\tref\talt\tscore\n1\t1\tA\tC\t1\n", "utf-8")
    path = vcf_of(tmp_path, "Consequence|Feature", "CSQ=missense_variant|ENST1")
    (build,) = seen(path, table)["genome build"]
    assert (build.verdict, build.found) == (DAMAGED, "v.vcf is on GRCh38, t.tsv on GRCh37")


@pytest.mark.parametrize("names", [("t.tsv",), ("v.vcf", "v.vcf"), ("none.vcf",)])
def test_files_that_do_not_belong_together_are_refused(tmp_path, names):
    """No VCF, two of them, a file that is not there."""
    (tmp_path / "t.tsv").write_text("chr\tpos\tref\talt\tscore\n1\t1\tA\tC\t1\n", "utf-8")
    vcf_of(tmp_path, "Consequence|Feature", "CSQ=missense_variant|ENST1")
    with pytest.raises(UserError):
        seen(*(tmp_path / name for name in names))
