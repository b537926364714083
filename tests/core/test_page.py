"""``results/report.html``: the numbers of the tables, warnings first, kept up to date."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import math
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef, roc_auc_score
from toystudies import SMALL_GRID, TOY, open_toy, write_study

from gridrun.api import OpenStudy, write_report
from gridrun.cli import report
from gridrun.errors import WARNING, Fault, UserError
from gridrun.pipeline import load_pipeline
from gridrun.report.page import Known
from gridrun.report.page._comparison import show_comparison
from gridrun.report.page._effects import show_effects
from gridrun.report.page._methods_text import methods_text
from gridrun.report.page._packed import pack, unpack
from gridrun.report.page._render import SCRIPTS, _json
from gridrun.report.page._whole_grid import show_whole_grid
from gridrun.report.statistics import IS_REFERENCE, recalibrated
from gridrun.report.tables import altered_files, stale_files, write_results
from gridrun.study import load_study
from gridrun.study._report_key import ReportKey
from gridrun.study.state import StudyState

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "gridrun" / "report" / "page" / "assets"
HOSTILE = "<script>alert('&amp;')</script>"
POSTERIOR = ("p_worse", "p_equivalent", "p_better")
ROWS = 60
FAILING = {"misbehave": {"smoothing=upper": "error"}}


class Page(HTMLParser):
    """Cells of the table of means, texts by section, and every address that is named."""

    def __init__(self, path):
        super().__init__()
        self.tables = {}
        self.means, self.sections, self.tags, self.addresses = [], {}, set(), []
        self.scripts, self.data, self.packed, self.policy = [], {}, {}, ""
        self._table = self._section = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.add(tag)
        self.addresses += [given[name] for name in ("src", "href", "action") if name in given]
        if tag == "script":
            self.scripts.append((given, ""))
        elif tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        elif tag == "section":
            self._section = given["aria-labelledby"]
        elif tag == "table":
            self._table = given.get("id", "")
        elif tag == "tr":
            self.tables.setdefault(self._table, []).append([])
        elif tag in {"td", "th"}:
            self.tables[self._table][-1].append("")
        if self._table == "means" and tag == "tr":
            self.means.append([])
        elif self._table == "means" and tag in {"td", "th"}:
            self.means[-1].append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            given = self.scripts[-1][0]
            self.scripts[-1] = (given, data)
            if given.get("type") == "text/plain":
                self.packed[given["id"]] = data
            elif "id" in given:
                self.data[given["id"]] = json.loads(data)
            return
        self.sections[self._section] = self.sections.get(self._section, "") + data
        rows = self.tables.get(self._table)
        if rows and rows[-1] and data.strip():
            rows[-1][-1] += data.strip()
        if self._table == "means" and self.means and self.means[-1] and data.strip():
            self.means[-1][-1] += data.strip()

    def handle_endtag(self, tag):
        if tag == "table":
            self._table = ""


def _ran(folder, **options):
    grid = {**SMALL_GRID, "origin": ["first"], "coding": ["columns"], "tuning": ["fixed"]}
    opened = open_toy(write_study(folder / "study", grid), **FAILING, **options)
    opened.run(backend="inprocess")
    return opened


@pytest.fixture
def study(tmp_path):
    """A study of which one method fails."""
    return _ran(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The same, for tests that only read its report."""
    opened = _ran(tmp_path_factory.mktemp("finished"), details=True)
    opened.report()
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
    """It has no address and no script but its own, and what a message says cannot become one."""
    write_results(study.state(), [f"note of {HOSTILE}"], page=True)
    page = Page(study.study.paths.report_html)
    assert HOSTILE in page.sections["notes"]
    assert not page.tags & {"img", "link", "iframe"}
    assert page.addresses == []
    run = [text for given, text in page.scripts if "type" not in given]
    assert run == [(ASSETS / name).read_text("utf-8") for name in SCRIPTS]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert page.policy == (f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}")
    assert not any(set(given) - {"id", "type"} for given, _ in page.scripts)


def test_data_cannot_end_the_script_that_holds_them():
    """Whatever a name or a reason says, the element of the data ends where it should."""
    nasty = {HOSTILE: [HOSTILE, "</script>", "\u2028", "<!--"]}
    text = _json(nasty)
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == nasty


