"""``results/report.html``: what ran, what it says and what failed, on one page for others to read.

The page is made of the numbers that the tables have. It holds no script and asks nobody for
anything, so that it opens from disk, and in an archive years later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gridrun._version import __version__
from gridrun.errors import InputError, counted, printable
from gridrun.plan.units import State
from gridrun.report.tables._summary import Summary, SummaryGroup
from gridrun.store.cache import replacing
from gridrun.study.state import StudyState

TEMPLATE = Path(__file__).with_name("page.html.jinja")
"""The page's text around the numbers."""

_DIGITS = 4


def write_page(study_state: StudyState, summary: Summary, notes: Sequence[str]) -> None:
    """Write the report of a study.

    Args:
        study_state: The study.
        summary: What its tables say.
        notes: Of its last run.
    """
    # other commands need not wait for the template engine
    from jinja2 import Environment, StrictUndefined

    # names and reasons are what a file or an error says: markup in them is text
    engine = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    engine.filters["plain"] = lambda value: printable(str(value))
    page = engine.from_string(TEMPLATE.read_text("utf-8"))
    text = page.render(**_contents(study_state, summary), notes=[note.strip() for note in notes])
    with replacing(study_state.study.paths.report_html) as aside:
        aside.write_text(text, "utf-8")


def _contents(study_state: StudyState, summary: Summary) -> dict[str, Any]:
    study, pipeline = study_state.study, study_state.pipeline
    environment = (study_state.view.environment() if study_state.view is not None else None) or {}
    parts = {
        State.DONE: summary.done,
        State.FAILED: summary.failed,
        State.SKIPPED: summary.skipped,
        State.WAITING: summary.waiting,
    }
    failures = sorted(summary.reasons.items(), key=lambda item: (-item[1], item[0]))
    grid = study.grid.allowed()
    return {
        "study": study.paths.directory.name,
        "version": __version__,
        "pipeline": pipeline.name,
        "protocol": summary.protocol,
        "protocol_is": pipeline.protocols[study.protocol],
        "first": _read_first(summary),
        "inputs": _inputs(study_state),
        "grid": [(name, ", ".join(map(str, values))) for name, values in grid.items()],
        "combinations": f"{len(study_state.selection):,} of {len(study.grid):,}",
        "folds": summary.folds,
        "selected": _selected(study_state),
        "classifiers": ", ".join(study.classifiers),
        "seed": study.seed,
        "parts": [(str(state), count) for state, count in parts.items()],
        "undefined": any(group.undefined(m) for group in summary.groups for m in group.metrics),
        "columns": _columns(summary),
        # as printed: where all parts are skipped there is nothing to compare
        "groups": [
            _cells(group, summary)
            for group in summary.groups
            if group.n or group.failed or group.waiting
        ],
        "failures": [(count, kind, reason) for (kind, reason), count in failures],
        "environment": sorted(environment.items()),
    }


def _selected(study_state: StudyState) -> list[tuple[str, str]]:
    """What was chosen of the grid: option and value, as on a command line."""
    asked = study_state.request.selecting()
    chosen = {name: asked.get(name) for name in ("only", "combinations", "sample", "rows")}
    chosen |= {"sample": study_state.sample, "rows": study_state.settings.rows}
    return [
        (name, " ".join(value) if isinstance(value, tuple | list) else f"{value}")
        for name, value in chosen.items()
        if value
    ]


def _read_first(summary: Summary) -> list[str]:
    """What nobody should see a number of the page without."""
    said = [*filter(None, [summary.rows_note]), *summary.warnings]
    if summary.waiting:
        said.append(
            f"{counted(summary.waiting, 'part')} of "
            f"{summary.waiting + summary.done + summary.failed:,} that the study asks for did not "
            "run yet, so these means are of a part of it; `gridrun status` says how it stands"
        )
    if summary.failed:
        said.append(
            f"{counted(summary.failed, 'part')} failed, and no mean has them: a method that fails "
            "where the others find it hard looks better than it is"
        )
    return said


def _inputs(study_state: StudyState) -> list[tuple[str, str, str]]:
    """Role, name of the file and digest of its text."""
    study = study_state.study
    try:
        digests = study_state.input_digests
    except InputError:  # tables of a study whose inputs are gone are written all the same
        digests = {}
    names = {role: path.name for role, path in study.inputs.items()}
    roles = [*names, *(role for role in digests if role not in names)]
    return [(role, names.get(role, "elsewhere"), digests.get(role, "not known")) for role in roles]


def _columns(summary: Summary) -> list[tuple[str, bool]]:
    """Header of the comparison, and whether a column has numbers."""
    texts = [summary.method_parameter, *summary.parameters, "classifier"]
    numbers = ["n", "failed", *(f"mean {metric}" for metric in summary.metrics), "s/task"]
    return [
        *((name, False) for name in texts),
        *((name, True) for name in numbers),
        *((name, False) for name in _caveats(summary)),
    ]


def _caveats(summary: Summary) -> list[str]:
    """Columns of caveats that some row has, each once."""
    return list(dict.fromkeys(name for group in summary.groups for name in group.caveats))


def _cells(group: SummaryGroup, summary: Summary) -> list[str]:
    texts = [group.method, *(str(value) for value in group.at.values()), group.classifier]
    means = [
        _number(group.mean(metric)) + ("*" if group.undefined(metric) else "")
        for metric in group.metrics
    ]
    numbers = [f"{group.n:,}", f"{group.failed:,}", *means, _number(group.seconds, 2)]
    return [*texts, *numbers, *(group.caveats.get(name, "") for name in _caveats(summary))]


def _number(value: float, digits: int = _DIGITS) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
