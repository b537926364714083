"""What a user without the repository has: a first study, the pages, the version."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from toystudies import TOY
from typer.testing import CliRunner

import gridrun
from gridrun.api import open_study
from gridrun.cli import app
from gridrun.errors import UserError
from gridrun.tools.doctor import examine

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart"


def call(*arguments):
    ran = CliRunner().invoke(app, [*map(str, arguments)])
    if ran.exception and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran.output


def test_the_example_is_the_quickstart_and_can_be_planned(tmp_path, monkeypatch):
    """`gridrun init --example` writes the quickstart's own files, into quickstart if unsaid."""
    monkeypatch.chdir(tmp_path)
    assert "gridrun local quickstart" in call("init", "--example")
    written = {p.relative_to(tmp_path / "quickstart") for p in tmp_path.rglob("*") if p.is_file()}
    assert {str(path) for path in written} == {
        "study.yaml",
        "data/cadd_indel.tsv.gz",
        "data/cadd_snv.tsv.gz",
        "data/clinvar.vep.vcf.gz",
    }
    for path in written:
        assert (tmp_path / "quickstart" / path).read_bytes() == (QUICKSTART / path).read_bytes()
    assert open_study("quickstart").plan().combinations == 21


def test_the_example_replaces_nothing(tmp_path):
    """A study or an input that is there already stops it, and nothing is written."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cadd_snv.tsv.gz").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        call("init", tmp_path, "--example")
    assert not (tmp_path / "study.yaml").exists()
    assert (tmp_path / "data" / "cadd_snv.tsv.gz").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--vcf", "a.vcf"], "has its own inputs"),
        (["--grid", "grid.json"], "has its own inputs"),
        (["--pipeline", TOY], "has no example"),
    ],
)
def test_the_example_takes_no_files_and_not_every_pipeline_has_one(tmp_path, options, said):
    """Both are the user's mistake, and nothing is written."""
    with pytest.raises(UserError, match=said):
        call("init", tmp_path / "new", "--example", *options)
    assert not (tmp_path / "new").exists()


def test_the_pages_are_listed_and_printed():
    """Each page of docs/ is listed with its title; one is printed whole, however it is named."""
    listed = call("docs")
    for page in ROOT.glob("docs/*.md"):
        assert f"\n{page.stem} " in f"\n{listed}"
        assert page.read_text("utf-8").partition("\n")[0].removeprefix("# ") in listed
    text = (ROOT / "docs" / "study.md").read_text("utf-8")
    assert call("docs", "study") == call("docs", "docs/study.md") == text
    with pytest.raises(UserError, match="no page") as caught:
        call("docs", "stdy")
    assert 'did you mean "study"?' in caught.value.text()


def test_a_wheel_has_the_example_and_the_pages_where_they_are_sought():
    """The files that the wheel's build adds are there, and lie where the commands seek them."""
    tree = ast.parse((ROOT / "hatch_build.py").read_text("utf-8"))
    (table,) = [node for node in tree.body if isinstance(node, ast.Assign)]
    places = ast.literal_eval(table.value)
    found = {pattern: len([*ROOT.glob(pattern)]) for pattern in places}
    assert found["examples/quickstart/study.yaml"] == 1
    assert found["examples/quickstart/data/*.gz"] == 3
    assert found["docs/*.md"] == len([*ROOT.glob("docs/*.md")])
    sought = {"amiss_tasks/quickstart", "amiss_tasks/quickstart/data", "gridrun/docs"}
    assert set(places.values()) == sought
    start = (ROOT / "amiss_tasks" / "study" / "start.py").read_text("utf-8")
    assert '_PACKAGE / "quickstart"' in start
    assert '_PACKAGE / "docs"' in (ROOT / "gridrun" / "cli" / "docs.py").read_text("utf-8")


def test_doctor_says_the_version_first():
    """`gridrun doctor` begins with gridrun's own version, which a citation names."""
    first = next(examine())
    assert (first.what, first.found) == ("gridrun", gridrun.__version__)
