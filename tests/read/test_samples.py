"""Real VCF files of other projects: split as bcftools splits them, refused as a study's input."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from inputs import BASE_INPUT

from amiss_tasks.stages.read import VcfReader, check_inputs
from gridrun.errors import InputError

WITH_CSQ = {
    "bcftools_split-vep.vcf": (802, 84, 2219),
    "bcftools_split-vep.2.vcf": (3, 84, 20),
    "bcftools_split-vep.3.vcf": (3, 84, 20),
    "bcftools_split-vep.5.vcf": (9, 84, 13),
    "bcftools_split-vep.10.vcf": (1, 75, 1),
    "bcftools_split-vep.types.vcf": (1, 79, 3),
    "gemini_test.cadd.vcf": (9, 12, 73),
    "gemini_test4.vep.snpeff.vcf": (9, 12, 57),
    "gemini_test-vep-extra.vcf": (2, 15, 1),
    "scout_643594.clinical.vcf.gz": (680, 44, 4418),
    "scout_clinvar.vcf": (2, 44, 17),
    "scout_cancer_test.vcf.gz": (10, 84, 49),
    "scout_vep97_annotated_clnsig_conservation_revel.vcf": (1, 71, 8),
    "scout_vep104_annotated.vcf": (1, 85, 11),
    "scout_vep113_existing_variation.vcf": (1, 82, 9),
    "ditto_annotated_a.vcf.gz": (207, 114, 1359),
    "ditto_vep101_merged.vcf.gz": (1593, 78, 16266),
}
"""File to records, CSQ fields and blocks, by the README of the samples."""

CANONICAL_MISSENSE = {
    "bcftools_split-vep.vcf": (1298, 15),
    "bcftools_split-vep.2.vcf": (6, 0),
    "bcftools_split-vep.5.vcf": (9, 3),
    "scout_643594.clinical.vcf.gz": (621, 151),
    "scout_cancer_test.vcf.gz": (16, 28),
    "scout_vep104_annotated.vcf": (2, 4),
}
"""File to canonical and missense blocks, by the README of the samples."""

NO_DBNSFP = ('"Ensembl_transcriptid"', '"MutPred_score"', '"SIFT_score"', '"GERP++_NR"')
NO_CLINVAR = ('"CLNREVSTAT"', '"CLNSIG"')
NO_CANONICAL = ('no "CANONICAL" in the CSQ format', "transcript=canonical", "vep --canonical")
ANNOTATE = ('no "CSQ" in the header', "VEP", "--vcf --canonical", "dbNSFP")
SCOUT = (
    *NO_CLINVAR,
    '"Ensembl_transcriptid"',
    '"MutPred_score"',
    '"phyloP20way_mammalian"',
)

REFUSED = {
    "bcftools_split-vep.vcf": (
        *NO_CLINVAR,
        *NO_DBNSFP,
        "ALT",
        "34 records",
        "first on line 48",
    ),
    "bcftools_split-vep.2.vcf": (*NO_CLINVAR, *NO_DBNSFP),
    "bcftools_split-vep.3.vcf": (*NO_CLINVAR, *NO_DBNSFP),
    "bcftools_split-vep.5.vcf": (*NO_CLINVAR, *NO_DBNSFP),
    "bcftools_split-vep.10.vcf": (*NO_CLINVAR, *NO_DBNSFP),
    "bcftools_split-vep.types.vcf": NO_CANONICAL,
    "gemini_test.cadd.vcf": (*NO_CANONICAL, *NO_CLINVAR, *NO_DBNSFP),
    "gemini_test4.vep.snpeff.vcf": (*NO_CANONICAL, *NO_CLINVAR, *NO_DBNSFP),
    "gemini_test-vep-extra.vcf": (*NO_CANONICAL, "no CSQ", "1 record", "line 15"),
    "scout_643594.clinical.vcf.gz": (
        *("CLNSIG", '"2"', '"5|2"', '"5,255,2"', "2017"),
        *("CLNREVSTAT", '"single"', '"mult"', '"conf"', "no value of quality keeps"),
        *("40 fields, 44 declared", "3 blocks", "1026", "1027", "1028"),
    ),
    "scout_clinvar.vcf": ("CLNSIG", '"5|2"', '"4,0"'),
    "scout_cancer_test.vcf.gz": (
        *NO_CLINVAR,
        *NO_DBNSFP,
        *("79 fields, 84 declared", "32 blocks", "line 223", "empty INFO key", "DB"),
    ),
    "scout_vep97_annotated_clnsig_conservation_revel.vcf": SCOUT,
    "scout_vep104_annotated.vcf": SCOUT,
    "scout_vep113_existing_variation.vcf": (*SCOUT, '"GERP++_NR"'),
    "ditto_annotated_a.vcf.gz": (
        *NO_CLINVAR,
        *NO_CANONICAL,
        *("lacks 15 of the dbNSFP fields", '"Ensembl_transcriptid"', '"GERP++_NR"', '"LRT_pred"'),
        *("cannot be matched to a transcript", "(59 records, first on line 565"),
    ),
    "ditto_vep101_merged.vcf.gz": (
        *NO_CLINVAR,
        *("lacks 26 of the dbNSFP fields", '"Ensembl_transcriptid"', '"GERP++_RS"', '"LRT_pred"'),
        *("ALT is *", "144 variants cannot match CADD", "first on line 6409"),
        "no CSQ; left out (144 records, first on line 6409",
    ),
    "ensembl-vep_clinvar-testset_input.vcf.gz": ANNOTATE,
    "slivar_clinvar_20191007.vcf.gz": ANNOTATE,
    "bcftools_split-vep.8.vcf": ('no "CSQ"', "BCSQ is bcftools csq's, not VEP's"),
    "bcftools_split-vep.broken-LoF.vcf": ('no "CSQ"', '"vep"', "rename", "--vcf_info_field"),
    "gemini_test.clinvar.vcf": ('no "CSQ"', '"CLNREVSTAT"', "CAF", "COMMON", "RS"),
    "ensembl-vep_not_ordered.vcf": ('no "CSQ"',),
    "ensembl-vep_windows.vcf": ("not a VCF", "line 1 is not ##fileformat="),
}

NOT_NAMED = {
    "scout_vep97_annotated_clnsig_conservation_revel.vcf": ('"GERP++_NR"', '"GERP++_RS"'),
    "scout_vep104_annotated.vcf": ('"GERP++_NR"', '"phyloP100way_vertebrate"'),
    "scout_vep113_existing_variation.vcf": ('"GERP++_RS"', '"phyloP100way_vertebrate"'),
    "ditto_annotated_a.vcf.gz": ('"GERP++_RS"', '"SIFT_score"', '"MutationTaster_score"'),
    "ditto_vep101_merged.vcf.gz": ('"CANONICAL"', '"SIFT_score"', '"MutationTaster_score"'),
}
"""Fields that the file has, so that a refusal must not name them."""


@pytest.mark.parametrize("name", WITH_CSQ)
def test_counts(name: str, shared: Path) -> None:
    """Records, fields and blocks are those that the README counted."""
    with VcfReader(shared / "data" / "vcf-samples" / name) as reader:
        fields = reader.header.csq_fields
        records = list(reader)
    blocks = [block for record in records for block in record.csq_blocks]
    assert (len(records), len(fields), len(blocks)) == WITH_CSQ[name]
    if name in CANONICAL_MISSENSE:
        canonical, consequence = fields.index("CANONICAL"), fields.index("Consequence")
        assert CANONICAL_MISSENSE[name] == (
            sum(block[canonical] == "YES" for block in blocks),
            sum("missense_variant" in block[consequence] for block in blocks),
        )


LOSES_CELLS = {"scout_cancer_test.vcf.gz"}
"""Where bcftools 1.21's split-vep prints a dot for a cell that has a text."""


