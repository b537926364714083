"""``results/method_groups.csv``: groups of methods that do not differ significantly."""

from __future__ import annotations

from gridrun.pipeline.comparison import ComparesMethods
from gridrun.report.page import Known
from gridrun.report.tables._compared import part_frame, write_frame
from gridrun.report.tables._sizes import sizes_of
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


def write_groups(known: Known) -> None:
    """Write the table, of the leading metric, if the pipeline compares its methods.

    Args:
        known: The study; its final table is written.
    """
    pipeline = known.study_state.pipeline
    if not isinstance(pipeline, ComparesMethods):
        return
    from gridrun.report.statistics import Columns, Question, Scale, method_groups

    metric, sizes = pipeline.leading_metric.column, sizes_of(known, pipeline)
    score, frame = pipeline.scores[metric], part_frame(known, sizes)
    by = (*pipeline.summary_parameters, "classifier")
    question = Question(
        str(pipeline.reference_method), Scale(score.worst, score.best), ratio=sizes.ratio
    )
    names = group_columns(known.study_state)
    if frame.empty:  # of no part nothing can be said: the header alone
        table = frame.reindex(columns=names)
    else:
        found = method_groups(frame, Columns(metric, by=by), question).methods
        table = found.assign(metric=metric, sizes=sizes.source)
    write_frame(known.study_state.study.paths.method_groups_csv, names, table)
