"""``gridrun init``: begin a study."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from gridrun.cli._help import add
from gridrun.errors import UserError


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        init,
        "gridrun init my-study --vcf clinvar.vep.vcf.gz --cadd-snv snv.tsv.gz "
        "--cadd-indel indel.tsv.gz",
    )


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="Study directory; made if it is not there.")
    ] = Path(),
    vcf: Annotated[
        Path | None, typer.Option(help="VEP-annotated ClinVar VCF, plain or gzip.")
    ] = None,
    cadd_snv: Annotated[Path | None, typer.Option(help="CADD table of SNVs.")] = None,
    cadd_indel: Annotated[Path | None, typer.Option(help="CADD table of indels.")] = None,
    grid: Annotated[
        Path | None,
        typer.Option(help="An upstream parameter_grid.json or combination_*.json to use."),
    ] = None,
) -> None:
    """Write a study.yaml to start from, with every key explained."""
    from gridrun.cli._text import say
    from gridrun.store.paths import STUDY_FILE
    from gridrun.study.template import study_text

    target = directory / STUDY_FILE
    if target.exists():
        raise UserError(
            "a study is there already",
            where=str(target),
            todo="edit it, or name another directory; nothing was changed",
        )
    text = study_text(
        vcf=_relative(vcf, directory, "clinvar.vep.vcf.gz"),
        cadd_snv=_relative(cadd_snv, directory, "CADD_snv.tsv.gz"),
        cadd_indel=_relative(cadd_indel, directory, "CADD_indel.tsv.gz"),
        grid=_relative(grid, directory, "") if grid else None,
    )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise UserError(
            f"{error.strerror}",
            where=str(error.filename or target),
            todo="name a directory that can be made or written",
        ) from error
    say(f"wrote {target}")
    for path in (vcf, cadd_snv, cadd_indel, grid):
        if path is not None and not path.exists():
            say(f"note: {path} is not there yet")
    say(f"next: edit it, then gridrun plan {shlex.quote(str(directory))}")


def _relative(path: Path | None, directory: Path, default: str) -> str:
    """A path as the study file should name it: relative to its directory."""
    return os.path.relpath(path, directory) if path is not None else default
