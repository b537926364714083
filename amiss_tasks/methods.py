"""The imputation methods of amiss: the one table that declares each. Data, not code.

Every method has a file ``imputation/<name>.R``; what it has to define is in
``docs/own-methods.md``, section "What a file defines". Source: upstream's
``imputation_definitions``, ``upstream-behaviour`` sections 5, 6 and 11.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from amiss_tasks._declared import refuse_undeclared_files
from amiss_tasks.r.own_file import OwnFile

_FOLDER = Path(__file__).parent / "imputation"

MOST_ROWS = 8
"""Most hyperparameter rows tried for one training table; of more, so many are drawn."""

Hyperparameters = Mapping[str, int | float | str]
"""One row of a method's hyperparameters, by name; empty for a method without."""


class Dependence(Enum):
    """What a test table's imputation depends on of training, under protocol ``amiss``."""

    ESTIMATES = "estimates"
    """On what was estimated from the training rows."""
    HYPERPARAMETERS = "hyperparameters"
    """On the chosen hyperparameters alone (D7)."""
    NOTHING = "nothing"
    """Not even on those, since they never reach the method (D5)."""


@dataclass(frozen=True)
class Method:
    """One imputation method.

    Args:
        name: Upstream's spelling, a value of parameter ``imputation``.
        axes: Hyperparameter to its values; rows as in R's ``expand.grid``, the
            first one varying fastest.
        draws: Whether it draws random numbers.
        test_depends_on: What of training the imputation of a test table depends on.
        fails_fold: Whether an error with one row of hyperparameters is one of the fold,
            rather than leaving that row without a table.
        helpers: R files of ``imputation/`` that it shares with others.
        single_value: Whether it puts one value for each feature, so costs next to nothing.
        seconds: Rough CPU seconds for the tables of one fold of some 200 training
            and 500 test rows, the mean over shares of features, for cutting the
            first units.
        own: The user's own file, None for those of ``imputation/``.
        beyond_amiss: Whether upstream lacks it, so that protocol ``amiss`` refuses it and
            ``imputation: all`` leaves it out.
        packages: R packages that it needs beside those that every study does.
        keeps_missing: Whether it imputes nothing, so that only classifiers that accept missing
            values are trained.
        indicates: Whether it adds columns itself that say where values were missing.
        indicators: Whether such columns are added to what it imputes, in a combination that has
            them (``features/indicators.py``).
    """

    name: str
    axes: Mapping[str, tuple[int | float | str, ...]] = field(default_factory=dict)
    draws: bool = False
    test_depends_on: Dependence = Dependence.ESTIMATES
    fails_fold: bool = False
    helpers: tuple[str, ...] = ()
    single_value: bool = False
    seconds: float = 0.0
    own: OwnFile | None = None
    beyond_amiss: bool = False
    packages: tuple[str, ...] = ()
    keeps_missing: bool = False
    indicates: bool = False
    indicators: bool = False

    @property
    def rows(self) -> int:
        """Number of rows of its hyperparameters; 0 for a method without any."""
        return math.prod(map(len, self.axes.values())) if self.axes else 0

    @property
    def predraw(self) -> int:
        """Rows that ``MOST_ROWS`` are drawn of before anything else is drawn; 0 if none are."""
        return self.rows if self.rows > MOST_ROWS else 0

    @property
    def reads_generator(self) -> bool:
        """Whether it goes on drawing where preparing the table left the generator.

        A method with rows starts each of them at a stream of its own.
        """
        return self.draws and not self.axes

    def row(self, number: int) -> Hyperparameters:
        """A row of its hyperparameters.

        Args:
            number: Counted from 1, as R does.
        """
        index = number - 1
        values = {}
        for name, axis in self.axes.items():
            index, position = divmod(index, len(axis))
            values[name] = axis[position]
        return values


Axes = Mapping[str, tuple[int | float, ...]]

_MICE_FILES = ("_mice_units.R", "_mice.R", "_mice_learnt.R")


def _single_value(name: str) -> Method:
    return Method(name, fails_fold=True, helpers=("_single_value.R",), single_value=True)


def _mice(name: str, axes: Axes, seconds: float) -> Method:
    return Method(
        name,
        axes,
        draws=True,
        test_depends_on=Dependence.NOTHING,
        helpers=_MICE_FILES,
        seconds=seconds,
    )


def _of_today(name: str, axes: Axes, **more: Any) -> Method:
    """A method that upstream lacks; it imputes test rows from what it learnt, and no other way."""
    return Method(name, axes, beyond_amiss=True, **more)


def _mice_of_today(name: str, axes: Axes, **more: Any) -> Method:
    return _of_today(name, axes, draws=True, helpers=(*_MICE_FILES, "_mice_fit.R"), **more)


