"""Helpers of the tests of read and filter."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import amissstudies

from amiss_tasks.features.feature_set import KEYS
from amiss_tasks.stages.read import ReadResult, check_inputs, read_inputs
from amiss_tasks.stages.table import VariantTable
from gridrun.errors import Fault
from gridrun.pipeline import Value

GOLDEN, GOLDEN_INPUT = amissstudies.GOLDEN, amissstudies.GOLDEN_INPUT
MALFORMED = GOLDEN.with_name("malformed")

Grid = Mapping[str, Sequence[Value]]

Cells = dict[str, str]
"""One CSQ block: field to cell."""


BASE_INPUT = {
    "vcf": str(MALFORMED / "base" / "clinvar.vep.vcf"),
    "cadd_snv": str(MALFORMED / "base" / "CADD_clingen.tsv"),
    "cadd_indel": str(MALFORMED / "base" / "CADD_clingen_indel.tsv"),
}
"""The three sound files beside the malformed ones."""


def read(
    inputs: Mapping[str, str], cache: Path, grid: Grid | None = None, **options: bool
) -> tuple[ReadResult, list[Fault]]:
    """The quick look, then the full pass; the notes of both, each once."""
    grid = grid or {}
    notes = check_inputs(inputs, grid)
    result = read_inputs(inputs, grid, cache, "test", **options)
    return result, list(dict.fromkeys([*notes, *result.notes]))


def lines_of(path: str) -> list[str]:
    """Lines of a plain or gzip file, without line ends."""
    raw = Path(path).read_bytes()
    text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    return text.decode().splitlines()


def write_lines(path: Path, lines: Sequence[str]) -> str:
    """Write lines with LF; the path as text."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def edit_csq(lines: list[str], change: Callable[[Cells], Cells]) -> list[str]:
    """Change every CSQ block, a dict of field to cell; the header follows the fields' names."""
    out: list[str] = []
    fields: list[str] = []
    for line in lines:
        if line.startswith("##INFO=<ID=CSQ"):
            head, _, text = line.partition("Format: ")
            fields = text.rstrip('">').split("|")
            out.append(f'{head}Format: {"|".join(change(dict.fromkeys(fields, "")))}">')
        elif line.startswith("#"):
            out.append(line)
        else:
            cells = line.split("\t")
            items = dict(item.partition("=")[::2] for item in cells[7].split(";"))
            blocks = [dict(zip(fields, b.split("|"), strict=True)) for b in items["CSQ"].split(",")]
            items["CSQ"] = ",".join("|".join(change(block).values()) for block in blocks)
            info = ";".join(f"{key}={value}" for key, value in items.items())
            out.append("\t".join([*cells[:7], info, *cells[8:]]))
    return out


def golden_columns() -> list[str]:
    """Columns of the canonical form, in order."""
    columns = json.loads((GOLDEN / "parse" / "canonical_columns.json").read_text())
    return [*columns["keys"], *columns["text"], *columns["numeric"]]


def _six_digits(value: float) -> str:
    if value != value:  # noqa: PLR0124  # NaN
        return ""
    return "0" if value == 0 else f"{value:.6g}"


def canonical_hash(table: VariantTable) -> str:
    """Hash of the rows, whatever their order, in the form that the golden README describes."""
    columns = golden_columns()
    cells = [
        ["" if value is None else value for value in table.text[name]]
        if name in table.text
        else [_six_digits(value) for value in table.numeric[name].tolist()]
        for name in columns
    ]
    rows = sorted(",".join(row) for row in zip(*cells, strict=True))
    text = "".join(f"{line}\n" for line in [",".join(columns), *rows])
    return hashlib.sha256(text.encode()).hexdigest()


def order_hash(table: VariantTable) -> str:
    """Hash of the keys in row order."""
    keys = zip(*(table.text[name] for name in KEYS), strict=True)
    text = "".join(",".join("" if cell is None else cell for cell in key) + "\n" for key in keys)
    return hashlib.sha256(text.encode()).hexdigest()
