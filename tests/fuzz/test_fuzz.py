"""Every damaged file is refused in words, or read as others read it: no traceback, no hang.

A failure keeps the file and says the command that does the same with it again. The long form:
``pytest tests/fuzz -m slow``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import readers
import tables

COUNTS = {
    "vcf": (40, 1200),
    "cadd_snv": (25, 600),
    "cadd_indel": (15, 300),
    "records": (120, 3000),
    "cells": (120, 1500),
    "annotations": (120, 1500),
    "grid": (120, 2000),
    "features": (120, 2000),
    "study": (60, 800),
    "shard": (200, 2500),
    "segment": (200, 2500),
}
"""Inputs of each reader in CI (some ten seconds of the processor) and in the long form."""

FIRST_OF_MANY = 10_000
BY_COMMAND = 6
"""Damaged files of each kind that a study is planned with, and run where it can be."""


def _try_all(name: str, first: int, count: int, tmp_path: Path) -> None:
    """Every input of these numbers; most are refused, and some have to be read."""
    read = 0
    for number in range(first, first + count):
        place = tmp_path / "place"
        place.mkdir()
        path = readers.damaged(name, number, place)
        try:
            read += readers.is_read(name, path)
        except BaseException:
            kept = shutil.copy(path, tmp_path / f"{name}-{number}{path.suffix}")
            again = f"python tests/fuzz/readers.py {name} {number}"
            sys.stderr.write(f"input {number} of {name}: {kept}; again: {again}\n")
            raise
        shutil.rmtree(place)
    assert 0.02 * count < read < 0.9 * count


@pytest.mark.parametrize("name", readers.READERS)
def test_sound_files_are_read_as_others_read_them(name, tmp_path):
    """What is damaged below is no empty table to begin with."""
    reader = readers.READERS[name]
    for data, suffix in reader.sound():
        path = tmp_path / f"{reader.name}{suffix}"
        path.write_bytes(data)
        assert readers.is_read(name, path)
        found = reader.read(path)
        assert len(found[-1] if name in {"vcf", "cadd_snv", "cadd_indel"} else found) > 1
        path.unlink()


@pytest.mark.parametrize(("name", "count"), [(name, few) for name, (few, _) in COUNTS.items()])
def test_few_damaged_files(name, count, tmp_path):
    """The seeded inputs of CI."""
    _try_all(name, 0, count, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "count"), [(name, many) for name, (_, many) in COUNTS.items()])
def test_many_damaged_files(name, count, tmp_path):
    """More than 10,000 others."""
    _try_all(name, FIRST_OF_MANY, count, tmp_path)


GRID = """\
grid: {transcript: keep_all, quality: onestar, restriction: all, vus_inclusion: exclude,
  categorical: dummy, imputation: zero_imp, downsampling: "off",
  hyperparameter_search_type: grid, nonzero_variance_check: "off", correlation_check: "off",
  training_data_sampling_percentage: 1.0, feature_sampling_percentage: 1.0}
classifiers: [lr]
folds: 2
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["vcf", "cadd_snv", "cadd_indel", "grid", "features", "study"])
def test_damaged_files_by_command(name, tmp_path):
    """``plan`` and ``local`` end with 0, a sentence and 2, or with failed tasks and 1."""
    for number in range(BY_COMMAND):
        place = tmp_path / str(number)
        place.mkdir()
        path = readers.damaged(name, FIRST_OF_MANY - 1 - number, place)
        inputs = tables.inputs_with(path, name) if name in tables.FILES else None
        inputs = inputs or tables.inputs_with(place / "sound.vcf", "vcf")
        head = "inputs:\n" + "".join(f"  {role}: {file.name}\n" for role, file in inputs.items())
        study = place / "study.yaml"
        if name == "study":
            path.rename(study)
        else:
            more = f"features: {path.name}\n{GRID}" if name == "features" else GRID
            study.write_text(head + (f"grid: {path.name}\n" if name == "grid" else more))
        code = _run("plan", study)
        if not code and name not in {"grid", "study"}:  # a whole grid runs for hours
            _run("local", study, "--in-process")


def _run(*words: str | Path) -> int:
    """A command of a user on a damaged study; its exit code."""
    command = Path(sys.executable).with_name("gridrun")
    ran = subprocess.run(
        [command, *words], capture_output=True, text=True, timeout=600, check=False
    )
    said = ran.stdout + ran.stderr
    assert "Traceback" not in said, said
    assert ran.returncode in {0, 1, 2}, said
    assert ran.returncode != 2 or re.search(r"^error: \S", ran.stderr, re.MULTILINE), said
    assert ran.returncode != 1 or "failed" in said, said
    return ran.returncode
