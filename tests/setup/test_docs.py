"""The documentation names only what is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import SWITCHES
from amiss_tasks.stages.predictions import COLUMNS
from gridrun.cli import app
from gridrun.pipeline import names_of
from gridrun.plan.units import Kind, State

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@cache
def help_of(*command: str) -> str:
    done = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    return done.output


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", NAMES)
def test_links_are_alive(name):
    """Every link to a file of the repository has a target, headings included."""
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("name", NAMES)
def test_commands_that_are_named_exist(name):
    """Every `gridrun COMMAND` in a page is a command, and its options are its own."""
    text = (ROOT / name).read_text()
    code = re.findall(r"`(gridrun [^`]+)`", text)
    code += re.findall(r"^    (gridrun [^#\n]+)", text, re.MULTILINE)
    for line in code:
        command, *options = line.split()[1:]
        if command.isupper() or command.startswith("-"):
            continue
        shown = help_of(command)
        for option in options:
            assert not option.startswith("--") or option in shown, line


def test_every_command_is_documented():
    """The page of all commands names each that `gridrun --help` lists."""
    listed = re.findall(r"^[│ ]+([a-z][a-z-]+) {2,}\w", help_of(), re.MULTILINE)
    assert {"local", "plan", "check-method", "export-model"} <= set(listed)
    text = (ROOT / "docs" / "all-commands.md").read_text()
    assert [name for name in listed if f"gridrun {name}" not in text] == []


def test_the_options_of_the_study_page_exist():
    """Each option in the table of parts of a study is one of `gridrun local`."""
    section = (ROOT / "docs" / "study.md").read_text().partition("## Running a part")[2]
    options = re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE)
    assert len(options) >= 5
    shown = help_of("local")
    assert [option for option in options if option not in shown] == []


def test_the_study_page_has_every_parameter_and_value():
    """docs/study.md lists the twelve parameters with all values that this version runs."""
    text = (ROOT / "docs" / "study.md").read_text()
    for parameter in PARAMETERS:
        (row,) = re.findall(rf"^\| `{parameter.name}` \| (.+) \|$", text, re.MULTILINE)
        assert re.findall(r"[\w.]+", row) == [str(value) for value in parameter.values]


def test_the_study_page_has_every_key():
    """docs/study.md lists exactly the keys that a study may have."""
    from gridrun.study import KEYS
    from gridrun.study.backend_keys import backend_keys

    text = (ROOT / "docs" / "study.md").read_text().partition("## inputs")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == {
        *KEYS,
        *PIPELINE.study_keys,
        *backend_keys(),
    }


def test_the_results_page_has_every_column_state_and_kind():
    """docs/results.md explains all columns, all states and all kinds of failure."""
    text = (ROOT / "docs" / "results.md").read_text()
    explained = {
        name
        for cells in re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
        for name in re.findall(r"`([\w-]+)`", cells)
    }
    own = {"protocol", "classifier", "fold", "method", "state", "reason", "combination"}
    wanted = own | {"shared_with", "rows", *names_of(PIPELINE.result_columns), *State, *Kind}
    wanted |= {*names_of(PIPELINE.pooled_columns), *names_of(COLUMNS)}
    assert wanted - explained == set()


ADDRESSES = ("https://github.com/blueprint-genetics/amiss",)
ADDRESSES += ("https://keepachangelog.com/en/1.1.0/", "https://semver.org/")
PAPERS = ("https://doi.org/", "https://arxiv.org/abs/")


def test_no_file_names_a_machine():
    """Pages and set-up files have no path of one machine and no address but the known ones."""
    files = [*PAGES, *(ROOT / name for name in ("setup.sh", ".ci/run", "environment.yml"))]
    files += [ROOT / "constraints.txt", *(ROOT / "scripts").iterdir(), *ROOT.glob("docker/*")]
    for file in files:
        text = file.read_text()
        assert not re.findall(r"(?<![\w.])/(?:home|root|tmp|work|opt|mnt)/", text), file
        found = set(re.findall(r"https?://[^\s)>]+", text))
        # papers are cited by their permanent addresses
        cited = {address for address in found if address.startswith(PAPERS)}
        assert found - cited <= set(ADDRESSES), file


def test_the_protocols_page_has_every_switch_in_order():
    """Rows of the page are the switches, with their numbers, in the order that labels have."""
    page = (ROOT / "docs/protocols.md").read_text("utf-8")
    told = re.findall(r"^\| (D\d+)? ?\| `([a-z_]+)` \|", page, re.MULTILINE)
    assert told == [(switch.defect, switch.name) for switch in SWITCHES]


def test_the_protocols_page_names_the_switch_that_avoids_each_failure():
    """Each defect that fails a task is listed with words of its message and its own switch."""
    section = (ROOT / "docs/protocols.md").read_text("utf-8")
    section = section.partition("## Failures that a switch avoids")[2].partition("\n## ")[0]
    row = re.compile(
        r'^\| "([^"]+)" \| (D\d+) \| .+ \| `switches: \{(\w+): corrected\}` \|$', re.MULTILINE
    )
    listed = {defect: (words, switch) for words, defect, switch in row.findall(section)}
    raised = {}
    for file in (*ROOT.glob("amiss_tasks/**/*.py"), *ROOT.glob("amiss_tasks/**/*.R")):
        text = re.sub(r'["\s,]+f?["\s]+', " ", file.read_text("utf-8"))
        for found in re.finditer(r"stop_upstream_defect\(|upstream-defect", text):
            around = text[max(0, found.start() - 250) : found.end() + 250]
            for defect in re.findall(r"\bD\d+\b", around):
                raised.setdefault(defect, []).append(around)
    assert set(listed) == set(raised)
    switches = {switch.defect: switch.name for switch in SWITCHES}
    for defect, (words, switch) in listed.items():
        assert switches[defect] == switch
        assert any(words in around and switch in around for around in raised[defect]), words
