"""The inner cross-validation of boosted trees: an accuracy for each of 96 settings.

Models with 200 trees are the beginning of those with 400, so 48 fits a fold
serve all. Fits whose outcome is known beforehand are left out, and fits are
ended once their outcome is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product

import numpy as np

from amiss_tasks.classifiers._boosting import (
    POSITIVE_FROM,
    Boosting,
    Setting,
    any_split,
    depth,
    matrix,
    probabilities,
)
from amiss_tasks.classifiers._early_stopping import limits
from amiss_tasks.classifiers._fit_deduplication import order_of_fits, same_fit
from amiss_tasks.classifiers.contract import Draws, TrainingTable
from amiss_tasks.r.arrays import BoolArray, FloatArray, IntArray

FOLDS = 10
ROUNDS = (200, 400)
DEPTHS = (5, 10)
SETTINGS = [
    Setting(*values)
    for values in product((0.0, 0.5, 1.0), DEPTHS, (0.0, 1.0, 10.0, 100.0), (0.5, 1.0))
]
"""In the order of caret's loop, which is that of its seeds."""

_CHECKPOINTS = (16, 32, 64, 128)
"""Numbers of trees at which to look whether more can change anything; all below ``ROUNDS``."""


class InnerFold:
    """One fold of the inner cross-validation.

    Args:
        table: The imputed training table.
        held_out: Positions of the rows that the fold leaves out.
        draws: R's random numbers.
        settings: Those to be compared.
        shortcuts: Leave out and end fits whose outcome is known; False makes
            every fit that upstream makes, to the same end.

    Raises:
        XGBoostError: xgboost refuses a value of the table.
    """

    def __init__(
        self,
        table: TrainingTable,
        held_out: IntArray,
        draws: Draws,
        settings: Sequence[Setting] = SETTINGS,
        *,
        shortcuts: bool,
    ) -> None:
        positive = table.positive
        kept = np.setdiff1d(np.arange(len(positive)), held_out)
        values = table.scaled(kept)
        self._rows = matrix(values[kept], positive[kept])
        self._probed = matrix(values[kept], positive[kept])
        self._positive = positive[kept]
        self._held_out = matrix(values[held_out])
        self._truth = positive[held_out]
        self._draws = draws
        self._settings = settings
        self._shortcuts = shortcuts
        self._depths: dict[Setting, int] = {}
        self.fitted = 0
        """Models fitted so far."""
        self.held_out = held_out
        """Positions of the rows that the fold leaves out."""
        self.classes: dict[Setting, list[BoolArray]] = {}
        """Setting to the classes of these rows, for each number of rounds."""

    def accuracies(self, seeds: IntArray) -> FloatArray:
        """Accuracy of each setting and number of rounds.

        Args:
            seeds: Seed of each setting.

        Returns:
            Shape (settings, rounds).
        """
        # Fits go in an order in which one that others may equal comes before them, not in
        # caret's; each keeps caret's seed, so its numbers do not depend on the order.
        seed_of = dict(zip(self._settings, seeds.tolist(), strict=True))
        found = self.classes
        for setting in order_of_fits(list(self._settings)):
            twin = same_fit(setting, self._depths)
            if twin is not None:
                found[setting] = found[twin]
            elif self._shortcuts and not setting.learns:
                # every probability is the base score, which counts as positive
                found[setting] = [np.ones(len(self._truth), dtype=np.bool_)] * len(ROUNDS)
            else:
                found[setting] = self._fit(setting, seed_of[setting])
        return np.array(
            [
                [_share(predicted == self._truth) for predicted in found[setting]]
                for setting in self._settings
            ]
        )

    def _fit(self, setting: Setting, seed: int) -> list[BoolArray]:
        growing = Boosting(self._rows, setting, partial(self._draws.uniforms, seed))
        if not (self._shortcuts and self._settles(growing)):
            growing.grow(max(ROUNDS))
        self.fitted += 1
        # only these can be the same as a later fit
        if self._shortcuts and (setting.colsample_bytree, setting.max_depth) == (1, max(DEPTHS)):
            self._depths[setting] = depth(growing.model)
        return [
            probabilities(growing.model, self._held_out, min(rounds, growing.rounds))
            >= POSITIVE_FROM
            for rounds in ROUNDS
        ]

    def _settles(self, growing: Boosting) -> bool:
        """Grow until no later tree can change a held-out class, if that comes soon."""
        setting = growing.setting
        if setting.gamma == 0:
            return False  # there is always a split that gains something
        for rounds in _CHECKPOINTS:
            growing.grow(rounds)
            # The cheap test comes first, for the bounds need no tree. Only where no held-out row
            # is close enough to change its class is a tree grown, to see whether a split is
            # left that gains enough.
            margin, held_out = growing.margin(), growing.margin(self._held_out)
            least = limits(setting, margin, self._positive, held_out, max(ROUNDS) - rounds)
            if least is not None and not any_split(self._probed, margin, setting.max_depth, least):
                return True
        return False


def mean_over_folds(accuracies: FloatArray) -> FloatArray:
    """Means as R's ``colMeans`` has them, on whose last bit ties depend.

    Args:
        accuracies: Shape (folds, settings, rounds).

    Returns:
        Shape (settings, rounds).
    """
    total = np.zeros(accuracies.shape[1:], dtype=np.longdouble)
    for fold in accuracies:
        total += fold
    return (total / len(accuracies)).astype(np.float64)


def drawn_settings(uniforms: FloatArray) -> list[Setting]:
    """Settings of a random search, which have ``ROUNDS`` in common as the grid's have.

    Ranges are those of caret's random search for ``xgbTree``; what the grid does not
    vary (``min_child_weight``, ``subsample``) stays as it is there.

    Args:
        uniforms: Four numbers in (0, 1) for each setting, shape (settings, 4).
    """
    return [
        Setting(
            eta=0.001 + 0.599 * eta,
            max_depth=1 + int(10 * depth),
            gamma=10 * gamma,
            colsample_bytree=0.3 + 0.4 * share,
        )
        for eta, depth, gamma, share in uniforms.tolist()
    ]


def best(accuracy: FloatArray, settings: Sequence[Setting] = SETTINGS) -> tuple[Setting, int]:
    """Setting and number of rounds with the largest accuracy, the first in caret's order.

    Args:
        accuracy: Shape (settings, rounds).
        settings: Those that were compared.
    """
    ranked = sorted(
        ((rounds, s.max_depth, s.eta, s.gamma, s.colsample_bytree), i, j)
        for i, s in enumerate(settings)
        for j, rounds in enumerate(ROUNDS)
    )
    _, i, j = max(ranked, key=lambda row: accuracy[row[1], row[2]])
    return settings[i], ROUNDS[j]


def _share(flags: BoolArray) -> float:
    return int(np.count_nonzero(flags)) / len(flags)
