"""A file of the user's own on the toy: one check after another (``gridrun check-method``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from amiss_tasks.own._classifier_checks import ClassifierChecks
from amiss_tasks.own._method_checks import MethodChecks
from gridrun.pipeline import TaskFailure
from gridrun.pipeline.file_checks import CLASSIFIER, FAILED, Check


def try_file(kind: str, path: Path, params: Mapping[str, Any]) -> Iterator[Check]:
    """Try a file on the toy; see ``gridrun.pipeline.file_checks.TriesFiles``.

    Raises:
        UserError: There is no such file, or it does not parse.
    """
    checks = (ClassifierChecks if kind == CLASSIFIER else MethodChecks)(path, params)
    for what, step in checks.steps():
        yield Check(what)
        try:
            verdict, found = step()
        except TaskFailure as failure:
            verdict, found = FAILED, failure.message
        yield Check(what, verdict, found)
        if verdict == FAILED and what in checks.needed:
            return
