"""Where a feature's values stand: the keys ``source``, ``combine``, ``list`` and ``as``."""

from __future__ import annotations

from amiss_tasks.features.feature import (
    BY_TRANSCRIPT,
    FILES,
    MEANINGS,
    NUMBER_IN_BRACKETS,
    RELATIVE_POSITION,
    TABLES,
    Combination,
    Source,
)
from amiss_tasks.features.sources import LISTS, OF_TWO, WAYS
from gridrun.documents.tree import Entries, Items, Node, known_list, shown
from gridrun.errors import counted
from gridrun.study import KeyReader, Section

_SEVERAL = "to read the first that is there, give a list: [{vep: FIELD}, {cadd: COLUMN}]"
_COMBINE = "like {by: max, of: [{vep: SpliceAI_pred_DS_AG}, {vep: SpliceAI_pred_DS_AL}]}"
_LIST_WAYS = (BY_TRANSCRIPT, *LISTS)


def read_sources(reader: KeyReader, where: str, node: Node) -> tuple[Source, ...] | None:
    """Sources of a feature, in the order in which they are looked for.

    Args:
        reader: Takes the faults.
        where: What the node belongs to, for messages.
        node: A source, or a list of sources.

    Returns:
        At least one; None where the node is wrong.
    """
    if not isinstance(node, Items):
        one = _source(reader, where, node)
        return None if one is None else (one,)
    if not node.nodes:
        reader.fault(f"{where}: source is an empty list", node, _SEVERAL)
        return None
    found = [_source(reader, where, item) for item in node.nodes]
    sources = [source for source in found if source is not None]
    files = [source.file for source in sources]
    twice = [file for file in dict.fromkeys(files) if files.count(file) > 1]
    for file in twice:
        todo = f"give its columns as one list: {{{file}: [FIRST, SECOND]}}"
        reader.fault(f"{where}: source names {file} more than once", node, todo)
    return tuple(sources) if len(sources) == len(found) and not twice else None


def read_combination(reader: KeyReader, where: str, node: Node) -> Combination | None:
    """How columns of a row are combined; None where the node is wrong."""
    entries = reader.entries(node, f"{where}: combine", _COMBINE, expected="a way and columns")
    if entries is None:
        return None
    nodes = Section(reader, entries, ("by", "of"), "key below combine").nodes
    for key in ("by", "of"):
        if key not in nodes:
            reader.fault(f'{where}: combine has no key "{key}"', node, _COMBINE)
    if len(nodes) < len(("by", "of")):
        return None
    todo = f"known ways: {known_list(WAYS, len(WAYS))}"
    by = reader.one_of(nodes["by"], WAYS, f"{where}: by is {shown(nodes['by'])}", todo)
    operands = [read_sources(reader, where, item) for item in nodes["of"].items]
    of = tuple(operand for operand in operands if operand is not None)
    if by is None or len(of) < len(operands):
        return None
    expected = "two" if by in OF_TWO else "at least two"
    if len(of) < 2 or (by in OF_TWO and len(of) > 2):  # noqa: PLR2004  # as it says
        message = f"{where}: {by} of {counted(len(of), 'column')}, expected {expected}"
        reader.fault(message, nodes["of"], _COMBINE)
        return None
    firsts = [(operand[0].file, operand[0].columns[0]) for operand in of]
    if len(set(firsts)) < len(firsts):
        message = f"{where}: combine begins with one column twice"
        reader.fault(message, nodes["of"], "keep one of the two")
        return None
    return Combination(by, of)


def read_lists(reader: KeyReader, where: str, node: Node, *, is_numeric: bool) -> tuple[str, ...]:
    """How a list becomes one value: a way, by transcript, or the one after the other.

    Args:
        reader: Takes the faults.
        where: What the node belongs to, for messages.
        node: A way, or a list of them.
        is_numeric: Whether values can be compared.

    Returns:
        The ways, in order; empty where the node is wrong.
    """
    allowed = _LIST_WAYS if is_numeric else (BY_TRANSCRIPT, LISTS[-1])
    todo = f"give one of {known_list(allowed)}, or [{BY_TRANSCRIPT}, {allowed[-1]}]"
    ways = []
    for item in node.items:
        message = f"{where}: list is {shown(item)}"
        if item.text in _LIST_WAYS and item.text not in allowed:
            message += ", and text has no order"
        ways.append(reader.one_of(item, allowed, message, todo))
    if not ways or None in ways:
        if not ways:
            reader.fault(f"{where}: list is empty", node, todo)
        return ()
    found = tuple(way for way in ways if way is not None)
    if len(found) > 1 and (found[0] != BY_TRANSCRIPT or len(found) > 2 or found[1] == found[0]):  # noqa: PLR2004
        message = f"{where}: list is {shown(node)}, of which the later can never be meant"
        reader.fault(message, node, todo)
        return ()
    return found


def read_meaning(reader: KeyReader, where: str, node: Node, *, is_numeric: bool) -> str | None:
    """What the text of a cell stands for; None where the node is wrong."""
    todo = (
        f"known: {RELATIVE_POSITION} (123/456, as VEP writes positions with --total_length), "
        f"{NUMBER_IN_BRACKETS} (tolerated(0.2), as VEP writes SIFT with --sift b)"
    )
    meant = reader.one_of(node, MEANINGS, f"{where}: as is {shown(node)}", todo)
    if meant is not None and not is_numeric:
        reader.fault(f"{where} is categorical, as {meant} is a number", node, "type: numeric")
        return None
    return meant


def _source(reader: KeyReader, where: str, node: Node) -> Source | None:
    if not isinstance(node, Entries):
        reader.fault(
            f"{where}: source is {shown(node)}",
            node,
            "name file and column: {vep: CSQ_FIELD}, {cadd: COLUMN} or {annotations: "
            "{NAME: COLUMN}}, or a list of columns of which the first that is there is read",
        )
        return None
    found = Section(reader, node, FILES, "key").nodes
    if len(found) != 1:
        if found or not node.pairs:
            message = f"{where}: source needs one of {known_list(FILES)}"
            reader.fault(message, node, _SEVERAL if found else None)
        return None
    ((file, columns),) = found.items()
    if file == TABLES:
        inner = reader.entries(
            columns,
            f"{where}: {TABLES}",
            "name table and column, as in {annotations: {NAME: COLUMN}}: NAME as in "
            "the study's inputs",
            expected="a table with a column",
        )
        if inner is None:
            return None
        if len(inner.pairs) != 1 or inner.pairs[0][0].text is None:
            reader.fault(f"{where}: {TABLES} needs one table with its column", node)
            return None
        ((key, columns),) = inner.pairs
        file = f"{TABLES}.{key.text}"
    names = [text_of(item) for item in columns.items]
    if not names or None in names:
        reader.fault(f"{where}: {file} has {shown(columns)}, expected columns", columns)
        return None
    found_names = tuple(dict.fromkeys(name for name in names if name is not None))
    if len(found_names) < len(names):
        reader.fault(f"{where}: {file} has a column twice: {shown(columns)}", columns)
    return Source(file, found_names)


def text_of(node: Node) -> str | None:
    """Text of one line without blanks around it; None for anything else."""
    text = node.text
    return text if text and text == text.strip() and text.isprintable() else None
