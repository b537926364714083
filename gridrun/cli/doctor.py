"""``gridrun doctor``: checks that everything is here that a run needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import Command, add, untyped_flags
from gridrun.cli._parameters import with_parameters
from gridrun.errors import UserError
from gridrun.pipeline import DEFAULT_PIPELINE

if TYPE_CHECKING:
    from gridrun.tools.doctor import Finding

_CHOSEN = "gridrun.doctor.key"
"""Where the switch that was given leaves its name."""


class _WithSwitches(Command):
    """A command with a switch for each backend that brings a key of studies, by its name."""

    @cached_property
    def _switches(self) -> list[Any]:
        from gridrun.study.backend_keys import backend_keys

        app = typer.Typer(add_completion=False)
        switches = {name: (_switch(name), False) for name in backend_keys()}
        app.command()(with_parameters(lambda **_: None, "", switches))
        return [p for p in typer.main.get_command(app).params if p.name in switches]

    def get_params(self, ctx: Any) -> list[Any]:
        """Its own, the switches, and help."""
        *own, shows_help = super().get_params(ctx)
        return [*own, *untyped_flags(self._switches), shows_help]


def _switch(name: str) -> Any:
    def choose(ctx: typer.Context, value: bool) -> None:
        if value:
            ctx.meta[_CHOSEN] = name

    text = f"Check what STUDY needs of the backend with the key {name}."
    return Annotated[
        bool, typer.Option(f"--{name}", help=text, callback=choose, expose_value=False)
    ]


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        doctor,
        "gridrun doctor",
        "gridrun doctor ~/my-study",
        "gridrun doctor ~/my-study --recompute 20",
        "gridrun doctor --inputs ~/my-study",
        cls=_WithSwitches,
    )


def doctor(
    ctx: typer.Context,
    study: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY", help="Check this study as well.", show_default=False),
    ] = None,
    recompute: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Run N random finished tasks of STUDY again and compare their numbers.",
        ),
    ] = 1,
    inputs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Inspect this input file, or the inputs of this study, and nothing else; "
            "repeat the option for further files.",
            show_default=False,
        ),
    ] = None,
    records: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="With --inputs: read the first N records of a file."),
    ] = 20_000,
    pipeline: opt.PipelineName = DEFAULT_PIPELINE,
    as_json: opt.AsJson = False,
) -> None:
    """Check Python packages, R and its packages, memory, disk, and a study if one is named.

    Of a study that was run, ledger, results, cache and tables are held against the digests that
    were recorded; what can be made again from the rest is, unless a run works on the study.

    With --inputs it says what input files hold before there is a study: which features are there
    and how full they are, what is odd, and what a study could use of them. Of a study it also
    says, with STUDY or --inputs, what memory the largest block of what is left to run needs.

    Exit codes: 0 a run can start, 2 the study has to be changed, 3 the machine lacks something,
    the ledger is damaged, or a task has other numbers now.
    """
    from gridrun.api import open_study
    from gridrun.cli._text import dump, say
    from gridrun.tools.inspect_inputs import inspect_inputs

    key = ctx.meta.get(_CHOSEN)
    if inputs:
        if study is not None or key:
            raise UserError(
                "--inputs inspects files and nothing else",
                todo="leave out STUDY and the backend, or --inputs",
            )
        found = inspect_inputs(
            inputs, records, pipeline, lambda path: open_study(path, pipeline=pipeline).plan()
        )
    else:
        found = _of_backend(key, study, pipeline) if key else _of_study(study, recompute, pipeline)
    findings = []
    for finding in found:
        findings.append(finding)
        if not as_json:
            say(f"{finding.verdict:7} {finding.what}: {finding.found}")
            if finding.todo:
                say(f"        {finding.todo}")
    if as_json:
        dump([vars(finding) for finding in findings])
    raise typer.Exit(max((finding.exit_code for finding in findings), default=0))


def _of_study(study: Path | None, recompute: int, pipeline: str) -> Iterator[Finding]:
    """The machine, whether a study can run, and what of its files is whole."""
    from gridrun.api import open_study
    from gridrun.errors import GridrunError
    from gridrun.tools.doctor import examine

    needs: tuple[str, ...] = ()
    if study is not None:
        with contextlib.suppress(GridrunError):  # one that cannot be opened is named below
            needs = open_study(study, pipeline=pipeline).state().settings.needs
    yield from examine(
        study, lambda path: open_study(path, pipeline=pipeline).plan(), pipeline, needs
    )
    if study is not None:
        with contextlib.suppress(GridrunError):  # a study that cannot be opened was named above
            yield from open_study(study, pipeline=pipeline).check_files(recompute)


def _of_backend(key: str, study: Path | None, pipeline: str) -> Iterator[Finding]:
    """What a study needs of a backend, one check after another, each as soon as it is done."""
    from gridrun.api import open_study
    from gridrun.run.backend import DetachableBackend, load_backend
    from gridrun.tools.doctor import Finding

    name, settings = open_study(study or Path(), pipeline=pipeline).backend_settings(key)
    backend = load_backend(name, settings=settings)
    if not isinstance(backend, DetachableBackend):
        yield Finding(f"backend {name}", "ok", "there is nothing to check")
        return
    try:
        for what, verdict, found, todo in backend.check():
            yield Finding(what, verdict, found, todo, 3 if verdict == "missing" else 0)
    finally:
        backend.close()
