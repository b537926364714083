"""What one run is asked for, beyond the study itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """Options of a run; the same everywhere.

    Args:
        only: ``PARAMETER=VALUE[,VALUE...]`` each.
        combinations: Explicit list, as typed (``1,5,10-20`` or ``@file``).
        sample: How many combinations to draw, or None for the study's own setting.
        blocks: Whether the sample is drawn in whole blocks.
        rows: Size of the seeded subset of variants, or None for the study's own setting.
        folds: Number of folds, or None for the study's own setting.
        retry_failed: Whether failed tasks are run again.
        mix_environments: Whether other versions than the study's so far are accepted.
    """

    only: tuple[str, ...] = ()
    combinations: str | None = None
    sample: int | None = None
    blocks: bool = True
    rows: int | None = None
    folds: int | None = None
    retry_failed: bool = False
    mix_environments: bool = False

    def selecting(self) -> dict[str, Any]:
        """Those options that say which tasks are meant, as plain data."""
        data = asdict(self)
        return {
            name: data[name]
            for name in ("only", "combinations", "sample", "blocks", "rows", "folds")
        }

    @classmethod
    def from_selecting(cls, data: Mapping[str, Any]) -> Request:
        """The request of an earlier run, to look at what it was about."""
        return cls(**{**data, "only": tuple(data.get("only", ()))})

    @property
    def is_plain(self) -> bool:
        """Whether nothing was said about which tasks are meant."""
        return self.selecting() == Request().selecting()
