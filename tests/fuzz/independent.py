"""VCF and CADD tables as others read them: split by hand, pandas, bcftools; no code of gridrun."""

from __future__ import annotations

import gzip
import io
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from amiss_tasks.clinvar import REVIEW_TIERS
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import CADD, VEP

BCFTOOLS = shutil.which("bcftools")
Row = tuple[Any, ...]

_TIERS = frozenset().union(*REVIEW_TIERS.values())
_KEYS = ["#Chrom", "Pos", "Ref", "Alt", "FeatureID"]
_LISTED = ["Ensembl_transcriptid", *(f.sources[0] for f in AMISS.of(VEP) if f.per_transcript)]
_MOTIFS = [f.sources[0] for f in AMISS.beside]
_VARIANT = (
    {"chrom", "chr", "chromosome"},
    {"pos", "position", "pos(1-based)"},
    {"ref", "reference", "ref_allele"},
    {"alt", "alternate", "alt_allele"},
)
"""Names of the columns of a further table that say which variant a row is of."""

_FEW_TABS = 20
_TRUTH = {"T": "1", "TRUE": "1", "True": "1", "true": "1"}
_TRUTH |= {"F": "0", "FALSE": "0", "False": "0", "false": "0"}


def text_of(path: Path) -> str:
    """Content of a file, unpacked, without its mark, lines ending in LF."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    return (
        raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    )


def records(path: Path) -> Iterator[tuple[int, list[str], dict[str, str]]]:
    """Lines of a VCF's records with their cells and INFO."""
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            cells = line.split("\t")
            yield number, cells, dict(item.partition("=")[::2] for item in cells[7].split(";"))


def csq_fields(path: Path) -> list[str]:
    """Names of the fields of CSQ."""
    found = re.search(r'^##INFO=<.*\bID=CSQ\b.*Format:\s*([^"\n]*)', text_of(path), re.MULTILINE)
    return [name.strip() for name in found[1].strip(" '").split("|")] if found else []


def _matched(block: dict[str, str]) -> dict[str, str]:
    """A block with the values of its own transcript, or with none where it is not listed."""
    transcripts = block["Ensembl_transcriptid"].split("&")
    if not block["Feature"] or block["Feature"] not in transcripts:
        return block | dict.fromkeys(_LISTED, "")
    at = transcripts.index(block["Feature"])
    values = {}
    for name in _LISTED:
        parts = block[name].split("&")
        values[name] = block[name] if len(parts) == 1 else (parts + [""] * at)[at]
    return block | values


def vcf_rows(path: Path) -> pd.DataFrame:
    """Rows that upstream keeps: one for each record with a star and a label, and CSQ block."""
    fields = csq_fields(path)
    rows = []
    for line, cells, info in records(path):
        sig, review, csq = (info.get(key, "") for key in ("CLNSIG", "CLNREVSTAT", "CSQ"))
        is_kept = re.fullmatch("[ACGTNacgtn]+", cells[4]) and review in _TIERS
        if not is_kept or sig in {"", ".", "NA", "drug_response"} or csq in {"", "."}:
            continue
        for text in csq.split(","):
            block = dict(zip(fields, text.split("|"), strict=True))
            key = [cells[0], str(int(cells[1])), cells[3], cells[4], block["Feature"]]
            is_no_key = [value in {"", ".", "NA"} for value in key]
            key = ["NA" if no else value for no, value in zip(is_no_key, key, strict=True)]
            rows.append(
                dict(zip(_KEYS, key, strict=True))
                | {"CANONICAL": ""}
                | {
                    f"vep {name}": cell
                    for name, cell in _matched({"CANONICAL": ""} | block).items()
                }
                | {"vcf_line": line, "CLNSIG": sig, "CLNREVSTAT": review}
            )
    return pd.DataFrame(rows, dtype=object)


def cadd_table(text: str, missing: Sequence[str] = ("NA", "")) -> pd.DataFrame:
    """A CADD table as pandas reads it, all cells as text, NaN where they are missing."""
    # a line of blanks is a row of two cells for pandas, nothing for gridrun, which notes it
    rows = [line for line in text.split("\n") if line.strip(" \t") or line.count("\t") > _FEW_TABS]
    return _cells(rows[1:], missing)


def annotations_table(text: str) -> pd.DataFrame:
    """A further table as pandas reads it from the line of its column names on, cells as text."""
    lines = text.split("\n")
    head = next(
        at
        for at, line in enumerate(lines)
        if line.strip() and (not line.startswith("#") or _names_variants(line))
    )
    width = lines[head].count("\t")
    return _cells(
        [line for line in lines[head:] if line.strip(" \t") or line.count("\t") == width], ()
    )


