"""Readers of the keys ``clnsig``, ``switches`` and ``indicators``: each with one of some words."""

from __future__ import annotations

from pathlib import Path

from amiss_tasks.clinvar import CLASSES
from amiss_tasks.features.indicators import INDICATORS, OFF, ON
from amiss_tasks.protocols import (
    AMISS,
    CORRECTED,
    DEFECTS,
    NAMES,
    SWITCHES,
    SWITCHES_KEY,
    switch_name,
)
from amiss_tasks.stages.clinvar_2026 import TABLE
from amiss_tasks.stages.significance import upstream_class
from amiss_tasks.study.options import CLNSIG, USE
from gridrun.documents.tree import Entries, Node, kind_of, known_list, quoted, shown
from gridrun.errors import did_you_mean
from gridrun.pipeline.study_keys import KeyValue
from gridrun.study import KeyReader

_NO_VALUE = ("", ".", "NA")
"""Text that stands for no CLNSIG at all."""

_GIVE = (
    f"give each value of CLNSIG one of: {known_list(CLASSES)}; or write {CLNSIG}: {TABLE}, the "
    "table of docs/clinvar.md"
)


def read_clnsig(node: Node, file: Path) -> KeyValue:
    """Value of CLNSIG to what it counts as; upstream's own lists stay as they are.

    A table of classes is named alone, or by ``use`` among the values.
    """
    reader = KeyReader(file)
    if node.text is not None:
        table = reader.word(f'key "{CLNSIG}"', node, (TABLE,))
        return KeyValue({USE: table}, reader.finish())

    def name_of(key: Node) -> str | None:
        if key.text is not None and key.text not in _NO_VALUE:
            return key.text
        todo = "write it as in the VCF, in quotes"
        reader.fault(f"{shown(key)} is not a value of CLNSIG", key, todo)
        return None

    mapped: dict[str, str] = {}
    entries = reader.entries(node, f'key "{CLNSIG}"', _GIVE, expected="values of CLNSIG", least=1)
    for name, key, value in reader.named(entries, name_of, "CLNSIG {} is mapped"):
        if name == USE:
            mapped[USE] = reader.word(f'key "{USE}" below {CLNSIG}', value, (TABLE,)) or ""
            continue
        what = f"CLNSIG {quoted(name)}"
        meant = reader.one_of(value, CLASSES, f"{what} is mapped to {shown(value)}", _GIVE)
        upstream = upstream_class(name)
        if meant is None:
            continue
        if upstream is None:
            mapped[name] = meant
        elif upstream == meant:
            reader.note(f"{what} counts as {meant} without being mapped", key)
        else:
            todo = "remove the line: a study adds values, it does not change amiss's lists"
            reader.fault(f"{what} is {upstream} in amiss, it cannot be {meant}", key, todo)
    return KeyValue(mapped, reader.finish())


_UNSWITCHED = {
    "D11": "the imputed tables of a fold are averaged first under both protocols",
    "D16": "a fold that fails is recorded alone under both protocols",
    "D17": "no result of an earlier run is taken over under either protocol",
    "D18": "reading is the same under both protocols",
}
"""Defects without a switch, each with the reason."""

_SET = f"set each switch to {AMISS} or {CORRECTED}, for example D7: {CORRECTED}"


def read_switches(node: Node, file: Path) -> KeyValue:
    """Stable name of a switch to what it is set to; numbers of defects are aliases."""
    reader = KeyReader(file)

    def name_of(key: Node) -> str | None:
        text = key.text or ""
        name = switch_name(text)
        if name is None and text.upper() in _UNSWITCHED:
            why = f"{text.upper()} has no switch: {_UNSWITCHED[text.upper()]}"
            reader.fault(why, key, "remove the line")
        elif name is None:
            near = did_you_mean(text, (*NAMES, *DEFECTS)) if text else ""
            known = ", ".join(s.name + (f" ({s.defect})" if s.defect else "") for s in SWITCHES)
            reader.fault(f"there is no switch {shown(key)}", key, f"{near} known: {known}".strip())
        return name

    found: dict[str, str] = {}
    entries = reader.entries(node, f'key "{SWITCHES_KEY}"', _SET, expected="switches")
    for name, _, value in reader.named(entries, name_of, "switch {} is set"):
        message = f'switch "{name}" is set to {shown(value)}'
        meant = reader.one_of(value, (AMISS, CORRECTED), message, _SET)
        if meant is not None:
            found[name] = meant
    return KeyValue(found, reader.finish())


_OFF_OR_ON = f"give {OFF}, {ON}, or both as [{OFF}, {ON}]"


def read_indicators(node: Node, file: Path) -> KeyValue:
    """The values of the parameter, in the order given."""
    reader = KeyReader(file)
    values: list[str] = []
    items = () if isinstance(node, Entries) else node.items
    if not items:
        what = kind_of(node) if isinstance(node, Entries) else "an empty list"
        reader.fault(f'key "{INDICATORS}" has {what}', node, _OFF_OR_ON)
    for item in items:
        value = reader.word(f'key "{INDICATORS}"', item, (OFF, ON))
        if value in values:
            said = f'key "{INDICATORS}" has "{value}" more than once; it is counted once'
            reader.note(said, item)
        elif value is not None:
            values.append(value)
    return KeyValue(values, reader.finish())
