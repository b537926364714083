"""Input files of a pipeline: what each is, which have to be given, and their roles."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

InputPath = str | os.PathLike[str]


@dataclass(frozen=True)
class InputRole:
    """An input file: a key below ``inputs``, and an option of ``gridrun init`` and ``predict``.

    Args:
        description: What the file is, for ``gridrun init``.
        example: Name that a new study has for it where none is given.
        comment: What stands behind it in a new study; empty for nothing.
        predicted: What the file is where its rows are predicted; empty where
            ``gridrun predict`` does not take one.
        group: Inputs of one group may be left out, all of them or none; empty for an input
            that every study has.
        many: Whether a study may have any number of such files, none included, each under a
            name of its own. The role of one of them is ``ROLE.NAME`` wherever there is one file
            to a role.
    """

    description: str
    example: str
    comment: str = ""
    predicted: str = ""
    group: str = ""
    many: bool = False


def inputs_lacking(inputs: Mapping[str, InputRole], given: Container[str]) -> dict[str, str]:
    """Inputs that are not given, though they have to be.

    Args:
        inputs: ``Pipeline.inputs``, or some of them.
        given: Roles that are given.

    Returns:
        Role to what to do about it, as a sentence without its full stop.
    """
    begun: dict[str, list[str]] = {}
    for role, it in inputs.items():
        if it.group and role in given:
            begun.setdefault(it.group, []).append(role)
    lacking = {}
    for role, it in inputs.items():
        if role not in given and not it.many and (not it.group or it.group in begun):
            others = " and ".join(begun.get(it.group, ()))
            lacking[role] = f"add {role}: PATH" + (f", or leave {others} out too" if others else "")
    return lacking


def inputs_advice(inputs: Mapping[str, InputRole]) -> str:
    """Which inputs a study has to name, and which it may.

    Args:
        inputs: ``Pipeline.inputs``.
    """
    needed = [role for role, it in inputs.items() if not it.group and not it.many]
    groups: dict[str, list[str]] = {}
    for role, it in inputs.items():
        if it.group:
            groups.setdefault(it.group, []).append(role)
    parts = (
        [f"{_listed(needed)}{', each' if len(needed) > 1 else ''} with a path"] if needed else []
    )
    parts += [f"{_listed(roles)} where there are any" for roles in groups.values()]
    return f"give {', and '.join(parts)}" if parts else "leave inputs out"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def by_role(
    inputs: Mapping[str, InputPath | Mapping[str, InputPath]],
) -> Iterator[tuple[str, InputPath]]:
    """Role to path of each file.

    Args:
        inputs: Role to path, or to paths by name where there may be many.

    Returns:
        Pairs of role, ``ROLE.NAME`` for one of many, and path.
    """
    for role, given in inputs.items():
        if isinstance(given, Mapping):
            yield from ((f"{role}.{name}", path) for name, path in given.items())
        else:
            yield role, given


def unknown_inputs(inputs: Mapping[str, InputRole], given: Iterable[str]) -> list[str]:
    """Roles that are given and are none of a pipeline's.

    Args:
        inputs: ``Pipeline.inputs``, or some of them.
        given: Roles, ``ROLE.NAME`` for one of many.
    """
    unknown = []
    for role in given:
        of_all, _, name = role.partition(".")
        if of_all not in inputs or inputs[of_all].many != bool(name):
            unknown.append(role)
    return unknown


@runtime_checkable
class TakesDigests(Protocol):
    """A pipeline that takes the digests of inputs while it reads them.

    What it opens is then given those that are known already, and no file is read for the others
    alone.
    """

    def digests_taken(self, opened: object) -> Mapping[str, str]:
        """Role to SHA-256 of each input's content, as ``digest_of_input`` gives it.

        Args:
            opened: What ``open_source`` or ``describer`` gave. These are digests of what it has
                read, or found in the cache by such a digest.
        """
        ...
