"""Descriptive statistics of a study's data: tables for people, and what of them is printed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gridrun.errors import Fault, UserError, did_you_mean
from gridrun.pipeline import Value
from gridrun.pipeline.description import BlockDescription, Describer, DescribesData
from gridrun.pipeline.notebooks import facts_html, facts_text, lines_html, rows_html
from gridrun.report.tables._cells import cell, csv_table
from gridrun.report.tables._tables import alone
from gridrun.store.ledger import cannot_write
from gridrun.study.state import StudyState


@dataclass(frozen=True)
class DescriptionReport:
    """The tables that were written, and what of them is printed.

    Args:
        part: Part of the data.
        parameters: Parameters in which the blocks differ.
        printed: Table to its printed columns with their headings.
        legend: What the headings mean.
        tables: Table to its rows, block and part included, of those that are printed.
        failures: For each block without data, its values and the reason.
        files: Table to its file.
        protocol: Protocol by which the data were split.
        notes: Notes on the study and its inputs.
    """

    part: str
    parameters: tuple[str, ...]
    printed: Mapping[str, Mapping[str, str]]
    legend: str
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    failures: Sequence[tuple[Mapping[str, Value], str]]
    files: Mapping[str, Path]
    protocol: str
    notes: Sequence[Fault | str] = ()

    @property
    def blocks(self) -> int:
        """Number of blocks that were asked for."""
        return len(self.tables[next(iter(self.printed))]) + len(self.failures)

    def __repr__(self) -> str:
        rows = {name: len(self.tables[name]) for name in self.printed}
        facts = {"protocol": self.protocol, **{f"rows of {name}": n for name, n in rows.items()}}
        return facts_text(f"Data, {self.part} part", facts)

    def _repr_html_(self) -> str:
        """The tables that are printed, for notebooks; each row with its block."""
        found = [facts_html(f"Data, {self.part} part", {"protocol": self.protocol}, [self.legend])]
        for name, columns in self.printed.items():
            shown = [*(one for one in self.parameters if one not in columns), *columns]
            rows = [[_short(row.get(column, "")) for column in shown] for row in self.tables[name]]
            heads = [columns.get(column, column) for column in shown]
            found += [lines_html([name]), rows_html(heads, rows)]
        notes = [note if isinstance(note, str) else note.text() for note in self.notes]
        failed = [f"{dict(values)}: {reason}" for values, reason in self.failures]
        return "".join([*found, lines_html([*failed, *notes])])


def _short(value: Any) -> Any:
    return f"{value:.3g}" if isinstance(value, float) else value


def write_description(
    study_state: StudyState,
    part: str | None = None,
    *,
    reading: contextlib.AbstractContextManager[None],
    say: Callable[[str], None],
) -> DescriptionReport:
    """Describe the data of a selection and write the tables.

    Args:
        study_state: The study and which of its combinations are meant.
        part: Part of the data; None for the pipeline's first.
        reading: Entered while the inputs are read.
        say: Takes what is being described now.

    Raises:
        UserError: The pipeline cannot describe its data, there is no such part, or the
            tables cannot be written.
        InputError: With every fault found in the inputs.
    """
    pipeline = study_state.pipeline
    if not isinstance(pipeline, DescribesData):
        raise UserError(f"the pipeline {pipeline.name} does not describe its data")
    parts = pipeline.description_parts
    part = next(iter(parts)) if part is None else part
    if part not in parts:
        raise UserError(
            f'there is no part "{part}" of the data',
            todo=f"{did_you_mean(part, parts)} known parts: {', '.join(parts)}".strip(),
        )
    paths = study_state.study.paths
    try:
        with reading:
            describer = pipeline.describer(
                study_state.known_settings, study_state.study.grid.allowed(), paths.cache
            )
        study_state.learn_digests(describer)
        with alone(paths), contextlib.ExitStack() as stack:
            tables = _Tables(study_state, describer, part, stack)
            blocks = _blocks(study_state, describer.parameters)
            say(f"describing block 1 of {len(blocks)}")
            for number, block in enumerate(describer.describe(blocks, part), 2):
                tables.write(block)
                if number <= len(blocks):
                    say(f"describing block {number} of {len(blocks)}")
    except OSError as error:
        raise cannot_write(paths.directory, error) from error
    return DescriptionReport(
        part=part,
        parameters=describer.parameters,
        printed=describer.headline,
        legend=describer.legend,
        tables=tables.kept,
        failures=tables.failures,
        files={name: paths.description_csv(name) for name in describer.columns},
        protocol=study_state.protocol_label,
        notes=[
            *study_state.study.notes,
            *filter(None, [study_state.rows_note]),
            *describer.notes(),
        ],
    )


def _blocks(study_state: StudyState, names: Sequence[str]) -> list[dict[str, Value]]:
    """The distinct values of these parameters in the selection, in grid order."""
    grid = study_state.study.grid
    digits = np.unravel_index(study_state.selection.indices(), grid.sizes)
    columns = [grid.names.index(name) for name in names]
    distinct = np.unique(np.column_stack([digits[column] for column in columns]), axis=0)
    return [
        {name: grid.values[c][int(d)] for name, c, d in zip(names, columns, row, strict=True)}
        for row in distinct
    ]


class _Tables:
    """The tables on their way; they take the places of earlier ones when all are whole."""

    def __init__(
        self,
        study_state: StudyState,
        describer: Describer,
        part: str,
        stack: contextlib.ExitStack,
    ) -> None:
        self.kept: dict[str, list[dict[str, Any]]] = {name: [] for name in describer.headline}
        self.failures: list[tuple[Mapping[str, Value], str]] = []
        self._about = {"part": part, "protocol": study_state.protocol_label}
        if study_state.settings.rows is not None:
            noun = study_state.pipeline.words.row
            self._about[f"{noun}s_asked_for"] = str(study_state.settings.rows)
        head = (*describer.parameters, *self._about)
        self._columns = {name: (*head, *own) for name, own in describer.columns.items()}
        self._first = next(iter(self._columns))
        self._columns[self._first] = (*self._columns[self._first], "reason")
        self._writers = {}
        for name, columns in self._columns.items():
            target = study_state.study.paths.description_csv(name)
            table = csv_table(target, columns, one_writer=True)
            self._writers[name] = stack.enter_context(table)

    def write(self, block: BlockDescription) -> None:
        """Add the rows of a block; one without data has one in the first table."""
        if block.failure:
            self.failures.append((block.values, block.failure))
        for name, row in self._rows(block):
            full = {**block.values, **self._about, **row}
            self._writers[name].writerow([cell(full.get(column)) for column in self._columns[name]])
            if name in self.kept and not block.failure:
                self.kept[name].append(full)

    def _rows(self, block: BlockDescription) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if block.failure:
            yield self._first, {"reason": block.failure}
        for name, rows in block.tables.items():
            for row in rows:
                yield name, {"reason": "", **row}
