"""``results/report.html``: the numbers of the tables, warnings first, kept up to date."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser

import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.errors import WARNING, Fault
from gridrun.report.tables import altered_files, stale_files, write_results

HOSTILE = "<script>alert('&amp;')</script>"
FAILING = {"misbehave": {"smoothing=upper": "error"}}


class Page(HTMLParser):
    """Cells of the table of means, texts by section, and every address that is named."""

    def __init__(self, path):
        super().__init__()
        self.means, self.sections, self.tags, self.addresses = [], {}, set(), []
        self._table = self._section = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.add(tag)
        self.addresses += [given[name] for name in ("src", "href", "action") if name in given]
        if tag == "section":
            self._section = given["aria-labelledby"]
        elif tag == "table":
            self._table = given.get("id", "")
        elif self._table == "means" and tag == "tr":
            self.means.append([])
        elif self._table == "means" and tag in {"td", "th"}:
            self.means[-1].append("")

    def handle_data(self, data):
        self.sections[self._section] = self.sections.get(self._section, "") + data
        if self._table == "means" and self.means and self.means[-1] and data.strip():
            self.means[-1][-1] += data.strip()

    def handle_endtag(self, tag):
        if tag == "table":
            self._table = ""


@pytest.fixture
def study(tmp_path):
    """A study of which every seventh method fails, and its page."""
    grid = {**SMALL_GRID, "origin": ["first"], "coding": ["columns"], "tuning": ["fixed"]}
    opened = open_toy(write_study(tmp_path / "study", grid), **FAILING)
    opened.run(backend="inprocess")
    return opened


def test_every_number_of_the_page_is_that_of_the_tables(study):
    """Means to four decimals, counts, failed parts: cell by cell those of summary.csv."""
    page = Page(study.report())
    with study.study.paths.summary_csv.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["skipped"] == "0"]
    names = page.means[0]
    assert len(page.means) == len(rows) + 1 > 2
    for cells, row in zip(page.means[1:], rows, strict=True):
        shown = dict(zip(names, cells, strict=True))
        assert shown["smoothing"] == row["method"]
        assert (shown["classifier"], shown["n"], shown["failed"]) == (
            row["classifier"],
            row["n"],
            row["failed"],
        )
        for name in [name for name in names if name.startswith("mean ")]:
            value = float(row[name.replace(" ", "_")])
            expected = "-" if value != value else f"{value:.4f}"  # noqa: PLR0124
            assert shown[name].rstrip("*") == expected
    counts = study.status().parts
    for state in ("done", "failed", "skipped", "waiting"):
        assert re.search(rf"parts {state}\s*{counts[state]}\s", page.sections["what"]), state
    for digest in study.state().input_digests.values():
        assert digest in page.sections["what"]


def test_warnings_stand_above_every_number_and_failures_have_their_reason(study):
    """What the inputs were warned of comes first; a failure is counted, not left out in silence."""
    paths = study.study.paths
    fault = Fault(paths.directory / "a.txt", f"{WARNING}a fifth of the rows is lost", 7, "mend it")
    write_results(study.state(), [fault, "a plain note"], page=True)
    text = paths.report_html.read_text("utf-8")
    page = Page(paths.report_html)
    assert "a fifth of the rows is lost" in page.sections["first"]
    assert "failed, and no mean has them" in page.sections["first"]
    assert text.index("a fifth of the rows is lost") < text.index("<table")
    assert "a plain note" not in page.sections["first"]
    assert "a plain note" in page.sections["notes"]
    for (kind, reason), count in study.status().reasons.items():
        assert f"{count}{kind}{reason}" in page.sections["failures"]
    fewer = study.report(only="smoothing=flat")
    assert "smoothing=flat" in Page(fewer).sections["what"]
    assert "failed" not in Page(fewer).sections["first"]


def test_the_page_is_whole_by_itself_and_markup_in_data_is_text(study):
    """It has no script and no address, and what a message says cannot become one."""
    write_results(study.state(), [f"note of {HOSTILE}"], page=True)
    page = Page(study.study.paths.report_html)
    assert HOSTILE in page.sections["notes"]
    assert not page.tags & {"script", "img", "link", "iframe"}
    assert page.addresses == []


def test_once_asked_for_the_page_follows_the_tables(study):
    """A run, other notes, an edit and a removal each make it anew; nothing else does."""
    paths = study.study.paths
    assert not paths.report_html.exists()
    study.summary()
    assert not paths.report_html.exists()
    first = study.report(combinations="1").read_bytes()
    assert "combinations" in Page(paths.report_html).sections["what"]
    study.summary()
    assert paths.report_html.read_bytes() != first
    whole, stat = paths.report_html.read_bytes(), paths.report_html.stat()
    study.summary()
    assert paths.report_html.stat().st_mtime_ns == stat.st_mtime_ns
    write_results(study.state(), ["something odd"])
    assert b"something odd" in paths.report_html.read_bytes()
    write_results(study.state(), [])
    assert paths.report_html.read_bytes() == whole
    for damage in (lambda: paths.report_html.write_bytes(whole[:99]), paths.report_html.unlink):
        damage()
        assert altered_files(study.state()) == [paths.report_html]
        assert paths.report_html in stale_files(study.state())
        study.summary()
        assert paths.report_html.read_bytes() == whole
