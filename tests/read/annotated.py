"""Inputs as VEP, dbNSFP and CADD of today annotate them, with invented values."""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from inputs import Cells, edit_csq, lines_of, write_lines

from amiss_tasks.features.feature import BY_TRANSCRIPT, CADD, VEP, Feature
from amiss_tasks.features.feature_set import SETS, TRANSCRIPTS
from amiss_tasks.features.features_file import features_of_set

DATA = Path(__file__).parents[2] / "examples" / "quickstart" / "data"
INPUTS = {"vcf": "clinvar.vep.vcf", "cadd_snv": "cadd_snv.tsv", "cadd_indel": "cadd_indel.tsv"}

_RECORDS = 200
"""Records of the quickstart that are enough for every consequence."""

_WORDS = {
    "missense_variant": "NON_SYNONYMOUS",
    "inframe_deletion": "INFRAME",
    "frameshift_variant": "FRAME_SHIFT",
    "stop_gained": "STOP_GAINED",
}
"""VEP's consequence to CADD's word, for those that a column of CADD is only of."""


def columns_tsv() -> list[dict[str, str]]:
    """Rows of columns.tsv."""
    with (SETS / "columns.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def columns_of(file: str) -> dict[str, Feature]:
    """Columns that meta2026 looks for in a file, each with a feature that is read from it."""
    return {
        name: feature
        for feature in features_of_set("meta2026").features
        for place in feature.places
        if place.file == file
        for name in place.columns
    }


def _number(*of: str) -> str:
    """An invented number between 0 and 1, the same for the same text."""
    return f"{zlib.crc32('|'.join(of).encode()) % 997 / 997:.4f}"


class Annotated:
    """Writes the quickstart's inputs with further columns.

    Args:
        without: Columns that are left out, as (file, column).
    """

    def __init__(self, without: Collection[tuple[str, str]] = ()) -> None:
        self._of = {
            file: {n: f for n, f in columns_of(file).items() if (file, n) not in without}
            for file in (VEP, CADD)
        }

    def write(self, directory: Path) -> dict[str, str]:
        """Write the three inputs; role to path."""
        lines = {role: lines_of(str(DATA / f"{name}.gz")) for role, name in INPUTS.items()}
        head = [line for line in lines["vcf"] if line.startswith("#")]
        records = lines["vcf"][len(head) : len(head) + _RECORDS]
        places = {tuple(record.split("\t")[:2]) for record in records}
        kept = {
            role: [*table[:2], *(x for x in table[2:] if tuple(x.split("\t")[:2]) in places)]
            for role, table in lines.items()
            if role != "vcf"
        }
        written = {role: self._table(table) for role, table in kept.items()}
        written["vcf"] = edit_csq([*head, *records], self._block)
        return {role: write_lines(directory / INPUTS[role], w) for role, w in written.items()}

    def _block(self, block: Cells) -> Cells:
        terms = block["Consequence"].split("&")
        transcripts = block[TRANSCRIPTS].split("&")
        cells = {}
        for name, feature in self._of[VEP].items():
            if name in block:
                continue
            key = (block["Feature"], name)
            if feature.applies_to and not set(feature.applies_to) & set(terms):
                value = ""
            elif name.endswith("_position"):
                value = "12/345"
            elif name in ("SIFT", "PolyPhen"):
                value = f"tolerated({_number(*key)})"
            elif BY_TRANSCRIPT in feature.lists and name.endswith("_score"):
                value = "&".join(_number(*key, one) for one in transcripts)
            else:
                value = _number(*key)
            cells[name] = value
        return {**block, **cells}

    def _table(self, lines: Sequence[str]) -> list[str]:
        head = lines[1].split("\t")
        further = {name: f for name, f in self._of[CADD].items() if name not in head}
        out = [lines[0], "\t".join([lines[1], *further])]
        for line in lines[2:]:
            row = dict(zip(head, line.split("\t"), strict=True))
            out.append("\t".join([line, *(self._cell(row, *one) for one in further.items())]))
        return out

    def _cell(self, row: Mapping[str, str], name: str, feature: Feature) -> str:
        words = {_WORDS.get(term) for term in feature.applies_to}
        if feature.applies_to and row["Consequence"] not in words:
            return "NA"
        return _number(row["Pos"], row["FeatureID"], name)


def study(directory: Path, inputs: Mapping[str, str], features: str, **keys: object) -> Path:
    """Write a study of these inputs."""
    # JSON is YAML
    content = {"inputs": dict(inputs), "features": features, **keys}
    (directory / "study.yaml").write_text(json.dumps(content))
    return directory
