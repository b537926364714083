"""What is said of a feature beside its values: ``tags``, ``applies_to``, ``leak``, ``optional``."""

from __future__ import annotations

import re

from amiss_tasks.features._source import text_of
from amiss_tasks.features.consequences import CONSEQUENCES
from gridrun.documents.tree import Leaf, Node, kind_of, known_list, shown
from gridrun.study import KeyReader

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NOT_TAGS = ("all", "only", "without")
"""Words that values of ``feature_groups`` are made of."""

_SAID = "no reason is given"


def read_tags(reader: KeyReader, where: str, node: Node) -> tuple[str, ...]:
    """Groups that a feature is in, each once; nothing for null."""
    found: list[str] = []
    for item in _items(node):
        text = item.text or ""
        if _TAG.fullmatch(text) is None or text in _NOT_TAGS:
            reader.fault(
                f"{where}: {shown(item)} is not the name of a group",
                item,
                "a name begins with a letter and has letters, digits, _ and - alone; "
                f"{known_list(_NOT_TAGS)} mean something else",
            )
        elif text not in found:
            found.append(text)
    return tuple(found)


def read_applies_to(reader: KeyReader, where: str, node: Node) -> tuple[str, ...]:
    """Consequences on which a feature can exist, each once; nothing for null: all."""
    found: list[str] = []
    for item in _items(node):
        message = f"{where}: applies_to has {shown(item)}, which is no consequence of VEP"
        todo = "name terms of the Sequence Ontology as VEP writes them, such as missense_variant"
        term = reader.one_of(item, CONSEQUENCES, message, todo)
        if term is not None and term not in found:
            found.append(term)
    return tuple(found)


def read_leak(reader: KeyReader, where: str, node: Node) -> str | bool | None:
    """Why a feature leaks; False where it does not, None where nothing is said."""
    if isinstance(node, Leaf):
        if node.value is True:
            return _SAID
        if node.value is False or node.value is None:
            return node.value
        if text_of(node):
            return node.text
    message = f"{where}: leak has {kind_of(node)}"
    reader.fault(message, node, "give true, or the reason as text: trained on ClinVar's labels")
    return None


def read_optional(reader: KeyReader, where: str, node: Node) -> bool:
    """Whether a study does without a feature that its inputs do not have."""
    if isinstance(node, Leaf) and isinstance(node.value, bool):
        return node.value
    reader.fault(f"{where}: optional is {shown(node)}", node, "give true or false")
    return False


def _items(node: Node) -> list[Node]:
    return [item for item in node.items if not (isinstance(item, Leaf) and item.value is None)]
