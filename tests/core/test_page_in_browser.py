"""The report in Debian's chromium: opened from disk; left out where there is none."""

from __future__ import annotations

import csv
import re
import shutil
import statistics
from pathlib import Path

import pytest
from browser import PROGRAM, browser
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun import open_study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="there is no chromium (apt-get install chromium)"),
]

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
GRID = {**SMALL_GRID, "coding": ["columns"], "tuning": ["fixed"]}
CONTROLS = "document.querySelectorAll('select, button, input, canvas, svg[role]')"
EXPLORER = "document.querySelector('figure[data-figure=explorer]')"
PAIRS = f"{EXPLORER}.selection().pairs"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of which one method fails in its first fold, and its report."""
    folder = tmp_path_factory.mktemp("report") / "study"
    opened = open_toy(
        write_study(folder, GRID, folds=5),
        misbehave={"smoothing=upper,fold=1": "error"},
        predictions=60,
    )
    opened.run(backend="inprocess")
    opened.report()
    return opened


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A browser for the tests of this file."""
    with browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture
def page(shown, study):
    """The report, open and ready; nothing was asked for but the page, and nothing complained."""
    shown.requests.clear()
    shown.complaints.clear()
    shown.open(study.study.paths.report_html)
    shown.until(f"{EXPLORER}?.dataset.ready === 'yes'")
    yield shown
    assert shown.complaints == []
    own = study.study.paths.report_html.absolute().as_uri()
    assert {address.partition("#")[0] for address in shown.requests} <= {own}


def rows_of(study):
    """Mean skill of each combination and classifier, as a reader of the final table has it."""
    parts = {}
    with study.study.paths.results_csv.open(newline="") as handle:
        for row in csv.DictReader(handle):
            key = (row["combination"], row["classifier"], row["fold"])
            parts.setdefault(key, []).append(row)
    means = {}
    for (combination, classifier, _), rows in parts.items():
        known = [float(row["skill"]) for row in rows if row["skill"] not in {"NA", "NaN"}]
        values = means.setdefault((combination, classifier), (rows[0], []))[1]
        if known:
            values.append(sum(known) / len(known))
    return list(means.values())


def test_a_brush_keeps_the_rows_that_the_table_has(page, study):
    """A click on a value keeps its rows alone; table, sentence and address follow."""
    page.evaluate(f"{EXPLORER}.brush(1, {{ set: new Set([0, 2]) }})")
    page.until(f"{EXPLORER}.textContent.includes('rows are kept')")
    kept = [(row, values) for row, values in rows_of(study) if row["smoothing"] != "upper"]
    page.until(f"{EXPLORER}.textContent.includes('{len(kept)} of')")
    assert page.evaluate(f"{EXPLORER}.selection().size") == len(kept)
    means = [sum(values) / len(values) for _, values in kept if values]
    said = page.evaluate(f"{EXPLORER}.querySelector('[aria-live]').textContent")
    assert float(said.split()[-1].rstrip(".")) == pytest.approx(sum(means) / len(means), abs=2e-4)
    assert page.evaluate("location.hash") == "#grid.keep.smoothing=flat%7Emean"
    counted = page.evaluate(f"{PAIRS}.map(({{ count }}) => count.reduce((a, b) => a + b))")
    assert set(counted) == {len(kept)}
    summed = page.evaluate(f"{PAIRS}.map(({{ sum }}) => sum.reduce((a, b) => a + b))")
    assert summed == pytest.approx([sum(means) * 1e4] * len(summed), abs=len(means))


def test_the_rows_are_sorted_as_the_table_sorts_them(page, study):
    """A head that is pressed sorts by its column, what has no number last."""
    page.evaluate(f"{EXPLORER}.resort('mean skill', 'down')")
    rows = f"[...{EXPLORER}.querySelectorAll('.body [role=row]')]"
    first = page.evaluate(f"{rows}.map((row) => row.children[6].textContent)")
    means = sorted((sum(v) / len(v) for _, v in rows_of(study) if v), reverse=True)
    numbers = [float(text) for text in first if text != "-"]
    assert len(numbers) > 3
    assert numbers == pytest.approx(means[: len(numbers)], abs=5.1e-5)


