"""Reader of the key ``feature_groups``: which features combinations have, beside all."""

from __future__ import annotations

from pathlib import Path

from amiss_tasks.features.groups import ALL, JOINED, ONLY, WITHOUT
from amiss_tasks.stages.feature_groups import FEATURE_GROUPS
from gridrun.documents.tree import Entries, Node, shown
from gridrun.pipeline.study_keys import KeyValue
from gridrun.study import KeyReader, Section

_GIVE = (
    f"give a list of {ALL}, {{{WITHOUT}: GROUP}} and {{{ONLY}: [GROUP, GROUP]}}, for example "
    f"[{ALL}, {{{WITHOUT}: conservation}}]"
)


def read_groups(node: Node, file: Path) -> KeyValue:
    """The values as tables show them, each with its line, in the order given."""
    reader = KeyReader(file)
    found: dict[str, int] = {}
    if not node.items:
        reader.fault(f'key "{FEATURE_GROUPS}" has an empty list', node, _GIVE)
    for item in node.items:
        value = _value(reader, item)
        if value in found:
            reader.note(
                f'key "{FEATURE_GROUPS}" has "{value}" more than once; it is counted once', item
            )
        elif value is not None:
            found[value] = item.line
    # whether the study's features have these groups is known once all keys are
    data = {"file": file.name, "values": [[value, line] for value, line in found.items()]}
    return KeyValue(data, reader.finish())


def _value(reader: KeyReader, item: Node) -> str | None:
    if isinstance(item, Entries):
        nodes = Section(reader, item, (ONLY, WITHOUT), f"key below {FEATURE_GROUPS}").nodes
        if len(nodes) != 1:
            if nodes or not item.pairs:
                message = f'key "{FEATURE_GROUPS}" has {shown(item)}'
                reader.fault(message, item, f"give one of {ONLY} and {WITHOUT}")
            return None
        ((way, groups),) = nodes.items()
        names = [name.text for name in groups.items]
    elif item.text == ALL:
        return ALL
    else:
        # as tables show it
        way, _, rest = (item.text or "").partition(" ")
        names = [*rest.split(JOINED)] if way in (ONLY, WITHOUT) else []
    texts = [name.strip() for name in names if name and name.strip()]
    if not texts or len(texts) < len(names):
        reader.fault(f'key "{FEATURE_GROUPS}" has {shown(item)}', item, _GIVE)
        return None
    return f"{way} {JOINED.join(dict.fromkeys(texts))}"
