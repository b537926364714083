"""What the benchmarks have in common: their command line and their exit code."""

from __future__ import annotations

import argparse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def command(text: str) -> argparse.ArgumentParser:
    """A parser that knows ``--small``.

    Args:
        text: Docstring of the script; its first line is the description.
    """
    parser = argparse.ArgumentParser(description=text.partition("\n")[0])
    parser.add_argument(
        "--small",
        action="store_true",
        help="run in seconds, to see that the script runs: no figure means anything, no target "
        "is held",
    )
    return parser


def exit_code(options: argparse.Namespace, *, missed: bool) -> int:
    """1 when a target is missed, but in the small form.

    Args:
        options: What the parser gave.
        missed: Whether a target is missed.
    """
    return int(missed and not options.small)
