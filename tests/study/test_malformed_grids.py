"""Every grid of the collection of malformed inputs does what its manifest says."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from grids import MALFORMED, ROOT

from amiss_tasks.parameters import MODEL_BASED_METHODS, PARAMETERS, SINGLE_VALUE_METHODS
from gridrun.errors import InputError
from gridrun.study.grid_file import GridFile, read_grid

MANIFEST = MALFORMED / "MANIFEST.tsv"
BASE = MALFORMED / "base" / "grid.json"

# rows whose parts are descriptions, put as what has to be in the text
SPELT_OUT = {
    "grid/key_twice.json": ["transcript", "lines 2 and 6"],
    "grid/alias_bomb.yaml": ['unknown parameter "a"'],
    "grid/python_tag.yaml": ["line 1", "tag"],
    "grid/deep.json": ["file", "nested too deep"],
    "grid/huge_product.json": ["transcript", "v0"],
    "grid/truncated.json": ["line 26", "unexpected end"],
    "grid/imputation_all.json": [
        "imputation",
        '"all" stands for 14 values, one combination each',
        *SINGLE_VALUE_METHODS,
        *MODEL_BASED_METHODS,
    ],
    "(nothing there)": ["path", 'did you mean "grid.json"?'],
}


def _rows() -> list[dict[str, str]]:
    with MANIFEST.open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["role"] == "grid"]


ROWS = _rows()


def _path(row: dict[str, str]) -> Path:
    """The file of a row; the one that is not there is a misspelt base."""
    return MALFORMED / ("base/gird.json" if row["file"].startswith("(") else row["file"])


def _pattern(part: str, path: Path) -> str:
    """A part of the manifest as a pattern: quotes are free, a line may follow the file's name."""
    if part in ("file", "path"):
        return re.escape(str(path))
    if match := re.fullmatch(r"line (\d+)", part):
        return rf"{re.escape(str(path))}:{match[1]}: |line {match[1]}\b"
    if match := re.fullmatch(r"did you mean ([\w.]+)", part):
        return rf'did you mean "?{re.escape(match[1])}\b'
    return re.escape(part.replace("'", '"'))


def _combinations(read: GridFile, part: str) -> bool:
    number = part.removesuffix(" combinations").removesuffix(" combination")
    return f"{len(read.grid):,}" == number


def _cases(expected: str) -> list[pytest.param]:
    """(row, part) of the rows that end in this way."""
    cases = []
    for row in ROWS:
        parts = SPELT_OUT.get(row["file"]) or [
            part.strip() for part in row["message_must_name"].split(";")
        ]
        if row["expected"] == expected:
            cases += [pytest.param(row, part, id=f"{row['file']}-{part}") for part in parts]
    return cases


def test_the_manifest_has_the_rows_this_module_was_written_for():
    """No row is left out by accident."""
    assert len(ROWS) == 44
    assert {row["expected"] for row in ROWS} == {"accept", "accept with note", "reject"}


def test_the_base_grid_is_accepted():
    """The good grid beside the bad ones is read whole and without a note."""
    read = read_grid(BASE, PARAMETERS)
    assert len(read.grid) == 72_576
    assert read.notes == ()


@pytest.mark.parametrize(("row", "part"), _cases("reject"))
def test_rejected(row, part):
    """The message has the part the manifest asks for."""
    path = _path(row)
    with pytest.raises(InputError) as caught:
        read_grid(path, PARAMETERS)
    assert re.search(_pattern(part, path), str(caught.value)), str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("row", "part"), _cases("accept"))
def test_accepted(row, part):
    """The grid is read without a note and has what the manifest says."""
    read = read_grid(_path(row), PARAMETERS)
    assert read.notes == ()
    if part == "the value is 1.0":
        value = read.grid.allowed()["feature_sampling_percentage"]
        assert value == (1.0,)
        assert isinstance(value[0], float)
    elif part == "values are on and off":
        for name in ("downsampling", "nonzero_variance_check", "correlation_check"):
            assert read.grid.allowed()[name] == ("on", "off")
    else:
        assert _combinations(read, part)


@pytest.mark.parametrize(("row", "part"), _cases("accept with note"))
def test_accepted_with_note(row, part):
    """The grid is read, and one note has the part the manifest asks for."""
    path = _path(row)
    read = read_grid(path, PARAMETERS)
    assert len(read.notes) == 1
    assert re.search(_pattern(part, path), read.notes[0].text())


LIMITED = """
import resource, sys, time
from pathlib import Path
from amiss_tasks.parameters import PARAMETERS
from gridrun.errors import InputError
from gridrun.study.grid_file import read_grid
limit = 200 * 1024 * 1024
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
try:
    read_grid(Path(sys.argv[1]), PARAMETERS)
except InputError as error:
    print(error)
    # the peak of this program; ru_maxrss would start with that of the process that forked it
    status = Path("/proc/self/status").read_text()
    print(status.partition("VmHWM:")[2].split()[0], file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(
    "name", ["alias_bomb.yaml", "huge_product.json", "huge_list.json", "deep.json"]
)
def test_hostile_grids_stay_within_two_seconds_and_200_mb(name, tmp_path):
    """A process that may use 2 CPU seconds and 200 MB refuses the file in its own words."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(MALFORMED / "grid" / name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert int(done.stderr) < 200 * 1024
    assert name in done.stdout


def test_a_tag_runs_nothing(tmp_path, monkeypatch):
    """Reading the file whose tag runs code leaves no file behind."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is not supported"):
        read_grid(MALFORMED / "grid" / "python_tag.yaml", PARAMETERS)
    assert list(tmp_path.iterdir()) == []
