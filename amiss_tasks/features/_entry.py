"""One feature of a features file: its keys, and what each may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from amiss_tasks.features._about import read_applies_to, read_leak, read_optional, read_tags
from amiss_tasks.features._source import (
    read_combination,
    read_lists,
    read_meaning,
    read_sources,
    text_of,
)
from amiss_tasks.features.feature import BY_TRANSCRIPT, NUMERIC, TYPES, VEP, Feature
from amiss_tasks.r.names import r_name
from gridrun.documents.tree import Entries, Leaf, Node, kind_of, known_list, shown
from gridrun.study import KeyReader, Section

KEYS = (
    "name",
    "source",
    "combine",
    "type",
    "a_priori",
    "per_transcript",
    "list",
    "as",
    "tags",
    "applies_to",
    "leak",
    "optional",
)
"""Keys of a feature."""

_EXAMPLE = "{name: SIFT_score, source: {vep: SIFT_score}, type: numeric, per_transcript: true}"
_NO_VALUE = ("", ".", "NA")


class FeatureReader(KeyReader):
    """Reads features, gathering faults."""

    def features(self, nodes: Sequence[Node]) -> list[Feature]:
        """Whole features, as far as they are sound, in the order of the list."""
        read = []
        for node in nodes:
            entries = self.entry(node)
            feature = None if entries is None else self._whole(entries, node)
            if feature is not None:
                read.append(feature)
        return read

    def entry(self, node: Node) -> Mapping[str, Node] | None:
        """Keys of one feature, or None where it is not a mapping."""
        if isinstance(node, Entries):
            return Section(self, node, KEYS, "key").nodes
        self.fault(f"there is {kind_of(node)}, expected a feature", node, f"like {_EXAMPLE}")
        return None

    def name_of(self, entries: Mapping[str, Node], node: Node) -> str | None:
        """Name of a feature, as R's ``make.names`` leaves it."""
        if "name" in entries:
            return self.name(entries["name"], 'key "name" has')
        self.fault('a feature without the key "name"', node, f"like {_EXAMPLE}")
        return None

    def name(self, node: Node, has: str) -> str | None:
        """A name, as R's ``make.names`` leaves it."""
        text = text_of(node)
        if text is None:
            self.fault(f"{has} {kind_of(node)}, expected a name", node)
            return None
        return r_name(text)

    def changed(self, feature: Feature, entries: Mapping[str, Node], node: Node) -> Feature:
        """A feature with what its entry says is different."""
        where = f'feature "{feature.name}"'
        new = replace(feature, line=node.line)
        if "type" in entries:
            new = replace(new, type=self._type(where, entries["type"]) or new.type)
        new = self._placed(where, new, entries)
        new = self._valued(where, new, entries)
        if "a_priori" in entries:
            new = replace(new, a_priori=self._a_priori(where, entries["a_priori"], new.type))
        elif new.type != feature.type:
            # what a missing number means says nothing of a word
            new = replace(new, a_priori=None)
        if "tags" in entries:
            new = replace(new, tags=read_tags(self, where, entries["tags"]))
        if "applies_to" in entries:
            new = replace(new, applies_to=read_applies_to(self, where, entries["applies_to"]))
        if "leak" in entries:
            new = replace(new, leak=read_leak(self, where, entries["leak"]))
        if "optional" in entries:
            new = replace(new, optional=read_optional(self, where, entries["optional"]))
        return new

    def _whole(self, entries: Mapping[str, Node], node: Node) -> Feature | None:
        name = self.name_of(entries, node)
        if name is None:
            return None
        where = f'feature "{name}"'
        before = len(self.faults)
        if "source" not in entries and "combine" not in entries:
            self.fault(f'{where} has no key "source"', node, f"like {_EXAMPLE}")
        if "type" not in entries:
            self.fault(f'{where} has no key "type"', node, f"like {_EXAMPLE}")
        kind = self._type(where, entries["type"]) if "type" in entries else None
        feature = Feature(name, "", (), kind or NUMERIC)
        rest = {key: value for key, value in entries.items() if key != "type"}
        if len(self.faults) > before:
            # what is wrong with its source is said all the same
            self._placed(where, feature, rest)
            return None
        feature = self.changed(feature, rest, node)
        return feature if feature.sources or feature.combination else None

    def _placed(self, where: str, feature: Feature, entries: Mapping[str, Node]) -> Feature:
        """The feature with its source, or what is computed in the place of one."""
        if "source" in entries and "combine" in entries:
            todo = "keep one of the two: of combine are sources, too"
            self.fault(f"{where} has source and combine", entries["combine"], todo)
        elif "source" in entries:
            sources = read_sources(self, where, entries["source"])
            if sources is not None:
                first, *others = sources
                feature = replace(
                    feature,
                    file=first.file,
                    sources=first.columns,
                    others=tuple(others),
                    combination=None,
                )
        elif "combine" in entries:
            found = read_combination(self, where, entries["combine"])
            if found is not None:
                feature = replace(feature, file="", sources=(), others=(), combination=found)
        if feature.combination is not None and not feature.is_numeric:
            node = entries.get("combine", entries.get("type", next(iter(entries.values()))))
            self.fault(f"{where} is categorical, combine gives a number", node, "type: numeric")
        return feature

    def _valued(self, where: str, feature: Feature, entries: Mapping[str, Node]) -> Feature:
        """The feature with what its cells hold."""
        is_of_vep = any(place.file == VEP for place in feature.places)
        if not is_of_vep and feature.per_transcript:
            feature = replace(feature, per_transcript=None)
        if "per_transcript" in entries and "list" in entries:
            todo = f"keep list; {BY_TRANSCRIPT} there is what per_transcript: true means"
            self.fault(f"{where} has per_transcript and list", entries["list"], todo)
        elif "per_transcript" in entries:
            meant = self._per_transcript(where, entries["per_transcript"], is_of_vep=is_of_vep)
            feature = replace(feature, per_transcript=meant, lists=())
        elif "list" in entries:
            node = entries["list"]
            lists = read_lists(self, where, node, is_numeric=feature.is_numeric)
            if lists == (BY_TRANSCRIPT,):
                self._require_vep(where, f"list: {BY_TRANSCRIPT}", node, is_of_vep=is_of_vep)
                feature = replace(feature, per_transcript=True, lists=())
            else:
                feature = replace(feature, per_transcript=None, lists=lists)
        if "as" in entries:
            meant_as = read_meaning(self, where, entries["as"], is_numeric=feature.is_numeric)
            feature = replace(feature, stands_for=meant_as)
        return feature

    def _type(self, where: str, node: Node) -> str | None:
        todo = f"known types: {known_list(TYPES)}"
        return self.one_of(node, TYPES, f"{where}: type is {shown(node)}", todo)

    def _per_transcript(self, where: str, node: Node, *, is_of_vep: bool) -> bool:
        if not isinstance(node, Leaf) or not isinstance(node.value, bool):
            self.fault(f"{where}: per_transcript is {shown(node)}", node, "give true or false")
            return False
        if node.value:
            self._require_vep(where, "per_transcript", node, is_of_vep=is_of_vep)
        return node.value

    def _require_vep(self, where: str, what: str, node: Node, *, is_of_vep: bool) -> None:
        if not is_of_vep:
            self.fault(
                f"{where}: {what} is for CSQ fields; CADD has a row for each transcript, "
                "and so has a table with a column of transcripts",
                node,
                "remove it",
            )

    def _a_priori(self, where: str, node: Node, kind: str) -> float | str | None:
        if isinstance(node, Leaf) and node.value is None:
            return None
        if kind == NUMERIC:
            if node.number is not None and math.isfinite(node.number):
                return float(node.number)
            self.fault(f"{where} is numeric, its a_priori is {shown(node)}", node, "give a number")
            return None
        text = text_of(node)
        if text is None or text in _NO_VALUE:
            self.fault(
                f"{where} is categorical, its a_priori is {shown(node)}",
                node,
                "give a word that stands for no value, in quotes if it looks like a number",
            )
            return None
        return text
