"""What a classifier is not trained on: the reasons, which plan and tables give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from amiss_tasks.classifiers import ACCEPTING_MISSING, BY_PATTERN, TAKING_TEXT
from amiss_tasks.features.indicators import INDICATORS, has_indicators
from amiss_tasks.methods import Method
from amiss_tasks.r.own_file import OwnFile
from gridrun.pipeline import Value


@dataclass(frozen=True)
class Learner:
    """What a classifier can be given.

    Args:
        name: Its name.
        takes_text: Whether it is trained where categorical features are text.
        accepts_missing: Whether it is trained where the imputation method keeps missing values.
        by_pattern: Whether it has a model for each pattern of missing values.
    """

    name: str
    takes_text: bool
    accepts_missing: bool
    by_pattern: bool

    @classmethod
    def of(cls, name: str, own: OwnFile | None) -> Self:
        """A classifier of amiss's, or of the user's own file."""
        if own is not None:
            return cls(
                name, takes_text=False, accepts_missing=own.accepts_missing, by_pattern=False
            )
        return cls(name, name in TAKING_TEXT, name in ACCEPTING_MISSING, name in BY_PATTERN)


def reason_to_skip(learner: Learner, method: Method, values: Mapping[str, Value]) -> str:
    """Why a classifier is not trained on a combination; empty where it is.

    Args:
        learner: The classifier.
        method: The combination's imputation method.
        values: Values of the parameters that it looks at.
    """
    name, indicators = learner.name, has_indicators(values)
    if values["categorical"] == "factor" and not learner.takes_text:
        return "categorical=factor trains random forest only"
    if method.keeps_missing and not learner.accepts_missing:
        return (
            f"only classifiers that accept missing values are trained with imputation={method.name}"
        )
    if learner.by_pattern and not method.keeps_missing:
        return f"{name} has a model for each pattern of missing values: imputed tables have one"
    if learner.by_pattern and indicators:
        return f"{name} gains nothing by {INDICATORS}=on: they are constant within a pattern"
    if method.indicates and indicators:
        return f"{method.name} adds indicators itself: {INDICATORS}=on is for the other methods"
    return ""
