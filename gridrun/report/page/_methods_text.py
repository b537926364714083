"""A paragraph for the methods section of a paper, in Markdown and LaTeX."""

from __future__ import annotations

import re

import numpy as np

from gridrun._version import __version__
from gridrun.errors import counted, printable
from gridrun.pipeline import Value
from gridrun.report.page._known import Known
from gridrun.study.state import StudyState

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|])")


def methods_text(known: Known) -> tuple[str, str]:
    """The paragraph, which says nothing that the tables do not.

    Returns:
        As Markdown, and as LaTeX.
    """
    sentences = [printable(one) for one in _sentences(known)]
    markdown = " ".join(_MARKDOWN.sub(r"\\\1", one) for one in sentences)
    latex = " ".join("".join(_LATEX.get(sign, sign) for sign in one) for one in sentences)
    return markdown, latex


def _sentences(known: Known) -> list[str]:
    study_state, summary = known.study_state, known.summary
    study, grid = study_state.study, _asked(study_state)
    methods = [str(value) for value in grid[known.compared]]
    varying = [
        f"{name} ({', '.join(map(str, values))})"
        for name, values in grid.items()
        if len(values) > 1 and name != known.compared
    ]
    fixed = [f"{name} = {values[0]}" for name, values in grid.items() if len(values) == 1]
    asked = summary.done + summary.failed + summary.waiting
    compared = (
        f"We compared {counted(len(methods), 'value')} of the parameter {known.compared} "
        f"({', '.join(methods)}) with gridrun {__version__}, pipeline "
        f"{study_state.pipeline.name}, protocol {summary.protocol}."
    )
    said = [
        compared,
        f"The protocol means: {_sentence(study_state.pipeline.protocols[study.protocol])}",
    ]
    inputs = [f"{name} ({digest[:12]})" for _, name, digest in known.inputs]
    said.append(f"Inputs, with the beginning of their SHA-256: {', '.join(inputs)}.")
    if varying:
        said.append(f"Combinations also varied in {'; '.join(varying)}.")
    if fixed:
        said.append(f"These were fixed: {', '.join(fixed)}.")
    said.append(
        f"{len(study_state.selection):,} of {counted(len(study.grid), 'combination')} of the grid "
        f"{'was' if len(study_state.selection) == 1 else 'were'} asked for, each with "
        f"{counted(summary.folds, 'fold')} and {counted(len(known.classifiers), 'classifier')} "
        f"({', '.join(known.classifiers)}); the seed was {study.seed}."
    )
    said.append(
        f"Of {counted(asked, 'fit')} (combination, classifier and fold), {summary.done:,} are done "
        f"and {summary.failed:,} failed; the means leave failed ones out."
    )
    if summary.waiting:
        said.append(f"{summary.waiting:,} have not run, so the results are not final.")
    reference = known.comparison.reference if known.comparison is not None else None
    if reference in methods and len(methods) > 1 and summary.folds > 1:
        said.append(
            f"Methods were compared with {reference} in the same combinations and "
            "folds, where a part that failed counts as the value of that reference; intervals "
            "(95 %) and p values are those of the corrected resampled t test (Nadeau and Bengio "
            "2003), p values adjusted by Holm's method for all methods and classifiers."
        )
    if summary.rows_note:
        said.append(f"Only a part of the rows was used: {summary.rows_note.rstrip('.')}.")
    versions = (study_state.view.environment() if study_state.view is not None else None) or {}
    used = ", ".join(f"{name} {text}" for name, text in sorted(versions.items()) if len(text) < 24)  # noqa: PLR2004 - digests and long lists stand in the table
    if used:
        said.append(f"Versions: {used}.")
    return said


def _asked(study_state: StudyState) -> dict[str, list[Value]]:
    """Parameter to its values in the combinations that were asked for, in grid order."""
    grid = study_state.study.grid
    digits = np.unravel_index(study_state.selection.indices(), grid.sizes)
    return {
        name: [values[at] for at in np.unique(positions).tolist()]
        for name, values, positions in zip(grid.names, grid.values, digits, strict=True)
    }


def _sentence(text: str) -> str:
    return text.rstrip(".") + "."