_METHODS = (
    _single_value("zero_imp"),
    _single_value("max_imp"),
    _single_value("min_imp"),
    _single_value("outlier_imp"),
    _single_value("mean_imp"),
    _single_value("median_imp"),
    replace(_single_value("missingness_indicators"), indicates=True),
    Method(
        "knnImputation",
        {"k": (1, 2, 3, 4, 5)},
        test_depends_on=Dependence.HYPERPARAMETERS,
        seconds=1.0,
    ),
    Method(
        "bpca",
        {"nPcs": tuple(range(2, 16)), "maxSteps": tuple(range(20, 161, 20))},
        test_depends_on=Dependence.HYPERPARAMETERS,
        fails_fold=True,
        seconds=10.0,
    ),
    Method(
        "missForest",
        {"mtry": (5, 20, 35), "ntree": (50, 100, 200, 500)},
        draws=True,
        test_depends_on=Dependence.HYPERPARAMETERS,
        seconds=600.0,
    ),
    _mice(
        "pmm",
        {
            "donors": tuple(range(1, 38, 4)),
            "ridge": (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8),
            "matchtype": (0, 1, 2),
        },
        45.0,
    ),
    _mice("norm", {}, 25.0),
    _mice("norm.predict", {}, 25.0),
    _mice("rf", {"ntree": tuple(range(1, 527, 15))}, 80.0),
    _of_today("gower_knn", {"k": (1, 3, 5, 10, 20)}, seconds=1.0),
    _of_today(
        "missForest_ranger", {"mtry": (5, 20, 35), "ntree": (100,)}, draws=True, seconds=20.0
    ),
    _mice_of_today("cart", {"minbucket": (5, 10, 20)}, seconds=25.0, packages=("rpart",)),
    _mice_of_today("midastouch", {}, seconds=60.0),
    _mice_of_today("lasso.norm", {}, seconds=200.0, packages=("glmnet",)),
    Method("none", fails_fold=True, beyond_amiss=True, keeps_missing=True),
)

_DRAWN_FIRST = ("pmm", "rf", "bpca", "missForest")
"""Methods with more than ``MOST_ROWS`` rows, in the order in which upstream draws of them."""


def predraws(method: Method, *, all_methods: bool) -> dict[str, int]:
    """Draws of hyperparameter rows that precede all others of a fold.

    Args:
        method: The method that is to impute the table.
        all_methods: Whether the rows of every method of upstream are drawn, as its
            README's call does, which passes all grids whatever the method; its
            cross-validation passes the method's own alone.

    Returns:
        Method to the number of rows that are drawn of, in order.
    """
    every = {name: METHODS[name].predraw for name in _DRAWN_FIRST} if all_methods else {}
    own = {method.name: method.predraw} if method.predraw else {}
    return every | own


METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in _METHODS})
"""Name to method, in the order in which they are documented."""

BEYOND_AMISS = tuple(name for name, method in METHODS.items() if method.beyond_amiss)
"""Methods that upstream lacks; protocol ``corrected`` alone runs them."""

AMISS_METHODS = tuple(name for name in METHODS if name not in BEYOND_AMISS)
"""Upstream's methods, which ``imputation: all`` stands for."""

SINGLE_VALUE_METHODS = tuple(name for name in AMISS_METHODS if METHODS[name].single_value)
"""Imputation by one value per feature; no random draws. Upstream's grid has these."""

MODEL_BASED_METHODS = tuple(name for name in AMISS_METHODS if not METHODS[name].single_value)
"""Imputation from the other features; many times slower. Upstream has them, its grid has not."""

COMPLETED_AMONG_THEMSELVES = tuple(
    name for name, method in METHODS.items() if method.test_depends_on is not Dependence.ESTIMATES
)
"""Methods that under protocol ``amiss`` impute test rows from the other test rows (D7)."""


def refuse_undeclared() -> None:
    """Stop where the files of ``imputation/`` and the table differ.

    Raises:
        EnvironmentFault: A method's file, or one that it shares, is missing or not in the table.
    """
    declared = [f"{name}.R" for name in METHODS]
    declared += dict.fromkeys(helper for method in METHODS.values() for helper in method.helpers)
    there = [path.name for path in _FOLDER.glob("*.R")]
    refuse_undeclared_files(_FOLDER, declared, there, "the table of amiss_tasks/methods.py")


_OWN_SECONDS = 5.0


def own_method(file: OwnFile) -> Method:
    """The method of a user's own file.

    It starts at a random stream of its own for each row of hyperparameters, and draws
    nothing before, so that it has the rows and features of most other methods (D6).
    Its test rows are imputed from what it learnt under both protocols.
    """
    return Method(file.name, dict(file.axes), seconds=_OWN_SECONDS, own=file)