def test_every_figure_is_drawn(page):
    """Each place of a figure has a picture with marks in it, that of calibration too."""
    drawn = (
        "[...document.querySelectorAll('figure')].map((one) => [one.dataset.figure ?? '', "
        "one.querySelectorAll('svg circle, svg path, canvas').length])"
    )
    found = page.evaluate(drawn)
    assert "calibration" in {name for name, _ in found}
    assert all(marks for _, marks in found)


def test_the_diagram_of_critical_differences_is_that_of_the_table(page):
    """A mark for each mean and for each letter, a bar for each group from its least to its most."""
    place = "document.querySelector('#groups-1-letters')"
    has = f"[...{place}.tBodies[0].rows].filter((row) => row.cells[1].textContent !== '-').length"
    letters = f"{place}.querySelectorAll('td.bar').length"
    figure = f"{place}.closest('.wide').previousElementSibling"
    marks = page.evaluate(f"{figure}.querySelectorAll('svg g[aria-label=dot] circle').length")
    assert marks == page.evaluate(f"{has} + {letters}") > 3
    bars = page.evaluate(f"{figure}.querySelectorAll('svg g[aria-label=link] path').length")
    assert bars == page.evaluate(f"{place}.tHead.rows[0].cells.length - 4") > 0


def test_the_address_has_the_view_and_gives_it_back(shown, study):
    """A page that is opened with a fragment shows that metric and that choice."""
    shown.open(study.study.paths.report_html, "#comparison.metric=loss&grid.keep.classifier=line")
    shown.until(f"{EXPLORER}?.dataset.ready === 'yes' && {EXPLORER}.selection().size > 0")
    assert (
        shown.evaluate("document.querySelector('figure[data-figure=comparison] select').value")
        == "loss"
    )
    assert shown.evaluate(f"{EXPLORER}.selection().size") == len(rows_of(study)) / 2


def test_failures_count_as_the_control_says(page, study):
    """Another view shows its own table and numbers, in the comparison and in the explorer too."""
    views = "[...document.querySelectorAll('#differences ~ [data-view], [data-view]')]"
    shown = f"{views}.filter((one) => !one.hidden).map((one) => one.dataset.view)"
    assert page.evaluate(shown) == ["fallback"]
    for name in ("differences", "comparison", "grid"):
        figure = (
            "[...document.querySelectorAll('section')].find((one) => "
            f"one.getAttribute('aria-labelledby') === '{name}').querySelector('figure')"
        )
        select = (
            f"[...{figure}.querySelectorAll('label')].find((one) => "
            "one.textContent.startsWith('Failures')).querySelector('select')"
        )
        page.evaluate(f"{select}.value = 'worst case', {select}.onchange?.()")
        page.evaluate(f"{select}.dispatchEvent(new Event('change'))")
        page.until(f"location.hash.includes('{name}.failures=worst')")
    assert page.evaluate(shown) == ["worst case"]
    worst, folds = -1.0, 5
    means = [(sum(v) + worst * (folds - len(v))) / folds for _, v in rows_of(study) if v]
    page.until(f"{EXPLORER}.textContent.includes('the worst value')")
    said = page.evaluate(f"{EXPLORER}.querySelector('[aria-live]').textContent")
    assert float(said.split()[-1].rstrip(".")) == pytest.approx(sum(means) / len(means), abs=2e-4)
    # what failed is in the standard errors of the table, too
    texts = f"(row) => [...{EXPLORER}.querySelectorAll(row)].map((one) => one.textContent)"
    heads = page.evaluate(f"({texts})('[role=columnheader]')")
    cells = page.evaluate(f"({texts})('[role=cell]')")
    lines = [dict(zip(heads, cells[at:], strict=False)) for at in range(0, len(cells), len(heads))]
    expected = [[*v, *[worst] * (folds - len(v))] for _, v in rows_of(study) if 0 < len(v) < folds]
    errors = {f"{statistics.stdev(values) / folds**0.5:.3f}" for values in expected}
    failed = [line["se skill"] for line in lines if 0 < int(line["failed"]) < folds]
    assert failed
    assert {*failed} <= errors
    page.evaluate("location.hash = ''")


