"""What ran: inputs with digests, the grid, the protocol, counts and the machine."""

from __future__ import annotations

import datetime as dt

from gridrun.errors import counted
from gridrun.plan.units import State
from gridrun.report.page._known import Known
from gridrun.report.page._methods_text import methods_text
from gridrun.report.page._section import Shown
from gridrun.study.state import StudyState


def show_first(known: Known) -> Shown | None:
    """What nobody should see a number of the page without."""
    summary = known.summary
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
    return Shown({"said": said}) if said else None


def show_what(known: Known) -> Shown:
    """What ran."""
    study_state, summary = known.study_state, known.summary
    study, pipeline = study_state.study, study_state.pipeline
    parts = {
        State.DONE: summary.done,
        State.FAILED: summary.failed,
        State.SKIPPED: summary.skipped,
        State.WAITING: summary.waiting,
    }
    values = {
        "protocol": summary.protocol,
        "protocol_is": pipeline.protocols[study.protocol],
        "inputs": known.inputs,
        "grid": [(name, ", ".join(map(str, values))) for name, values in known.grid.items()],
        "combinations": f"{len(study_state.selection):,} of {len(study.grid):,}",
        "folds": summary.folds,
        "selected": _selected(study_state),
        "coverage": study_state.selection.coverage,
        "classifiers": ", ".join(study.classifiers),
        "seed": study.seed,
        "parts": [(str(state), count) for state, count in parts.items()],
        "run": _last_run(study_state),
    }
    return Shown(values)


def show_methods(known: Known) -> Shown:
    """The paragraph for a paper's methods section."""
    return Shown(dict(zip(("markdown", "latex"), methods_text(known), strict=True)))


def show_notes(known: Known) -> Shown:
    """Notes of the last run."""
    return Shown({"notes": [note.strip() for note in known.notes]})


def show_versions(known: Known) -> Shown:
    """What computed the results."""
    view = known.study_state.view
    environment = (view.environment() if view is not None else None) or {}
    return Shown({"environment": sorted(environment.items())})


def _selected(study_state: StudyState) -> list[tuple[str, str]]:
    """What was chosen of the grid: option and value, as on a command line."""
    asked = study_state.request.selecting()
    chosen = {name: asked.get(name) for name in ("only", "combinations", "sample", "rows")}
    chosen |= {"sample": study_state.drawing.label, "rows": study_state.settings.rows}
    return [
        (name, " ".join(value) if isinstance(value, tuple | list) else f"{value}")
        for name, value in chosen.items()
        if value
    ]


def _last_run(study_state: StudyState) -> list[tuple[str, str]]:
    """Where and when the last run was, as facts by name."""
    last = study_state.view.last_run() if study_state.view is not None else None
    if last is None:
        return []
    times = [("began", last["started"]), ("ended", last["ended"])]
    return [
        ("backend of the last run", f"{last['backend']}"),
        ("machine it was started on", f"{last['host']}"),
        *((f"last run {name}", _time(at)) for name, at in times if at),
    ]


def _time(at: float) -> str:
    """To the minute, in UTC."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
