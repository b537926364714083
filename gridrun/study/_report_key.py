"""The key ``report`` of ``study.yaml``: what its report compares with, and its people's text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrun.documents.tree import Leaf, Node, kind_of, known_list, quoted
from gridrun.errors import did_you_mean
from gridrun.pipeline import Pipeline
from gridrun.pipeline.comparison import ComparesMethods
from gridrun.plan.grid import Grid
from gridrun.study._section import Section

NAME = "report"
"""The key."""

PARTS = ("reference", "equivalence", "text")
"""What may stand below it."""

_WHAT = f"key of {NAME}"


@dataclass(frozen=True)
class ReportKey:
    """What the key says; no result depends on it, only what is made of results.

    Args:
        reference: The method that others are compared with, or None for the pipeline's.
        equivalence: Half the width of the region of practical equivalence, or None for what the
            pipeline says of each metric.
        text: File with the text of the study's people, or None for ``report.md``, if it is there.
    """

    reference: str | None = None
    equivalence: float | None = None
    text: Path | None = None


def most_equivalence(pipeline: Pipeline) -> float:
    """Half of the narrowest scale of a metric: no difference is larger than twice that."""
    scores = pipeline.scores.values() if isinstance(pipeline, ComparesMethods) else ()
    return min((abs(one.best - one.worst) / 2 for one in scores), default=math.inf)


def read_report(keys: Section, pipeline: Pipeline, grid: Grid | None, usual: Path) -> ReportKey:
    """Read the key.

    Args:
        keys: The study's keys.
        pipeline: What is compared, by which metrics.
        grid: The study's, or None where it has faults of its own.
        usual: The text that is shown without the key.
    """
    advice = "give reference: METHOD, equivalence: NUMBER or text: FILE, or remove the key"
    section = keys.inner(NAME, PARTS, _WHAT, advice, expected="a mapping")
    if section is None:
        return ReportKey()
    text = section.path("text")
    if text is not None and not text.is_file():
        todo = "write it, or correct the path; the report shows it below its figures"
        keys.reader.fault(f"there is no file {text.name}", section.nodes["text"], todo)
    elif text is not None and usual.exists() and text.absolute() != usual.absolute():
        keys.reader.note(
            f"the report shows {text.name}, and {usual.name} no more", section.nodes["text"]
        )
    if not isinstance(pipeline, ComparesMethods):
        for name in [name for name in section.keys if name != "text"]:
            keys.reader.fault(
                f'{_WHAT} "{name}" has no meaning here: the pipeline compares with no reference',
                section.keys[name],
                "remove it",
            )
        return ReportKey(text=text)
    allowed = "a difference that does not matter, above 0"
    return ReportKey(
        reference=_reference(section, pipeline, grid),
        equivalence=section.number("equivalence", most_equivalence(pipeline), allowed),
        text=text,
    )


def _reference(section: Section, pipeline: Pipeline, grid: Grid | None) -> str | None:
    """A value of the compared parameter that the study has."""
    node = section.nodes.get("reference")
    if node is None:
        return None
    parameter = pipeline.method_parameter
    values = [str(value) for value in grid.allowed()[parameter]] if grid is not None else []
    name = _word(node)
    if name is None:
        said = f"has {kind_of(node)}, expected a value of {parameter}"
    elif name in values or grid is None:
        return name
    elif name in _known(pipeline, parameter):
        said = f"has {quoted(name)}, which the study's grid does not have"
        section.reader.fault(
            f'{_WHAT} "reference" {said}',
            node,
            f"add it to {parameter}, or name one that is there: {known_list(values)}",
        )
        return None
    else:
        said = f"has {quoted(name)}, which is no value of {parameter}"
    near = did_you_mean(name or "", values)
    todo = f"{near} the study has: {known_list(values)}".strip()
    section.reader.fault(f'{_WHAT} "reference" {said}', node, todo)
    return None


def _word(node: Node) -> str | None:
    """Text, or a number as it is written."""
    if node.text is not None:
        return node.text
    is_number = isinstance(node, Leaf) and node.number is not None
    return node.written if isinstance(node, Leaf) and is_number else None


def _known(pipeline: Pipeline, parameter: str) -> Sequence[str]:
    found = [one.values for one in pipeline.parameters if one.name == parameter]
    return [str(value) for values in found for value in values]
