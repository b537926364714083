"""The keys that amiss adds to ``study.yaml``, and how most of them are read.

Those that give names a word, added missingness, and those of the user's own methods and
classifiers have modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from amiss_tasks.evaluation import EVALUATE, KINDS, PREDICTIONS, Evaluation
from amiss_tasks.features.feature_set import AMISS_NAME
from amiss_tasks.features.features_file import features_of_set, known_sets, read_features
from amiss_tasks.features.groups import groups_of
from amiss_tasks.features.indicators import INDICATORS
from amiss_tasks.protocols import SWITCHES_KEY
from amiss_tasks.stages.added_missingness import OPTION
from amiss_tasks.stages.clinvar_2026 import table_content
from amiss_tasks.stages.feature_groups import FEATURE_GROUPS
from amiss_tasks.stages.read.alleles import LEAVE_OUT, OTHER_ALLELES, REFUSE
from amiss_tasks.stages.splits.split_by import SPLIT_BY
from amiss_tasks.study._added_missingness_key import read_added_missingness, removal_digest
from amiss_tasks.study._group_key import read_groups
from amiss_tasks.study._named_keys import read_clnsig, read_indicators, read_switches
from amiss_tasks.study._schemas import OPENS, SCHEMAS
from amiss_tasks.study._split_key import read_split_by, split_digest
from amiss_tasks.study.options import CLNSIG, FEATURES, features_of, significance_of
from amiss_tasks.study.own_keys import OWN_KEYS
from gridrun.documents import path_behind
from gridrun.documents.tree import Leaf, Node, kind_of, known_list, quoted
from gridrun.errors import Fault, InputError, counted, did_you_mean
from gridrun.pipeline.study_keys import KeyValue, StudyKey
from gridrun.plan.fingerprint import digest_of
from gridrun.study import KeyReader


def _read_features(node: Node, file: Path) -> KeyValue:
    known = known_sets()
    path = path_behind(file, f'key "{FEATURES}"', node)
    notes: list[Fault] = []
    if node.text in known:
        features = features_of_set(node.text)
        if path.exists():
            message = f"{node.text} is a set that comes with gridrun, not the file beside this"
            todo = f"to read the file, write ./{node.text} with its ending"
            notes.append(Fault(file, message, node.line, todo))
    else:
        _refuse_unknown_set(node, file, path, known)
        read = read_features(path)
        features = read.features
        notes += read.notes
    if node.text != AMISS_NAME:
        said = (
            f"{len(features.numeric)} numeric and "
            f"{counted(len(features.categorical), 'categorical feature')} "
            f"of {node.text if node.text in known else path.name} stand in place of amiss's own"
        )
        notes.append(Fault(file, said, node.line))
    return KeyValue(features.plain(), tuple(notes))


def _refuse_unknown_set(node: Node, file: Path, path: Path, known: Sequence[str]) -> None:
    """Refuse a bare word that is neither a set nor a file."""
    word = node.text or ""
    if not path.suffix and "/" not in word and not path.exists():
        message = f'key "{FEATURES}" has {quoted(word)}, which is no set of gridrun and no file'
        near = did_you_mean(word, known)
        todo = f"{near} known sets: {known_list(known)}; a features file ends in .yaml or .json"
        raise InputError([Fault(file, message, node.line, todo.strip())])


def _read_evaluate(node: Node, file: Path) -> KeyValue:
    reader = KeyReader(file)
    message = f'key "{EVALUATE}" has {kind_of(node)}'
    value = reader.one_of(node, KINDS, message, f"known values: {known_list(KINDS)}")
    return KeyValue(value, reader.finish())


def _read_other_alleles(node: Node, file: Path) -> KeyValue:
    reader = KeyReader(file)
    value = reader.word(f'key "{OTHER_ALLELES}"', node, (REFUSE, LEAVE_OUT))
    return KeyValue(value, reader.finish())


_YES_NO: Mapping[object, bool] = {True: True, "yes": True, False: False, "no": False}
"""YAML 1.2 takes ``yes`` for text; people mean the same by both."""


def _read_predictions(node: Node, file: Path) -> KeyValue:
    # a number would equal true or false
    if isinstance(node, Leaf) and isinstance(node.value, str | bool) and node.value in _YES_NO:
        return KeyValue(_YES_NO[node.value])
    message = f'key "{PREDICTIONS}" has {kind_of(node)}'
    raise InputError([Fault(file, message, node.line, "allowed: yes, no")])


def _features_digest(data: Any) -> str:
    return features_of({} if data is None else {FEATURES: data}).digest


def _clnsig_digest(data: Any) -> str:
    significance = significance_of({} if data is None else {CLNSIG: data})
    mapped = dict(significance.mapped)
    return digest_of([table_content(), mapped] if significance.table else mapped)


def study_keys_of(options: Mapping[str, Any]) -> Mapping[str, StudyKey]:
    """The keys, for a study with these: what groups stand for depends on its features.

    Args:
        options: Data of the study's keys.
    """
    groups = digest_of(groups_of(features_of(options)))
    key = replace(STUDY_KEYS[FEATURE_GROUPS], fingerprint=lambda data: groups if data else None)
    return {**STUDY_KEYS, FEATURE_GROUPS: key}


_KEYS: Mapping[str, StudyKey] = {
    FEATURES: StudyKey(
        "A set of features by name, or the path of a features file.",
        _read_features,
        _features_digest,
    ),
    CLNSIG: StudyKey(
        "What values of CLNSIG count as that amiss does not know: a table, or each value's class.",
        read_clnsig,
        _clnsig_digest,
    ),
    OTHER_ALLELES: StudyKey(
        "What happens to CSQ blocks of another ALT than their record's: refuse or leave_out.",
        _read_other_alleles,
        lambda data: data if data == LEAVE_OUT else None,
    ),
    SWITCHES_KEY: StudyKey(
        "Switches set otherwise than the protocol has them.",
        read_switches,
        lambda _: None,  # Pipeline.switches says it, as far as tasks depend on it
    ),
    EVALUATE: StudyKey(
        "On what models are tested: cv, hold-out or repeated hold-out.",
        _read_evaluate,
        lambda data: Evaluation(data).fingerprint if data else None,
    ),
    PREDICTIONS: StudyKey(
        "Whether the predictions of every test row are kept.",
        _read_predictions,
        lambda data: "kept" if data else None,
    ),
    **OWN_KEYS,
    OPTION: StudyKey(
        "Shares of the training tables' known values that are removed, and by what mechanisms.",
        read_added_missingness,
        removal_digest,
    ),
    FEATURE_GROUPS: StudyKey(
        "Groups of features that are taken out, or used alone, one after the other.",
        read_groups,
        # see study_keys_of; as above, which values there are is left out
        lambda data: None if data is None else "a parameter",
    ),
    SPLIT_BY: StudyKey(
        "What stays together where rows are split: variant, gene, or both one after the other.",
        read_split_by,
        split_digest,
    ),
    INDICATORS: StudyKey(
        "Whether columns are added that say where features were missing: off, on, or both.",
        read_indicators,
        lambda data: None if data is None else "a parameter",
    ),
}

STUDY_KEYS: Mapping[str, StudyKey] = {
    name: replace(key, schema=SCHEMAS.get(name, {}), opens=OPENS.get(name, ()))
    for name, key in _KEYS.items()
}
"""Name of the key to how it is read."""