def test_the_figure_of_the_comparison_has_the_numbers_of_the_table(finished):
    """Each fold of each metric is the mean of the rows of the final table."""
    page = Page(finished.study.paths.report_html)
    data = page.data["comparison-data"]
    with finished.study.paths.results_csv.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [metric["name"] for metric in data["metrics"]] == ["skill", "loss", "balance"]
    shown = 0
    for series in data["series"]:
        own = [
            row
            for row in rows
            if (row["method"], row["classifier"]) == (series["method"], series["classifier"])
        ]
        failed = {(r["combination"], r["fold"]) for r in own if r["state"] == "failed"}
        assert series["failed"] == len(failed)
        for metric, folds in series["folds"].items():
            for fold, value in enumerate(folds, 1):
                expected = _mean_of_parts([r for r in own if r["fold"] == str(fold)], metric)
                assert value == (None if expected is None else pytest.approx(expected, abs=5.1e-5))
                shown += value is not None
    assert shown > 20


def test_the_packed_grid_has_the_numbers_of_the_table(finished):
    """Means, standard errors and counts of each row of the grid are those of the table."""
    page = Page(finished.study.paths.report_html)
    data = page.data["grid-data"]
    columns = unpack(data["columns"], data["rows"], page.packed["grid-packed"])
    with finished.study.paths.results_csv.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert data["rows"] == data["combinations"] * len(data["classifiers"]) == 12
    for at in range(data["rows"]):
        combination, classifier = at % data["combinations"] + 1, at // data["combinations"]
        own = [
            row
            for row in rows
            if row["combination"] == str(combination)
            and row["classifier"] == data["classifiers"][classifier]
        ]
        folds = [[row for row in own if row["fold"] == fold] for fold in ("1", "2")]
        assert columns["failed"][at] == sum(fold[0]["state"] == "failed" for fold in folds)
        assert columns["n"][at] == sum(fold[0]["state"] == "done" for fold in folds)
        for metric in data["metrics"]:
            means = [_mean_of_parts(fold, metric["name"]) for fold in folds]
            known = [mean for mean in means if mean is not None]
            shown = columns[f"mean {metric['name']}"][at], columns[f"se {metric['name']}"][at]
            expected = [sum(known) / len(known) if known else math.nan, math.nan]
            if len(known) == 2:
                expected[1] = abs(known[0] - known[1]) / 2
            assert shown[0] == pytest.approx(expected[0], abs=5.1e-5, nan_ok=True)
            assert shown[1] == pytest.approx(expected[1], abs=5.1e-4, nan_ok=True)
    index = {axis["name"]: axis["values"] for axis in data["axes"]}
    assert index == {"smoothing": ["flat", "upper", "mean"], "constant_check": ["on", "off"]}


@pytest.mark.parametrize("largest", [0.5, 3.3, 1e5])
def test_numbers_of_any_size_are_packed_to_their_decimals(largest):
    """No number is cut to fit: where two bytes do not hold a column, it takes four."""
    values = np.array([largest, -largest, math.nan, 0.00004, 0.12345])
    packed = pack({"first": (values, 4), "second": (values[::-1].copy(), 3)})
    found = unpack(packed.columns, packed.rows, packed.text)
    assert found["first"] == pytest.approx(np.round(values, 4), abs=1e-9, nan_ok=True)
    assert found["second"] == pytest.approx(np.round(values[::-1], 3), abs=1e-9, nan_ok=True)


def test_consequences_and_costs_are_those_of_the_tables(finished):
    """Means by consequence and by method: each cell is a mean of rows, and n is how many."""
    page, paths = Page(finished.study.paths.report_html), finished.study.paths
    with paths.per_consequence_csv.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    head, *shown = page.tables["consequences-means"]
    assert head[2:] == ["tree", "n", "line", "n"]
    assert {cells[0] for cells in shown} == {row["consequence"] for row in rows}
    for consequence, method, *cells in shown:
        for classifier, mean, count in (("tree", *cells[:2]), ("line", *cells[2:])):
            wanted = {"consequence": consequence, "method": method, "classifier": classifier}
            own = [row["skill"] for row in rows if wanted.items() <= row.items()]
            known = [float(value) for value in own if value not in {"NA", "NaN"}]
            assert count == f"{len(known):,}"
            assert mean == (f"{sum(known) / len(known):.4f}" if known else "-")
    with paths.results_csv.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    for method, classifier, _, skill, loss in page.tables["tradeoffs-means"][1:]:
        own = [r for r in rows if (r["method"], r["classifier"]) == (method, classifier)]
        for metric, cell in (("skill", skill), ("loss", loss)):
            expected = _mean_of_folds(own, metric)
            assert cell == ("-" if expected is None else f"{expected:.4f}")


def test_a_pipeline_has_sections_and_answers_of_its_own(finished):
    """What it shows stands before the comparison, what it answers in the check-list."""
    page = Page(finished.study.paths.report_html)
    assert "Of the toy" in page.sections["data"]
    assert "seed1" in re.sub(r"\s", "", page.sections["data"])
    assert list(page.sections).index("data") < list(page.sections).index("comparison")
    assert "Nothing, in the toy." in page.sections["checklist"]
    assert page.sections["checklist"].count("for the authors") == 4


