"""Checks of the machine and of a study, one finding each."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gridrun._version import __version__
from gridrun.errors import EnvironmentFault, GridrunError, counted, in_bytes
from gridrun.pipeline import DEFAULT_PIPELINE, KnowsVersions, load_pipeline
from gridrun.report.plan_report import PlanReport
from gridrun.run.backend import backend_names
from gridrun.worker import default_limit, total_memory
from gridrun.worker.isolated import worker_environment

_DISK_BYTES = 500 * 10**6
_PACKAGES = ("ray", "rpy2-rinterface", "rpy2-robjects", "pandas", "pyarrow", "numpy", "typer")


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        what: What was checked.
        verdict: ``ok``, ``note``, ``missing`` or ``damaged``.
        found: What was found.
        todo: What to do about it, or empty.
        exit_code: 0 unless a run cannot start.
    """

    what: str
    verdict: str
    found: str
    todo: str = ""
    exit_code: int = 0


def examine(
    study: Path | None = None,
    plan_of: Callable[[Path], PlanReport] | None = None,
    pipeline: str = DEFAULT_PIPELINE,
    needs: tuple[str, ...] = (),
) -> Iterator[Finding]:
    """Check the machine, and a study if one is named.

    Args:
        study: Study directory or file, or None for the machine alone.
        plan_of: Opens and plans a study; without it only the study's disk is checked.
        pipeline: The pipeline whose runner is started.
        needs: What the study needs of it beside what every study does.
    """
    yield Finding("gridrun", "ok", __version__)
    yield Finding("Python", "ok", sys.version.split()[0])
    yield from _packages()
    yield _backends()
    yield from _runner(pipeline, needs)
    yield _disk(study.parent if study is not None and study.is_file() else study or Path())
    yield _cores()
    if study is not None and plan_of is not None:
        yield from _study(study, plan_of)


def _packages() -> Iterator[Finding]:
    for name in _PACKAGES:
        try:
            yield Finding(name, "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                name, "missing", "not installed", "install gridrun with its dependencies", 3
            )


def _backends() -> Finding:
    names = backend_names()
    if "local" in names:
        return Finding("backends", "ok", ", ".join(names))
    return Finding(
        "backends",
        "missing",
        ", ".join(names) or "none",
        "install gridrun as a package: run pip install on its directory",
        3,
    )


def _runner(pipeline: str, needs: tuple[str, ...]) -> Iterator[Finding]:
    """Start the runner as a worker would, in a process of its own."""
    home = shutil.which("R")
    if home is None:
        yield Finding(
            "R",
            "missing",
            "R is not on the PATH",
            "install the packages of docker/packages.txt (on Debian: r-base-core and the rest)",
            3,
        )
        return
    try:
        versions = worker_environment(pipeline, needs)
    except EnvironmentFault as fault:
        yield Finding(
            "R in a worker",
            "missing",
            fault.what,
            f"{fault.todo}\nrpy2-rinterface must be at most 3.6.5 for R 4.2; are the R packages "
            "of docker/packages.txt installed?",
            3,
        )
        return
    known = load_pipeline(pipeline)
    notes = known.version_notes(versions) if isinstance(known, KnowsVersions) else {}
    for name, version in versions.items():
        note = notes.get(name, "")
        yield Finding(name, "note" if note else "ok", str(version), note)


def _disk(directory: Path) -> Finding:
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    free = shutil.disk_usage(directory).free
    if not os.access(directory, os.W_OK):
        return Finding(
            "disk", "missing", f"{directory.resolve()} is not writable", "make it writable", 3
        )
    if free < _DISK_BYTES:
        return Finding(
            "disk",
            "missing",
            f"{in_bytes(free)} free",
            f"free some space: a run needs {in_bytes(_DISK_BYTES)}",
            3,
        )
    temporary = shutil.disk_usage(tempfile.gettempdir()).free
    return Finding(
        "disk", "ok", f"{in_bytes(free)} free, {in_bytes(temporary)} for temporary files"
    )


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0))
    memory, of_task = in_bytes(total_memory()), in_bytes(default_limit())
    return Finding(
        "machine",
        "ok",
        f"{counted(cores, 'core')}, {memory} of memory, {of_task} of it for a task unless a study "
        "has limits",
    )


def _study(path: Path, plan_of: Callable[[Path], PlanReport]) -> Iterator[Finding]:
    try:
        plan = plan_of(path)
    except GridrunError as error:
        code = 3 if isinstance(error, EnvironmentFault) else 2
        yield Finding("study", "missing", error.text(), "", code)
        return
    yield Finding(
        "study",
        "ok",
        f"{counted(plan.combinations, 'combination')}, {counted(plan.pending, 'task')} to run",
    )
    yield from memory_of_blocks(plan)


def memory_of_blocks(plan: PlanReport) -> Iterator[Finding]:
    """What memory the blocks of a study need, where something is to be run."""
    if (memory := plan.memory) is not None:
        verdict = "ok" if memory.is_enough else "note"
        yield Finding("memory of blocks", verdict, memory.text(), memory.todo())
