"""Contexts as they travel: by digest, since a number is a ledger's own."""

from __future__ import annotations

from collections.abc import Mapping

from gridrun.errors import EnvironmentFault
from gridrun.plan.units import ContextFacts
from gridrun.shard._text import NumberOf

_WORD = "context"


class Contexts(dict[int, ContextFacts]):
    """Contexts by number; one that nobody described goes by its number."""

    def __missing__(self, number: int) -> ContextFacts:
        return ContextFacts(f"{_WORD} {number}", "")


def numbers_of(contexts: Mapping[int, ContextFacts]) -> NumberOf:
    """Numbers of contexts by digest; the way back from ``Contexts``."""
    numbers = {facts.digest: number for number, facts in contexts.items()}

    def number_of(digest: str) -> int:
        word, _, number = digest.partition(" ")
        if word == _WORD and number.isdigit():
            return int(number)
        if digest not in numbers:
            raise EnvironmentFault(
                f"an outcome came back for tasks that this ledger has never had ({digest})",
                todo="is this the study directory that the sweep was sent from, or a copy of it?",
            )
        return numbers[digest]

    return number_of