def test_own_text_is_shown_as_text_and_followed(study):
    """report.md beside the study is in the report from the next one on, its markup as text."""
    file = study.study.paths.directory / "report.md"
    assert "own-text" not in Page(study.report()).sections
    file.write_text(f"# Ours\n\nFirst\nline {HOSTILE}\n\n- one\n- two\n")
    page = Page(study.report())
    assert f"First line {HOSTILE}" in page.sections["own-text"]
    assert "Ours" in page.sections["own-text"]
    assert "# Ours" not in page.sections["own-text"]
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot be read"):
        study.report()
    file.unlink()
    assert "own-text" not in Page(study.report()).sections


def test_the_key_report_changes_what_is_shown_and_no_task(study):
    """Reference, equivalence and text are the key's; contexts stay, and the report is made anew."""
    paths, state = study.study.paths, study.state()
    study.report()
    (paths.directory / "report.md").write_text("Of old.")
    (paths.directory / "notes.md").write_text("Of today.")
    file = paths.directory / "study.yaml"
    key = "report: {reference: flat, equivalence: 0.25, text: notes.md}\n"
    file.write_text(file.read_text("utf-8") + key)
    loaded = load_study(paths.directory, load_pipeline(TOY))
    assert "notes.md, and report.md no more" in loaded.notes[0].message
    opened = OpenStudy(replace(loaded, options=study.study.options), TOY)
    contexts = [[one.digest for one in it.tables.contexts] for it in (state, opened.state())]
    assert contexts[0] == contexts[1]
    assert opened.summary().waiting == 0
    page = Page(opened.report())
    with paths.comparison_csv.open(newline="") as handle:
        rows = [*csv.DictReader(handle)]
    assert {row["reference"] for row in rows} == {"flat"}
    assert {row["method"] for row in rows if row["note"] == IS_REFERENCE} == {"flat"}
    assert "differences up to 0.25 count as equal" in " ".join(page.sections["differences"].split())
    sums = [sum(float(row[name]) for name in POSTERIOR) for row in rows if row["lower"] != "NA"]
    assert sums == pytest.approx([1] * len(sums))
    assert set(opened.means()["reference"]) == {"flat"}
    assert "Of today." in page.sections["own-text"]
    assert "Of old." not in page.sections["own-text"]
    (paths.directory / "notes.md").write_text("Of tomorrow.")
    assert stale_files(opened.state()) == [paths.report_html]
    assert "Of tomorrow." in Page(opened.report()).sections["own-text"]
    assert stale_files(opened.state()) == []
    (paths.directory / "notes.md").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        opened.report()


def test_several_studies_stand_side_by_side(study, finished, tmp_path):
    """Their means stand in one table, each as in its own summary; ids are each used once."""
    file = write_report([study, finished], tmp_path / "both.html")
    page = Page(file)
    head, *rows = page.tables["together-means"]
    assert head == ["smoothing", "classifier", "study (1)", "study (2)"]
    for method, classifier, *cells in rows:
        for opened, cell in zip((study, finished), cells, strict=True):
            (group,) = [
                one
                for one in opened.summary().groups
                if (one.method, one.classifier) == (method, classifier)
            ]
            failed = f", {group.failed} failed" if group.failed else ""
            mean = "-" if math.isnan(group.mean("skill")) else f"{group.mean('skill'):.4f}"
            assert cell == f"{mean} (n {group.n}{failed})"
    ids = re.findall(r' id="([^"]+)"', file.read_text("utf-8"))
    assert len(ids) == len(set(ids)) > 30
    assert {"study-1-comparison", "study-2-comparison"} <= set(ids)


def test_a_watched_report_follows_the_ledger_until_nothing_waits(tmp_path, monkeypatch):
    """The page is made, made anew after the run went on, and then the watch ends."""
    grid = {**SMALL_GRID, "origin": ["first"], "coding": ["columns"], "tuning": ["fixed"]}
    opened = open_toy(write_study(tmp_path / "study", grid))
    opened.run(backend="inprocess", combinations="1-3")
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:  # at the first look nothing has happened
            opened.run(backend="inprocess", combinations="1-6")

    monkeypatch.setattr(report.time, "sleep", sleep)
    written = report._written([opened], None, {"combinations": "1-6"}, watch=True)
    pages = [Page(file).sections for file in written]
    assert len(pages) == 2
    assert "did not run yet" in re.sub(r"\s+", " ", pages[0]["first"])
    assert "first" not in pages[1]
    assert len(slept) == 2


