"""From sections to one file that opens from disk, in which only the page's own scripts may run."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridrun._version import __version__
from gridrun.errors import printable
from gridrun.plan.fingerprint import digest_of_text
from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown
from gridrun.report.page._sections import SECTIONS
from gridrun.report.page._together import names_of, show_together
from gridrun.store.cache import replacing

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent
_ASSETS = _FOLDER / "assets"
_TEMPLATES = _FOLDER / "templates"

SCRIPTS = (
    "plot.js",
    "page.js",
    "comparison.js",
    "consequences.js",
    "tradeoffs.js",
    "forest.js",
    "groups.js",
    "calibration.js",
    "columns.js",
    "axes.js",
    "explorer.js",
)
"""In the order that they run in."""

_STYLE = "page.css"

TOGETHER = ("together", "Side by side")
"""Name and title of the section that several studies have in common."""


@cache
def fingerprint() -> str:
    """Digest of all that the page is made of beside Python code."""
    files = sorted([*_ASSETS.iterdir(), *_TEMPLATES.iterdir()])
    return digest_of_text("\n".join(hashlib.sha256(one.read_bytes()).hexdigest() for one in files))


def write_page(studies: Sequence[Known], file: Path) -> None:
    """Write the report of one study, or of several on one page.

    Args:
        studies: What is known of each; at least one.
        file: The page.
    """
    scripts = [(_ASSETS / name).read_text("utf-8") for name in SCRIPTS]
    text = (
        _engine()
        .get_template("page.html.jinja")
        .render(
            title=" and ".join(one.name for one in studies),
            version=__version__,
            studies=[
                _study(one, name, f"study-{at}-" if len(studies) > 1 else "")
                for at, (one, name) in enumerate(zip(studies, names_of(studies), strict=True), 1)
            ],
            together=_shown(TOGETHER, "", show_together(studies)) if len(studies) > 1 else None,
            style=(_ASSETS / _STYLE).read_text("utf-8"),
            scripts=scripts,
            # a script that is not one of these does not run, however it came into the page
            allowed=" ".join(f"'sha256-{_base64_digest(script)}'" for script in scripts),
        )
    )
    with replacing(file) as aside:
        aside.write_text(text, "utf-8")


def _engine() -> Environment:
    # other commands need not wait for the template engine
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # names and reasons are what a file or an error says: markup in them is text
    engine = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        loader=FileSystemLoader(_TEMPLATES),
    )
    engine.filters["plain"] = lambda value: printable(str(value))
    return engine


def _study(known: Known, name: str, prefix: str) -> dict[str, Any]:
    return {
        "name": name,
        "pipeline": known.study_state.pipeline.name,
        "protocol": known.summary.protocol,
        "prefix": prefix,
        "sections": list(_sections(known, prefix)),
    }


def _sections(known: Known, prefix: str) -> Iterator[dict[str, Any]]:
    for section in SECTIONS:
        shown = section.show(known)
        if shown is not None:
            yield _shown((section.name, section.title), prefix, shown)


def _shown(named: tuple[str, str], prefix: str, shown: Shown) -> dict[str, Any]:
    name, title = named
    return {
        "id": f"{prefix}{name}",
        "name": name,
        "title": title,
        "shows": shown.values,
        "data": None if shown.data is None else _json(shown.data),
        "packed": shown.packed,
    }


def _json(data: Any) -> str:
    """JSON that cannot end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _base64_digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
