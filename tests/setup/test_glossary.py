"""The glossary has every term that users meet, and pages use the field's words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from amiss_tasks.pipeline import PIPELINE
from gridrun.plan.units import Kind, State

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob("examples/**/*.md")])

ELSEWHERE = 2
"""Column of the glossary with the words of other tools."""


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _entries() -> list[list[str]]:
    """Rows of the glossary's table: term, meaning, elsewhere, where it is met."""
    lines = (DOCS / "glossary.md").read_text("utf-8").splitlines()
    return [_cells(line) for line in lines if line.startswith("|")][2:]


def _names(text: str) -> set[str]:
    """Names in backquotes, each by itself."""
    return {name for quoted in re.findall(r"`([^`]+)`", text) for name in quoted.split(", ")}


def _stages() -> set[str]:
    adds = PIPELINE.of_study({"added_missingness": [0.0, 0.1]})
    return {stage.name for stage in (*PIPELINE.stages, *adds.stages)}


def test_every_entry_has_its_four_cells():
    """An entry has a term, a meaning in whole sentences, other tools' words and a place."""
    entries = _entries()
    assert len(entries) > 100
    for entry in entries:
        assert len(entry) == 4, entry
        assert all(entry), entry
        assert entry[1].endswith("."), entry


def test_entries_are_in_alphabetical_order():
    """Terms are sorted by their letters and digits, and none is there again."""
    keys = [re.sub(r"[^a-z0-9]+", " ", entry[0].casefold()).strip() for entry in _entries()]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize("name", [*State, *Kind, *sorted(_stages())])
def test_every_state_kind_of_failure_and_stage_has_an_entry(name):
    """Each state, kind of failure and stage is a term of the glossary."""
    assert name in set().union(*(_names(entry[0]) | {entry[0]} for entry in _entries()))


@pytest.mark.parametrize("page", ["results.md", "study.md"])
def test_every_column_and_key_belongs_to_an_entry(page):
    """What the tables of the page explain (columns, keys, options) is in some entry.

    That these pages have every column and key is a test of their own, in ``test_docs.py``.
    """
    text = (DOCS / page).read_text("utf-8")
    firsts = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    explained = {name.split()[0] for first in firsts for name in _names(first)}
    parameters = {parameter.name for parameter in PIPELINE.parameters}
    covered = {
        name.split()[-1] if " --" in name else name
        for term, meaning, _, met in _entries()
        for name in _names(f"{term} {meaning} {met}")
    }
    values = {"repeated"}  # a value of two words
    assert (explained | parameters) - covered - values == set()


def test_the_glossary_is_linked():
    """README and the page of the study link to the glossary."""
    assert "](docs/glossary.md)" in (ROOT / "README.md").read_text("utf-8")
    assert "](glossary.md)" in (DOCS / "study.md").read_text("utf-8")


PRIVATE = {
    "apart": r"\bapart\b(?! from\b)",
    "codes": r"(?<!exit )(?<!integer )\bcodes\b",
    "trial": r"(?<!clinical )\btrials?\b",
    "checkup": r"\bcheckups?\b",
    "owed": r"\bowed\b",
    "board": r"\bboards?\b",
    "fate": r"\bfates?\b",
    # the verb is English: only the noun is private
    "needs": r"\b(?:the|its|their|of|no|all|these|header) needs\b",
    "bars": r"(?<!progress )\bbars?\b|\bbarred\b",
    "blow": r"\bblows?\b",
    "ticket": r"\btickets?\b",
    "look": r"\blook(?:s|ed|ing)?\b",
    "come to": r"\b(?:came|comes?) to\b(?! (?:the|this) (?:client|machine)\b)",
    "told": r"\btold\b",
    "fill": r"\bfill(?:s|ed|ing)?\b",
    "completed": r"\bcomplet(?:ed|es|ions?)\b",
    "stand where ... belongs": r"\bstands? where\b",
    "there twice": r"\bthere twice\b",
    # in Azure's page the word is Azure's
    "workspace": r"(?<!azure )\bworkspaces?\b",
}
"""Words that have a standard term in the field, and how they are found in lower case."""

AZURE_S_WORD = {("docs/azure.md", "workspace"), ("docs/azure.md", "trial")}


def _prose(page: Path) -> list[tuple[str, str]]:
    """Heading and text of each section, without code, addresses and other tools' words."""
    text = page.read_text("utf-8")
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^ {4,}gridrun [^\n#]+", "", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]+`", "NAME", text)
    text = re.sub(r"\]\([^)]+\)", "]", text)
    if page.name == "glossary.md":
        lines = text.splitlines()
        for number, line in enumerate(lines):
            cells = _cells(line)
            if len(cells) == 4:
                del cells[ELSEWHERE]
                lines[number] = " | ".join(cells)
        text = "\n".join(lines)
    heads = ["", *re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    texts = re.split(r"^#+ .+$", text, flags=re.MULTILINE)
    return list(zip(heads, texts, strict=True))


SECTIONS = [
    (str(page.relative_to(ROOT)), head, " ".join(text.split()))
    for page in PAGES
    for head, text in _prose(page)
    if text.strip()
]


def _found(page: str, text: str) -> dict[str, str]:
    """Private words of a text, each with what stands around it."""
    found = {}
    for word, pattern in PRIVATE.items():
        if (page, word) not in AZURE_S_WORD:
            for hit in re.finditer(pattern, text, re.IGNORECASE):
                found[word] = text[max(0, hit.start() - 40) : hit.end() + 40]
    return found


def test_pages_use_the_words_of_the_field():
    """No page has a private word where the field has a term: imputed, not filled in."""
    found = {
        f"{page}: {head}": words
        for page, head, text in SECTIONS
        if (words := _found(page, f"{head} {text}"))
    }
    assert found == {}


def test_private_words_are_found_and_others_are_not():
    """The search finds each word, and takes no term of the field for one of them."""
    private = "It came to its needs; fills, completions, a ticket, bars: look, told apart."
    words = {"come to", "needs", "fill", "completed", "ticket", "bars", "look", "told", "apart"}
    assert set(_found("README.md", private)) == words
    field = (
        "Exit codes; the Azure workspace; a clinical trial; a needs b; a complete row; progress bar"
    )
    assert _found("README.md", field) == {}
