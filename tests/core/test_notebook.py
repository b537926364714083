"""Python in a notebook: progress in one output, objects as tables, no internals on offer."""

from __future__ import annotations

import contextlib
import dataclasses
import html
import os
import re
import signal
import sys
from types import SimpleNamespace

import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.pipeline.models import Report
from gridrun.run import Silent, Tally, usual_progress
from gridrun.run._notebook import Notebook
from gridrun.testing._toy_runner import ToyRunner

GRID = {name: values[:1] for name, values in SMALL_GRID.items()}
GRID |= {"smoothing": ["flat", "upper", "mean"]}


class Kernel:
    """What IPython's display hooks are given: each output, and what it was updated to."""

    def __init__(self):
        self.outputs = []
        self.shell = SimpleNamespace(kernel=self)

    def get_ipython(self):
        return self.shell

    def display(self, data, *, raw, display_id):
        assert raw
        assert display_id
        shown = [data]
        self.outputs.append(shown)
        return SimpleNamespace(update=lambda later, *, raw: shown.append(later) if raw else None)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A study that was run in what looks like a notebook, its report, and what was displayed."""
    kernel, loaded = Kernel(), dict(sys.modules)
    sys.modules["IPython"] = SimpleNamespace(get_ipython=kernel.get_ipython)
    sys.modules["IPython.display"] = SimpleNamespace(display=kernel.display)
    try:
        directory = write_study(tmp_path_factory.mktemp("notebook") / "study", GRID)
        opened = open_toy(directory, misbehave={"smoothing=upper,fold=1": "error"})
        yield opened, opened.run(backend="inprocess"), kernel.outputs
    finally:
        for name in ("IPython", "IPython.display"):
            sys.modules.pop(name)
            sys.modules.update({name: loaded[name]} if name in loaded else {})


def test_a_run_is_one_output_that_is_updated(ran):
    """Counts, failures with their reason and the bar stand in a single output, as text and HTML."""
    _, ended, outputs = ran
    (shown,) = outputs
    total = ended.tally.total
    assert total == 12
    assert len(shown) > 1
    # what is done last is not said any more
    assert shown[-1]["text/plain"].startswith(f"{total} of {total} tasks, 2 failed, 0:00:")
    assert f'<progress value="{total}" max="{total}">' in shown[-1]["text/html"]
    assert re.search(r"error: (tree|line) fold 1: ", shown[-1]["text/plain"])
    assert "left" not in shown[-1]["text/plain"]


def test_time_left_is_that_of_the_pace_so_far(monkeypatch):
    """After 10 of 40 tasks in 20 s the other 30 take a minute; what earlier runs did has no say."""
    now = [0.0]
    monkeypatch.setattr("gridrun.run._notebook.time", SimpleNamespace(monotonic=lambda: now[0]))
    kernel = Kernel()
    shown = Notebook(kernel.display)
    shown.phase("tasks run")
    shown.update(Tally(total=140, before=100))
    assert "left" not in shown.text()
    now[0] = 20.0
    shown.update(Tally(total=140, before=100, done=9, failed=1))
    said = "tasks run, 110 of 140 tasks, 1 failed, 0:00:20 since it began, about 0:01:00 left"
    assert kernel.outputs[0][-1]["text/plain"] == said
    now[0] = 20.1
    shown.update(Tally(total=140, before=100, done=10, failed=1))
    assert kernel.outputs[0][-1]["text/plain"] == said  # not more often than the eye can follow


@pytest.mark.parametrize("times", [1, 2])
def test_a_stop_that_a_library_loses_ends_the_run_all_the_same(tmp_path, monkeypatch, times):
    """Tasks in this process may swallow KeyboardInterrupt, as R does; what is done is kept."""
    plain, ran = ToyRunner.run, []

    def losing(self, task, artifact):
        ran.append(task)
        if len(ran) == 3:
            for _ in range(times):
                with contextlib.suppress(KeyboardInterrupt):
                    os.kill(os.getpid(), signal.SIGINT)
        return plain(self, task, artifact)

    monkeypatch.setattr(ToyRunner, "run", losing)
    opened = open_toy(write_study(tmp_path / "study", GRID))
    # whoever starts the tests in the background has them ignore it
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        ended = opened.run(backend="inprocess")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.state, ended.tally.done) == ("interrupted", 3)
    monkeypatch.undo()
    assert opened.run(backend="inprocess").state == "done"


def test_outside_of_a_notebook_nothing_is_shown(monkeypatch):
    """A script, and IPython on a terminal, have no output that could be updated."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert isinstance(usual_progress(), Silent)
    terminal = SimpleNamespace(get_ipython=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    assert isinstance(usual_progress(), Silent)


def test_what_people_get_is_shown_as_tables(ran):
    """No object dumps the fields of its class, and markup in a text is text."""
    opened, ended, _ = ran
    objects = [opened, opened.study, ended, opened.plan(), opened.status(), opened.summary()]
    objects += [opened.plan(sample=2, design="balanced").coverage, opened.means(), *opened.logs()]
    objects += [Report(opened.study.path, ["a <b>"], ["c"])]
    for one in objects:
        shown = one._repr_html_()
        assert shown.startswith("<")
        assert f"{type(one).__name__}(" not in html.unescape(shown)
    for one in (ended, opened.plan(), opened.status(), opened.summary()):
        lines = repr(one).splitlines()
        assert 5 <= len(lines) <= 20
        assert f"{type(one).__name__}(" not in repr(one)
        assert max(map(len, lines)) < 150
    assert "  left to run: 0" in repr(opened.plan())
    assert "&lt;b&gt;" in shown
    text = html.unescape(ended._repr_html_())
    assert "<td>failed</td><td>2</td>" in text
    assert "mean_skill" in text
    assert "<td>combinations</td><td>3 of 3</td>" in opened.plan()._repr_html_()
    assert f"<td>smooth</td><td>{3 * opened.plan().folds}</td>" in opened.plan()._repr_html_()
    assert "<td>combinations</td><td>3 of 3</td>" in opened.status()._repr_html_()
    assert "<td>parts failed</td><td>2</td>" in opened.status()._repr_html_()
    assert "<td>smoothing</td><td>flat, upper, mean</td>" in opened._repr_html_()
    assert repr(opened.logs()[0]).startswith("<combination 2 ")


def test_a_study_shows_what_people_use_and_no_internals(ran):
    """Completion offers what the documentation names; the rest is there for commands alone."""
    opened, _, _ = ran
    names = dir(opened)
    assert {"plan", "run", "status", "results", "means", "report", "logs"} <= {*names}
    assert all(callable(getattr(opened, name)) or name == "study" for name in names)
    assert [name for name in names if name.startswith("_")] == []
    internals = {"engine", "state", "known", "backend_settings", "sweeps", "quote", "is_read"}
    assert internals & {*names} == set()
    assert all(hasattr(opened, name) for name in internals)
    assert not dataclasses.is_dataclass(opened)
