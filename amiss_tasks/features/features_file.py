"""Reading a features file: the features a study names in place of amiss's own.

Either a list of features, or a mapping that says what is different from a list that
comes with gridrun: ``extends: amiss`` with ``drop``, ``change`` and ``add``. Such lists are
amiss's, and the features files in ``sets``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from amiss_tasks.features._entry import FeatureReader
from amiss_tasks.features._rules import check_features
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import AMISS_NAME, SETS, Feature, FeatureSet
from gridrun.documents import read_document
from gridrun.documents.tree import Entries, Items, Node, by_line, kind_of, known_list, quoted
from gridrun.errors import Fault, InputError, counted, did_you_mean
from gridrun.study import Section

_EXTENDING = ("extends", "drop", "change", "add")
_MOST_FAULTS = 40


@dataclass(frozen=True)
class FeaturesFile:
    """The content of a features file, checked.

    Args:
        features: The set; ``origin`` is the file, every feature has a line in it.
        notes: What was accepted but is worth saying.
    """

    features: FeatureSet
    notes: tuple[Fault, ...]


def known_sets() -> tuple[str, ...]:
    """Names of the sets that a study can name and a features file extend, amiss's first."""
    return (AMISS_NAME, *sorted(path.stem for path in SETS.glob("*.yaml")))


def features_of_set(name: str) -> FeatureSet:
    """The set that comes with gridrun under a name of ``known_sets``."""
    return AMISS if name == AMISS_NAME else read_features(SETS / f"{name}.yaml").features


def read_features(path: Path) -> FeaturesFile:
    """Read a features file (YAML or JSON).

    Args:
        path: As it is to be named in messages.

    Returns:
        Its features. Nothing but they and the keys of the join is demanded of
        the inputs, so upstream's motif columns are not.

    Raises:
        InputError: With every fault of the file.
    """
    document = read_document(path)
    reader = FeatureReader(path, document)
    if isinstance(document.root, Items):
        features = reader.features(document.root.nodes)
    elif isinstance(document.root, Entries):
        features = _extended(reader, document.root)
    else:
        features = []
        reader.fault(
            f"has {kind_of(document.root)}, expected features",
            document.root,
            "give a list of features, or extends: amiss and what is different; docs/features.md",
        )
    if features or not reader.faults:
        check_features(reader, features)
    if reader.faults:
        raise InputError(_at_most(path, by_line(reader.faults)))
    return FeaturesFile(FeatureSet(tuple(features), origin=path), document.notes)


def _extended(reader: FeatureReader, root: Entries) -> list[Feature]:
    """The list that is extended, with what the file says is different."""
    nodes = Section(reader, root, _EXTENDING, "key", also=("features",)).nodes
    if "features" in nodes:
        reader.fault(
            'a whole list of features stands by itself, without the key "features"',
            root,
            "remove the key, so that the file begins with: - name:",
        )
        return []
    if "extends" not in nodes:
        reader.fault(
            'key "extends" is missing',
            root,
            "write extends: amiss, and what is different; a whole list needs no key",
        )
        return []
    node = nodes["extends"]
    message = f'key "extends" has {kind_of(node)}'
    # a set that extends itself would have no end
    known = [name for name in known_sets() if SETS / f"{name}.yaml" != reader.file]
    name = reader.one_of(node, known, message, f"known lists: {known_list(known)}")
    if name is None:
        return []
    base = features_of_set(name).features
    features = {feature.name: replace(feature, line=node.line) for feature in base}
    _drop(reader, nodes.get("drop"), features)
    _change(reader, nodes.get("change"), features)
    added = reader.features(_items(reader, "add", nodes.get("add")))
    for feature in added:
        if feature.name in features:
            message = f'feature "{feature.name}" is in the list that is extended'
            todo = "say what is different below change, or name it below drop as well"
            reader.fault(message, feature, todo)
    return [*features.values(), *(each for each in added if each.name not in features)]


def _drop(reader: FeatureReader, node: Node | None, features: dict[str, Feature]) -> None:
    for item in _items(reader, "drop", node):
        name = reader.name(item, "drop has")
        if name is not None and _is_known(reader, name, item, features):
            del features[name]


def _change(reader: FeatureReader, node: Node | None, features: dict[str, Feature]) -> None:
    changed: set[str] = set()
    for item in _items(reader, "change", node):
        entries = reader.entry(item)
        if entries is None:
            continue
        name = reader.name_of(entries, item)
        if name is None or not _is_known(reader, name, item, features):
            continue
        if name in changed:
            reader.fault(f'feature "{name}" is changed twice', item, "keep one of the two")
        changed.add(name)
        features[name] = reader.changed(features[name], entries, item)


def _is_known(reader: FeatureReader, name: str, node: Node, features: dict[str, Feature]) -> bool:
    if name in features:
        return True
    reader.fault(
        f"{quoted(name)} is not, or no longer, in the list that is extended",
        node,
        did_you_mean(name, features) or f"it has: {known_list(features, len(features))}",
    )
    return False


def _items(reader: FeatureReader, key: str, node: Node | None) -> Sequence[Node]:
    if node is None:
        return ()
    if isinstance(node, Items):
        return node.nodes
    reader.fault(f'key "{key}" has {kind_of(node)}, expected a list', node)
    return ()


def _at_most(path: Path, faults: Sequence[Fault]) -> list[Fault]:
    if len(faults) <= _MOST_FAULTS:
        return list(faults)
    more = Fault(path, f"and {counted(len(faults) - _MOST_FAULTS, 'more fault')}, not listed here")
    return [*faults[:_MOST_FAULTS], more]
