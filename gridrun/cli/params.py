"""``gridrun params``: the parameters of the grid and their values."""

from __future__ import annotations

from typing import Annotated

import typer

from gridrun.cli import _options as opt
from gridrun.cli._completion import parameters
from gridrun.cli._help import add
from gridrun.cli._of_pipeline import OfPipeline
from gridrun.errors import UserError, did_you_mean
from gridrun.pipeline import DEFAULT_PIPELINE


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        params,
        "gridrun params",
        "gridrun params {method}",
        "gridrun params --schema > study.schema.json",
        cls=OfPipeline,
    )


def params(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="PARAMETER",
            help="List this parameter only.",
            show_default=False,
            autocompletion=parameters,
        ),
    ] = None,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema",
            help="Print a JSON Schema of study.yaml, by which editors check and complete its keys.",
        ),
    ] = False,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """List the parameters of a grid in their order, with all values."""
    from gridrun.cli._text import dump, say
    from gridrun.pipeline import LimitsClassifiers, load_pipeline
    from gridrun.study.schema import study_schema

    loaded = load_pipeline(pipeline)
    if schema:
        dump(study_schema(loaded))
        return
    names = [parameter.name for parameter in loaded.parameters]
    if name is not None and name not in names:
        raise UserError(
            f'there is no parameter "{name}"',
            todo=" ".join(filter(None, (did_you_mean(name, names), "known: " + ", ".join(names)))),
        )
    chosen = [p for p in loaded.parameters if name in (None, p.name)]
    if as_json:
        dump(
            [
                {
                    "name": p.name,
                    "values": p.values,
                    "description": p.description,
                    "shorthands": dict(p.shorthands),
                    "only_under": {str(value): name for value, name in p.only_under.items()},
                }
                for p in chosen
            ]
        )
        return
    for parameter in chosen:
        say(parameter.name)
        say(f"  {parameter.description}")
        say(f"  values: {', '.join(map(str, parameter.values))}")
        for protocol in dict.fromkeys(parameter.only_under.values()):
            those = [str(v) for v, name in parameter.only_under.items() if name == protocol]
            say(f"  under protocol {protocol} only: {', '.join(those)}")
        for word, meant in parameter.shorthands.items():
            say(f"  {word} stands for {', '.join(map(str, meant))}, one combination each")
    if name is None:
        say("classifiers")
        say(f"  {', '.join(loaded.classifiers)}")
        limited = loaded.classifiers_only_under if isinstance(loaded, LimitsClassifiers) else {}
        for classifier, protocol in limited.items():
            say(f"  under protocol {protocol} only, and only where a study names it: {classifier}")
        say("protocols")
        for label, text in loaded.protocols.items():
            say(f"  {label}: {text}")
