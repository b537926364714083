"""Options of one run, beyond the study itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any

from gridrun.errors import UserError


@dataclass(frozen=True)
class RunOptions:
    """Options of a run; the same everywhere.

    Args:
        only: ``PARAMETER=VALUE[,VALUE...]`` each.
        combinations: Explicit list, as typed (``1,5,10-20`` or ``@file``).
        sample: How many combinations to draw, or None for the study's own setting.
        blocks: Whether the sample is drawn in whole blocks.
        rows: Size of the seeded subset of rows, or None for the study's own setting.
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

    @classmethod
    def asked(cls, **options: Any) -> RunOptions:
        """The options that keywords of the Python API give, in the forms people write.

        Args:
            options: The fields; ``only`` also as a mapping of parameter to value or
                values, ``combinations`` also as a number or several.

        Raises:
            UserError: There is no such field, or a value is of no use for it.
        """
        unknown = sorted(set(options) - set(cls.__dataclass_fields__))
        if unknown:
            raise UserError(
                f"unknown option: {', '.join(unknown)}",
                todo="known: " + ", ".join(cls.__dataclass_fields__),
            )
        given = {name: value for name, value in options.items() if value is not None}
        for name in ("sample", "rows", "folds"):
            if name in given:
                given[name] = _whole(name, given[name])
        if "only" in given:
            given["only"] = _choices(given["only"])
        if "combinations" in given and not isinstance(given["combinations"], str):
            given["combinations"] = _numbers(given["combinations"])
        return cls(**given)

    def selecting(self) -> dict[str, Any]:
        """Those options that say which tasks are meant, as plain data."""
        data = asdict(self)
        return {
            name: data[name]
            for name in ("only", "combinations", "sample", "blocks", "rows", "folds")
        }

    @classmethod
    def from_selecting(cls, data: Mapping[str, Any]) -> RunOptions:
        """The request of an earlier run, to look at what it was about."""
        return cls(**{**data, "only": tuple(data.get("only", ()))})

    @property
    def is_plain(self) -> bool:
        """Whether nothing was said about which tasks are meant."""
        return self.selecting() == RunOptions().selecting()


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UserError(f"{name}={value!r}: a whole number is needed")
    return int(value)


def _choices(only: object) -> tuple[str, ...]:
    if isinstance(only, str):
        return (only,)
    if isinstance(only, Mapping):
        return tuple(f"{name}={','.join(map(str, _several(v)))}" for name, v in only.items())
    if isinstance(only, Iterable):
        return tuple(map(str, only))
    raise UserError(
        f"only={only!r}: no choice of values",
        todo='write "PARAMETER=VALUE", a list of such, or {PARAMETER: VALUES}',
    )


def _numbers(combinations: object) -> str:
    numbers = [_whole("combinations", number) for number in _several(combinations)]
    if not numbers:
        raise UserError("combinations is an empty list", todo="leave it out to mean all of them")
    return ",".join(map(str, numbers))


def _several(value: object) -> Iterable[object]:
    """Several values as they are, one as a list of one."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return list(value)
    return [value]
