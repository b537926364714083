"""The keys that amiss adds to ``study.yaml``.

``features``, ``clnsig`` and ``switches``; those of the evaluation, of added missingness and of
the user's own methods and classifiers have modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amiss_tasks.features.features_file import read_features
from amiss_tasks.protocols import (
    AMISS,
    CORRECTED,
    DEFECTS,
    NAMES,
    SWITCHES,
    SWITCHES_KEY,
    switch_name,
)
from amiss_tasks.stages.added_missingness import OPTION as ADDED_MISSINGNESS
from amiss_tasks.stages.significance import CLASSES, upstream_class
from amiss_tasks.study._added_missingness_key import KEY as SHARES_KEY
from amiss_tasks.study._evaluation_keys import EVALUATION_KEYS
from amiss_tasks.study.options import CLNSIG, FEATURES, features_of, significance_of
from amiss_tasks.study.own_keys import OWN_KEYS
from gridrun.documents import path_behind
from gridrun.documents.tree import Entries, Leaf, Node, kind_of, known_list, quoted, shown
from gridrun.errors import Fault, InputError, did_you_mean
from gridrun.pipeline.study_keys import KeyValue, StudyKey
from gridrun.plan.fingerprint import digest_of

_NO_VALUE = ("", ".", "NA")
"""Text that stands for no CLNSIG at all."""

_GIVE = f"give each value of CLNSIG one of: {known_list(CLASSES)}"


def _read_features(node: Node, file: Path) -> KeyValue:
    path = path_behind(file, f'key "{FEATURES}"', node)
    read = read_features(path)
    features = read.features
    note = Fault(
        file,
        f"{len(features.numeric)} numeric and {len(features.categorical)} categorical features "
        f"of {path.name} stand in place of amiss's own",
        node.line,
    )
    return KeyValue(features.plain(), (*read.notes, note))


def _read_clnsig(node: Node, file: Path) -> KeyValue:
    """Value of CLNSIG to what it counts as; upstream's own lists stay as they are."""
    if not isinstance(node, Entries) or not node.pairs:
        message = f'key "{CLNSIG}" has {kind_of(node)} where values of CLNSIG belong'
        raise InputError([Fault(file, message, node.line, _GIVE)])
    faults: list[Fault] = []
    notes: list[Fault] = []
    lines: dict[str, int] = {}
    mapped: dict[str, str] = {}
    for key, value in node.pairs:
        name = key.value if isinstance(key, Leaf) else None
        if not isinstance(name, str) or name in _NO_VALUE:
            message = f"{shown(key)} is no value of CLNSIG"
            faults.append(Fault(file, message, key.line, "write it as in the VCF, in quotes"))
            continue
        if name in lines:
            message = f"CLNSIG {quoted(name)} is mapped twice: lines {lines[name]} and {key.line}"
            faults.append(Fault(file, message, key.line, "keep one of the two"))
            continue
        lines[name] = key.line
        meant = value.value if isinstance(value, Leaf) else None
        if not isinstance(meant, str) or meant not in CLASSES:
            near = did_you_mean(meant, CLASSES) if isinstance(meant, str) else ""
            message = f"CLNSIG {quoted(name)} is mapped to {shown(value)}"
            faults.append(Fault(file, message, value.line, f"{near} {_GIVE}".strip()))
            continue
        upstream = upstream_class(name)
        if upstream is None:
            mapped[name] = meant
        elif upstream == meant:
            message = f"CLNSIG {quoted(name)} counts as {meant} without being mapped"
            notes.append(Fault(file, message, key.line))
        else:
            message = f"CLNSIG {quoted(name)} is {upstream} in amiss, it cannot be {meant}"
            todo = "remove the line: a study adds values, it does not change amiss's lists"
            faults.append(Fault(file, message, key.line, todo))
    if faults:
        raise InputError(faults)
    return KeyValue(mapped, tuple(notes))


_UNSWITCHED = {
    "D11": "completions of a fold are averaged first under both protocols",
    "D16": "a fold that fails is recorded alone under both protocols",
    "D17": "no result of an earlier run is taken over under either protocol",
    "D18": "reading is the same under both protocols",
}
"""Defects without a switch, each with the reason."""

_SET = f"set each switch to {AMISS} or {CORRECTED}, for example D7: {CORRECTED}"


def _read_switches(node: Node, file: Path) -> KeyValue:
    """Stable name of a switch to what it is set to; numbers of defects are aliases."""
    if not isinstance(node, Entries):
        message = f'key "{SWITCHES_KEY}" has {kind_of(node)} where switches belong'
        raise InputError([Fault(file, message, node.line, _SET)])
    faults: list[Fault] = []
    lines: dict[str, int] = {}
    found: dict[str, str] = {}
    for key, value in node.pairs:
        given = key.value if isinstance(key, Leaf) else None
        name = switch_name(given) if isinstance(given, str) else None
        meant = value.value if isinstance(value, Leaf) else None
        if name is None:
            faults.append(_unknown_switch(file, key, given))
        elif name in lines:
            message = f'switch "{name}" is set twice: lines {lines[name]} and {key.line}'
            faults.append(Fault(file, message, key.line, "keep one of the two"))
        elif not isinstance(meant, str) or meant not in (AMISS, CORRECTED):
            near = did_you_mean(meant, (AMISS, CORRECTED)) if isinstance(meant, str) else ""
            message = f'switch "{name}" is set to {shown(value)}'
            faults.append(Fault(file, message, value.line, f"{near} {_SET}".strip()))
        else:
            found[name] = meant
        if name is not None:
            lines.setdefault(name, key.line)
    if faults:
        raise InputError(faults)
    return KeyValue(found)


def _unknown_switch(file: Path, key: Node, given: object) -> Fault:
    if isinstance(given, str) and given.upper() in _UNSWITCHED:
        message = f"{given.upper()} has no switch: {_UNSWITCHED[given.upper()]}"
        return Fault(file, message, key.line, "remove the line")
    near = did_you_mean(given, (*NAMES, *DEFECTS)) if isinstance(given, str) else ""
    known = ", ".join(s.name + (f" ({s.defect})" if s.defect else "") for s in SWITCHES)
    return Fault(
        file, f"there is no switch {shown(key)}", key.line, f"{near} known: {known}".strip()
    )


def _features_digest(data: Any) -> str:
    return features_of({} if data is None else {FEATURES: data}).digest


def _clnsig_digest(data: Any) -> str:
    return digest_of(dict(significance_of({} if data is None else {CLNSIG: data}).mapped))


STUDY_KEYS: Mapping[str, StudyKey] = {
    FEATURES: StudyKey(
        "Path of a features file: names, source columns, types, a-priori values.",
        _read_features,
        _features_digest,
    ),
    CLNSIG: StudyKey(
        "What values of CLNSIG count as that amiss does not know.",
        _read_clnsig,
        _clnsig_digest,
    ),
    SWITCHES_KEY: StudyKey(
        "Switches set otherwise than the protocol has them.",
        _read_switches,
        lambda _: None,  # Pipeline.switches says it, as far as tasks depend on it
    ),
    **EVALUATION_KEYS,
    **OWN_KEYS,
    ADDED_MISSINGNESS: SHARES_KEY,
}
"""Name of the key to how it is read."""
