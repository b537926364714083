"""The JSON Schema of ``study.yaml``, made from what reads it, by which editors check and complete.

It refuses what the file alone shows to be wrong. What it takes, ``load_study`` may still refuse.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from gridrun.pipeline import LimitsClassifiers, Parameter, Pipeline
from gridrun.pipeline.comparison import ComparesMethods
from gridrun.plan.selection import DESIGNS
from gridrun.study import schema_parts as parts
from gridrun.study._keys import KEYS, MOST_FOLDS, MOST_SEED
from gridrun.study._report_key import most_equivalence
from gridrun.study._study import DEFAULT_FOLDS, DEFAULT_SEED
from gridrun.study.backend_keys import BackendKey, backend_keys, load_backend_key
from gridrun.study.schema_parts import Schema

DRAFT = "http://json-schema.org/draft-07/schema#"
CLASSIFIERS = "classifiers"


def study_schema(pipeline: Pipeline) -> dict[str, Any]:
    """The schema of the studies of a pipeline, with the keys of the backends that are installed.

    Args:
        pipeline: The pipeline, for a study without keys of its own.

    Returns:
        A JSON Schema, draft 7.

    Raises:
        EnvironmentFault: A backend's key cannot be loaded.
    """
    entries = backend_keys((*KEYS, *pipeline.study_keys))
    backends = {name: load_backend_key(entry) for name, entry in entries.items()}
    keys = {
        **_core_keys(pipeline),
        **{name: _said(key.description, key.schema) for name, key in pipeline.study_keys.items()},
        **{
            name: _said(key.description, key.schema(pipeline.inputs))
            for name, key in backends.items()
        },
    }
    return {
        "$schema": DRAFT,
        "title": "study.yaml of gridrun",
        **parts.mapping(keys, ["grid"]),
        "anyOf": [{"required": ["inputs"]}, *_inputs_elsewhere(backends)],
        "allOf": [*_closed(pipeline), *_limited(pipeline)],
    }


def _core_keys(pipeline: Pipeline) -> dict[str, Schema]:
    """Schemas of the keys in ``KEYS``."""
    first = next(iter(pipeline.protocols))
    files = parts.input_files(pipeline.inputs)
    most_folds = min(pipeline.most_folds or MOST_FOLDS, MOST_FOLDS)
    protocols = "; ".join(f"{name}: {text}" for name, text in pipeline.protocols.items())
    words = parts.one_or_more({"anyOf": [parts.one_of(pipeline.classifiers), parts.TEXT]})
    return {
        "inputs": _said(
            "The input files; paths are relative to the study file.",
            parts.mapping(files, **parts.inputs_together(pipeline.inputs)),
        ),
        "grid": _said(
            "The parameters with their values, or the path of a grid file.",
            {"anyOf": [parts.TEXT, _grid(pipeline)]},
        ),
        "folds": _said("Number of folds, or of splits.", parts.whole(1, most_folds), DEFAULT_FOLDS),
        "seed": _said("Seed of all that is drawn.", parts.whole(0, MOST_SEED), DEFAULT_SEED),
        "protocol": _said(protocols, parts.one_of(tuple(pipeline.protocols)), first),
        CLASSIFIERS: _said("The classifiers that are trained.", words),
        "limits": _said(
            "What one task may use, and the reading of the inputs.", parts.mapping(_limits())
        ),
        "sample": _said(
            "Number of combinations to draw at random; or a design, and how many blocks or "
            "combinations.",
            {"anyOf": [parts.whole(1), _sample()]},
        ),
        "rows": _said(f"Number of {pipeline.words.row}s to draw.", parts.whole(1)),
        "report": _said(
            "What the report compares with, which differences do not matter, and a file whose text "
            "it shows.",
            _report(pipeline),
        ),
    }


def _limits() -> dict[str, Any]:
    memory = _said("Memory that reading and joining may take.", parts.SIZE_TEXT, "1.5 GB")
    return {"task_seconds": parts.number(), "read": parts.mapping({"memory": memory})}


def _report(pipeline: Pipeline) -> Schema:
    """What no results depend on; which methods the study has is for the reader to say."""
    schemas: dict[str, Schema] = {"text": parts.TEXT}
    if isinstance(pipeline, ComparesMethods):
        most = most_equivalence(pipeline)
        schemas["reference"] = {"type": ["string", "number"]}
        schemas["equivalence"] = parts.number(most if math.isfinite(most) else None)
    return parts.mapping(schemas)


def _sample() -> Schema:
    """A design and how much is drawn by it, in one of two units."""
    units = {"blocks": parts.whole(1), "combinations": parts.whole(1)}
    either = [{"required": [unit]} for unit in units]
    return parts.mapping({"design": parts.one_of(DESIGNS), **units}, oneOf=either)


def _said(description: str, schema: Schema, default: object = None) -> Schema:
    given = {} if default is None else {"default": default}
    return {"description": description, **schema, **given}


def _grid(pipeline: Pipeline) -> Schema:
    """The parameters; those that other keys add may have any values here."""
    added = [name for key in pipeline.study_keys.values() for name in key.opens]
    parameters = {p.name: p for p in pipeline.parameters}
    schemas = {
        **{name: _values(parameter, name in added) for name, parameter in parameters.items()},
        **{name: {} for name in added if name not in (*parameters, CLASSIFIERS)},
    }
    required = [name for name, parameter in parameters.items() if parameter.default is None]
    return parts.mapping(schemas, required)


def _values(parameter: Parameter, is_open: bool) -> Schema:  # noqa: FBT001 - of the parameter
    known = parts.one_of((*parameter.values, *parameter.shorthands))
    item = {"anyOf": [known, parts.TEXT]} if is_open else known
    return _said(parameter.description, parts.one_or_more(item))


def _inputs_elsewhere(backends: Mapping[str, BackendKey]) -> Iterator[Schema]:
    """Keys of backends that may name the inputs in place of the study."""
    for name, key in backends.items():
        if key.inputs_key:
            inner = {"type": "object", "required": [key.inputs_key]}
            yield {"required": [name], "properties": {name: inner}}


def _closed(pipeline: Pipeline) -> Iterator[Schema]:
    """Values and parameters that only a study with another key has."""
    for name, key in pipeline.study_keys.items():
        for opened in key.opens:
            closed = _without(pipeline, opened)
            yield {"if": {"not": {"required": [name]}}, "then": {"properties": closed}}


def _without(pipeline: Pipeline, opened: str) -> Mapping[str, Schema]:
    """What holds where nothing opens a parameter, or the classifiers."""
    if opened == CLASSIFIERS:
        return {CLASSIFIERS: parts.one_or_more(parts.one_of(pipeline.classifiers))}
    for parameter in pipeline.parameters:
        if parameter.name == opened:
            return _in_grid(opened, _values(parameter, is_open=False))
    return _in_grid(opened, False)  # noqa: FBT003 - the schema that nothing fits


def _limited(pipeline: Pipeline) -> Iterator[Schema]:
    """Values and classifiers that one protocol alone runs."""
    for parameter in pipeline.parameters:
        for protocol in dict.fromkeys(parameter.only_under.values()):
            those = [value for value, name in parameter.only_under.items() if name == protocol]
            yield _under(pipeline, protocol, _in_grid(parameter.name, _none_of(those)))
    limited = pipeline.classifiers_only_under if isinstance(pipeline, LimitsClassifiers) else {}
    for protocol in dict.fromkeys(limited.values()):
        those = [name for name, wanted in limited.items() if wanted == protocol]
        yield _under(pipeline, protocol, {CLASSIFIERS: _none_of(those)})


def _none_of(values: Sequence[object]) -> Schema:
    return parts.one_or_more({"not": {"anyOf": [parts.one_of(values), {"type": "array"}]}})


def _in_grid(name: str, schema: Schema | Literal[False]) -> Mapping[str, Schema]:
    """Properties that say something of one parameter; a grid file's path has none."""
    return {"grid": {"properties": {name: schema}}}


def _under(pipeline: Pipeline, protocol: str, otherwise: Mapping[str, Schema]) -> Schema:
    """What holds in studies of other protocols."""
    is_named: dict[str, Any] = {"properties": {"protocol": {"const": protocol}}}
    if protocol != next(iter(pipeline.protocols)):
        is_named["required"] = ["protocol"]
    return {"if": is_named, "then": True, "else": {"properties": otherwise}}