def test_a_watch_may_begin_before_the_first_run(tmp_path, monkeypatch, capsys):
    """It says what it waits for, once, and the page is made when there is a run."""
    grid = {**SMALL_GRID, "origin": ["first"], "coding": ["columns"], "tuning": ["fixed"]}
    opened = open_toy(write_study(tmp_path / "study", grid))
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            opened.run(backend="inprocess", combinations="1-3")

    monkeypatch.setattr(report.time, "sleep", sleep)
    assert len([*report._written([opened], None, {}, watch=True)]) == 1
    assert capsys.readouterr().err.count("waiting for the first run of the study") == 1
    assert len(slept) == 2


def test_several_studies_need_a_file(finished, capsys):
    """Without -o nobody knows where their page goes, and none of theirs is touched."""
    folder = str(finished.study.paths.directory)
    with pytest.raises(UserError, match="2 studies are named") as caught:
        report.report([Path(folder), Path(folder)], None, pipeline=TOY)
    assert "-o FILE" in caught.value.text()


def _mean_of_folds(rows, metric):
    """Mean over parts of their means over test tables."""
    parts = {}
    for row in rows:
        if row[metric] not in {"NA", "NaN"}:
            parts.setdefault((row["combination"], row["fold"]), []).append(float(row[metric]))
    means = [sum(values) / len(values) for values in parts.values()]
    return sum(means) / len(means) if means else None


def _mean_of_parts(rows, metric):
    """Test tables of a part are averaged first, then parts."""
    parts = {}
    for row in rows:
        if row[metric] not in {"NA", "NaN", "Inf", "-Inf"}:
            parts.setdefault(row["combination"], []).append(float(row[metric]))
    means = [sum(values) / len(values) for values in parts.values()]
    return sum(means) / len(means) if means else None


def test_the_methods_paragraph_counts_what_ran_and_is_text_in_both_languages(finished):
    """It has protocol, counts, folds and seed, and no sign that LaTeX or Markdown would take."""
    markdown, latex = methods_text(Known(finished.state(), finished.summary()))
    counts = finished.status().parts
    for text in (markdown, latex):
        assert f"{counts['done']} are done and {counts['failed']} failed" in text
        assert "protocol plain" in text
        assert "2 folds" in text
        assert "a.txt (18b7cb099a9e), b.txt (ffa0da5d885f)" in text
        assert "compared with mean in the same combinations and folds" in text
        assert "6 of 6 combinations of the grid were asked for" in text
    assert "row\\_share = 1.0" in latex
    assert not re.search(r"(?<!\\)[_%&#$]", latex)


def test_the_methods_paragraph_names_what_was_asked_for_not_all_of_the_grid(study):
    """A value that no combination of the request has was not compared, nor did it vary."""
    asked = {"only": ["smoothing=flat,mean"]}
    whole, _ = methods_text(Known(study.state(), study.summary()))
    part, _ = methods_text(Known(study.state(**asked), study.summary(**asked)))
    assert "We compared 3 values of the parameter smoothing (flat, upper, mean)" in whole
    assert "We compared 2 values of the parameter smoothing (flat, mean)" in part


def test_the_plotting_script_is_the_one_recorded_and_is_shipped():
    """Its digest is that of the bundling script, its licences stand beside it, the wheel has it."""
    digest, name = (ASSETS / "plot.sha256").read_text("utf-8").split()
    assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == digest
    licences = (ASSETS / "plot.LICENSE.txt").read_text("utf-8")
    lock = json.loads((ROOT / "scripts" / "package-lock.json").read_text("utf-8"))
    assert "://" not in json.dumps(lock)
    pinned = json.loads((ROOT / "scripts" / "package.json").read_text("utf-8"))["dependencies"]
    assert [f"{package} {version} (" in licences for package, version in pinned.items()] == [True]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert settings["tool"]["hatch"]["build"]["targets"]["wheel"] == {
        "packages": ["gridrun", "backends", "amiss_tasks"]
    }


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


def test_a_class_with_few_rows_in_a_test_part_is_counted_and_said(finished):
    """The rarest class of any fold, by classifier; below ten rows an interval has a note."""
    with finished.study.paths.results_csv.open(newline="") as handle:
        done = [row for row in csv.DictReader(handle) if row["state"] == "done"]
    with finished.study.paths.comparison_csv.open(newline="") as handle:
        compared = list(csv.DictReader(handle))
    said = set()
    for row in compared:
        own = [one for one in done if one["classifier"] == row["classifier"]]
        rarest = min(int(one[name]) for one in own for name in ("hits", "misses"))
        assert row["fewest_of_a_class"] == str(rarest)
        if row["lower"] != "NA":
            assert row["note"].startswith("a class has fewer than 10 rows") == (rarest < 10)
            said.add(row["note"])
    assert len(said) == 1


