"""How a study stands, from its ledger, while a run works on it or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrun.errors import counted
from gridrun.pipeline.notebooks import facts_html
from gridrun.plan.units import State
from gridrun.report.tables import altered_files, parts
from gridrun.report.why import changes_since
from gridrun.study.state import StudyState


@dataclass(frozen=True)
class StatusReport:
    """How a study stands.

    Args:
        parts: State to number of parts (combination, classifier, fold).
        reasons: (kind, reason) of failed parts, with how often.
        attempts: State to number of attempts, all runs.
        held: Units that workers hold: unit, worker, tasks, since.
        holder: Host, process id and heartbeat of the run at work, or None.
        last_run: The newest run, or None.
        combinations: Number of combinations that the newest run selected.
        folds: Folds of each of them.
        changes: What has changed since then, where none of its outcomes is valid any more.
        damaged: Parts whose result in the ledger is damaged; they are waiting.
        altered: Files in ``results/`` that are not what was written.
    """

    parts: dict[str, int]
    reasons: dict[tuple[str, str], int]
    attempts: dict[str, int]
    held: tuple[tuple[str, str, int, float], ...]
    holder: tuple[str, int, float] | None
    last_run: dict[str, Any] | None
    combinations: int
    folds: int
    changes: tuple[str, ...] = ()
    damaged: int = 0
    altered: tuple[Path, ...] = ()

    def _repr_html_(self) -> str:
        """Counts by state and reasons of failures, for notebooks."""
        facts = {f"parts {state}": count for state, count in self.parts.items()}
        facts |= {"combinations": self.combinations, "folds": self.folds}
        reasons = [f"{count:,} x {kind}: {why}" for (kind, why), count in self.reasons.items()]
        return facts_html("Study as it stands", facts, [*self.warnings, *reasons])

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
    counts = {str(state): 0 for state in State}
    reasons: dict[tuple[str, str], int] = {}
    damaged = 0
    for part in parts(study_state, view):
        damaged += part.damaged
        counts[str(part.state)] += 1
        if part.kind:
            key = (part.kind, part.reason)
            reasons[key] = reasons.get(key, 0) + 1
    holder = view.holder() if view is not None else None
    held = tuple(view.held()) if view is not None and holder is not None else ()
    # a held task need not be a waiting part: with --retry-failed it is a failed one until it ends
    running = min(sum(tasks for _, _, tasks, _ in held), counts[str(State.WAITING)])
    counts[str(State.RUNNING)] = running
    counts[str(State.WAITING)] -= running
    return StatusReport(
        parts=counts,
        reasons=reasons,
        attempts=dict(view.counts()) if view is not None else {},
        held=held,
        holder=holder,
        last_run=view.last_run() if view is not None else None,
        combinations=len(study_state.selection),
        folds=study_state.folds,
        changes=tuple(changes_since(study_state)),
        damaged=damaged,
        altered=tuple(altered_files(study_state)),
    )
