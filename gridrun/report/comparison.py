"""What a study's methods are compared by: the pipeline says it, and study.yaml where it differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from gridrun.pipeline.comparison import ComparesMethods, Score
from gridrun.study.state import StudyState

if TYPE_CHECKING:
    from gridrun.report.statistics import Question


@dataclass(frozen=True)
class Comparison:
    """What is asked when methods are compared.

    Args:
        metric: The result column that leads.
        reference: The method that the others are compared with.
        scores: Result column to what it can be; the leading one is among them.
        class_counts: Class of the outcome to the result columns that add up to its test rows.
        test_share: Share of a fold's rows that it tests on, where results do not say it.
    """

    metric: str
    reference: str
    scores: Mapping[str, Score]
    class_counts: Mapping[str, tuple[str, ...]]
    test_share: float

    def data(self) -> list[Any]:
        """All of it as plain data: tables of statistics change with it."""
        scores = [[name, *astuple(score)] for name, score in self.scores.items()]
        classes = [[name, *columns] for name, columns in self.class_counts.items()]
        return [self.reference, self.test_share, scores, classes]

    def question(self, metric: str, ratio: float) -> Question:
        """What the statistics of a metric are asked.

        Args:
            metric: One of ``scores``.
            ratio: Test rows / training rows of folds whose sizes nobody knows.
        """
        from gridrun.report.statistics import Question, Scale

        score = self.scores[metric]
        scale = Scale(score.worst, score.best)
        return Question(self.reference, scale, ratio, equivalence=score.equivalent)


def comparison_of(study_state: StudyState) -> Comparison | None:
    """What the methods of a study are compared by; None where its pipeline compares none."""
    pipeline = study_state.pipeline
    if not isinstance(pipeline, ComparesMethods):
        return None
    own, scores = study_state.study.report, pipeline.scores
    if own.equivalence is not None:
        scores = {name: replace(it, equivalent=own.equivalence) for name, it in scores.items()}
    return Comparison(
        pipeline.leading_metric.column,
        str(pipeline.reference_method) if own.reference is None else own.reference,
        scores,
        pipeline.class_counts,
        pipeline.test_share(study_state.settings),
    )
