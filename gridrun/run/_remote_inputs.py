"""The first job of a study whose inputs are read where they are: sent once, its report kept."""

from __future__ import annotations

import contextlib

from gridrun._version import __version__
from gridrun.errors import GridrunError, UserError
from gridrun.plan.units import InputsRead, Job, SweepPlanned
from gridrun.run._progress import Progress
from gridrun.run._recorder import record_sweep
from gridrun.run._sweeps import token_of
from gridrun.run.backend import ReadingBackend, ReadingEvent, SentSweep, StudyView
from gridrun.shard.remote_inputs import ReadingReport, report_from
from gridrun.store.ledger import Ledger
from gridrun.study.inputs import READING_META
from gridrun.study.state import PIPELINE_META, STUDY_META, StudyState

_SENT_META = "sent "
"""Begins the name under which the ledger keeps which sweep has an order."""


def read_elsewhere(
    study_state: StudyState,
    backend: ReadingBackend,
    *,
    backend_name: str,
    progress: Progress,
    again: bool = False,
) -> bool:
    """Have the inputs read where they are, unless that was done.

    Args:
        study_state: The study and the request.
        backend: Sends the job; opened and closed here.
        backend_name: For the ledger.
        progress: Progress callback.
        again: Whether to have them read although they were.

    Returns:
        Whether they are read now; otherwise a job reads them, and goes on.

    Raises:
        InputError: Something is wrong with the inputs.
        GridrunError: It could not be sent, or failed.
    """
    if study_state.reading is not None and not again:
        return True
    order = study_state.reading_order
    paths = study_state.study.paths
    backend.open(
        Job(study_state.pipeline_name, study_state.settings, study_state.study.limits), _no_artifact
    )
    report = None
    try:
        with Ledger(paths.ledger) as ledger:
            ledger.store_meta(STUDY_META, study_state.study.path.name)
            ledger.store_meta(PIPELINE_META, study_state.pipeline_name)
            ledger.begin_run(study_state.request.selecting(), backend_name, __version__)
            state = "stopped"
            try:
                study = StudyView(
                    study_state.study.directory.name,
                    token_of(ledger),
                    len(ledger.sweeps()),
                    paths.sweeps,
                )
                living = _living(ledger, f"{_SENT_META}{order.digest}")
                for event in backend.read(order.text(), living, study):
                    report = _take(event, ledger, order.digest, backend_name) or report
                state = "done" if report is not None else "interrupted"
            finally:
                with contextlib.suppress(GridrunError):
                    ledger.end_run(state)
    finally:
        progress.phase("")
        backend.close()
        study_state.refresh()
    if report is not None and report.faults:
        raise report.error()
    return report is not None


def _take(
    event: ReadingEvent, ledger: Ledger, digest: str, backend_name: str
) -> ReadingReport | None:
    if not isinstance(event, InputsRead):
        if isinstance(event, SweepPlanned):
            ledger.store_meta(f"{_SENT_META}{digest}", event.sweep)
        record_sweep(event, ledger, backend_name)
        return None
    report = report_from(event.report)
    if report.order != digest:
        raise UserError(
            "the job has read the inputs for another order than this study's",
            where=event.sweep,
            todo="is this the study directory that it was sent from, or a copy of it?",
        )
    if not report.faults:
        # with faults the next run has them read once more, when they are mended
        ledger.store_meta(f"{READING_META}{digest}", event.report)
    return report


def _living(ledger: Ledger, key: str) -> SentSweep | None:
    """The sweep that has an order already and has not ended."""
    name = ledger.meta(key)
    for sweep in ledger.sweeps():
        if sweep.name == name and sweep.lives:
            return SentSweep(sweep.name, sweep.is_sent, sweep.planned, {})
    return None


def _no_artifact(digest: str) -> bytes:
    raise KeyError(digest)
