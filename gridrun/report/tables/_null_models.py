"""``results/null_models`` and the table of blocks: what a pipeline says of rows, not of methods."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gridrun.pipeline import (
    BLOCK_TABLE,
    NULL_MODELS,
    Column,
    HasBlockTable,
    HasNullModels,
    names_of,
)
from gridrun.report.batches import PartBatch
from gridrun.report.page import Known
from gridrun.report.summary import NullModelMean
from gridrun.report.tables._block_rows import BlockRows
from gridrun.store.ledger import LedgerView
from gridrun.study.state import StudyState


class RowTables:
    """Gathers what parts say of the rows of their blocks and folds, and writes it at the end.

    Args:
        study_state: The study.
        view: The ledger that holds it.
    """

    def __init__(self, study_state: StudyState, view: LedgerView | None) -> None:
        pipeline = study_state.pipeline
        self._study_state = study_state
        self._nulls = self._blocks = None
        if isinstance(pipeline, HasNullModels):
            own = pipeline.null_model_columns
            self._nulls = BlockRows(study_state, view, NULL_MODELS, own, per_fold=True)
        if isinstance(pipeline, HasBlockTable):
            own = pipeline.block_table_columns
            self._blocks = BlockRows(study_state, view, BLOCK_TABLE, own, per_fold=False)

    @property
    def payloads(self) -> list[str]:
        """Names of the payloads that they are made of."""
        return [rows.payload for rows in (self._nulls, self._blocks) if rows]

    @property
    def columns(self) -> list[Column]:
        """Columns of all of them; empty where the pipeline has none."""
        return [column for rows in (self._nulls, self._blocks) if rows for column in rows.columns]

    def add(self, batch: PartBatch) -> None:
        """Take what the parts of a batch say."""
        for rows in (self._nulls, self._blocks):
            if rows is not None:
                rows.add(batch)

    def write(self) -> tuple[NullModelMean, ...]:
        """Write the tables.

        Returns:
            Means over blocks and folds; none where the pipeline has no null models.

        Raises:
            EnvironmentFault: A row has a column that the pipeline does not declare.
        """
        pipeline, paths = self._study_state.pipeline, self._study_state.study.paths
        if self._blocks is not None and isinstance(pipeline, HasBlockTable):
            csv = paths.block_table(pipeline.block_table, "csv")
            for _ in self._blocks.write(csv, pipeline.read_block_table):
                pass
        if self._nulls is None or not isinstance(pipeline, HasNullModels):
            return ()
        return self._means(self._nulls.write(paths.null_models_csv, pipeline.read_null_models))

    def means(self) -> tuple[NullModelMean, ...]:
        """The same means, and no table is written."""
        pipeline = self._study_state.pipeline
        if self._nulls is None or not isinstance(pipeline, HasNullModels):
            return ()
        return self._means(self._nulls.rows(pipeline.read_null_models))

    def _means(self, rows: Iterable[Mapping[str, Any]]) -> tuple[NullModelMean, ...]:
        pipeline = self._study_state.pipeline
        assert isinstance(pipeline, HasNullModels)
        columns = pipeline.null_model_columns
        headline = names_of(column for column in columns if column.headline)
        means: dict[str, NullModelMean] = {}
        allowed = self._study_state.study.grid.allowed()
        apart = [
            name
            for name in pipeline.summary_parameters
            if name in pipeline.block and len(allowed[name]) > 1
        ]
        for row in rows:
            own = NullModelMean(str(row[columns[0].name]), at={one: row[one] for one in apart})
            means.setdefault(own.label, own).add(row, headline)
        return tuple(means.values())


def best_null_models(
    known: Known, chosen: Mapping[str, Collection[int]], metrics: Sequence[str]
) -> Iterator[str]:
    """A sentence for each metric that null models have: the best of them on the rows of the means.

    Args:
        known: The study; its tables are written.
        chosen: Parameter, ``classifier`` or ``fold`` to the positions that the means are of.
        metrics: Metrics of the means.
    """
    pipeline = known.study_state.pipeline
    file = known.study_state.study.paths.null_models_parquet
    if not isinstance(pipeline, HasNullModels) or not file.exists():
        return
    import pyarrow.parquet as pq

    named, *others = names_of(pipeline.null_model_columns)
    directions = {one.column: one for one in known.metrics if one.column in others}
    meant = {metric: directions[metric] for metric in metrics if metric in directions}
    table = pq.read_table(file, columns=[*pipeline.block, "fold", named, *meant]).to_pandas()
    for name in pipeline.block:
        if name in chosen:
            values = [known.grid[name][at] for at in chosen[name]]
            table = table[table[name].isin(values)]
    if "fold" in chosen:
        table = table[table["fold"].isin([at + 1 for at in chosen["fold"]])]
    # methods are not tried on the rows of another split, so null models are not either
    apart = [one for one in pipeline.summary_parameters if one in pipeline.block]
    apart = [name for name in apart if table[name].nunique() > 1]
    for metric, one in meant.items():
        said = []
        for at, rows in table.groupby(apart, sort=False) if apart else [((), table)]:
            means = rows.groupby(named, sort=False)[metric].mean().dropna()
            if len(means):
                best = means.idxmin() if one.smaller_is_better else means.idxmax()
                where = f" ({', '.join(map(str, at))})" if at else ""
                said.append(f"{best}{where} {means[best]:.3f}")
        if said:
            yield (
                "the best null model of these blocks and folds has a mean "
                f"{metric} of: {'; '.join(said)}. A method that does not exceed it has found "
                "nothing else"
            )
