"""Inspecting inputs before there is a study, or at those of one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gridrun.errors import GridrunError, UserError
from gridrun.pipeline import DEFAULT_PIPELINE, load_pipeline
from gridrun.pipeline.inspection import DAMAGED, InspectsInputs
from gridrun.report.plan_report import PlanReport
from gridrun.study import load_study
from gridrun.tools.doctor import Finding, memory_of_blocks


def inspect_inputs(
    files: Sequence[Path],
    records: int,
    pipeline: str = DEFAULT_PIPELINE,
    plan_of: Callable[[Path], PlanReport] | None = None,
) -> Iterator[Finding]:
    """Say what inputs hold, what is odd in them, and what a study could use of them.

    Args:
        files: Input files; the directory of a study stands for its inputs.
        records: How many records of a file are read at most.
        pipeline: Name that ``load_pipeline`` takes.
        plan_of: Opens and plans a study: of one it is said what memory its blocks need.

    Raises:
        UserError: A study or file is not there, the files do not belong together, or the pipeline
            inspects none.
    """
    known = load_pipeline(pipeline)
    if not isinstance(known, InspectsInputs):
        raise UserError(f"the pipeline {pipeline} inspects no inputs without a study")
    named: list[Path] = []
    plans: list[PlanReport] = []
    for file in files:
        if file.is_dir():
            named.extend(load_study(file, known).inputs.values())
            if plan_of is not None:
                # before the inspection, which reads what was counted from memory; what is wrong
                # with the inputs it says with their lines
                with contextlib.suppress(GridrunError):
                    plans.append(plan_of(file))
        elif file.is_file():
            named.append(file)
        else:
            raise UserError(f"{file}: there is no such file", todo="name input files, or a study")
    for seen in known.inspect_inputs(named, records):
        code = 2 if seen.verdict == DAMAGED else 0
        yield Finding(seen.what, seen.verdict, seen.found, seen.todo, code)
    for plan in plans:
        yield from memory_of_blocks(plan)
