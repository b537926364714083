"""How a study stands, from its ledger, while a run works on it or not."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridrun.errors import counted
from gridrun.pipeline.notebooks import facts_html, facts_text
from gridrun.plan.times import SHARED, Group, Observed, TimeEstimate, estimate
from gridrun.plan.units import State
from gridrun.report.counts import EndedOnce, count_parts
from gridrun.report.tables import altered_files
from gridrun.report.times import costs_of, observed_of, shared_seconds
from gridrun.report.why import changes_since
from gridrun.store.ledger import LedgerView
from gridrun.study.state import PUT_OFF_META, StudyState

RATE_SECONDS = 600.0
"""The rate is that of the last ten minutes."""


@dataclass(frozen=True)
class MethodTime:
    """What tasks of a method and classifier took.

    Args:
        method: Value of the compared parameter.
        classifier: Which classifier.
        tasks: Number of finished tasks.
        seconds: Mean seconds of a task, without what classifiers share.
        shared_seconds: Mean seconds of what they share; NaN where nothing was made.
    """

    method: str
    classifier: str
    tasks: int
    seconds: float
    shared_seconds: float


@dataclass(frozen=True)
class Held:
    """A unit that a worker holds.

    Args:
        unit: Its name.
        worker: Who holds it.
        tasks: Number of its tasks.
        ended: How many of these have ended.
        since: Seconds since the epoch.
    """

    unit: str
    worker: str
    tasks: int
    ended: int
    since: float


@dataclass(frozen=True)
class StatusReport:
    """How a study stands.

    Args:
        parts: State to number of parts (combination, classifier, fold).
        reasons: (kind, reason) of failed parts, with how often; most first.
        failing: Method to the number of its parts that failed, those of upstream's defects left
            out; most first.
        attempts: State to number of attempts, all runs.
        held: Units that workers hold.
        sent: Tasks that sweeps elsewhere hold; they wait, as far as is known here.
        holder: Host, process id and heartbeat of the run at work, or None.
        last_run: The newest run, or None.
        combinations: Number of combinations that the newest run selected.
        combinations_in_grid: Number of combinations in the study's grid.
        folds: Folds of each of them.
        folds_of_study: Folds that the study asks for.
        tasks: Tasks of the newest run's selection.
        done: Those of them that are done.
        failed: Those of them that failed.
        rate: Tasks a minute, of the last ten minutes or the run's last; 0 where none ended.
        workers: Workers at work, or of the newest run where none is.
        left: How long what is left takes on one core; None where nothing is.
        methods: What tasks took, slowest first.
        changes: What has changed since then, where none of its outcomes is valid any more.
        damaged: Parts whose result in the ledger was found to be damaged; they are waiting.
        unchecked: Results in the ledger that were only counted: older than those that status holds
            against their digests.
        altered: Files in ``results/`` that are not what was written.
        put_off: Tasks that wait to be tried again in the run at work: how many, when (seconds since
            the epoch), and why.
    """

    parts: dict[str, int]
    reasons: dict[tuple[str, str], int]
    failing: dict[str, int]
    attempts: dict[str, int]
    held: tuple[Held, ...]
    holder: tuple[str, int, float] | None
    last_run: dict[str, Any] | None
    combinations: int
    combinations_in_grid: int
    folds: int
    folds_of_study: int
    sent: int = 0
    tasks: int = 0
    done: int = 0
    failed: int = 0
    rate: float = 0.0
    workers: int = 1
    left: TimeEstimate | None = None
    methods: tuple[MethodTime, ...] = ()
    changes: tuple[str, ...] = ()
    damaged: int = 0
    unchecked: int = 0
    altered: tuple[Path, ...] = field(default=())
    put_off: tuple[tuple[int, float, str], ...] = ()

    @property
    def running(self) -> int:
        """Tasks that run just now: each worker runs one at a time."""
        return sum(one.ended < one.tasks for one in self.held)

    @property
    def share(self) -> float:
        """Share of the tasks that have ended."""
        return (self.done + self.failed) / self.tasks if self.tasks else 1.0

    def __repr__(self) -> str:
        return facts_text("Study as it stands", self._facts(), self._lines())

    def _repr_html_(self) -> str:
        """Counts by state and reasons of failures, for notebooks."""
        return facts_html("Study as it stands", self._facts(), self._lines())

    def _facts(self) -> dict[str, Any]:
        combinations = f"{self.combinations:,} of {self.combinations_in_grid:,}"
        counts = {f"parts {state}": count for state, count in self.parts.items()}
        return {**counts, "combinations": combinations, "folds": self.folds}

    def _lines(self) -> list[str]:
        reasons = [f"{count:,} x {kind}: {why}" for (kind, why), count in self.reasons.items()]
        return [*self.warnings, *reasons]

    @property
    def warnings(self) -> list[str]:
        """Damage that was found, one sentence each."""
        said = [
            f"{file} is not what was written; `gridrun results` makes it anew"
            for file in self.altered
        ]
        if self.damaged:
            said.append(
                f"{counted(self.damaged, 'waiting part')} had a result that is damaged in the "
                "ledger; the next run computes it again"
            )
        return said


def status_of(study_state: StudyState) -> StatusReport:
    """Count parts, attempts and held units from the ledger; nothing is written."""
    view = study_state.view
    once = EndedOnce(view) if view is not None else None
    found = count_parts(study_state, view, once)
    counts = dict(found.parts)
    holder = view.holder() if view is not None else None
    held = tuple(_held(view)) if view is not None and holder is not None else ()
    report = StatusReport(
        parts=counts,
        reasons=found.reasons,
        failing=found.failing,
        attempts=dict(view.counts()) if view is not None else {},
        held=held,
        holder=holder,
        last_run=view.last_run() if view is not None else None,
        combinations=len(study_state.selection),
        combinations_in_grid=len(study_state.study.grid),
        folds=study_state.folds,
        folds_of_study=study_state.study.folds,
        changes=tuple(changes_since(study_state)),
        done=found.done,
        failed=found.failed,
        damaged=found.damaged,
        unchecked=found.unchecked,
        altered=tuple(altered_files(study_state)),
        put_off=_put_off(view) if view is not None and holder is not None else (),
        **(_pace(study_state, view, once, len(held)) if view is not None and once else {}),
    )
    # a task that runs need not be a waiting part: with --retry-failed it failed before
    running = min(report.running, counts[str(State.WAITING)])
    counts[str(State.RUNNING)] = running
    counts[str(State.WAITING)] -= running
    return report


def _put_off(view: LedgerView) -> tuple[tuple[int, float, str], ...]:
    return tuple((one[0], one[1], one[2]) for one in json.loads(view.meta(PUT_OFF_META) or "[]"))


def _held(view: LedgerView) -> list[Held]:
    ended = view.timings().ended_of_held()
    return [
        Held(unit, worker, tasks, min(ended.get(unit, 0), tasks), since)
        for unit, worker, tasks, since in view.held()
    ]


def _pace(
    study_state: StudyState, view: LedgerView, once: EndedOnce, at_work: int
) -> dict[str, Any]:
    """Fields of the report about tasks and times."""
    known = study_state.known_context_ids()
    pending = list(study_state.pending(known, once))
    costs = costs_of(study_state)
    observed = observed_of(study_state, costs, known)
    left = estimate(costs, pending, observed) if any(len(p.codes) for p in pending) else None
    return {
        "tasks": len(study_state.tables) * study_state.folds,
        "sent": sum(sweep.tasks for sweep in view.sweeps() if sweep.lives),
        "rate": _rate(view),
        "workers": at_work or view.timings().workers() or 1,
        "left": left,
        "methods": tuple(_methods(observed, shared_seconds(study_state, costs, known))),
    }


def _rate(view: LedgerView) -> float:
    """Tasks a minute."""
    run, timings = view.last_run(), view.timings()
    if run is None:
        return 0.0
    now = float(run["ended"] or (time.time() if view.holder() is not None else 0.0))
    began = max(float(run["started"]), now - RATE_SECONDS)
    count, first = timings.since(began)
    if not count or first is None or now <= began:
        return 0.0
    # what came before the first task, as reading the inputs, is no part of the pace
    return 60.0 * count / max(now - max(began, first), 1e-3)


def _methods(observed: Mapping[Group, Observed], shared: Mapping[str, float]) -> list[MethodTime]:
    found = [
        MethodTime(method, classifier, one.count, one.mean, shared.get(method, math.nan))
        for (method, classifier), one in observed.items()
        if classifier != SHARED
    ]
    # in this order, since the larger of a number and NaN is the first
    return sorted(found, key=lambda one: -one.seconds - max(0.0, one.shared_seconds))
