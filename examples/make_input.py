"""Write a made-up study input: a VCF annotated by VEP and two CADD tables.

    python examples/make_input.py examples/quickstart/data --variants 1500 --seed 2019

The same seed and number of variants give the same content on every machine
(and the same compressed bytes wherever zlib is the same). See README.md beside
this file for what the data are and are not. Needs only Python's own library.
"""

from __future__ import annotations

import argparse
import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from _annotations import cadd_rows, csq_blocks
from _scores import CADD_COLUMNS, VEP_FIELDS
from _variants import CHROMOSOMES, Draws, Gene, Variant, make_genes, make_variants

VARIANTS = 1500
SEED = 2019
GENES = 230
UNLISTED = 25
"""CADD rows are made for this many variants that the VCF lacks, for the join to drop."""

VCF_NAME = "clinvar.vep.vcf.gz"
SNV_NAME = "cadd_snv.tsv.gz"
INDEL_NAME = "cadd_indel.tsv.gz"

DECLARATIONS = (
    ("ALLELEID", "1", "Integer", "ClinVar allele identifier (made up)"),
    ("CLNDN", ".", "String", "Disease name (made up)"),
    ("CLNREVSTAT", ".", "String", "Review status"),
    ("CLNSIG", ".", "String", "Clinical significance"),
    ("CLNVC", "1", "String", "Variant type"),
    ("GENEINFO", "1", "String", "Gene symbol and number (made up)"),
)


def vcf_lines(draws: Draws, variants: Iterable[Variant], seed: int) -> Iterator[str]:
    """Lines of the VCF, without line ends."""
    yield "##fileformat=VCFv4.1"
    yield f"##source=made-up variants, seed {seed}; not from ClinVar"
    yield "##reference=GRCh38"
    yield from (f"##contig=<ID={name}>" for name in CHROMOSOMES)
    for key, number, type_name, description in DECLARATIONS:
        yield f'##INFO=<ID={key},Number={number},Type={type_name},Description="{description}">'
    yield (
        '##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence annotations in the form '
        f'of Ensembl VEP. Format: {"|".join(VEP_FIELDS)}">'
    )
    yield "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    for number, variant in enumerate(variants, start=1):
        info = ";".join(
            (
                f"ALLELEID={number}",
                "CLNDN=not_provided",
                f"CLNREVSTAT={variant.review}",
                f"CLNSIG={variant.significance}",
                f"CLNVC={_type_of(variant)}",
                f"GENEINFO=MADEUP{variant.gene.number}:{variant.gene.number}",
                f"CSQ={','.join(csq_blocks(draws, variant))}",
            )
        )
        yield "\t".join(
            (
                variant.gene.chromosome,
                str(variant.position),
                str(number),
                variant.ref,
                variant.alt,
                ".",
                ".",
                info,
            )
        )


def _type_of(variant: Variant) -> str:
    if len(variant.ref) == len(variant.alt):
        return "single_nucleotide_variant"
    return "Deletion" if len(variant.ref) > len(variant.alt) else "Insertion"


def cadd_lines(rows: Iterable[str], seed: int) -> Iterator[str]:
    """Lines of a CADD table, without line ends."""
    yield f"## CADD GRCh38-v1.5 layout, made-up values, seed {seed}"
    yield "\t".join(CADD_COLUMNS)
    yield from rows


def write_gzip(path: Path, lines: Iterable[str]) -> None:
    """Write lines, each ended by LF, with neither time nor name in the gzip header."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.writelines(f"{line}\n".encode() for line in lines)
    path.write_bytes(packed.getvalue())


def make_input(directory: Path, variants: int = VARIANTS, seed: int = SEED) -> list[Path]:
    """Write the three files of a study input.

    Args:
        directory: Where to; made if it is not there.
        variants: Number of variants in the VCF.
        seed: Seed of everything that is drawn.

    Returns:
        The paths of VCF, CADD SNV table and CADD indel table.
    """
    genes: list[Gene] = make_genes(Draws(seed), GENES)
    drawn = make_variants(Draws(seed + 1), genes, variants + UNLISTED)
    # Spread over the genome; at least one listed variant lies between two of them.
    step = max(2, len(drawn) // UNLISTED)
    unlisted = set(range(0, step * UNLISTED, step))
    listed = [variant for place, variant in enumerate(drawn) if place not in unlisted][:variants]
    annotate, measure = Draws(seed + 2), Draws(seed + 3)
    snv: list[str] = []
    indel: list[str] = []
    for variant in drawn:
        table = snv if len(variant.ref) == len(variant.alt) else indel
        table.extend(cadd_rows(measure, variant))
    directory.mkdir(parents=True, exist_ok=True)
    contents = {
        VCF_NAME: vcf_lines(annotate, listed, seed),
        SNV_NAME: cadd_lines(snv, seed),
        INDEL_NAME: cadd_lines(indel, seed),
    }
    for name, lines in contents.items():
        write_gzip(directory / name, lines)
    return [directory / name for name in contents]


def _whole_number(text: str) -> int:
    number = int(text)
    if number < 1:
        msg = f"{text} is not a number from 1 on"
        raise argparse.ArgumentTypeError(msg)
    return number


def main() -> None:
    """Read the command line, write the files, say where they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="where the three files go")
    parser.add_argument("--variants", type=_whole_number, default=VARIANTS, help="%(default)s")
    parser.add_argument("--seed", type=_whole_number, default=SEED, help="%(default)s")
    asked = parser.parse_args()
    for path in make_input(asked.directory, asked.variants, asked.seed):
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