def _names_variants(line: str) -> bool:
    names = {name.removeprefix("#").strip().lower() for name in line.split("\t")}
    return all(not known.isdisjoint(names) for known in _VARIANT)


def _cells(rows: Sequence[str], missing: Sequence[str]) -> pd.DataFrame:
    text = "\n".join(rows)
    found = pd.read_csv(
        io.BytesIO(text.encode("utf-8", "surrogateescape")),
        encoding_errors="surrogateescape",
        sep="\t",
        lineterminator="\n",
        quoting=3,
        keep_default_na=False,
        na_values=list(missing),
        dtype=object,
        header=None,
    )
    # no header for pandas, which would give it names of its own
    names = pd.Index(found.iloc[0], dtype=object)
    return found.iloc[1:].set_axis(names, axis=1).reset_index(drop=True)


@lru_cache(maxsize=16)
def cadd_rows(text: str, number: int) -> pd.DataFrame:
    """Its rows with their lines; features as numbers."""
    table = cadd_table(text)
    lines = [at for at, line in enumerate(text.split("\n"), 1) if line.strip(" \t")][2:]
    more = {"cadd_line": lines, "cadd_file": number, "Pos": [str(int(p)) for p in table["Pos"]]}
    for source in (f.sources[0] for f in AMISS.of(CADD) if f.is_numeric):
        cells = [
            None if isinstance(cell, str) and not cell.strip(" ") else cell
            for cell in table[source]
        ]
        more[source] = pd.to_numeric(pd.Series(cells, dtype=object))
    for source in _MOTIFS:
        more[source] = pd.to_numeric(table[source].replace(_TRUTH), errors="coerce")
    return table.assign(**more)


def joined(vcf: Path, snv: Path, indel: Path) -> list[Row]:
    """The inner join, in no order; the columns are those of ``columns``."""
    left = vcf_rows(vcf)
    tables = [cadd_rows(text_of(path), number) for number, path in enumerate((snv, indel))]
    tables = [table for table in tables if len(table)]
    if left.empty or not tables:
        return []
    right = pd.concat(tables)
    is_key_known = right[_KEYS].notna()
    right[_KEYS] = right[_KEYS].fillna("NA")
    right["known"] = list(is_key_known.itertuples(index=False, name=None))
    found = right.merge(left, on=_KEYS, how="inner", validate="many_to_many")
    rows = []
    for row in found.to_dict("records"):
        keys = [row[key] if known else None for key, known in zip(_KEYS, row["known"], strict=True)]
        values = [_cell(row, name) for name in COLUMNS]
        rows.append((*keys, *values, row["vcf_line"], row["cadd_file"], row["cadd_line"]))
    return rows


def _cell(row: dict[str, Any], column: str) -> Any:
    """A cell under gridrun's name of its column."""
    file, source, is_number = _SOURCE[column]
    value = row[f"vep {source}"] if file == VEP else row[source]
    if file != CADD and (value in {"", ".", "NA"} or (is_number and not value.strip(".& \t"))):
        return None
    if file == CADD and pd.isna(value):
        return None
    if not is_number:
        return value
    assert not isinstance(value, str) or (value.isascii() and "_" not in value), value
    number = float(f"{float(value):.15g}")
    return number if abs(number) != float("inf") else None


_SOURCE = {
    "Consequence.x": (CADD, "Consequence", False),
    "Consequence.y": (VEP, "Consequence", False),
    "CLNSIG": ("", "CLNSIG", False),
    "CLNREVSTAT": ("", "CLNREVSTAT", False),
    "CANONICAL": (VEP, "CANONICAL", False),
    "Ensembl_transcriptid": (VEP, "Ensembl_transcriptid", False),
    **{f.name: (f.file, f.sources[0], f.is_numeric) for f in (*AMISS.features, *AMISS.beside)},
}
COLUMNS = tuple(_SOURCE)
"""Columns of ``joined`` between the keys and the lines."""


def bcftools_records(path: Path) -> list[Row] | None:
    """What bcftools reads of each record; None where it reads nothing, or not the whole file."""
    keys = "\t".join(f"%{key}" for key in ("CHROM", "POS", "REF", "ALT"))
    more = "\t".join(f"%INFO/{key}" for key in ("CLNSIG", "CLNREVSTAT", "CSQ"))
    command = [BCFTOOLS, "query", "-f", f"{keys}\t{more}\n", str(path)]
    ran = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if ran.returncode or b"[E::" in ran.stderr or b"EOF marker is absent" in ran.stderr:
        return None
    lines = ran.stdout.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    rows = [tuple(line.split("\t")) for line in lines if line]
    # it takes a blank line for a record of nothing, and a key without a value for a flag
    return [
        (*row[:4], *("." if cell == "1" else cell for cell in row[4:]))
        for row in rows
        if (row[0] + row[2]).strip(" ")
    ]
