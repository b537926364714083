"""A file of the user's own on the toy: one check after another (``gridrun check-method``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from amiss_tasks.own._classifiertrial import ClassifierTrial
from amiss_tasks.own._methodtrial import MethodTrial
from gridrun.pipeline import TaskFailure
from gridrun.trial import CLASSIFIER, FAILED, Check


def try_file(kind: str, path: Path, params: Mapping[str, Any]) -> Iterator[Check]:
    """Try a file on the toy; see ``gridrun.trial.TriesFiles``.

    Raises:
        UserError: There is no such file, or it does not parse.
    """
    trial = (ClassifierTrial if kind == CLASSIFIER else MethodTrial)(path, params)
    for what, step in trial.steps():
        yield Check(what)
        try:
            check = step()
        except TaskFailure as failure:
            check = Check("", FAILED, failure.message)
        yield replace(check, what=what)
        if check.verdict == FAILED and what in trial.needed:
            return
