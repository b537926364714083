"""Options of one run, beyond the study itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from numbers import Integral
from typing import Any

from gridrun.errors import UserError, did_you_mean
from gridrun.plan.units import Kind


@dataclass(frozen=True)
class Form:
    """How people give an option of a run: on a command line, or as a keyword.

    Args:
        help: What it does, for ``--help``.
        metavar: How its value is written there.
        flag: The flag that turns it off, for what is on by default.
        read: From the keyword's name and its value in the Python API to the field's value.
        selects: Whether it says which tasks are meant; these are kept with each run.
    """

    help: str
    metavar: str = ""
    flag: str = ""
    read: Callable[[str, Any], Any] = lambda _, value: value
    selects: bool = True


def _choices(_: str, only: object) -> tuple[str, ...]:
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


def _numbers(name: str, combinations: object) -> str:
    if isinstance(combinations, str):
        return combinations
    numbers = [_whole(name, number) for number in _several(combinations)]
    if not numbers:
        raise UserError(f"{name} is an empty list", todo="leave it out to mean all of them")
    return ",".join(map(str, numbers))


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UserError(f"{name}={value!r}: a whole number is needed")
    return int(value)


def _word(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise UserError(f"{name}={value!r}: a word is needed")
    return value


def _several(value: object) -> Iterable[object]:
    """Several values as they are, one as a list of one."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return list(value)
    return [value]


def _words(name: str, words: object) -> tuple[str, ...]:
    return tuple(_word(name, word) for word in _several(words))


RETRIED = tuple(kind.value for kind in Kind if kind is not Kind.UPSTREAM_DEFECT)
"""Kinds of failure that another run may be asked to try again."""


def _option(form: Form, *, default: Any = None) -> Any:
    return field(default=default, metadata={"form": form})


@dataclass(frozen=True)
class RunOptions:
    """Options of a run; the same everywhere.

    A field is all there is to declare: commands, the Python API and the record of a run
    take options from here, each in its :class:`Form`.
    """

    only: tuple[str, ...] = _option(
        Form(
            "Take only combinations with these values; repeat the option for further parameters.",
            "PARAMETER=VALUE[,VALUE...]",
            read=_choices,
        ),
        default=(),
    )
    combinations: str | None = _option(
        Form(
            "Take only these combination numbers, for example 1,5,10-20, or @FILE with one a line.",
            "LIST",
            read=_numbers,
        ),
    )
    sample: int | None = _option(
        Form(
            "Draw about N combinations by the study's seed, in whole blocks: combinations that "
            "are compared on the same rows.",
            "N",
            read=_whole,
        ),
    )
    design: str | None = _option(
        Form(
            "With --sample: balanced draws every value and every pair of values as evenly as can "
            "be; random is what is done without it.",
            "DESIGN",
            read=_word,
        ),
    )
    blocks: bool = _option(
        Form(
            "With --sample: draw single combinations instead of whole blocks (fewer pairs, less "
            "sharing).",
            flag="--no-blocks",
        ),
        default=True,
    )
    rows: int | None = _option(
        Form(
            "Use a subset of N rows of the inputs, drawn by the seed, for prototyping; every "
            "table says so.",
            "N",
            read=_whole,
        ),
    )
    folds: int | None = _option(
        Form("Run F folds, whatever the study says; more can be added later.", "F", read=_whole),
    )
    retry_failed: bool = _option(
        Form("Run failed tasks again as well.", selects=False), default=False
    )
    retry: tuple[str, ...] = _option(
        Form(
            f"Run failed tasks of these kinds again as well: {', '.join(RETRIED)}.",
            "KIND[,KIND...]",
            read=_words,
            selects=False,
        ),
        default=(),
    )
    max_failures: int | None = _option(
        Form(
            "Start no more tasks once N have failed in this run.",
            "N",
            read=_whole,
            selects=False,
        ),
    )
    mix_environments: bool = _option(
        Form(
            "Accept other versions of R or packages than the study was begun with.", selects=False
        ),
        default=False,
    )

    def __post_init__(self) -> None:
        if self.max_failures is not None and self.max_failures < 1:
            raise UserError(
                f"--max-failures {self.max_failures}: no run could begin with that",
                todo="give 1 or more: 1 ends the run with the first failure",
            )

    @property
    def retried_kinds(self) -> frozenset[str]:
        """Kinds of failure whose tasks are to be run again.

        Raises:
            UserError: There is no such kind.
        """
        kinds = [word.strip() for words in self.retry for word in words.split(",")]
        for kind in kinds:
            if kind not in RETRIED:
                near = did_you_mean(kind, RETRIED)
                raise UserError(
                    f"--retry {kind}: no kind of failure that can be tried again",
                    todo=f"{near} known: {', '.join(RETRIED)}".strip(),
                )
        return frozenset(RETRIED if self.retry_failed else kinds)

    @classmethod
    def asked(cls, **options: Any) -> RunOptions:
        """The options that keywords of the Python API give, in the forms people write.

        Args:
            options: The fields; ``only`` also as a mapping of parameter to value or
                values, ``combinations`` also as a number or several.

        Raises:
            UserError: There is no such field, or a value is of no use for it.
        """
        unknown = sorted(set(options) - FORMS.keys())
        if unknown:
            raise UserError(
                f"unknown option: {', '.join(unknown)}",
                todo="known: " + ", ".join(FORMS),
            )
        return cls(
            **{
                name: FORMS[name].read(name, value)
                for name, value in options.items()
                if value is not None
            }
        )

    def selecting(self) -> dict[str, Any]:
        """Those options that say which tasks are meant, as plain data."""
        return {name: value for name, value in asdict(self).items() if FORMS[name].selects}

    @classmethod
    def from_selecting(cls, data: Mapping[str, Any]) -> RunOptions:
        """The request of an earlier run, to look at what it was about."""
        return cls(**{**data, "only": tuple(data.get("only", ()))})

    @property
    def is_plain(self) -> bool:
        """Whether nothing was said about which tasks are meant."""
        return self.selecting() == RunOptions().selecting()


FORMS: dict[str, Form] = {each.name: each.metadata["form"] for each in fields(RunOptions)}
"""Name of each option to its form."""
