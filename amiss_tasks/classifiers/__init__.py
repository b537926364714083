"""Classifiers: one file each, in R (``<name>.R``) or in Python (``<name>.py``).

What a file in R has to offer is documented in ``rf.R``, what one in Python has
to offer in :mod:`amiss_tasks.classifiers.contract`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from amiss_tasks.classifiers.contract import Classifier

NAMES = ("rf", "xgboost", "lr")
"""Those of amiss, in the order of table rows."""

IN_PYTHON = ("xgboost",)
"""Classifiers whose file is in Python; the others are in R."""


def load(name: str) -> Classifier:
    """Import a classifier in Python: the ``CLASSIFIER`` of its module.

    Args:
        name: One of ``IN_PYTHON``.
    """
    # by name, so that the code of one classifier is no part of another's digest
    module = importlib.import_module(f"{__name__}.{name}")
    return cast("Classifier", module.CLASSIFIER)