def test_differences_to_the_reference_are_those_of_the_table(study):
    """comparison.csv has each metric, view and method; the page its leading metric, to 3 decimals.

    A difference is the mean over folds of the difference on the same combinations.
    """
    page = study.report().read_text("utf-8")
    with study.study.paths.comparison_csv.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 2 * 3 * 3 * 2
    shown = [r for r in rows if (r["metric"], r["failures"]) == ("skill", "fallback")]
    assert {r["note"] for r in shown if r["method"] == "mean"} == {"it is the reference"}
    line = next(r for r in shown if r["method"] == "upper" and r["classifier"] == "line")
    assert int(line["failed"]) > 0
    frame = study.results()
    values = frame[frame["classifier"] == "tree"].pivot_table(
        index=["origin", "constant_check", "fold"], columns="method", values="skill"
    )
    assert line["note"] == "its values are those of mean in every fold, as it has none of its own"
    both = next(r for r in shown if r["method"] == "flat" and r["classifier"] == "tree")
    by_fold = (values["flat"] - values["mean"]).groupby("fold").mean()
    assert float(both["difference"]) == pytest.approx(by_fold.mean())
    for row in (both, line):
        number = "-" if row["difference"] == "NA" else f"{float(row['difference']):.3f}"
        cells = f'>{row["method"]}</td>\n<td>{row["classifier"]}</td>\n<td class="number">{number}<'
        assert cells in page
    files = study.summary().files
    assert {"differences to the reference", "main effects", "interactions"} <= {*files}
    with files["main effects"].open(newline="") as handle:
        effects = list(csv.DictReader(handle))
    upper, scored = [row for row in effects if row["value"] == "upper"]
    assert upper["note"] == ""
    assert (upper["failures"], scored["failures"]) == ("fallback", "scored only")
    assert upper["failed"] == scored["failed"] == upper["n"] != "0"
    reference, _ = [row for row in effects if row["value"] == both["reference"]]
    assert upper["effect"] == reference["effect"]  # all that it has is the reference's
    assert scored["note"] == "no part with this value has a value of the metric"
    names = {r["parameter"] for r in effects}
    assert {"smoothing", "classifier", "origin", "constant_check"} <= names
    with files["interactions"].open(newline="") as handle:
        pairs = {(r["parameter"], r["parameter_2"]) for r in csv.DictReader(handle)}
    assert pairs == {
        ("smoothing", "constant_check"),
        ("smoothing", "classifier"),
        ("constant_check", "classifier"),
    }


