"""Classifiers, one file each, in R or in Python, and their table; for all above.

What a file has to define is in ``docs/own-methods.md``, section "What a file defines"; one
in Python is described by :mod:`amiss_tasks.classifiers.contract`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from amiss_tasks._declared import refuse_undeclared_files

if TYPE_CHECKING:
    from amiss_tasks.classifiers.contract import Classifier

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class BuiltIn:
    """One classifier; nothing else has to name it.

    Args:
        name: Its name in studies and tables, and of its file.
        language: Of its file.
        seconds: Rough seconds of a task on one imputed table of 200 to 600 training rows,
            for cutting the first units; the imputation method's come on top.
        searched: Whether it has hyperparameters, so reads ``hyperparameter_search_type``.
        takes_text: Whether it is trained where categorical features are text.
        held_out: Whether its ``fitted_positive`` comes from models that were not fitted to
            the row, as out-of-bag votes do.
        accepts_missing: Whether it is trained where the imputation method keeps missing values.
        by_pattern: Whether it has a model for each pattern of missing values, so is trained
            nowhere else, and has no use for indicators.
        beyond_amiss: Whether upstream lacks it, so that a study has it only if it names it, and
            only under protocol ``corrected``.
    """

    name: str
    language: Literal["R", "Python"]
    seconds: float
    searched: bool = False
    takes_text: bool = False
    held_out: bool = False
    accepts_missing: bool = False
    by_pattern: bool = False
    beyond_amiss: bool = False

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.name}.{'R' if self.language == 'R' else 'py'}"


CLASSIFIERS = (
    BuiltIn("rf", "R", 3.0, searched=True, takes_text=True, held_out=True),
    BuiltIn("xgboost", "Python", 4.0, searched=True, accepts_missing=True),
    BuiltIn("lr", "R", 0.1),
    BuiltIn("pattern_lr", "R", 4.0, accepts_missing=True, by_pattern=True, beyond_amiss=True),
)
"""All of them, in the order of table rows."""

NAMES = tuple(one.name for one in CLASSIFIERS)
IN_PYTHON = tuple(one.name for one in CLASSIFIERS if one.language == "Python")
SEARCHED = tuple(one.name for one in CLASSIFIERS if one.searched)
TAKING_TEXT = tuple(one.name for one in CLASSIFIERS if one.takes_text)
HELD_OUT = tuple(one.name for one in CLASSIFIERS if one.held_out)
ACCEPTING_MISSING = tuple(one.name for one in CLASSIFIERS if one.accepts_missing)
BY_PATTERN = tuple(one.name for one in CLASSIFIERS if one.by_pattern)
BEYOND_AMISS = tuple(one.name for one in CLASSIFIERS if one.beyond_amiss)
AMISS_CLASSIFIERS = tuple(one.name for one in CLASSIFIERS if not one.beyond_amiss)

_NOT_ONE = {"__init__.py", "contract.py"}


def refuse_undeclared() -> None:
    """Stop where files and table differ.

    Raises:
        EnvironmentFault: A classifier's file is missing, or is not in the table.
    """
    files = (path.name for path in _HERE.iterdir() if path.suffix in {".R", ".py"})
    there = [name for name in files if not name.startswith("_")]
    refuse_undeclared_files(
        _HERE,
        [one.file for one in CLASSIFIERS],
        set(there) - _NOT_ONE,
        "CLASSIFIERS of amiss_tasks/classifiers/__init__.py",
    )


def load(name: str) -> Classifier:
    """Import a classifier in Python: the ``CLASSIFIER`` of its module.

    Args:
        name: One of ``IN_PYTHON``.
    """
    # by name, so that the code of one classifier is no part of another's digest
    module = importlib.import_module(f"{__name__}.{name}")
    return cast("Classifier", module.CLASSIFIER)
