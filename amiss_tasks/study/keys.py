"""The keys that amiss adds to ``study.yaml``, and how most of them are read.

Those that give names a word, and those of the user's own methods and classifiers, have
modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amiss_tasks.evaluation import EVALUATE, KINDS, PREDICTIONS, Evaluation
from amiss_tasks.features.features_file import read_features
from amiss_tasks.protocols import SWITCHES_KEY
from amiss_tasks.stages.added_missingness import OPTION, SHARES
from amiss_tasks.stages.read.alleles import LEAVE_OUT, OTHER_ALLELES, REFUSE
from amiss_tasks.study._named_keys import read_clnsig, read_switches
from amiss_tasks.study.options import CLNSIG, FEATURES, features_of, significance_of
from amiss_tasks.study.own_keys import OWN_KEYS
from gridrun.documents import path_behind
from gridrun.documents.tree import Entries, Leaf, Node, kind_of, known_list
from gridrun.errors import Fault, InputError, counted
from gridrun.pipeline.study_keys import KeyValue, StudyKey
from gridrun.plan.fingerprint import digest_of
from gridrun.study import KeyReader, Section


def _read_features(node: Node, file: Path) -> KeyValue:
    path = path_behind(file, f'key "{FEATURES}"', node)
    read = read_features(path)
    features = read.features
    note = Fault(
        file,
        f"{len(features.numeric)} numeric and "
        f"{counted(len(features.categorical), 'categorical feature')} "
        f"of {path.name} stand in place of amiss's own",
        node.line,
    )
    return KeyValue(features.plain(), (*read.notes, note))


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


_ALL = ("yes", True)
_NONE = ("no", "off", False, None)
_MOST_SHARES = 15
"""Most shares of a study."""

_GIVE = (
    "give shares from 0 (nothing is removed) to below 1, for example [0, 0.1, 0.5], "
    f"or yes for {known_list(SHARES)}"
)


def _read_shares(node: Node, file: Path) -> KeyValue:
    """The shares, in the order given: a list, ``{shares: list}``, or ``yes``."""
    reader = KeyReader(file)
    shares: list[float] = []
    if isinstance(node, Entries):
        found = Section(reader, node, ("shares",), f"key below {OPTION}").nodes
        if "shares" not in found:
            reader.fault(f'key "{OPTION}" has no shares', node, _GIVE)
        reader.finish()
        node = found["shares"]
    if isinstance(node, Leaf) and node.value in _ALL:
        shares += SHARES
        said = f"{OPTION}: {node.written} stands for {len(SHARES)} shares: {known_list(SHARES)}"
        reader.note(said, node)
    elif isinstance(node, Leaf) and node.value in _NONE:
        reader.fault(f'key "{OPTION}" has {kind_of(node)}', node, f"remove the key, or {_GIVE}")
    else:
        if not node.items:
            message = f'key "{OPTION}" has an empty list, so there is no combination at all'
            reader.fault(message, node, _GIVE)
        for item in node.items:
            share = _share(item)
            if share is None:
                message = f'key "{OPTION}" has {kind_of(item)}, which is not a share'
                reader.fault(message, item, _advice(item))
            elif share in shares:
                reader.note(
                    f'key "{OPTION}" has {share:g} more than once; it is counted once', item
                )
            else:
                shares.append(share)
        if len(shares) > _MOST_SHARES:
            many = f'key "{OPTION}" has {len(shares)} shares, at most {_MOST_SHARES} are possible'
            reader.fault(many, node.items[0], "give fewer")
    return KeyValue(shares, reader.finish())


def _share(item: Node) -> float | None:
    number = item.number
    # adding 0 makes -0 one with 0
    return float(number) + 0.0 if number is not None and 0 <= number < 1 else None


def _advice(item: Node) -> str:
    """What was perhaps meant: a percentage, or a number in quotes."""
    written = str(getattr(item, "value", "")).strip()
    try:
        number = float(written.removesuffix("%").replace(",", "."))
    except ValueError:
        return _GIVE
    if number == 1 and "%" not in written:
        return f"nothing would be left to learn from; {_GIVE}"
    is_percentage = "%" in written or number.is_integer()
    meant = number / 100 if is_percentage else number
    return f"did you mean {meant:g}? {_GIVE}" if 0 <= meant < 1 else _GIVE


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
        "Shares of the training tables' known values that are removed at random.",
        _read_shares,
        # tasks then have one more parameter, which makes other codes; which shares there
        # are is left out, so that a study that gets another keeps what is done
        lambda data: None if data is None else "a parameter",
    ),
}
"""Name of the key to how it is read."""
