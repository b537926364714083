"""``results/method_groups.csv``: groups of methods that do not differ significantly."""

from __future__ import annotations

from gridrun.report.tables._frame import Compared, write_frame
from gridrun.study.state import StudyState

_NUMBERS = ("mean", "letters", "best_share", "folds", "pairs", "family", "note")


def group_columns(study_state: StudyState) -> list[str]:
    """Columns of the table, in order.

    Args:
        study_state: The study.
    """
    return [
        "metric",
        *study_state.pipeline.summary_parameters,
        "classifier",
        "method",
        *_NUMBERS[:-1],
        "sizes",
        "note",
    ]


def write_groups(compared: Compared) -> None:
    """Write the table, of the leading metric.

    Args:
        compared: The parts of the study.
    """
    from gridrun.report.statistics import Columns, method_groups

    metric, sizes, frame = compared.comparison.metric, compared.sizes, compared.frame
    by = (*compared.summary_parameters, "classifier")
    study_state = compared.known.study_state
    names = group_columns(study_state)
    if frame.empty:  # of no part nothing can be said: the header alone
        table = frame.reindex(columns=names)
    else:
        question = compared.comparison.question(metric, sizes.ratio)
        found = method_groups(frame, Columns(metric, by=by), question).methods
        table = found.assign(metric=metric, sizes=sizes.source)
    write_frame(study_state.study.paths.method_groups_csv, names, table)
