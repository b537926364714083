"""Grids, features, studies and shards as others read them: json, libyaml; no parser of gridrun."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature import Feature
from amiss_tasks.parameters import PARAMETERS

_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULL = {"", "~", "null", "Null", "NULL"}


class Word(str):
    """A scalar of YAML: its text, which may mean a number."""

    __slots__ = ()


def _once(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found = list(pairs)
    tree = dict(found)
    assert len(tree) == len(found), "a key is given twice"
    return tree


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return Word(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return _once((_plain(key), _plain(value)) for key, value in node.value)


def tree_of(path: Path) -> Any:
    """Content of a file; scalars of YAML as their text, since words differ between versions."""
    text = path.read_bytes().decode("utf-8-sig")
    if path.suffix == ".json":
        return json.loads(text, object_pairs_hook=_once)
    return _plain(yaml.compose(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)))


def listed(value: Any) -> list[Any]:
    """A list, or a list of what is none."""
    return value if isinstance(value, list) else [value]


def number(value: Any) -> float | None:
    """The number that a scalar is."""
    if value is None or (isinstance(value, str) and value in _NULL):
        return None
    is_based = isinstance(value, str) and value[:2] in {"0x", "0o"}
    return float(int(value, 0) if is_based else value)


def word(value: Any) -> Any:
    """The truth value that a word of YAML means, or the word."""
    return _WORDS.get(value, value) if isinstance(value, str) else value


def same(given: Any, value: Any) -> bool:
    """Whether a scalar of a file is this value."""
    if isinstance(value, str):
        return given == value
    return not isinstance(given, bool) and number(given) == value


def grid(tree: Any) -> dict[str, list[Any]]:
    """Each parameter's values."""
    assert set(tree) <= {parameter.name for parameter in PARAMETERS}
    found: dict[str, list[Any]] = {}
    for parameter in PARAMETERS:
        if parameter.name not in tree:
            assert parameter.default is not None, parameter.name
            found[parameter.name] = list(parameter.default)
            continue
        values: list[Any] = []
        for given in listed(tree[parameter.name]):
            few = parameter.shorthands.get(given) if isinstance(given, str) else None
            values += few or [next(v for v in parameter.values if same(given, v))]
        found[parameter.name] = list(dict.fromkeys(values))
    return found


Plain = dict[str, Any]
"""A feature: what its keys mean."""


def _name(given: str) -> str:
    """As R's ``make.names``."""
    plain = re.sub(r"[^A-Za-z0-9._]", ".", given)
    plain = f"X{plain}" if not re.match(r"[A-Za-z]|\.(?![0-9])", given) else plain
    reserved = {"NA", "NULL", "TRUE", "FALSE", "Inf", "NaN", "if", "in", "for", "next", "function"}
    return f"{plain}." if plain in reserved else plain


def known(feature: Feature) -> Plain:
    """A feature that gridrun has, in the same form."""
    combination = feature.combination
    return {
        "name": feature.name,
        "places": [] if combination else [(p.file, p.columns) for p in feature.places],
        "combine": combination
        and (combination.by, [[(p.file, p.columns) for p in of] for of in combination.of]),
        "type": feature.type,
        "a_priori": feature.a_priori,
        "ways": ("transcript",) if feature.per_transcript else feature.lists,
        "one": feature.per_transcript is False,
        "as": feature.stands_for,
        "tags": feature.tags,
        "applies_to": feature.applies_to,
        "leak": feature.leak,
    }


def _is_null(given: Any) -> bool:
    return given is None or (isinstance(given, Word) and given in _NULL)


def _places(source: Any) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for one in listed(source):
        ((file, columns),) = one.items()
        if file == "annotations":
            ((table, columns),) = columns.items()
            file = f"annotations.{table}"
        found.append((str(file), tuple(map(str, listed(columns)))))
    return found


