"""``results/null_models``: what a majority of the training rows reaches, by block and fold."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from gridrun.pipeline import NULL_MODELS, Column, HasNullModels, Value, names_of, refuse_undeclared
from gridrun.report.rows import Part
from gridrun.report.summary import NullModelMean
from gridrun.report.tables._cells import cell, csv_table
from gridrun.report.tables._parquet import row_writer
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState


class NullModelRows:
    """Gathers the null models of each block and fold, and writes them when all are there.

    Args:
        study_state: The study.
        view: The ledger that holds them.
    """

    def __init__(self, study_state: StudyState, view: LedgerView | None) -> None:
        self._study_state = study_state
        self._view = view
        self._block = study_state.pipeline.block
        self._payloads: dict[tuple[tuple[Value, ...], int], str] = {}

    def add(self, part: Part) -> None:
        """Take the null models of a part, unless those of its block and fold are there."""
        if digest := part.payloads.get(NULL_MODELS):
            block = tuple(part.values[name] for name in self._block)
            self._payloads.setdefault((block, part.fold), digest)

    def write(self) -> tuple[NullModelMean, ...]:
        """Write the tables.

        Returns:
            Means over blocks and folds; none where the pipeline has no null models.

        Raises:
            EnvironmentFault: A row has a column that the pipeline does not declare.
        """
        pipeline, paths = self._study_state.pipeline, self._study_state.study.paths
        if not isinstance(pipeline, HasNullModels):
            return ()
        columns = columns_of(self._study_state)
        names = names_of(columns)
        headline = names_of(c for c in pipeline.null_model_columns if c.headline)
        means: dict[str, NullModelMean] = {}
        with contextlib.ExitStack() as stack:
            table = stack.enter_context(csv_table(paths.null_models_csv, names, one_writer=True))
            types = {column.name: column.type for column in columns}
            parquet = stack.enter_context(row_writer(paths.null_models_parquet, types))
            for head, row in self._rows(pipeline):
                values = [{**head, **row}[name] for name in names]
                table.writerow([cell(value) for value in values])
                parquet.write(values)
                name = str(row[pipeline.null_model_columns[0].name])
                means.setdefault(name, NullModelMean(name)).add(row, headline)
        return tuple(means.values())

    def _rows(self, pipeline: HasNullModels) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
        """What the rows of a block and fold have in common, and each of them."""
        assert self._view is not None or not self._payloads
        allowed = self._study_state.study.grid.allowed()
        order = [list(allowed[name]) for name in self._block]

        def place(key: tuple[tuple[Value, ...], int]) -> tuple[list[int], int]:
            return [at.index(value) for at, value in zip(order, key[0], strict=True)], key[1]

        for block, fold in sorted(self._payloads, key=place):
            head: dict[str, Any] = dict(zip(self._block, block, strict=True))
            head |= {"protocol": self._study_state.protocol_label, "fold": fold}
            head["rows"] = self._study_state.settings.rows
            assert self._view is not None
            for row in pipeline.read_null_models(self._view.payload(self._payloads[block, fold])):
                refuse_undeclared(row, pipeline.null_model_columns, "the pipeline")
                yield head, row


def columns_of(study_state: StudyState) -> list[Column]:
    """Columns of the null models, in order; empty where the pipeline has none."""
    pipeline = study_state.pipeline
    if not isinstance(pipeline, HasNullModels):
        return []
    allowed = study_state.study.grid.allowed()
    block = [
        Column(name, "number" if all(isinstance(v, int | float) for v in allowed[name]) else "text")
        for name in pipeline.block
    ]
    subset = [Column("rows", "integer")] if study_state.settings.rows is not None else []
    return [
        *block,
        Column("protocol", "text"),
        Column("fold", "integer"),
        *pipeline.null_model_columns,
        *subset,
    ]
