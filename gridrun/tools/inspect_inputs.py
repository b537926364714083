"""Inspecting inputs before there is a study, or at those of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gridrun.errors import UserError
from gridrun.pipeline import DEFAULT_PIPELINE, load_pipeline
from gridrun.pipeline.inspection import DAMAGED, InspectsInputs
from gridrun.study import load_study
from gridrun.tools.doctor import Finding


def inspect_inputs(
    files: Sequence[Path], records: int, pipeline: str = DEFAULT_PIPELINE
) -> Iterator[Finding]:
    """Say what inputs hold, what is odd in them, and what a study could use of them.

    Args:
        files: Input files; the directory of a study stands for its inputs.
        records: How many records of a file are read at most.
        pipeline: Name that ``load_pipeline`` takes.

    Raises:
        UserError: A study or file is not there, the files do not belong together, or the pipeline
            inspects none.
    """
    known = load_pipeline(pipeline)
    if not isinstance(known, InspectsInputs):
        raise UserError(f"the pipeline {pipeline} inspects no inputs without a study")
    named: list[Path] = []
    for file in files:
        if file.is_dir():
            named.extend(load_study(file, known).inputs.values())
        elif file.is_file():
            named.append(file)
        else:
            raise UserError(f"{file}: there is no such file", todo="name input files, or a study")
    for seen in known.inspect_inputs(named, records):
        code = 2 if seen.verdict == DAMAGED else 0
        yield Finding(seen.what, seen.verdict, seen.found, seen.todo, code)
