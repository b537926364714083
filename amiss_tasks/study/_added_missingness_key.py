"""Reader of the key ``added_missingness`` of ``study.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amiss_tasks.stages.added_missingness import OPTION, SHARES
from gridrun.documents.tree import Entries, Items, Leaf, Node, kind_of, known_list, read_keys
from gridrun.errors import Fault, InputError
from gridrun.pipeline.study_keys import KeyValue, StudyKey

_ALL = ("yes", True)
_NONE = ("no", "off", False, None)
_MOST_SHARES = 15
"""Most shares of a study."""

_GIVE = (
    "give shares from 0 (nothing is removed) to below 1, for example [0, 0.1, 0.5], "
    f"or yes for {known_list(SHARES)}"
)


def _read(node: Node, file: Path) -> KeyValue:
    """The shares, in the order given: a list, ``{shares: list}``, or ``yes``."""
    if isinstance(node, Entries):
        node = _shares_node(node, file)
    if isinstance(node, Leaf) and node.value in _ALL:
        note = f"{OPTION}: {node.written} stands for {len(SHARES)} shares: {known_list(SHARES)}"
        return KeyValue(list(SHARES), (Fault(file, note, node.line),))
    if isinstance(node, Leaf) and node.value in _NONE:
        message = f'key "{OPTION}" has {kind_of(node)}'
        raise InputError([Fault(file, message, node.line, f"remove the key, or {_GIVE}")])
    items = node.nodes if isinstance(node, Items) else [node]
    if not items:
        message = f'key "{OPTION}" has an empty list, so there is no combination at all'
        raise InputError([Fault(file, message, node.line, _GIVE)])
    return _listed(items, file)


def _shares_node(entries: Entries, file: Path) -> Node:
    """The node behind ``shares`` in the long form."""
    faults: list[Fault] = []
    found = read_keys(file, entries, ("shares",), f"key below {OPTION}", faults)
    if "shares" not in found:
        faults.append(Fault(file, f'key "{OPTION}" has no shares', entries.line, _GIVE))
    if faults:
        raise InputError(faults)
    return found["shares"][1]


def _listed(items: Sequence[Node], file: Path) -> KeyValue:
    faults: list[Fault] = []
    notes: list[Fault] = []
    shares: list[float] = []
    for item in items:
        share = _share(item)
        if share is None:
            message = f'key "{OPTION}" has {kind_of(item)}, which is no share'
            faults.append(Fault(file, message, item.line, _advice(item)))
        elif share in shares:
            message = f'key "{OPTION}" has {share:g} more than once; it is counted once'
            notes.append(Fault(file, message, item.line))
        else:
            shares.append(share)
    if len(shares) > _MOST_SHARES:
        message = f'key "{OPTION}" has {len(shares)} shares, at most {_MOST_SHARES} are possible'
        faults.append(Fault(file, message, items[0].line, "give fewer"))
    if faults:
        raise InputError(faults)
    return KeyValue(shares, tuple(notes))


def _share(item: Node) -> float | None:
    number = item.number() if isinstance(item, Leaf) else None
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


def _fingerprint(data: Any) -> str | None:
    """Set where the key is: tasks then have one more parameter, which makes other codes.

    Which shares there are is left out, so that a study that gets another keeps what is done.
    """
    return None if data is None else "a parameter"


KEY = StudyKey(
    "Shares of the training tables' known values that are removed at random.",
    _read,
    _fingerprint,
)
"""The key."""
