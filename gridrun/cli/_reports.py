"""How the report of a call of the pipeline is printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gridrun.cli._text import dump, say
from gridrun.errors import printable

if TYPE_CHECKING:
    from gridrun.pipeline.models import Report


def show(report: Report, noun: str, *, as_json: bool) -> None:
    """Print what was done, and where it is; warnings go to standard error."""
    for warning in report.warnings:
        sys.stderr.write(f"note: {printable(warning)}\n")
    if as_json:
        dump({**report.facts, "notes": list(report.warnings), "file": str(report.file)})
        return
    for line in report.said:
        say(line)
    say(f"{noun}: {report.file}")
