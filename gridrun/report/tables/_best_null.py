"""What means by any parameters have to exceed: the best null model of the same rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from gridrun.pipeline import HasNullModels, names_of
from gridrun.report.page import Known


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
