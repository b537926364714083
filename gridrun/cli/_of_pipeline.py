"""Commands whose options, help and examples are, in part, those of the pipeline.

Such a command is built when it is called or explained, for the pipeline that its arguments
name: `gridrun --help` imports no pipeline. Its help may have ``{method}`` and the other
words of :func:`_words_of`; its first sentence, which `gridrun --help` shows, has none.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args

import typer

from gridrun.cli._help import Command
from gridrun.cli._options import importable
from gridrun.errors import UserError

if TYPE_CHECKING:
    from gridrun.pipeline import InputRole, Pipeline

_PIPELINE = "--pipeline"
_INPUTS = "gridrun inputs"


class OfPipeline(Command):
    """A command with words of the pipeline in its help."""

    requires_inputs: ClassVar[bool] = False
    """Whether it is a mistake not to give an input that every study has and has an option."""

    @staticmethod
    def option_help(role: InputRole) -> str:  # noqa: ARG004 - for commands that take inputs
        """Help of the option of an input; empty where it has none."""
        return ""

    def make_context(self, info_name: Any, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Build the command for the pipeline that is named, and go on with it."""
        from gridrun.pipeline import load_pipeline

        name = _named(args)
        try:
            pipeline = load_pipeline() if name is None else load_pipeline(importable(name))
        except UserError:
            # a shell asks for completions of a line that is not written to its end
            if not extra.get("resilient_parsing"):
                raise
            pipeline = load_pipeline()
        built = self._built(inspect.unwrap(self.callback or _nothing), pipeline)
        return built.make_context(info_name, args, *rest, **extra)

    def _built(self, function: Callable[..., Any], pipeline: Pipeline) -> Any:
        words = _words_of(pipeline)
        own = [
            parameter.replace(
                annotation=_filled(parameter.annotation, words), kind=inspect.Parameter.KEYWORD_ONLY
            )
            for parameter in inspect.signature(function, eval_str=True).parameters.values()
        ]
        roles = {f"input_{role}": role for role in self._inputs(pipeline)}

        @functools.wraps(function)
        def call(context: typer.Context, **given: Any) -> Any:
            found = {role: given.pop(name) for name, role in roles.items()}
            context.meta[_INPUTS] = dict(_given(found))
            takes_context = [p.name for p in own if p.annotation is typer.Context]
            return function(**given, **dict.fromkeys(takes_context, context))

        call.__doc__ = inspect.cleandoc(function.__doc__ or "").format_map(words)
        parameters = [p for p in own if p.annotation is not typer.Context]
        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # for typer
            [_CONTEXT, *self._options(pipeline), *parameters]
        )
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(self.name, cls=Command, epilog=(self.epilog or "").format_map(words))(call)
        return typer.main.get_command(app)

    def _inputs(self, pipeline: Pipeline) -> dict[str, str]:
        """Role to the help of its option."""
        helps = {name: self.option_help(role) for name, role in pipeline.inputs.items()}
        return {name: text for name, text in helps.items() if text}

    def _options(self, pipeline: Pipeline) -> Iterator[inspect.Parameter]:
        """A parameter for each input."""
        for role, text in self._inputs(pipeline).items():
            it = pipeline.inputs[role]
            metavar = "NAME=FILE" if it.many else "FILE"
            option = typer.Option(option_of(role), metavar=metavar, help=text)
            is_required = self.requires_inputs and not (it.group or it.many)
            kind: Any = list[str] if it.many else Path
            yield inspect.Parameter(
                f"input_{role}",
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if is_required else None,
                annotation=Annotated[kind if is_required else kind | None, option],
            )


_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def _given(found: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Role to path of the inputs that are given, ``ROLE.NAME`` for those with names.

    Raises:
        UserError: One has no name, or two have the same.
    """
    for role, given in found.items():
        if isinstance(given, Path):
            yield role, given
        names: set[str] = set()
        for text in given if isinstance(given, list) else ():
            name, _, path = text.partition("=")
            if not (name and path) or name in names:
                raise UserError(
                    f'{option_of(role)} has "{text}"',
                    todo=f"give each file a name of its own: {option_of(role)} NAME=FILE",
                )
            names.add(name)
            yield f"{role}.{name}", Path(path)


def inputs_of(context: typer.Context) -> dict[str, Path]:
    """Role to the path that its option was given, ``ROLE.NAME`` for inputs with names."""
    return dict(context.meta[_INPUTS])


def option_of(role: str) -> str:
    """Name of the option of an input."""
    return f"--{role.replace('_', '-')}"


def _named(args: Sequence[str]) -> str | None:
    """The pipeline that some arguments name, the last one where there are several."""
    named = None
    for argument, following in zip(args, [*args, ""][1:], strict=True):
        if argument == "--":
            break
        if argument == _PIPELINE:
            named = following
        elif argument.startswith(f"{_PIPELINE}="):
            named = argument.partition("=")[2]
    return named


def _words_of(pipeline: Pipeline) -> Mapping[str, str]:
    """Words that help may have in braces."""
    method = next(p for p in pipeline.parameters if p.name == pipeline.method_parameter)
    block = [p for p in pipeline.parameters if p.name in pipeline.block][:2]
    used = {
        name: role for name, role in pipeline.inputs.items() if role.predicted and not role.many
    }
    return {
        "method": method.name,
        "only": f"--only {method.name}={method.values[0]}",
        "classifier": pipeline.classifiers[0],
        "block": " ".join(f"--only {p.name}={p.values[0]}" for p in block),
        "means": " and ".join(column.name for column in pipeline.result_columns if column.headline),
        "leading": pipeline.leading_metric.column,
        "row": pipeline.words.row,
        "predictions": pipeline.words.predictions,
        "inputs": " ".join(
            f"{option_of(n)} {it.example}" for n, it in pipeline.inputs.items() if not it.many
        ),
        "predicted": " ".join(f"{option_of(n)} {role.example}" for n, role in used.items()),
    }


def _filled(annotation: Any, words: Mapping[str, str]) -> Any:
    """The annotation of a parameter with the words in its help."""
    if not hasattr(annotation, "__metadata__"):
        return annotation
    kind, info = get_args(annotation)
    filled = copy.copy(info)
    filled.help = (filled.help or "").format_map(words)
    return Annotated[kind, filled]


def _nothing() -> None:
    """Stands for a command without a function; typer makes none."""
