"""Values that a shell completes: of the study that the line names, else of the pipeline."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridrun.errors import GridrunError

if TYPE_CHECKING:
    from gridrun.pipeline import Pipeline

_MODE = "_GRIDRUN_COMPLETE"
"""Variable by which a shell asks for completions; typer's name for it."""


@contextlib.contextmanager
def bash_words() -> Iterator[None]:
    """Undo what bash does to ``--only PARAMETER=VALUE`` while it asks for completions.

    It takes = for a word of its own, and wants what comes behind it alone.
    """
    if os.environ.get(_MODE) != "complete_bash":
        yield
        return
    words = os.environ.get("COMP_WORDS", "").split("\n")
    at = int(os.environ.get("COMP_CWORD", "0"))
    joined, here = words[:1], 0
    for number, word in enumerate(words[1:], 1):
        if "=" in (word, words[number - 1]):
            joined[-1] += word
        else:
            joined.append(word)
        here = len(joined) - 1 if number <= at else here
    os.environ |= {"COMP_WORDS": "\n".join(joined), "COMP_CWORD": str(here)}
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            yield
    finally:
        head = joined[here].rpartition("=")
        start = len("".join(head[:2]))
        sys.stdout.write("".join(f"{line[start:]}\n" for line in said.getvalue().splitlines()))


def choices(ctx: typer.Context, incomplete: str) -> list[str]:
    """Completions of ``PARAMETER=VALUE[,VALUE...]``, each whole."""
    return _completed(dict(_values(ctx)), incomplete)


def places(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same where classifiers count as values of a parameter."""
    return _completed({**dict(_values(ctx)), "classifier": tuple(_classifiers(ctx))}, incomplete)


def groups(ctx: typer.Context, incomplete: str) -> list[str]:
    """Completions of ``NAME[,NAME...]``, each whole: parameters, and ``classifier``."""
    head, comma, begun = incomplete.rpartition(",")
    known = [name for name, _ in _values(ctx)] + ["classifier"]
    left = [name for name in known if name not in head.split(",")]
    return [f"{head}{comma}{name}" for name in left if name.startswith(begun)]


def _completed(values: Mapping[str, Sequence[str]], incomplete: str) -> list[str]:
    name, equals, written = incomplete.partition("=")
    if not equals:
        begun_by = [known for known in values if known.startswith(incomplete)]
        if len(begun_by) != 1:
            return [f"{known}=" for known in begun_by]
        # with its values, for a shell would put a blank after the only completion
        name = begun_by[0]
    head, comma, begun = written.rpartition(",")
    given = head.split(",")
    known = [value for value in values.get(name, ()) if value not in given]
    return [f"{name}={head}{comma}{value}" for value in known if value.startswith(begun)]


def parameters(ctx: typer.Context, incomplete: str) -> list[str]:
    """Completions of a parameter's name."""
    return [name for name, _ in _values(ctx) if name.startswith(incomplete)]


def classifiers(ctx: typer.Context, incomplete: str) -> list[str]:
    """Completions of a classifier."""
    return [name for name in _classifiers(ctx) if name.startswith(incomplete)]


def _values(ctx: typer.Context) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Parameters with the values in the study's grid; with all that there are, without a study."""
    study = _study(ctx)
    if study is not None:
        for name, values in study.grid.allowed().items():
            yield name, tuple(map(str, values))
        return
    pipeline = _pipeline(ctx)
    for parameter in pipeline.parameters if pipeline is not None else ():
        yield parameter.name, tuple(map(str, parameter.values))


def _classifiers(ctx: typer.Context) -> Sequence[str]:
    study = _study(ctx)
    if study is not None:
        return tuple(study.classifiers)
    pipeline = _pipeline(ctx)
    return pipeline.classifiers if pipeline is not None else ()


def _pipeline(ctx: typer.Context) -> Pipeline | None:
    """The pipeline that the line names, None where there is no such."""
    from gridrun.pipeline import DEFAULT_PIPELINE, load_pipeline

    try:
        return load_pipeline(ctx.params.get("pipeline") or DEFAULT_PIPELINE)
    except GridrunError:
        return None


def _study(ctx: typer.Context) -> Any:
    """The study that the line names, None where it cannot be read: the command says why."""
    from gridrun.study import load_study

    if "study" not in {param.name for param in ctx.command.params}:
        return None
    pipeline = _pipeline(ctx)
    try:
        return load_study(Path(ctx.params.get("study") or ""), pipeline) if pipeline else None
    except (GridrunError, OSError):
        return None
