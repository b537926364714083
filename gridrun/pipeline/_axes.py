"""Parameters and stages: what a grid is made of, and what depends on what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | float
"""One value of a parameter."""


@dataclass(frozen=True)
class Parameter:
    """One axis of the grid.

    Args:
        name: Upstream's spelling.
        values: Every value this version runs, in the order they are documented.
        description: One sentence for ``gridrun params``.
        shorthands: Values that stand for several others (``all``).
        default: Values of a grid that does not name it; None where every grid has to.
        start: Values in the grid that ``gridrun init`` writes; None for all.
        start_lacks: What that grid says of the values that are not among several.
        only_under: Values that one protocol alone runs, to the name of that protocol.
        only_under_reason: Why the others do not, as a clause after a colon.
    """

    name: str
    values: tuple[Value, ...]
    description: str
    shorthands: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    default: tuple[Value, ...] | None = None
    start: tuple[Value, ...] | None = None
    start_lacks: str = ""
    only_under: Mapping[Value, str] = field(default_factory=dict)
    only_under_reason: str = ""

    def under(self, protocol: str) -> tuple[Value, ...]:
        """Those of its values that a protocol runs."""
        return tuple(v for v in self.values if self.only_under.get(v, protocol) == protocol)


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Args:
        name: As in design and ledger: ``read``, ``filter``, ...
        reads: Parameters this stage itself reads; it depends on those of the
            stages before it as well.
        per_fold: Whether it runs once for each fold.
        per_classifier: Whether it runs once for each classifier.
        on_driver: Whether it runs where the study is (its result travels to
            the workers), rather than inside a unit.
        after: The stage whose parameters it depends on beside its own, where
            that is not simply every stage before it.
    """

    name: str
    reads: tuple[str, ...]
    per_fold: bool = False
    per_classifier: bool = False
    on_driver: bool = False
    after: str | None = None
