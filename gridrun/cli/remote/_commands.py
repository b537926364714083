"""The command group of a backend: send, come back, look, end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add, examples
from gridrun.cli._parameters import Parameter, with_parameters
from gridrun.cli.remote import _look, _send
from gridrun.cli.remote._group import DefaultGroup
from gridrun.cli.remote._words import Remote
from gridrun.pipeline import DEFAULT_PIPELINE

_CONTEXT = {"help_option_names": ["-h", "--help"]}
_DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print shards, sweeps and the estimated time; send nothing."),
]
_MONEY: dict[str, Parameter] = {
    "yes": (
        Annotated[bool, typer.Option("--yes", "-y", help="Send without asking for confirmation.")],
        False,
    ),
    "hourly_rate": (
        Annotated[
            float | None,
            typer.Option(
                "--hourly-rate",
                metavar="PRICE",
                help="Estimate the costs by this price of a node per hour.",
            ),
        ],
        None,
    ),
}
_INPUTS: dict[str, Parameter] = {
    "read_again": (
        Annotated[
            bool,
            typer.Option(
                "--read-again",
                help="Re-read inputs that stay elsewhere (changes there are not detected).",
            ),
        ],
        False,
    ),
}
_STUDY: dict[str, Parameter] = {"study": (opt.StudyArgument, Path())}
_COMMON: dict[str, Parameter] = {
    "pipeline": (opt.PipelineName, DEFAULT_PIPELINE),
    "as_json": (opt.AsJson, False),
}
_CHILD: dict[str, Parameter] = {
    "child": (
        Annotated[str | None, typer.Option(metavar="NAME", help="Print the log of this child.")],
        None,
    ),
}


def remote_commands(
    remote: Remote, *lines: str, title: str, waits: bool = True, collects: bool = True
) -> typer.Typer:
    """The commands of a backend, as one group; without naming one of them it sends.

    Args:
        remote: The backend.
        lines: Examples, as they are typed.
        title: The group's help.
        waits: Whether the bare command waits for the end of what it sends; where it does there is
            ``submit``, which does not wait.
        collects: Whether ``collect`` is among them.
    """
    name = f"gridrun {remote.command}"
    app = typer.Typer(
        cls=DefaultGroup,
        help=title,
        epilog=examples(*lines),
        context_settings=_CONTEXT,
        add_completion=False,
    )
    end = "wait, collect the outcomes and print the table" if waits else "and end"
    again = (
        " Ctrl-C detaches; the same command resumes, on any machine that has the study directory."
        if waits
        else ""
    )
    sending = _sending(
        remote,
        f"Send the pending tasks of a study to {remote.place}, {end}; the same as `{name}` "
        f"without a command.\n\nTasks that are done or already sent are not sent again.{again}",
        wait=waits,
    )
    add(app, sending, f"{name} run .", name="run")
    if waits:
        submitting = _sending(
            remote,
            f"Send the pending tasks of a study and end; `collect`, or `{name}`, brings the "
            f"outcomes in.",
            wait=False,
        )
        add(app, submitting, f"{name} submit .", name="submit")
    if collects:
        add(app, _collecting(remote), f"{name} collect .", name="collect")
    text = "Show the state of the sweeps: children by state, and errors with their children."
    status = _command(remote, _look.show_status, text)
    add(app, status, f"{name} status . --json", name="status")
    text = """List children with the first line of their error, or print a child's log.

    `gridrun logs` lists the logs of single tasks.
    """
    logs = _command(remote, _look.show_logs, text, _CHILD)
    add(app, logs, f"{name} logs .", f"{name} logs . --child NAME", name="logs")
    text = "End all sweeps of a study and collect the outcomes that they have."
    add(app, _command(remote, _send.cancel, text), f"{name} cancel .", name="cancel")
    return app


def collect_command(remote: Remote, *lines: str) -> typer.Typer:
    """The command that brings in what is there, by itself."""
    app = typer.Typer(context_settings=_CONTEXT, add_completion=False)
    add(app, _collecting(remote), *lines, name="collect")
    return app


def _sending(remote: Remote, text: str, *, wait: bool) -> Callable[..., None]:
    which = (*opt.SELECTING, "retry_failed", "retry", *(["mix_environments"] if wait else []))

    def command(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in opt.run_options(*which)}
        _send.send(remote, chosen, wait=wait, **given)

    return with_parameters(
        command,
        text,
        {
            **_STUDY,
            "dry_run": (_DryRun, False),
            **(_MONEY if remote.costs else {}),
            **remote.options,
            **remote.sending_options,
            **(_INPUTS if remote.reads_inputs else {}),
            **opt.run_options(*which),
            **_COMMON,
        },
    )


def _collecting(remote: Remote) -> Callable[..., None]:
    text = """Collect the outcomes that the sweeps have by now and write the tables; send nothing.

    You may repeat it as often as you like, on any machine that has the study directory; nothing
    is counted twice.
    """
    return _command(remote, _send.collect, text, opt.run_options("mix_environments"))


def _command(
    remote: Remote,
    act: Callable[..., None],
    text: str,
    more: Mapping[str, Parameter] = MappingProxyType({}),
) -> Callable[..., None]:
    """A command that sends nothing."""

    def command(**given: Any) -> None:
        act(remote, **given)

    return with_parameters(command, text, {**_STUDY, **remote.options, **more, **_COMMON})
