"""One feature of a features file: its keys, and what each may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from amiss_tasks.features.feature_set import FILES, NUMERIC, TABLES, TYPES, VEP, Feature
from amiss_tasks.r.names import r_name
from gridrun.documents.tree import Entries, Leaf, Node, kind_of, known_list, shown
from gridrun.study import KeyReader, Section

KEYS = ("name", "source", "type", "a_priori", "per_transcript")
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
        text = _text(node)
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
        if "source" in entries:
            source = self._source(where, entries["source"])
            if source is not None:
                new = replace(new, file=source[0], sources=source[1])
                if new.file != VEP and "per_transcript" not in entries:
                    new = replace(new, per_transcript=None)
        if "per_transcript" in entries:
            per_transcript = self._per_transcript(where, entries["per_transcript"], new.file)
            new = replace(new, per_transcript=per_transcript)
        if "a_priori" in entries:
            new = replace(new, a_priori=self._a_priori(where, entries["a_priori"], new.type))
        elif new.type != feature.type:
            # what a missing number means says nothing of a word
            new = replace(new, a_priori=None)
        return new

    def _whole(self, entries: Mapping[str, Node], node: Node) -> Feature | None:
        name = self.name_of(entries, node)
        if name is None:
            return None
        where = f'feature "{name}"'
        missing = [key for key in ("source", "type") if key not in entries]
        for key in missing:
            self.fault(f'{where} has no key "{key}"', node, f"like {_EXAMPLE}")
        source = self._source(where, entries["source"]) if "source" in entries else None
        kind = self._type(where, entries["type"]) if "type" in entries else None
        if source is None or kind is None:
            return None
        feature = Feature(name, *source, kind, line=node.line)
        rest = {key: entries[key] for key in ("per_transcript", "a_priori") if key in entries}
        return self.changed(feature, rest, node)

    def _source(self, where: str, node: Node) -> tuple[str, tuple[str, ...]] | None:
        if not isinstance(node, Entries):
            self.fault(
                f"{where}: source is {shown(node)}",
                node,
                "name file and column: {vep: CSQ_FIELD}, {cadd: COLUMN} or {annotations: "
                "{NAME: COLUMN}}, or a list of columns of which the first that is there is read",
            )
            return None
        found = Section(self, node, FILES, "key").nodes
        if len(found) != 1:
            if found or not node.pairs:
                self.fault(f"{where}: source needs one of {known_list(FILES)}", node)
            return None
        ((file, columns),) = found.items()
        if file == TABLES:
            inner = self.entries(
                columns,
                f"{where}: {TABLES}",
                "name table and column, as in {annotations: {NAME: COLUMN}}: NAME as in "
                "the study's inputs",
                expected="a table with a column",
            )
            if inner is None:
                return None
            if len(inner.pairs) != 1 or inner.pairs[0][0].text is None:
                self.fault(f"{where}: {TABLES} needs one table with its column", node)
                return None
            ((key, columns),) = inner.pairs
            file = f"{TABLES}.{key.text}"
        names = [_text(item) for item in columns.items]
        if not names or None in names:
            self.fault(f"{where}: {file} has {shown(columns)}, expected columns", columns)
            return None
        sources = tuple(dict.fromkeys(name for name in names if name is not None))
        if len(sources) < len(names):
            self.fault(f"{where}: {file} has a column twice: {shown(columns)}", columns)
        return file, sources

    def _type(self, where: str, node: Node) -> str | None:
        todo = f"known types: {known_list(TYPES)}"
        return self.one_of(node, TYPES, f"{where}: type is {shown(node)}", todo)

    def _per_transcript(self, where: str, node: Node, file: str) -> bool:
        if not isinstance(node, Leaf) or not isinstance(node.value, bool):
            self.fault(f"{where}: per_transcript is {shown(node)}", node, "give true or false")
            return False
        if node.value and file != VEP:
            self.fault(
                f"{where}: per_transcript is for CSQ fields; CADD has a row for each transcript, "
                "and so has a table with a column of transcripts",
                node,
                "remove it",
            )
        return node.value

    def _a_priori(self, where: str, node: Node, kind: str) -> float | str | None:
        if isinstance(node, Leaf) and node.value is None:
            return None
        if kind == NUMERIC:
            if node.number is not None and math.isfinite(node.number):
                return float(node.number)
            self.fault(f"{where} is numeric, its a_priori is {shown(node)}", node, "give a number")
            return None
        text = _text(node)
        if text is None or text in _NO_VALUE:
            self.fault(
                f"{where} is categorical, its a_priori is {shown(node)}",
                node,
                "give a word that stands for no value, in quotes if it looks like a number",
            )
            return None
        return text


def _text(node: Node) -> str | None:
    """Text of one line without blanks around it; None for anything else."""
    text = node.text
    return text if text and text == text.strip() and text.isprintable() else None
