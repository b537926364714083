"""Reader of the key ``split_by``: what stays together where rows are split."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amiss_tasks.features.cut import time_of
from amiss_tasks.features.feature_set import GENE_FIELDS
from amiss_tasks.stages.splits.split_by import (
    FIELD_KEY,
    GENE,
    KINDS,
    NEWER_KEY,
    ONE_SPLIT,
    SPLIT_BY,
    TIME,
    TIME_KEYS,
    VALUES_KEY,
    VARIANT,
)
from gridrun.documents.tree import Entries, Node, kind_of, known_list, shown
from gridrun.pipeline.study_keys import KeyValue
from gridrun.study import KeyReader, Section

_GIVE_TIME = (
    f"give a field of the records and where to cut, for example {{{TIME}: {{field: DATE, from: "
    f"2021-01-01}}}} or {{{TIME}: {{field: DATE, test_share: 0.3}}}}; or the name of a later file, "
    f"{{{TIME}: {{{NEWER_KEY}: NAME}}}}"
)
_GIVE = f"give one or more of {known_list(KINDS)}, for example [{VARIANT}, {GENE}]"


def read_split_by(node: Node, file: Path) -> KeyValue:
    """What rows are split by, in the order given, and which field names genes.

    Args:
        node: A value, a list of values, or a mapping of one with what is to be said of it.
        file: The study file.
    """
    reader = KeyReader(file)
    data: dict[str, Any] = {"file": file.name, "line": node.line, VALUES_KEY: []}
    items = (node,) if isinstance(node, Entries) else node.items
    if not items:
        reader.fault(f'key "{SPLIT_BY}" has an empty list', node, _GIVE)
    for item in items:
        kind = _kind(reader, item, data)
        if kind in data[VALUES_KEY]:
            reader.note(f'key "{SPLIT_BY}" has "{kind}" more than once; it is counted once', item)
        elif kind is not None:
            data[VALUES_KEY].append(kind)
    if TIME in data[VALUES_KEY] and len(data[VALUES_KEY]) > 1:
        message = f'key "{SPLIT_BY}" has {TIME} among others, and {ONE_SPLIT}'
        reader.fault(message, node, f"make another study, with {TIME} alone")
    return KeyValue(data, reader.finish())


def split_digest(data: Any) -> str | None:
    """What results depend on: tasks have one more parameter, and genes are named by a field.

    Which values there are is left out, so that a study that gets another keeps what is done.
    """
    if data is None or data[VALUES_KEY] == [VARIANT]:
        return None
    said = [f"{name} {data[name]}" for name in (FIELD_KEY, TIME) if name in data]
    return "; ".join(["a parameter", *said])


def _kind(reader: KeyReader, item: Node, data: dict[str, Any]) -> str | None:
    if not isinstance(item, Entries):
        kind = reader.word(f'key "{SPLIT_BY}"', item, tuple(KINDS))
        if kind == TIME:
            reader.fault(f'key "{SPLIT_BY}" does not say what {TIME} is', item, _GIVE_TIME)
        return kind
    readers: Mapping[str, Any] = {GENE: _read_gene, TIME: _read_time}
    nodes = Section(reader, item, tuple(readers), f"key below {SPLIT_BY}").nodes
    if len(nodes) != 1:
        if nodes or not item.pairs:
            reader.fault(f'key "{SPLIT_BY}" has a mapping of several', item, _GIVE)
        return None
    ((kind, below),) = nodes.items()
    readers[kind](reader, below, data)
    return kind


def _read_gene(reader: KeyReader, node: Node, data: dict[str, Any]) -> None:
    data[FIELD_KEY] = reader.word(f"{SPLIT_BY}: {GENE}", node, GENE_FIELDS)


def _read_time(reader: KeyReader, node: Node, data: dict[str, Any]) -> None:
    """The field, and the first time that is tested on, or the share."""
    name = f"{SPLIT_BY}: {TIME}"
    if not isinstance(node, Entries):
        reader.fault(f"{name} has {kind_of(node)}", node, _GIVE_TIME)
        return
    nodes = Section(reader, node, (*TIME_KEYS, NEWER_KEY), f"key below {name}").nodes
    later = nodes.get(NEWER_KEY)
    if later is not None and len(nodes) == 1 and later.text:
        data[TIME] = {NEWER_KEY: later.text}
        return
    field = nodes.get("field")
    if field is None or later is not None or len(nodes) != len(TIME_KEYS) - 1:
        if reader.faults:
            return
        reader.fault(
            f"{name} needs field, and one of from and test_share; or newer", node, _GIVE_TIME
        )
        return
    if not field.text:
        reader.fault(f"{name}: field has {kind_of(field)}, expected a name", field, _GIVE_TIME)
    found: dict[str, Any] = {"field": field.text}
    if "from" in nodes:
        since = str(getattr(nodes["from"], "value", ""))
        if math.isnan(time_of(since)):
            message = f"{name}: from has {shown(nodes['from'])}, no date such as 2021-01-01"
            reader.fault(message, nodes["from"], _GIVE_TIME)
        found["since"] = since
    else:
        share = nodes["test_share"].number
        if share is None or not 0 < share < 1:
            message = f"{name}: test_share has {shown(nodes['test_share'])}"
            reader.fault(message, nodes["test_share"], "give a share between 0 and 1, such as 0.3")
        found["share"] = None if share is None else float(share)
    data[TIME] = found