def test_failures_are_shown_three_ways_wherever_they_make_other_numbers(finished):
    """Tables of differences are the rows of each view; means of figures are those of the table."""
    page = Page(finished.study.paths.report_html)
    with finished.study.paths.comparison_csv.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["metric"] == "skill"]
    for view, table in (("fallback", "table"), ("scored only", "scored"), ("worst case", "worst")):
        head, *lines = page.tables[f"differences-{table}"]
        own = [row for row in rows if row["failures"] == view]
        assert len(lines) == len(own) == 6
        for line, row in zip(lines, own, strict=True):
            shown = dict(zip(head, line, strict=True))
            names = ("method", "classifier", "failed", "folds", "pairs", "undefined")
            assert [shown[name] for name in names] == [row[name] for name in names]
            for name, digits in (("difference", 3), ("mean", 4), ("p_equivalent", 3)):
                value = shown["equal" if name == "p_equivalent" else name]
                assert value == ("-" if row[name] == "NA" else f"{float(row[name]):.{digits}f}")
    means = {(r["failures"], r["method"], r["classifier"]): r["mean"] for r in rows}
    data, grid = page.data["comparison-data"], page.data["grid-data"]
    assert [name for name, _ in data["views"]] == [name for name, _ in grid["views"]]
    others = unpack(grid["others"]["columns"], grid["others"]["rows"], grid["others"]["text"])
    assert others["row"].tolist() == [
        2,
        3,
        8,
        9,
    ]
    for series in data["series"]:
        place = (series["method"], series["classifier"])
        assert set(series["views"]) == ({"fallback", "worst case"} if series["failed"] else set())
        for view, folds in series["views"].items():
            expected = float(means[view, *place])
            assert sum(folds["skill"]) / 2 == pytest.approx(expected, abs=5.1e-5)
            at = [row // 6 == data["classifiers"].index(place[1]) for row in others["row"]]
            shown = others[f"{view} mean skill"][at].mean()
            assert shown == pytest.approx(expected, abs=5.1e-5)


def test_errors_under_the_other_views_are_those_of_the_table(finished):
    """What a failed fold counts as is in the spread of a row, too: by rows of the final table."""
    grid = Page(finished.study.paths.report_html).data["grid-data"]
    others = unpack(grid["others"]["columns"], grid["others"]["rows"], grid["others"]["text"])
    with finished.study.paths.results_csv.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    with finished.study.paths.comparison_csv.open(newline="") as handle:
        reference = next(csv.DictReader(handle))["reference"]
    names = [name for name in rows[0] if name in finished.study.grid.names and name != "method"]
    own = {}
    for row in rows:
        cell = tuple(row[name] for name in names if name != "smoothing")
        key = (row["combination"], row["classifier"], row["fold"])
        own[key] = (row, (row["smoothing"], cell, row["classifier"], row["fold"]))
    of_reference = {place: row for row, place in own.values() if place[0] == reference}
    checked = 0
    for view, worst in (("fallback", None), ("worst case", -1.0)):
        for at, row in enumerate(others["row"].astype(int)):
            combination = str(row % grid["combinations"] + 1)
            classifier = grid["classifiers"][row // grid["combinations"]]
            values = []
            for fold in ("1", "2"):
                found, (_, *place) = own[combination, classifier, fold]
                mean = _mean_of_parts([found], "skill")
                if mean is None and worst is None:
                    mean = _mean_of_parts([of_reference[reference, *place]], "skill")
                values.append(worst if mean is None else mean)
            error = abs(values[0] - values[1]) / 2
            assert others[f"{view} se skill"][at] == pytest.approx(error, abs=5.1e-4)
            checked += error > 0
    assert checked


def test_nothing_falls_back_on_a_reference_that_failed(finished):
    """Where the reference has no value the view offers no number, as the table of differences."""
    state = finished.state()
    own = replace(state.study, report=ReportKey(reference="upper"))
    other = StudyState(own, state.pipeline, state.request, TOY)
    shown = show_comparison(Known(other, finished.summary()))
    for series in shown.data["series"]:
        assert series["views"]["fallback"]["skill"] == [None, None]
    others = show_whole_grid(Known(other, finished.summary())).data["others"]
    found = unpack(others["columns"], others["rows"], others["text"])
    assert np.isnan(found["fallback mean skill"]).all()
    assert np.isnan(found["fallback se skill"]).all()
    assert (found["worst case mean skill"] == -1).sum() == 4


def test_consequences_have_a_figure_with_the_numbers_of_their_table(finished):
    """Each mark is a cell of the table below the figure, and a cell without a number has none."""
    page = Page(finished.study.paths.report_html)
    data = page.data["consequences-data"]
    marks = {(p["consequence"], p["method"], p["classifier"]): p for p in data["points"]}
    shown = 0
    for consequence, method, *cells in page.tables["consequences-means"][1:]:
        for at, classifier in enumerate(data["classifiers"]):
            mark = marks.pop((consequence, method, classifier), {"mean": None, "n": 0})
            mean = "-" if mark["mean"] is None else f"{mark['mean']:.4f}"
            assert cells[2 * at : 2 * at + 2] == [mean, f"{mark['n']:,}"]
            shown += mean != "-"
    assert marks == {}
    assert shown > 5


def test_effects_of_the_page_are_those_of_the_tables(finished):
    """Every value of what varies stands there, the widest first; of each pair the largest one.

    What a sample can conclude is said beside it, and only where there is one.
    """
    paths = finished.study.paths
    page = Page(paths.report_html)
    heads = {"effect": "effect", "lower": "from", "upper": "to", "range": "range"}

    def check(name, names, file, view="fallback"):
        with file.open(newline="") as handle:
            of_view = [row for row in csv.DictReader(handle) if row["failures"] == view]
        rows = {tuple(row[one] for one in names): row for row in of_view}
        head, *lines = page.tables[name]
        for line in lines:
            texts = dict(zip(head, line, strict=True))
            row = rows[tuple(part for text in line[:2] for part in text.split("="))]
            for column, text in heads.items():
                expected = "-" if row[column] == "NA" else f"{float(row[column]):.4f}"
                assert texts[text] == expected
            counts = ("n", "failed", "folds", "note")
            assert [texts[name] for name in counts] == [row[name] for name in counts]
        return rows, lines

    rows, lines = check("effects-main", ["parameter", "value"], paths.main_effects_csv)
    assert {line[0] for line in lines} == {"smoothing", "constant_check", "classifier"}
    assert len(lines) == 3 + 2 + 2
    widths = [float(line[5]) for line in lines if line[5] != "-"]
    assert widths == sorted(widths, reverse=True)
    assert "origin" in page.sections["effects"]
    scored = check("effects-scored", ["parameter", "value"], paths.main_effects_csv, "scored only")
    assert [line[:2] for line in scored[1]] == [line[:2] for line in lines]
    assert [line[2:] for line in scored[1]] != [line[2:] for line in lines]
    four = ["parameter", "value", "parameter_2", "value_2"]
    rows, lines = check("effects-pairs", four, paths.interactions_csv)
    assert len(lines) == 3
    for line in lines:
        names = {text.split("=")[0] for text in line[:2]}
        own = [r for r in rows.values() if {r["parameter"], r["parameter_2"]} == names]
        largest = max(abs(float(row["effect"])) for row in own if row["effect"] != "NA")
        assert abs(float(line[2])) == pytest.approx(largest, abs=5.1e-5)
    sizes = [abs(float(line[2])) for line in lines]
    assert sizes == sorted(sizes, reverse=True)
    assert "is a sample" not in page.sections["effects"]
    sample = Known(finished.state(sample=3), finished.summary())
    assert "nothing is said about single" in show_effects(sample).values["concludes"][-1]  # noqa: PD011


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study of six folds that keeps its predictions."""
    one = ("origin", "coding", "tuning", "constant_check")
    grid = {**SMALL_GRID, **{name: SMALL_GRID[name][:1] for name in one}}
    directory = write_study(tmp_path_factory.mktemp("whole") / "study", grid, folds=6)
    opened = open_toy(directory, predictions=ROWS)
    opened.run(backend="inprocess")
    opened.report()
    return opened


def test_calibration_is_that_of_the_kept_predictions(whole, finished):
    """Page and tables have what the files of predictions give; without these they say so."""
    paths = whole.study.paths
    kept = pd.concat(pd.read_parquet(paths.predictions / f"{c}.parquet") for c in ("tree", "line"))
    table, bins = pd.read_csv(paths.calibration_csv), pd.read_csv(paths.reliability_csv)
    page = Page(paths.report_html)
    head, *lines = page.tables["calibration-table"]
    assert len(lines) == len(table) == 6
    for line, (_, row) in zip(lines, table.iterrows(), strict=True):
        own = kept[(kept["method"] == row["method"]) & (kept["classifier"] == row["classifier"])]
        positive = own["row_id"].str.split().str[1].astype(int).to_numpy() % 2 == 1
        fits = [
            recalibrated(own["probability"].to_numpy()[of], positive[of], 10)
            for of in (own["fold"] > 0, *(own["fold"] == fold for fold in range(1, 7)))
        ]
        for name in ("slope", "intercept", "in_the_large"):
            assert row[name] == pytest.approx(getattr(fits[0], name))
            spread = np.std([getattr(one, name) for one in fits[1:]], ddof=1)
            assert row[f"{name}_sd"] == pytest.approx(spread)
        counts = ["parts", "failed", "folds", "rows", "positive", "fitted_folds"]
        assert row[counts].tolist() == [6, 0, 6, 6 * ROWS, 3 * ROWS, 6]
        shown = dict(zip(head, line, strict=True))
        assert shown["slope"] == f"{row['slope']:.3f}"
        assert shown["in the large"] == f"{row['in_the_large']:.3f}"
        of = bins[(bins["method"] == row["method"]) & (bins["classifier"] == row["classifier"])]
        assert (len(of), of["n"].sum()) == (10, 6 * ROWS)
    points = page.data["calibration-data"]["points"]
    assert sum(point["n"] for point in points) == bins["n"].sum() == len(kept)
    lacking = pd.read_csv(finished.study.paths.calibration_csv)
    assert set(lacking["note"]) == {"no part keeps predictions"}
    assert lacking["slope"].isna().all()
    said = " ".join(Page(finished.study.paths.report_html).sections["calibration"].split())
    assert "No result of this study keeps" in said
    assert "To have them kept, open the toy with the option predictions." in said


def test_figures_use_no_mark_that_the_bundle_lacks():
    """Each mark that a script of the page draws is one that scripts/plot-marks.js names."""
    named = re.search(r"export \{(.*)\}", (ROOT / "scripts" / "plot-marks.js").read_text())
    used = {
        mark
        for name in SCRIPTS
        if name != "plot.js"
        for mark in re.findall(r"\bPlot\.(\w+)", (ASSETS / name).read_text("utf-8"))
    }
    assert {"plot", "link", "dot"} <= used <= {*named[1].replace(" ", "").split(",")}


def test_differences_in_draws_of_groups_are_those_of_the_kept_predictions(whole, finished):
    """The table has what scikit-learn gives for the rows as they are, and says what was drawn."""
    paths = whole.study.paths
    kept = pd.concat(pd.read_parquet(paths.predictions / f"{c}.parquet") for c in ("tree", "line"))
    kept["row"] = kept["row_id"].str.split().str[1].astype(int)
    table = pd.read_csv(paths.group_bootstrap_csv, keep_default_na=False, na_values="NA")
    assert len(table) == 2 * 2 * 2
    assert set(table["drawn"]) == {"batch"}
    assert set(table["draws"]) == {1000}
    assert set(table["note"]) == {"20 groups, fewer than 30: the interval is too narrow"}
    assert (table[["groups", "folds", "pairs", "failed"]] == [ROWS // 3, 6, 6, 0]).all(axis=None)
    for _, row in table.iterrows():
        means = []
        for method in (row["method"], "mean"):
            own = kept[(kept["method"] == method) & (kept["classifier"] == row["classifier"])]
            of_folds = [
                roc_auc_score(part["row"] % 2, part["probability"])
                if row["metric"] == "loss"
                else matthews_corrcoef(part["row"] % 2, part["probability"] > 0.5)
                for _, part in own.groupby("fold")
            ]
            means.append(np.mean(of_folds))
        assert row["difference"] == pytest.approx(means[0] - means[1])
        assert row["lower"] < row["difference"] < row["upper"]
    page = Page(paths.report_html)
    _, *lines = page.tables["differences-drawn"]
    assert [[line[0], line[3], line[4], line[5], line[-1]] for line in lines] == [
        [row["metric"], *(f"{row[n]:.3f}" for n in ("difference", "lower", "upper")), row["note"]]
        for _, row in table.iterrows()
    ]
    said = " ".join(page.sections["differences"].split())
    assert f"1000 times (seed {whole.study.seed};" in said
    assert "differences-drawn" not in Page(finished.study.paths.report_html).tables
    lacking = pd.read_csv(finished.study.paths.group_bootstrap_csv)
    assert lacking["difference"].isna().all()
    assert set(lacking["note"]) == {
        "no cell and fold has predictions of this method and the reference with groups"
    }


def test_groups_of_methods_are_refused_below_five_folds_and_else_those_of_the_table(
    finished, whole
):
    """With two folds there are means and a reason; with six, letters and shares of draws."""
    for opened, reason in (
        (finished, "every method has a value in 2 folds, and groups are made from 5 folds on"),
        (whole, ""),
    ):
        page = Page(opened.study.paths.report_html)
        with opened.study.paths.method_groups_csv.open(newline="") as handle:
            rows = [row for row in csv.DictReader(handle) if row["classifier"] == "tree"]
        head, *lines = page.tables["groups-1-letters"]
        shown = [dict(zip(head, line, strict=True)) for line in lines]
        assert [line["smoothing"] for line in shown] == [row["method"] for row in rows]
        assert len(shown) == 3
        for line, row in zip(shown, rows, strict=True):
            assert line["mean"] == f"{float(row['mean']):.4f}"
            assert reason in line["note"]
            assert bool(line["note"]) == bool(reason)
            assert [one for one in "abc" if line.get(one)] == row["letters"].split()
            share = "-" if reason else f"{float(row['best_share']):.2f}"
            assert line["best in draws"] == share
            assert bool(row["letters"]) == (not reason)
    assert sum(float(row["best_share"]) for row in rows) == pytest.approx(1)
    assert "no probability" in " ".join(page.sections["groups"].split())


def test_intervals_are_from_the_rows_of_each_fold_where_results_say_them(tmp_path):
    """Null models were made on 7 and tested on 3 rows, so the factor is 1/folds + 3/7, and said."""
    grid = {**SMALL_GRID, "origin": ["first"], "coding": ["columns"], "tuning": ["fixed"]}
    opened = open_toy(write_study(tmp_path / "study", grid), null_models=True)
    opened.run(backend="inprocess")
    opened.report()
    with opened.study.paths.comparison_csv.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["folds"] == "2"]
    assert {row["sizes"] for row in rows} == {"rows of each fold"}
    assert [float(r["variance_factor"]) for r in rows] == pytest.approx([1 / 2 + 3 / 7] * len(rows))
    page = Page(opened.study.paths.report_html)
    summary = opened.summary()
    (line,) = [one.mean("skill") for one in summary.null_models]
    better = sum(one.mean("skill") > line for one in summary.groups)
    said = " ".join(page.sections["null-models"].split())
    assert f"{better} of {len(summary.groups)} rows of the comparison have a better mean" in said
    assert f"than the best null model, guess, with {line:.4f}." in said
