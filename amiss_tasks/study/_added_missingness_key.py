"""Reader of the key ``added_missingness``: shares, and mechanisms where they are given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amiss_tasks.stages.added_missingness import (
    MCAR,
    MECHANISMS,
    MECHANISMS_KEY,
    OPTION,
    SHARES,
    SHARES_KEY,
)
from gridrun.documents.tree import Entries, Leaf, Node, kind_of, known_list
from gridrun.pipeline.study_keys import KeyValue
from gridrun.study import KeyReader, Section

_ALL = ("yes", True)
_NONE = ("no", "off", False, None)
_MOST_SHARES = 15
"""Most shares of a study."""

_DECIMALS = 3
"""Decimals to which mice::ampute rounds the share of MAR and MNAR."""

_GIVE = (
    "give shares from 0 (nothing is removed) to below 1, for example [0, 0.1, 0.5], "
    f"or yes for {known_list(SHARES)}"
)


def read_added_missingness(node: Node, file: Path) -> KeyValue:
    """The shares, in the order given, or a mapping of shares and mechanisms.

    Args:
        node: A list of shares, one share, ``yes``, or one of these below ``shares``, beside
            ``mechanisms``.
        file: The study file.

    Returns:
        The list of shares where MCAR is the only mechanism, as in a study that names none.
    """
    reader = KeyReader(file)
    mechanisms: list[str] = []
    if isinstance(node, Entries):
        known = (SHARES_KEY, MECHANISMS_KEY)
        found = Section(reader, node, known, f"key below {OPTION}").nodes
        if SHARES_KEY not in found:
            reader.fault(f'key "{OPTION}" has no shares', node, _GIVE)
        if MECHANISMS_KEY in found:
            mechanisms = _mechanisms(reader, found[MECHANISMS_KEY])
        if reader.faults:
            reader.finish()
        node = found[SHARES_KEY]
    by_value = [mechanism for mechanism in mechanisms if mechanism != MCAR]
    shares = _shares(reader, node, by_value)
    data = {SHARES_KEY: shares, MECHANISMS_KEY: mechanisms} if by_value else shares
    return KeyValue(data, reader.finish())


def removal_digest(data: Any) -> str | None:
    """What results depend on: tasks have one or two more parameters, which makes other codes.

    Which shares and mechanisms there are is left out, so that a study that gets another keeps
    what is done.
    """
    if data is None:
        return None
    return "two parameters" if isinstance(data, Mapping) else "a parameter"


def _shares(reader: KeyReader, node: Node, by_value: list[str]) -> list[float]:
    """Each share once; those that no mechanism can have are faults."""
    shares: list[float] = []
    # 1 and 0 are shares, though they equal true and false
    if isinstance(node, Leaf) and node.number is None and node.value in _ALL:
        said = f"{OPTION}: {node.written} stands for {len(SHARES)} shares: {known_list(SHARES)}"
        reader.note(said, node)
        return [*SHARES]
    if isinstance(node, Leaf) and node.number is None and node.value in _NONE:
        reader.fault(f'key "{OPTION}" has {kind_of(node)}', node, f"remove the key, or {_GIVE}")
        return []
    if not node.items:
        message = f'key "{OPTION}" has an empty list, so there is no combination at all'
        reader.fault(message, node, _GIVE)
    for item in node.items:
        share = _share(item)
        if share is None:
            message = f'key "{OPTION}" has {kind_of(item)}, which is not a share'
            reader.fault(message, item, _advice(item))
        elif by_value and share != round(share, _DECIMALS):
            message = f'key "{OPTION}" has {share:g}, of which mice::ampute takes three decimals '
            reader.fault(message + f"for {known_list(by_value)}", item, f"give {share:.3f}")
        elif share in shares:
            reader.note(f'key "{OPTION}" has {share:g} more than once; it is counted once', item)
        else:
            shares.append(share)
    if len(shares) > _MOST_SHARES:
        many = f'key "{OPTION}" has {len(shares)} shares, at most {_MOST_SHARES} are possible'
        reader.fault(many, node.items[0], "give fewer")
    return shares


def _mechanisms(reader: KeyReader, node: Node) -> list[str]:
    """Each mechanism once, in the order given."""
    name, found = f"{OPTION}: {MECHANISMS_KEY}", list[str]()
    if not node.items:
        allowed = f"known values: {known_list(MECHANISMS)}"
        reader.fault(f"{name} has an empty list, so there is no combination at all", node, allowed)
    for item in node.items:
        mechanism = reader.word(name, item, MECHANISMS)
        if mechanism in found:
            reader.note(f"{name} has {mechanism} more than once; it is counted once", item)
        elif mechanism is not None:
            found.append(mechanism)
    return found


def _share(item: Node) -> float | None:
    number = item.number
    # adding 0 makes -0 one with 0
    return float(number) + 0.0 if number is not None and 0 <= number < 1 else None


def _advice(item: Node) -> str:
    """What was perhaps meant: a percentage, or a number in quotes."""
    written = str(getattr(item, "value", "")).strip()
    try:
        number = float(written.removesuffix("%").replace(",", "."))
    except ValueError:
        return _GIVE
    if number == 1 and "%" not in written:
        return f"nothing would be left to learn from; {_GIVE}"
    is_percentage = "%" in written or number.is_integer()
    meant = number / 100 if is_percentage else number
    return f"did you mean {meant:g}? {_GIVE}" if 0 <= meant < 1 else _GIVE
