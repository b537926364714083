"""Words of a pipeline in help and messages, where the core has none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LeadingMetric:
    """The one number that stands for a combination where only one can be shown.

    It is the largest of the means of some classifiers; NaN where one of them lacks a value.

    Args:
        name: Under which it is shown.
        column: Result column that means are taken of.
        classifiers: Those that are compared.
    """

    name: str
    column: str
    classifiers: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """Words for sentences and help of the core.

    Args:
        row: What one row of the inputs is; its plural has an ``s``.
        predictions: What the table of predictions has a row for, as a sentence.
    """

    row: str = "row"
    predictions: str = "The table has one row for each row of the inputs."


PLAIN_START = """\
# A gridrun study. Paths are relative to this file.

inputs:
{inputs}

protocol: {protocol}
folds: 10
seed: 1

# without this key: all of them
classifiers: [{classifiers}]

limits:
  task: {{seconds: 3600}}  # a task that takes longer is ended and recorded as timeout

"""
"""``Pipeline.study_start`` of a pipeline that has no more to say."""