def test_everything_is_done_by_keyboard_and_has_a_name(page):
    """Each control takes the focus by Tab, and nothing that draws lacks a description."""
    named = "one.textContent.trim() || one.getAttribute('aria-label') || one.closest('label')"
    assert page.evaluate(f"[...{CONTROLS}].filter((one) => !({named})).length") == 0
    seen = set()
    for _ in range(30):
        page.press("Tab", 9)
        seen.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "BUTTON", "SELECT"} <= seen
    page.evaluate(f"{EXPLORER}.querySelector('details').open = true")
    page.evaluate(f"{EXPLORER}.querySelector('fieldset input[type=checkbox]').focus()")
    before = page.evaluate(f"{EXPLORER}.selection().size")
    page.press(" ", 32)
    assert page.evaluate(f"{EXPLORER}.selection().size") < before
    page.evaluate("location.hash = ''")


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("is_dark", [False, True])
def test_nothing_is_wider_than_the_window(page, width, is_dark):
    """At 360 and at 1,600 pixels, light and dark, nothing has to be scrolled sideways."""
    page.dark(on=is_dark)
    page.resize(width, 900)
    page.until(
        f"innerWidth === {width} && {EXPLORER}.querySelector('canvas').offsetWidth < {width}"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    figures = "[...document.querySelectorAll('figure svg')]"
    ends = page.evaluate(f"{figures}.map((one) => one.getBoundingClientRect().right)")
    assert max(ends) <= width
    page.dark(on=False)


WIDER_THAN_THEIR_BOX = (
    "[...document.querySelectorAll('table')].map((one) => [one, one.parentElement])"
    ".filter(([one, box]) => one.offsetWidth > box.clientWidth)"
    ".map(([one, box]) => [one.tHead?.innerText ?? one.innerText, getComputedStyle(box).overflowX])"
)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    """The report of a part of the quickstart, by variant and by gene: the widest tables."""
    folder = tmp_path_factory.mktemp("quickstart") / "study"
    shutil.copytree(QUICKSTART, folder, ignore=shutil.ignore_patterns("results", ".gridrun"))
    file = folder / "study.yaml"
    more = "protocol: corrected\npredictions: yes\nsplit_by: [variant, gene]"
    file.write_text(re.sub("protocol: amiss.*", more, file.read_text()))
    opened = open_study(folder)
    methods = ["zero_imp", "mean_imp", "missingness_indicators"]
    opened.run(backend="inprocess", folds=2, only={"imputation": methods, "quality": "onestar"})
    opened.report()
    return opened


@pytest.mark.parametrize("name", ["study", "quickstart"])
def test_tables_fit_their_box_or_scroll_in_it(shown, request, name):
    """At 1,400 and 1,600 pixels all do; at 360 the page stays, and what is wider scrolls."""
    shown.open(request.getfixturevalue(name).study.paths.report_html)
    shown.until(f"{EXPLORER}?.dataset.ready === 'yes'")
    shown.evaluate(
        "document.querySelectorAll('details').forEach((one) => { one.open = true; });"
        "document.querySelectorAll('[data-view]').forEach((one) => { one.hidden = false; })"
    )
    for width in (1400, 1600):
        shown.resize(width, 900)
        shown.until(f"innerWidth === {width}")
        assert shown.evaluate(WIDER_THAN_THEIR_BOX) == []
    shown.resize(360, 900)
    shown.until("innerWidth === 360")
    wider = shown.evaluate(WIDER_THAN_THEIR_BOX)
    assert wider
    assert {overflow for _, overflow in wider} == {"auto"}
    assert shown.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_scripts_the_tables_are_there(shown, study):
    """A browser that runs no script shows every table, and says that figures are missing."""
    shown.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        shown.call("Page.navigate", url=study.study.paths.report_html.absolute().as_uri())
        shown.until("document.querySelectorAll('table').length > 4")
        assert "Scripts are off" in shown.evaluate("document.body.innerText")
    finally:
        shown.call("Emulation.setScriptExecutionDisabled", value=False)