def plain(cell: str) -> str | float:
    """A cell's number where it has one: bcftools after 1.16 prints 0.00 as 0."""
    try:
        return float(cell)
    except ValueError:
        return cell


@pytest.mark.parametrize("name", WITH_CSQ)
def test_splits_as_bcftools(name: str, shared: Path) -> None:
    """Every cell of every block is the one that bcftools +split-vep prints."""
    bcftools = shutil.which("bcftools")
    if bcftools is None:
        pytest.skip("bcftools is not installed")
    path = shared / "data" / "vcf-samples" / name
    keys = "%CHROM\t%POS\t%REF\t%ALT\t"
    command = [bcftools, "+split-vep", str(path), "-d", "-A", "tab", "-f", f"{keys}%CSQ\n"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    with VcfReader(path) as reader:
        width = len(reader.header.csq_fields)
        mine = [
            # bcftools prints a dot for an empty cell, and for the cells a short block lacks.
            [record.chrom, record.pos, record.ref, record.alt]
            + [cell or "." for cell in block]
            + ["."] * (width - len(block))
            for record in reader
            for block in record.csq_blocks
        ]
    if done.returncode < 0 or name in LOSES_CELLS:
        # bcftools 1.16 dies of a signal on two files; its plain query still shows the text.
        command = [bcftools, "query", str(path), "-i", 'CSQ!="."', "-f", f"{keys}%CSQ\n"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs = [
            [*line.split("\t")[:4], *(cell or "." for cell in block.split("|"))]
            + ["."] * (width - block.count("|") - 1)
            for line in done.stdout.splitlines()
            for block in line.split("\t")[4].split(",")
        ]
    else:
        theirs = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(mine) == WITH_CSQ[name][2]
    for ours, other in zip(mine, theirs, strict=True):
        assert list(map(plain, ours)) == list(map(plain, other))


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_input(name: str, shared: Path) -> None:
    """As a study's VCF the file is refused, naming all that the README asks for at once."""
    path = shared / "data" / "vcf-samples" / name
    inputs = {**BASE_INPUT, "vcf": str(path)}
    with pytest.raises(InputError) as caught:
        check_inputs(inputs, {})
    text = caught.value.text()
    assert str(path) in text
    for part in REFUSED[name]:
        assert part in text, f"{part!r} not in {text!r}"
    for part in NOT_NAMED.get(name, ()):
        assert part not in text


def test_all_samples_are_tried(shared: Path) -> None:
    """No file of the folder is left out."""
    folder = shared / "data" / "vcf-samples"
    files = {path.name for path in folder.iterdir() if ".vcf" in path.name}
    assert files == set(REFUSED)
    assert len(files) == 24


def test_samples_without_canonical_and_keep_all(shared: Path) -> None:
    """Where no combination asks for canonical transcripts, CANONICAL is not missed."""
    path = shared / "data" / "vcf-samples" / "bcftools_split-vep.types.vcf"
    inputs = {**BASE_INPUT, "vcf": str(path)}
    with pytest.raises(InputError) as caught:
        check_inputs(inputs, {"transcript": ["keep_all"]})
    assert "CANONICAL" not in caught.value.text()
