"""Leakage that upstream's choices allow: what the tables of such a study say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amiss_tasks.protocols import NAMES, protocol_of
from gridrun.pipeline import Settings, Value
from gridrun.pipeline.caveats import Caveat

_SPLIT = NAMES["split_by"]

LEAKAGE = Caveat(
    column="leakage",
    cell=f"{_SPLIT.defect}: variants in training and test",
    concerns={"transcript": ("keep_all",)},
    message="with transcript keep_all, rows are split and not variants, so that the model has "
    f"seen the variants it is tested on ({_SPLIT.defect}): random forest and XGBoost have an AUC "
    "of about 0.77 even where labels are noise",
    todo="do not compare these results with those of canonical or of other studies; to split "
    f"variants, set switches: {{{_SPLIT.name}: corrected}} in study.yaml",
)
"""D9: upstream splits rows, and a variant has one for each transcript."""


def leakage_of(settings: Settings, values: Mapping[str, Sequence[Value]]) -> tuple[Caveat, ...]:
    """What tables of a study say of leakage; nothing where variants are split, or have one row.

    Args:
        settings: The study's settings.
        values: Parameter to its values in the grid.
    """
    if _SPLIT.name in protocol_of(settings).corrected:
        return ()
    leaks = all(set(those) & set(values[name]) for name, those in LEAKAGE.concerns.items())
    return (LEAKAGE,) if leaks else ()
