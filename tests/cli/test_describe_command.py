"""gridrun describe as a person meets it: tables, their files, and mistakes."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from commands import gridrun
from test_commands import QUICKSTART
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.api import open_study
from gridrun.cli.describe import _show
from gridrun.errors import UserError

TABLES = ("blocks", "consequences", "features", "missingness", "levels", "correlations")


@pytest.fixture(scope="module")
def described(tmp_path_factory) -> tuple[Path, str]:
    """The quickstart, described with one block; what was printed."""
    target = tmp_path_factory.mktemp("described") / "study"
    shutil.copytree(QUICKSTART, target, ignore=shutil.ignore_patterns(".gridrun", "results"))
    ran = gridrun("describe", target, "--only", "quality=clingen")
    assert ran.returncode == 0, ran.stderr
    return target, ran.stdout


def table(study: Path, name: str) -> list[dict[str, str]]:
    with (study / "results" / "describe" / f"{name}.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_one_block_is_printed_with_its_features(described):
    """Sizes, consequences and features are shown, and where the files are."""
    study, printed = described
    for words in ("Part training of 1 block", "NON_SYNONYMOUS", "SIFT_score", "in positive"):
        assert words in printed
    for name in TABLES:
        assert f"{name}: {study}/results/describe/{name}.csv" in printed
        rows = table(study, name)
        assert {(row["quality"], row["part"], row["protocol"]) for row in rows} == {
            ("clingen", "training", "amiss")
        }
    assert len(table(study, "features")) == 50


def test_several_blocks_are_printed_by_size_alone_and_described_once(described, capsys):
    """Imputations share their data; features of several blocks are left to the files."""
    study, _ = described
    _show(report := open_study(study).describe("all"))
    printed = capsys.readouterr().out
    assert "Part all of 3 blocks" in printed
    assert "SIFT_score" not in printed
    assert (report.blocks, report.failures) == (3, [])
    assert [row["quality"] for row in table(study, "blocks")] == ["clingen", "twostar", "onestar"]
    assert len(table(study, "features")) == 150


def test_json_has_what_is_printed(described):
    """--json gives the printed tables whole, numbers as numbers."""
    study, _ = described
    ran = gridrun("describe", study, "--only", "quality=twostar", "--part", "test", "--json")
    found = json.loads(ran.stdout)
    assert (found["part"], found["failures"]) == ("test", [])
    (block,) = found["blocks"]
    assert block["rows"] == block["positive"] + block["negative"] > 0
    assert len(found["features"]) == 50
    assert set(found["files"]) == set(TABLES)


def test_a_block_without_rows_is_told_with_its_reason(described):
    """It has a row with the reason in blocks.csv, and the exit code is 1."""
    study, _ = described
    arguments = ("--only", "quality=clingen", "--part", "test", "--rows", "8")
    ran = gridrun("describe", study, *arguments)
    assert ran.returncode == 1
    assert "no data: transcript=canonical, quality=clingen" in ran.stdout
    (row,) = table(study, "blocks")
    assert row["reason"] == "part test has no row"
    assert (row["rows"], row["variants_asked_for"]) == ("NA", "8")
    assert table(study, "features") == []


def test_mistakes_leave_the_tables_alone(described):
    """An unknown part, value or study is the user's mistake and changes nothing."""
    study, _ = described
    before = (study / "results" / "describe" / "blocks.csv").read_bytes()
    for arguments, words in (
        (["--part", "tets"], 'there is no part "tets" of the data\n  did you mean "test"?'),
        (["--only", "quality=gold"], 'no value "gold" of parameter "quality"'),
    ):
        ran = gridrun("describe", study, *arguments)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert words in ran.stderr
    assert (study / "results" / "describe" / "blocks.csv").read_bytes() == before
    assert [p.name for p in (study / "results" / "describe").iterdir() if p.suffix != ".csv"] == []


def test_a_pipeline_that_describes_nothing_says_so(tmp_path):
    """A pipeline need not describe its data; asking it to is a mistake."""
    study = open_toy(write_study(tmp_path, SMALL_GRID))
    with pytest.raises(UserError, match="does not describe its data"):
        study.describe()
    assert not (tmp_path / "results").exists()
