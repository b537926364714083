"""What means by any parameters have to exceed: the best null model of the same rows."""

from __future__ import annotations

import math
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
    for metric, one in meant.items():
        means = table.groupby(named, sort=False)[metric].mean().to_dict()
        reached = {name: mean for name, mean in means.items() if not math.isnan(mean)}
        if reached:
            best = (min if one.smaller_is_better else max)(reached, key=lambda each: reached[each])
            yield (
                f"the best null model of these blocks and folds, {best}, has a mean {metric} of "
                f"{reached[best]:.3f}: a method that does not exceed it has found nothing else"
            )
