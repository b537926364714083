"""What of a study's files is whole; what follows from the rest is made again."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from gridrun.errors import GridrunError, counted
from gridrun.report.tables import altered_files, stale_files, write_results
from gridrun.report.why import changes_since
from gridrun.store.cache import SUM_SUFFIX, fault_of, sum_path
from gridrun.store.ledger import Ledger, LedgerView, faults_of, mend_indexes
from gridrun.store.paths import StudyPaths
from gridrun.study.state import StudyState
from gridrun.tools.doctor import Finding
from gridrun.tools.recompute import finished_tasks, recompute


def examine_files(
    paths: StudyPaths, last: Callable[[], StudyState], count: int
) -> Iterator[Finding]:
    """Check ledger, results, cache and tables of a study that was run, and mend what can be.

    While a run works on the study, nothing is mended.

    Args:
        paths: Of the study.
        last: Opens the study with the request of its last run.
        count: How many finished tasks are run again.
    """
    if not paths.ledger.exists():
        return
    faults = faults_of(paths.ledger)
    if faults and mend_indexes(paths.ledger):
        yield Finding("ledger", "note", f"its indexes were damaged ({faults[0]}) and made anew")
    elif faults:
        yield Finding(
            "ledger",
            "damaged",
            faults[0],
            "restore it from a backup, or move it away to compute everything again",
            3,
        )
    else:
        yield Finding("ledger", "ok", f"{paths.ledger} is whole")
    if faults and faults_of(paths.ledger):
        yield from _cache(paths.cache, mends=False)
        return
    try:
        study_state = last()
        view = study_state.view
        if view is None:
            return
        mends = view.holder() is None
        yield from _cache(paths.cache, mends=mends)
        yield _results(study_state, view, mends=mends)
        yield _tables(study_state, mends=mends)
        yield from _recomputed(study_state, count)
    except GridrunError as error:
        yield Finding("files of the study", "missing", error.text(), "", error.exit_code)


def _cache(directory: Path, *, mends: bool) -> Iterator[Finding]:
    entries = sorted(directory.iterdir()) if directory.is_dir() else []
    entries = [path for path in entries if not path.name.startswith(".")]
    sums = [path for path in entries if path.name.endswith(SUM_SUFFIX)]
    damaged = [path for path in entries if path not in sums and fault_of(path) is not None]
    for path in damaged if mends else ():
        _remove(path)
        _remove(sum_path(path))
    count = counted(len(entries) - len(sums), "file")
    if not damaged:
        yield Finding("cache", "ok", f"{count}, each as it was written")
    for path in damaged:
        done = "was removed and will be made again" if mends else "is damaged"
        yield Finding("cache", "note", f"{path} {done}: {fault_of(path) or 'it was damaged'}")


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _results(study_state: StudyState, view: LedgerView, *, mends: bool) -> Finding:
    contexts = [ident for ident, _, _ in view.contexts().values()]
    damaged = list(view.damaged(contexts))
    if not damaged:
        return Finding("results in the ledger", "ok", "each has the digest that was recorded")
    if mends:
        with Ledger(study_state.study.paths.ledger) as ledger:
            ledger.forget(damaged)
        study_state.refresh()
    return Finding(
        "results in the ledger",
        "note",
        f"{counted(len(damaged), 'task')} had a result that is damaged or missing"
        + (", and will run again" if mends else ""),
        "run the study again: `gridrun local`, with the options of the last run",
    )


def _tables(study_state: StudyState, *, mends: bool) -> Finding:
    altered = altered_files(study_state)
    names = ", ".join(path.name for path in altered)
    if changes_since(study_state):
        found = f"not what was written: {names}" if altered else "each as it was written"
        todo = "study, inputs or code changed since; `gridrun local` makes them anew"
        return Finding("tables", "note", found, todo)
    stale = stale_files(study_state)
    if not stale:
        return Finding("tables", "ok", "each as it was written, from what the ledger holds")
    if not mends:
        return Finding("tables", "note", f"not up to date: {counted(len(stale), 'file')}")
    write_results(study_state)
    return Finding("tables", "note", f"made anew: {names or counted(len(stale), 'file')}")


def _recomputed(study_state: StudyState, count: int) -> Iterator[Finding]:
    if not count or not finished_tasks(study_state):
        return
    if study_state.study.inputs_elsewhere:
        yield Finding("recomputed", "note", "nothing, as the inputs are not here")
        return
    same = 0
    for again in recompute(study_state, count):
        if not again.difference:
            same += 1
            continue
        values = ", ".join(f"{name}={value}" for name, value in again.task.values.items())
        yield Finding(
            "recomputed",
            "damaged",
            f"{again.task.classifier}, fold {again.task.fold}, {values}: {again.difference}",
            "do not trust this machine or these results before you know why: run the study in a "
            "copy of its directory without .gridrun, and compare",
            3,
        )
    if same:
        yield Finding("recomputed", "ok", f"{counted(same, 'finished task')}, the same numbers")
