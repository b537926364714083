"""The readers that are fuzzed: sound files, how they are damaged, who reads them beside gridrun.

``python tests/fuzz/readers.py READER NUMBER`` does once more what a test did with that input.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import documents
import mutations
import shards
import tables

from amiss_tasks.features.features_file import read_features
from amiss_tasks.parameters import PARAMETERS
from gridrun.errors import GridrunError
from gridrun.pipeline import DEFAULT_PIPELINE, load_pipeline
from gridrun.study import load_study
from gridrun.study.grid_file import read_grid

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples" / "features"

_SPACE = str.maketrans("\n\t", "  ")

MOST_SECONDS = 20
"""Seconds of the processor after which an input counts as a hang; a sound one takes 0.1."""


@dataclass(frozen=True)
class Reader:
    """A reader and its files.

    Args:
        sound: Sound files, each with its ending.
        changes: What damages them, beside bytes and encodings.
        read: What gridrun makes of a file.
        expected: What others make of it; asked where gridrun accepts it.
        packed: Whether files may be packed.
        name: Name of the file before its ending.
    """

    sound: Callable[[], Sequence[tuple[bytes, str]]]
    changes: Sequence[mutations.Change]
    read: Callable[[Path], Any]
    expected: Callable[[Path], Any]
    packed: bool = False
    name: str = "input"

    def damaged(self, random: Random) -> tuple[bytes, str]:
        """A damaged file and its name."""
        data, suffix = random.choice(self.sound())
        kinds = [self.changes] * 5 + [mutations.BYTES] * 2 + [mutations.ENCODINGS]
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            data = random.choice(random.choice(kinds))(random, data) if data else data
        if self.packed and random.random() < 0.25:
            data, ending = mutations.pack(random, data)
            suffix += ending
        return data, self.name + suffix


def _table(role: str) -> Reader:
    return Reader(
        lambda: [(tables.sound()[role], f".{role.partition('_')[0]}")],
        mutations.TABLE,
        partial(tables.read, role=role),
        partial(tables.expected, role=role),
        packed=True,
    )


_GRID = {parameter.name: list(parameter.values[:3]) for parameter in PARAMETERS}
_GRID_YAML = "".join(f"{name}: {json.dumps(values)}\n" for name, values in _GRID.items())
_STUDY = """\
# a study
inputs:
  vcf: data/clinvar.vcf.gz
  cadd_snv: data/snv.tsv
  cadd_indel: "data/indel.tsv"
folds: 5
seed: 3
sample: 10
rows: 200
protocol: corrected
classifiers: [lr, rf]
limits: {task_seconds: 12.5}
predictions: yes
evaluate: repeated hold-out
clnsig:
  "Pathogenic/Likely_pathogenic/low": positive
  new: drop
  use: clinvar2026
grid:
"""


def _study_files() -> list[tuple[bytes, str]]:
    block = "".join(f"  {line}\n" for line in _GRID_YAML.splitlines())
    flow = f"{_STUDY.removesuffix(chr(10))} {json.dumps(_GRID)}\n"
    return [((_STUDY + block).encode(), ".yaml"), (flow.encode(), ".yml")]


def _grid_files() -> list[tuple[bytes, str]]:
    one = {name: values[0] for name, values in _GRID.items()}
    return [
        (_GRID_YAML.encode(), ".yaml"),
        (json.dumps(_GRID, indent=2).encode(), ".json"),
        (json.dumps(one | {"imputation": ["all"]}).encode(), ".json"),
    ]


_FEATURES = """\
- name: GERP++_RS
  source: {vep: [GERP++_RS, GERP_91_mammals]}
  type: numeric
- name: SIFT_pred
  source:
    vep: SIFT_pred
  type: categorical
  per_transcript: true
  a_priori: none
- {name: Length, source: {cadd: Length}, type: numeric, a_priori: -1}
"""


_NEWER = """\
- name: REVEL
  source: [{vep: [REVEL_score, REVEL]}, {annotations: {revel: REVEL}}, {cadd: R}]
  type: numeric
  list: [transcript, max]
  tags: [meta, protein]
  applies_to: [missense_variant, stop_lost]
  leak: trained on labels
- name: SpliceAI
  combine:
    by: max
    of: [{vep: DS_AG}, [{vep: [DS_AL, AL]}, {cadd: acc-loss}], {cadd: acc-gain}]
  type: numeric
  list: min
  leak: true
