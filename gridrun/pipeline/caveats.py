"""Results that are better than they should be: what a pipeline may know, and tables then say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from gridrun.errors import WARNING, Fault
from gridrun.pipeline._axes import Value
from gridrun.pipeline._columns import Column
from gridrun.pipeline._tasks import Settings


@dataclass(frozen=True)
class Caveat:
    """Why some combinations of a study have results that nobody should take at face value.

    Args:
        column: Name of the column that tables have for it; several may share one.
        cell: What the column says of combinations that it concerns; it is empty for others.
        concerns: Parameter to the values that a combination has for it to be concerned: one of
            each parameter.
        message: What a note says of it, in one line.
        todo: What to do about it.
    """

    column: str
    cell: str
    concerns: Mapping[str, Sequence[Value]]
    message: str
    todo: str

    @property
    def declared(self) -> Column:
        """The column, as tables declare theirs."""
        return Column(self.column, "text")

    def of(self, values: Mapping[str, Value]) -> str:
        """What the column says of a combination."""
        concerned = all(values[name] in those for name, those in self.concerns.items())
        return self.cell if concerned else ""

    def note(self, study: Path) -> Fault:
        """The note that people get, which printed tables repeat."""
        return Fault(study, f"{WARNING}{self.message}", todo=self.todo)


@runtime_checkable
class HasCaveats(Protocol):
    """A pipeline that knows which of its results are better than they should be."""

    def caveats(
        self, settings: Settings, values: Mapping[str, Sequence[Value]]
    ) -> Sequence[Caveat]:
        """What tables of a study have to say, each in a column of its own.

        Args:
            settings: The study's settings.
            values: Parameter to its values in the grid.

        Returns:
            Those that concern a combination of the grid.
        """
        ...
