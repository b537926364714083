"""What a pipeline that can describe its data gives: tables for people, block after block.

Not every pipeline can; ``gridrun describe`` asks for :class:`DescribesData`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gridrun.errors import Fault
from gridrun.pipeline import Settings, Value


@dataclass(frozen=True)
class BlockDescription:
    """What can be said of the data of one block.

    Args:
        values: Values of the parameters that decide which data these are.
        tables: Name of a table to its rows, each a mapping from column to number or
            text, None where there is none.
        failure: Why the block has no data, else empty.
    """

    values: Mapping[str, Value]
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    failure: str = ""


class Describer(Protocol):
    """Describes the data of a study."""

    parameters: tuple[str, ...]
    """Those that decide which data there are to describe."""
    columns: Mapping[str, tuple[str, ...]]
    """Name of a table to its columns, without those for block and part.

    The first table has one row for each block.
    """
    headline: Mapping[str, Mapping[str, str]]
    """Tables that are printed: each column of them that is, and its heading."""

    legend: str
    """What the headings mean, in one line."""

    def notes(self) -> Sequence[Fault]:
        """What reading the inputs found worth saying."""
        ...

    def describe(
        self, blocks: Sequence[Mapping[str, Value]], part: str
    ) -> Iterator[BlockDescription]:
        """Describe blocks one after another.

        Args:
            blocks: Values of ``parameters``.
            part: One of the pipeline's ``description_parts``.
        """
        ...


@runtime_checkable
class DescribesData(Protocol):
    """A pipeline that can describe its data."""

    description_parts: Mapping[str, str]
    """Part of the data to one sentence; the first is the usual one."""

    def describer(
        self, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
    ) -> Describer:
        """Read the inputs, or find what was read in the cache.

        Args:
            settings: The study's settings.
            values: Values of the grid, which decide what the inputs must contain.
            cache_dir: The study's cache.

        Raises:
            InputError: With every fault found in the inputs.
        """
        ...
