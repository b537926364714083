"""``gridrun docs``: the pages of the documentation, which are installed with gridrun."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import gridrun
from gridrun.cli._help import add
from gridrun.errors import EnvironmentFault, UserError, did_you_mean

_PACKAGE = Path(gridrun.__file__).parent
_FOLDERS = (_PACKAGE / "docs", _PACKAGE.parent / "docs")
"""Where the pages are: in an installed package, and in a clone of the repository."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(app, docs, "gridrun docs", "gridrun docs tutorial", "gridrun docs study | less")


def docs(
    page: Annotated[
        str | None,
        typer.Argument(
            metavar="PAGE",
            help="Print this page; `docs/study.md` in a message is the page `study`.",
            show_default=False,
            autocompletion=lambda incomplete: [n for n in pages() if n.startswith(incomplete)],
        ),
    ] = None,
) -> None:
    """List the pages of the documentation, or print one of them."""
    from gridrun.cli._text import say

    found = pages()
    if not found:
        raise EnvironmentFault(
            "this installation of gridrun has no pages",
            todo="install gridrun from its wheel, or clone its repository: docs",
        )
    if page is None:
        width = max(map(len, found))
        for name, path in found.items():
            title = path.read_text("utf-8").partition("\n")[0].lstrip("# ")
            say(f"{name:{width}}  {title}")
        say(f"the files are in {next(iter(found.values())).parent}")
        return
    name = page.removeprefix("docs/").removesuffix(".md")
    if name not in found:
        near = did_you_mean(name, found)
        known = f"known pages: {', '.join(found)}"
        raise UserError(f'there is no page "{page}"', todo=f"{near} {known}".strip())
    text = found[name].read_text("utf-8")
    if sys.stdout.isatty():
        import pydoc

        pydoc.pager(text)
    else:
        sys.stdout.write(text)


def pages() -> dict[str, Path]:
    """Name of each page to its file."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), _PACKAGE)
    return {path.stem: path for path in sorted(folder.glob("*.md"))}
