"""A check-list of what reporting guidelines ask for, as far as the study can answer it.

The questions are in words of our own, by the topics of REFORMS (Kapoor and others 2024,
doi:10.1126/sciadv.adk3452) and TRIPOD+AI (Collins and others 2024, doi:10.1136/bmj-2023-078378).
"""

from __future__ import annotations

from collections.abc import Iterator

from gridrun.errors import counted
from gridrun.pipeline.reports import ShapesReport
from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown

AUTHORS = "for the authors"

_OPEN = (
    ("REFORMS 1, TRIPOD+AI", "For whom and for which decision are the predictions?"),
    ("REFORMS 3, TRIPOD+AI", "Where are the data from, who labelled them, and when?"),
    ("REFORMS 8, TRIPOD+AI", "To which data beyond these do the findings apply?"),
    ("TRIPOD+AI", "Was the study registered, and who paid for it?"),
)


def show_checklist(known: Known) -> Shown:
    """Each question with the study's answer, or that its authors have to give it."""
    rows = [*_answered(known)]
    pipeline = known.study_state.pipeline
    if isinstance(pipeline, ShapesReport):
        rows += [(one.guideline, one.asks, one.answer) for one in pipeline.report_checks]
    rows += [(guideline, asks, AUTHORS) for guideline, asks in _OPEN]
    return Shown({"rows": rows})


def _answered(known: Known) -> Iterator[tuple[str, str, str]]:
    study_state, summary = known.study_state, known.summary
    study, view = study_state.study, study_state.view
    inputs = [f"{name} ({digest[:12]}…)" for _, name, digest in known.inputs]
    yield "REFORMS 2", "Which data, exactly?", f"{', '.join(inputs)}; whole digests are above."
    versions = len((view.environment() if view is not None else None) or {})
    yield (
        "REFORMS 2, TRIPOD+AI",
        "With which code and versions?",
        f"gridrun, with {counted(versions, 'recorded version')}; see Computed with.",
    )
    yield (
        "REFORMS 2",
        "Can it be run again?",
        (
            f"The study file, the inputs and seed {study.seed} decide every draw; the ledger names "
            "each attempt."
        ),
    )
    yield (
        "REFORMS 5, TRIPOD+AI",
        "How were models evaluated?",
        (
            f"{counted(summary.folds, 'fold')} for each combination, protocol {summary.protocol}: "
            f"{study_state.pipeline.protocols[study.protocol].rstrip('.')}."
        ),
    )
    yield (
        "REFORMS 5",
        "How many alternatives were tried?",
        (
            f"{len(study_state.selection):,} of {counted(len(study.grid), 'combination')} with "
            f"{counted(len(known.classifiers), 'classifier')}; all are in the tables, also "
            "those that did badly."
        ),
    )
    leaks = [text for text in summary.warnings if "leak" in text]
    yield (
        "REFORMS 6",
        "Is anything known that training rows may have in common with test rows?",
        "; ".join(leaks) or "No leakage is known to the pipeline; it cannot know all.",
    )
    metrics = ", ".join(one.column for one in known.metrics)
    yield (
        "REFORMS 7, TRIPOD+AI",
        "Which metrics, and which leads?",
        f"{metrics}; {known.metrics[0].column} leads.",
    )
    yield (
        "REFORMS 7",
        "How uncertain are they?",
        (
            "The spread over folds is shown; folds share training rows, so it is no standard error "
            "of a difference."
        ),
    )
    yield (
        "TRIPOD+AI",
        "What failed, and what became of it?",
        (
            f"{summary.failed:,} failed and {summary.waiting:,} waiting of "
            f"{summary.done + summary.failed + summary.waiting:,}; means leave them out, and "
            "Failures has the reasons."
        ),
    )
