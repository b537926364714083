"""How a study evaluates: on folds of the training part, or on the part held out of it.

Source: upstream's S11 on the one hand, its README's ``impute_and_train`` with
``predict_on_test_set`` on the other; ``upstream-behaviour`` sections 3 to 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVALUATE = "evaluate"
"""Key of ``study.yaml``, and name of its data in ``Settings.options``."""

PREDICTIONS = "predictions"
"""The same for whether predictions of every test row are kept."""

CV, HOLD_OUT, REPEATED_HOLD_OUT = "cv", "hold-out", "repeated hold-out"

KINDS: Mapping[str, str] = {
    CV: "folds within the training part, as upstream's cross-validation",
    HOLD_OUT: "train on the training part, test on the part held out, as upstream's README",
    REPEATED_HOLD_OUT: "the same for as many splits as there are folds",
}
"""Value of the key to one sentence."""


@dataclass(frozen=True)
class Evaluation:
    """What a model is trained and tested on.

    Args:
        kind: A name of ``KINDS``.
    """

    kind: str = CV

    @property
    def holds_out(self) -> bool:
        """Whether the whole training part is trained on, and the test part tested on."""
        return self.kind != CV

    @property
    def most_folds(self) -> int | None:
        """Most folds that there are; a fold of a hold-out is a split of its own."""
        return 1 if self.kind == HOLD_OUT else None

    @property
    def most_folds_reason(self) -> str:
        """Why there are no more, and what to do about it."""
        if self.kind != HOLD_OUT:
            return ""
        return f"{EVALUATE}: {HOLD_OUT} is one split; {EVALUATE}: {REPEATED_HOLD_OUT} has folds"

    @property
    def label(self) -> str:
        """What is said of it beside the protocol; empty for upstream's cross-validation."""
        return "" if self.kind == CV else self.kind

    @property
    def fingerprint(self) -> str | None:
        """What results depend on: the first of repeated splits is the only one of a hold-out."""
        return HOLD_OUT if self.holds_out else None


def keeps_predictions(options: Mapping[str, Any]) -> bool:
    """Whether the study asks for the predictions of every test row."""
    return bool(options.get(PREDICTIONS, False))


def evaluation_of(options: Mapping[str, Any]) -> Evaluation:
    """The study's way of evaluating, cross-validation without the key.

    Args:
        options: Data of the study's keys (``Settings.options``).
    """
    return Evaluation(str(options.get(EVALUATE, CV)))
