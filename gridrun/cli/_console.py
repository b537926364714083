"""A console whose colours are its own: what a terminal would obey in a text is written out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment

from gridrun.errors import printable


class SafeConsole(Console):
    """Rich's console, for text of anybody's: names, values, messages of R."""

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """The segments of what is printed; those that move the cursor have no text of others."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)
