"""What earlier runs sent away: its tasks are not sent again, its outcomes are collected."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from gridrun.pipeline import TaskSpec
from gridrun.plan.cutting import cut_units
from gridrun.plan.tasks import Pending
from gridrun.plan.units import ContextFacts, Unit
from gridrun.run.backend import Backend, Commands, SentSweep, StudyView, commands_of
from gridrun.store.ledger import AttemptKey, Ledger, LedgerView, StoredSweep, StoredUnit
from gridrun.study.state import StudyState

_NAME_META = "name for sweeps"
_TOKEN_BYTES = 4


def exclude_held(
    pending: Iterable[Pending], ids: Sequence[int | None], view: LedgerView
) -> list[Pending]:
    """Pending tasks without those that living sweeps hold.

    Args:
        pending: What is left of each fold.
        ids: The ledger's number of each context.
        view: The ledger.
    """
    held: dict[tuple[int, int], list[int]] = {}
    for sweep in view.sweeps():
        for unit in view.sweep_units(sweep.name) if sweep.lives else ():
            for context, fold, code, _ in unit.tasks:
                held.setdefault((context, fold), []).append(code)
    return [_without(fold, ids, held) for fold in pending] if held else list(pending)


def holders(sweeps: Iterable[StoredSweep]) -> list[tuple[str, Commands | None]]:
    """Backends that sent some sweeps, and what people type for these; None: not installed."""
    return [(name, commands_of(name)) for name in sorted({sweep.backend for sweep in sweeps})]


def held_elsewhere(sweeps: Iterable[StoredSweep]) -> str:
    """The note on tasks that are not run here because living sweeps hold them."""
    said = "some tasks are not run here because a sweep elsewhere holds them"
    for name, commands in holders(sweeps):
        if commands is None:
            said += f"; the backend that sent them, {name}, is not installed here"
        else:
            said += (
                f"; `{commands.collect}` brings what it has, `{commands.cancel}` gives the rest "
                "back"
            )
    return said


def study_view(
    study_state: StudyState,
    ledger: Ledger,
    pending: Iterable[Pending],
    ids: Sequence[int],
    backend: str,
) -> StudyView:
    """What a detachable backend has to know of a study.

    Args:
        study_state: The study and the request.
        ledger: Open for writing.
        pending: What the request asks for, held or not.
        ids: The ledger's number of each context.
        backend: Its name; it learns of its own sweeps only.
    """
    final = {key[:4] for key in ledger.sweep_attempts() if key.final}
    stored = ledger.sweeps()
    wanted = {
        (ids[position], fold.fold, code)
        for fold in (pending if any(sweep.lives for sweep in stored) else ())
        for position, code in zip(fold.contexts.tolist(), fold.codes.tolist(), strict=True)
    }
    sweeps = []
    for sweep in stored:
        if sweep.lives and sweep.backend == backend:
            shards: dict[int, list[Unit]] = {}
            for unit in ledger.sweep_units(sweep.name):
                shards.setdefault(unit.shard, []).append(_unit(study_state, unit, final))
            sweeps.append(
                SentSweep(
                    sweep.name,
                    sweep.is_sent,
                    sweep.planned,
                    {shard: tuple(units) for shard, units in shards.items()},
                    ledger.segments(sweep.name),
                    all(
                        (task.context, task.fold, task.code) in wanted
                        for units in shards.values()
                        for unit in units
                        for task in unit.tasks
                    ),
                    sweep.place,
                )
            )
    return StudyView(
        name=study_state.study.directory.name,
        token=token_of(ledger),
        sweeps_so_far=len(stored),
        directory=study_state.study.paths.sweeps,
        contexts=_contexts(ledger),
        sweeps=tuple(sweeps),
    )


def token_of(ledger: Ledger) -> str:
    """Random text that no other study has; part of the names of its sweeps."""
    token = ledger.meta(_NAME_META)
    if token is None:
        token = secrets.token_hex(_TOKEN_BYTES)
        ledger.store_meta(_NAME_META, token)
    return token


def known_attempts(ledger: Ledger) -> set[AttemptKey]:
    """Attempts of living sweeps that are in the ledger: read again they are not recorded twice."""
    return {key._replace(final=False) for key in ledger.sweep_attempts()}


def units_to_send(study_state: StudyState, backend: Backend) -> list[Unit]:
    """Units that a run would give a backend; without artifacts, so that nothing is read."""
    view = study_state.view
    known = study_state.known_context_ids()
    pending: Iterable[Pending] = study_state.pending(known, view)
    if view is not None:
        pending = exclude_held(pending, known, view)
    numbers = [number if number is not None else -1 for number in known]
    seconds = study_state.seconds(known, view)
    able = backend.capabilities
    left = [fold for fold in pending if len(fold.codes)]
    if not left:
        return []
    cuts = cut_units(
        study_state.tables, left, numbers, seconds, able.workers, most_tasks=able.most_tasks
    )
    return [Unit(f"u{cut.number}", "", cut.tasks, cut.seconds) for cut in cuts]


def _contexts(ledger: LedgerView) -> dict[int, ContextFacts]:
    facts = {}
    for digest, (ident, classifier, components) in ledger.contexts().items():
        code = {
            name.removeprefix("code "): text
            for name, text in components.items()
            if name.startswith("code ")
        }
        facts[ident] = ContextFacts(digest, classifier, code)
    return facts


def _unit(
    study_state: StudyState, stored: StoredUnit, final: set[tuple[str, int, int, int]]
) -> Unit:
    unit = Unit(stored.id, stored.artifact, (), stored.seconds)
    reads = study_state.pipeline.classifier_reads
    tasks = [
        TaskSpec(context, code, fold, classifier, study_state.book.values(code, reads(classifier)))
        for context, fold, code, classifier in stored.tasks
        if (stored.id, context, fold, code) not in final
    ]
    return replace(unit, tasks=tuple(tasks))


def _without(
    fold: Pending, ids: Sequence[int | None], held: dict[tuple[int, int], list[int]]
) -> Pending:
    free = np.ones(len(fold.codes), np.bool_)
    for position in np.unique(fold.contexts):
        ident = ids[int(position)]
        codes = held.get((ident, fold.fold)) if ident is not None else None
        if codes:
            here = fold.contexts == position
            free[here] &= ~np.isin(fold.codes[here], np.array(codes, np.int64))
    return Pending(fold.fold, fold.codes[free], fold.classifiers[free], fold.contexts[free])
