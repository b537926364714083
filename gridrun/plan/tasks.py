"""The leaf tasks of a selection, per classifier, and which of them are left to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gridrun.pipeline import Disposition, Pipeline, Settings, Value
from gridrun.plan.fingerprint import digest_of
from gridrun.plan.grid import Grid
from gridrun.plan.task_encoding import IntArray, TaskEncoding
from gridrun.plan.units import State

Finished = Callable[[int, int], tuple[IntArray, IntArray]]
"""Codes of the done and of the failed tasks of a (context number, fold)."""


class KnowsFinished(Protocol):
    """What can be asked for them, as a ledger."""

    def finished(
        self, context: int, fold: int, *, without: Collection[str] = ()
    ) -> tuple[IntArray, IntArray]:
        """The same, without some kinds of failure."""
        ...


@dataclass(frozen=True)
class Context:
    """What determines the numbers of a set of tasks beside their values and fold.

    Args:
        classifier: Which classifier.
        components: Name to digest or text: code of each stage, content of the
            inputs, protocol switches, keys that the pipeline adds to a study;
            what ``plan --why`` compares.
        values: Values of the parameters that decide which code runs.
    """

    classifier: str
    components: Mapping[str, str]
    values: Mapping[str, Value]

    @property
    def digest(self) -> str:
        """The same digest that the ledger uses."""
        return digest_of({"classifier": self.classifier, **self.components})


@dataclass(frozen=True)
class TaskTable:
    """The distinct leaf tasks of one classifier; arrays share their length.

    Args:
        classifier: Which classifier.
        reads: Parameters its tasks depend on.
        codes: Sorted, distinct.
        contexts: Position in ``TaskTables.contexts`` of each task.
        dispositions: Position in ``TaskTables.dispositions`` of each task.
    """

    classifier: str
    reads: tuple[str, ...]
    codes: IntArray
    contexts: IntArray
    dispositions: IntArray


@dataclass(frozen=True)
class Pending:
    """Tasks of one fold that are to be run; arrays share their length.

    Args:
        fold: Counted from 1.
        codes: Sorted by block, affinity, method, grid order, then classifier.
        classifiers: Position in the pipeline's ``classifiers``.
        contexts: Position in ``TaskTables.contexts``.
    """

    fold: int
    codes: IntArray
    classifiers: IntArray
    contexts: IntArray


class TaskTables:
    """All leaf tasks of a selection of combinations.

    Args:
        pipeline: The pipeline whose tasks these are.
        settings: The study's settings.
        grid: The study's grid.
        indices: Selected combinations, counted from 0.
        classifiers: Those the study asks for, in the pipeline's order.
        book: Numbers of all values of the grid.
        inputs: Role to content digest.
        fingerprints: Whether contexts say what results depend on, which takes long to find out;
            without, each classifier has one context, and nothing can be said of what is done.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        settings: Settings,
        *,
        grid: Grid,
        indices: IntArray,
        classifiers: Sequence[str],
        book: TaskEncoding,
        inputs: Mapping[str, str],
        fingerprints: bool = True,
    ) -> None:
        self._fingerprints = fingerprints
        self._context_reads = tuple(pipeline.context_reads()) if fingerprints else ()
        self.pipeline = pipeline
        self.settings = settings
        self.grid = grid
        self.indices = indices
        self.classifiers = tuple(classifiers)
        self.book = book
        self._common = {f"input {role}": digest for role, digest in inputs.items()}
        for name, key in pipeline.study_keys.items():
            text = key.fingerprint(settings.options.get(name))
            if text is not None:
                self._common[name] = text
        if settings.rows is not None:
            self._common["rows"] = f"{settings.rows} by seed {settings.seed}"
        self.contexts: list[Context] = []
        self.dispositions: list[Disposition] = []
        self._context_at: dict[tuple[str, int], int] = {}
        self._disposition_at: dict[tuple[str, int], int] = {}
        self.tables = tuple(self._table(classifier) for classifier in self.classifiers)

    def know_inputs(self, inputs: Mapping[str, str]) -> None:
        """Have contexts name the inputs, whose digests were not known before.

        Args:
            inputs: Role to content digest.
        """
        named = {f"input {role}": digest for role, digest in inputs.items()}
        self._common |= named
        if self._fingerprints:
            for at, one in enumerate(self.contexts):
                self.contexts[at] = replace(one, components={**one.components, **named})

    def __len__(self) -> int:
        """Distinct tasks of one fold that are to be run."""
        return sum(int(np.count_nonzero(self.is_run(table))) for table in self.tables)

    def is_run(self, table: TaskTable) -> npt.NDArray[np.bool_]:
        """Which tasks are to be run, rather than skipped or known to be impossible."""
        return self._of_state(State.WAITING)[table.dispositions]

    def is_asked(self, table: TaskTable) -> npt.NDArray[np.bool_]:
        """Which tasks are asked of the classifier at all."""
        return ~self._of_state(State.SKIPPED)[table.dispositions]

    def context_of(self, classifier: str, code: int) -> int:
        """Position of a task's context."""
        reads = self.pipeline.classifier_reads(classifier)
        names = [name for name in self._context_reads if name in reads]
        key = (classifier, code & self.book.mask(names))
        if key not in self._context_at and not self._fingerprints:
            self.contexts.append(Context(classifier, {}, {}))
            self._context_at[key] = len(self.contexts) - 1
        elif key not in self._context_at:
            values = self.book.values(code, names)
            stages = self.pipeline.code_digests(classifier, values)
            switches = self.pipeline.switches(self.settings, classifier, values)
            components = {
                **{f"code {stage}": digest for stage, digest in stages.items()},
                **{f"switch {name}": text for name, text in switches.items()},
            }
            self.contexts.append(Context(classifier, {**components, **self._common}, values))
            self._context_at[key] = len(self.contexts) - 1
        return self._context_at[key]

    def disposition_of(self, classifier: str, code: int) -> int:
        """Position of a task's disposition."""
        reads = self.pipeline.classifier_reads(classifier)
        names = [name for name in self.pipeline.disposition_reads if name in reads]
        key = (classifier, code & self.book.mask(names))
        if key not in self._disposition_at:
            values = self.book.values(code, names)
            self.dispositions.append(self.pipeline.disposition(classifier, values, self.settings))
            self._disposition_at[key] = len(self.dispositions) - 1
        return self._disposition_at[key]

    def pending(
        self,
        fold: int,
        context_ids: Sequence[int | None],
        finished: Finished,
    ) -> Pending:
        """Tasks of a fold that are to be run and have no outcome yet.

        Args:
            fold: Counted from 1.
            context_ids: The ledger's number of each context, None if it has none.
            finished: What the ledger has of a context and fold, without what is to be run again.
        """
        codes, classifiers, contexts = [], [], []
        for table in self.tables:
            left = self.is_run(table)
            for position in np.unique(table.contexts[left]):
                ident = context_ids[int(position)]
                if ident is None:
                    continue
                known = np.concatenate(finished(ident, fold))
                if len(known):
                    here = table.contexts == position
                    left[here] &= ~np.isin(table.codes[here], known)
            codes.append(table.codes[left])
            contexts.append(table.contexts[left])
            number = self.pipeline.classifiers.index(table.classifier)
            classifiers.append(np.full(int(left.sum()), number, np.int64))
        merged = [
            np.concatenate(parts) if parts else np.zeros(0, np.int64)
            for parts in (codes, classifiers, contexts)
        ]
        # Tasks that share the most stand side by side, for a unit is a stretch of this order. The
        # last key of lexsort is the first by which it sorts: block, group, atom, code, classifier.
        keys = [merged[0] & mask for mask in (self.atom_mask, self.group_mask, self.block_mask)]
        order = np.lexsort((merged[1], merged[0], *keys))
        return Pending(fold, merged[0][order], merged[1][order], merged[2][order])

    @property
    def block_mask(self) -> int:
        """Bits of the parameters of a block."""
        return self.book.mask(self.pipeline.block)

    @property
    def group_mask(self) -> int:
        """Bits of the parameters whose tasks are best run by one worker."""
        return self.book.mask((*self.pipeline.block, *self.pipeline.affinity))

    @property
    def atom_mask(self) -> int:
        """Bits of the parameters whose tasks may share a whole result: never divided."""
        pipeline = self.pipeline
        names = (*pipeline.block, *pipeline.affinity, pipeline.method_parameter)
        return self.book.mask(names)

    def _of_state(self, state: State) -> npt.NDArray[np.bool_]:
        return np.array([d.state == state for d in self.dispositions], np.bool_)

    def _table(self, classifier: str) -> TaskTable:
        reads = self.pipeline.classifier_reads(classifier)
        codes = np.unique(self.book.codes(self.grid, self.indices, reads))
        return TaskTable(
            classifier,
            reads,
            codes,
            self._label(codes, classifier, self._context_reads, self.context_of),
            self._label(codes, classifier, self.pipeline.disposition_reads, self.disposition_of),
        )

    def _label(
        self,
        codes: IntArray,
        classifier: str,
        names: Sequence[str],
        label: Callable[[str, int], int],
    ) -> IntArray:
        """Label every code by the few distinct values of some parameters in it."""
        reads = set(self.pipeline.classifier_reads(classifier))
        mask = self.book.mask(name for name in names if name in reads)
        masked = codes & mask
        keys = np.unique(masked)
        labels = np.array([label(classifier, key) for key in keys.tolist()], np.int64)
        # twice as fast as np.unique with the inverse, which sorts them all
        return labels[np.searchsorted(keys, masked)]


def values_of(tables: TaskTables, classifier: str, code: int) -> dict[str, Value]:
    """Values of the parameters that a task depends on."""
    return tables.book.values(code, tables.pipeline.classifier_reads(classifier))