- {name: P, source: {vep: Protein_position}, type: numeric, as: relative_position, tags: a}
- {name: effect, source: {vep: Consequence}, type: categorical, list: first, leak: false}
"""


@cache
def _features_files() -> list[tuple[bytes, str]]:
    entry = {"name": "AF", "source": {"cadd": ["a", "b"]}, "type": "numeric", "a_priori": 0}
    changes = [{"name": "SIFT_score", "per_transcript": False}, {"name": "GC", "a_priori": 0.5}]
    extending = {"extends": "amiss", "drop": ["CpG"], "change": changes, "add": [entry]}
    return [
        (_FEATURES.encode(), ".yaml"),
        (_NEWER.encode(), ".yaml"),
        ((EXAMPLES / "dbnsfp4_cadd16.yaml").read_bytes(), ".yaml"),
        (json.dumps(extending, indent=1).encode(), ".json"),
    ]


def _grid(path: Path) -> Any:
    grid = read_grid(path, PARAMETERS).grid
    return {name: list(values) for name, values in zip(grid.names, grid.values, strict=True)}


def _features(path: Path) -> Any:
    return [documents.known(feature) for feature in read_features(path).features.features]


def _study(path: Path) -> Any:
    study = load_study(path, load_pipeline(DEFAULT_PIPELINE))
    names, values = study.grid.names, study.grid.values
    return {
        "inputs": {role: str(place) for role, place in study.inputs.items()},
        "grid": {name: list(each) for name, each in zip(names, values, strict=True)},
        "protocol": study.protocol,
        "classifiers": list(study.classifiers),
        "task_seconds": study.limits.task.seconds,
        "predictions": bool(study.options.get("predictions")),
        "clnsig": dict(study.options.get("clnsig", {})),
        "evaluate": study.options.get("evaluate"),
        **{key: getattr(study, key) for key in ("folds", "seed", "sample", "rows")},
    }


READERS = {
    "vcf": _table("vcf"),
    "cadd_snv": _table("cadd_snv"),
    "cadd_indel": _table("cadd_indel"),
    "records": Reader(
        lambda: [(tables.sound()["vcf"], ".vcf")],
        mutations.TABLE,
        tables.read_records,
        tables.expected_records,
        packed=True,
    ),
    "cells": Reader(
        lambda: [(tables.sound()["cadd_snv"], ".tsv")],
        mutations.TABLE,
        tables.read_cells,
        tables.expected_cells,
        packed=True,
    ),
    "annotations": Reader(
        tables.annotations,
        mutations.TABLE,
        tables.read_annotations,
        tables.expected_annotations,
        packed=True,
    ),
    "grid": Reader(
        _grid_files, mutations.WORDS, _grid, lambda path: documents.grid(documents.tree_of(path))
    ),
    "features": Reader(
        _features_files,
        mutations.WORDS,
        _features,
        lambda path: documents.features(documents.tree_of(path)),
    ),
    "study": Reader(
        _study_files,
        mutations.WORDS,
        _study,
        lambda path: documents.study(documents.tree_of(path), path.parent),
    ),
    "shard": Reader(
        shards.sound_shards,
        [*mutations.WORDS[2:], *[shards.signed_shard] * 4],
        shards.read_shard,
        documents.shard,
    ),
    "segment": Reader(
        shards.sound_segments,
        [*mutations.WORDS[2:], *[shards.signed_segment] * 4],
        shards.read_segment,
        documents.segment,
        name="",
    ),
}
"""Name of a reader to what is tried with it."""


@contextmanager
def limited() -> Iterator[None]:
    """End what computes for too long with a TimeoutError."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer within {MOST_SECONDS} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def damaged(name: str, number: int, place: Path) -> Path:
    """Write the input of a number."""
    data, file = READERS[name].damaged(Random(f"{name} {number}"))
    path = place / file
    path.write_bytes(data)
    return path


def is_read(name: str, path: Path) -> bool:
    """Whether gridrun reads a file, as others do, rather than refuse it in words.

    Raises:
        Exception: It does neither.
    """
    reader = READERS[name]
    with limited(), warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = reader.read(path)
        except (GridrunError, shards.Problem) as error:
            text = str(error)
            assert text.strip()
            assert text.translate(_SPACE).isprintable(), ascii(text)
            return False
    expected = reader.expected(path)
    assert found == expected
    return True


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(is_read(sys.argv[1], damaged(sys.argv[1], int(sys.argv[2]), Path(folder))))  # noqa: T201