def _feature(entry: Any, base: Plain | None = None) -> Plain:
    found = dict(base or known(Feature(_name(entry["name"]), "", (), "")))
    keys = {"name", "source", "combine", "type", "a_priori", "per_transcript", "list", "as"}
    assert set(entry) <= keys | {"tags", "applies_to", "leak"}
    assert not {"source", "combine"} <= set(entry)
    assert not {"per_transcript", "list"} <= set(entry)
    if "type" in entry:
        found["a_priori"] = found["a_priori"] if entry["type"] == found["type"] else None
        found["type"] = str(entry["type"])
    if "source" in entry:
        found |= {"places": _places(entry["source"]), "combine": None}
    if "combine" in entry:
        of = [_places(operand) for operand in listed(entry["combine"]["of"])]
        found |= {"places": [], "combine": (str(entry["combine"]["by"]), of)}
    operands = [found["places"], *(found["combine"] or ("", []))[1]]
    if not any(file == "vep" for places in operands for file, _ in places):
        found["ways"] = () if found["ways"] == ("transcript",) else found["ways"]
    if "per_transcript" in entry:
        listed_by = word(entry["per_transcript"])
        assert isinstance(listed_by, bool)
        found |= {"ways": ("transcript",) if listed_by else (), "one": not listed_by}
    if "list" in entry:
        found |= {"ways": tuple(map(str, listed(entry["list"]))), "one": False}
    if "as" in entry:
        found["as"] = str(entry["as"])
    if "a_priori" in entry:
        given = entry["a_priori"]
        meant = number(given) if found["type"] == "numeric" else str(given)
        found["a_priori"] = None if _is_null(given) else meant
    return found | _about(entry)


def _about(entry: Any) -> Plain:
    """What an entry says of a feature beside its values."""
    found: Plain = {}
    for key in {"tags", "applies_to"} & set(entry):
        texts = [str(item) for item in listed(entry[key]) if not _is_null(item)]
        found[key] = tuple(dict.fromkeys(texts))
    if "leak" in entry:
        said = None if _is_null(entry["leak"]) else word(entry["leak"])
        found["leak"] = "no reason is given" if said is True else said
    return found


def features(tree: Any) -> list[Plain]:
    """The features of a features file."""
    if isinstance(tree, list):
        return [_feature(entry) for entry in tree]
    assert tree["extends"] == "amiss"
    assert set(tree) <= {"extends", "drop", "change", "add"}
    found = {feature.name: known(feature) for feature in AMISS.features}
    for name in tree.get("drop", []):
        del found[_name(name)]
    for entry in tree.get("change", []):
        found[_name(entry["name"])] = _feature(entry, found[_name(entry["name"])])
    return [*found.values(), *map(_feature, tree.get("add", []))]


def study(tree: Any, directory: Path) -> dict[str, Any]:
    """What the keys of a study mean."""
    limits = tree.get("limits", {})
    order = ("rf", "lr", "xgboost")
    classifiers = [str(name) for name in listed(tree.get("classifiers", list(order)))]
    assert set(classifiers) <= set(order)
    found = {
        "inputs": {str(role): str(directory / path) for role, path in tree["inputs"].items()},
        "grid": grid(tree["grid"]),
        "protocol": str(tree.get("protocol", "amiss")),
        "classifiers": [name for name in order if name in classifiers],
        "task_seconds": number(limits.get("task_seconds")),
        "predictions": word(tree.get("predictions", "no")) in {"yes", True},
        "clnsig": {str(key): str(value) for key, value in tree.get("clnsig", {}).items()},
        "evaluate": tree.get("evaluate"),
    }
    for key, default in (("folds", 10), ("seed", 1), ("sample", None), ("rows", None)):
        found[key] = number(tree.get(key, default))
    return found


def checksum(text: str) -> str:
    """How shards and segments are signed."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def shard(path: Path) -> tuple[Any, ...]:
    """What a shard says whose checksum is right: name, pipeline, settings, contexts, units."""
    raw = path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            raw = archive.read("shard-00000.jsonl")
    first, *lines = raw.decode().removesuffix("\n").split("\n")
    head = json.loads(first)
    signed = head.pop("checksum")
    plain = json.dumps(head, separators=(",", ":"))
    assert signed == checksum("\n".join([plain, *lines]))
    job = head["job"]
    settings = [job[key] for key in ("protocol", "seed", "rows", "options")]
    limits = job["limits"]
    contexts = [
        {"digest": facts["digest"], "classifier": facts["classifier"], "code": dict(facts["code"])}
        for facts in head["contexts"]
    ]
    units = [json.loads(line) for line in lines]
    said = [
        tuple(unit[key] for key in ("unit", "artifact", "checksum", "seconds")) for unit in units
    ]
    return (
        head["name"],
        job["pipeline"],
        settings,
        limits,
        contexts,
        [
            (*facts, *([*task[:-1], dict(task[-1])] for task in unit["tasks"]))
            for facts, unit in zip(said, units, strict=True)
        ],
    )


def segment(path: Path) -> list[str] | None:
    """Lines of a segment whose last line says what it holds, or None."""
    *lines, end, rest = path.read_bytes().decode("utf-8", "replace").split("\n")
    body = "".join(f"{line}\n" for line in lines)
    said = json.loads(end)
    is_whole = (said["rows"], said["checksum"]) == (len(lines), checksum(body))
    return lines if is_whole and not rest else None
