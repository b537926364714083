"""A study: inputs, a grid, a seed and a protocol, in a directory of its own."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridrun.documents import YAML_SUFFIXES, read_document
from gridrun.documents.textfile import look_at, os_error
from gridrun.documents.tree import Document, Entries, Leaf, Node, kind_of
from gridrun.errors import Fault, InputError, did_you_mean
from gridrun.pipeline import Pipeline, default_classifiers, inputs_advice
from gridrun.pipeline.notebooks import facts_html
from gridrun.plan.grid import Grid
from gridrun.plan.limits import Limits
from gridrun.plan.selection import RANDOM
from gridrun.store.paths import STUDY_FILE, StudyPaths
from gridrun.study._keys import (
    KEYS,
    MOST_FOLDS,
    MOST_SEED,
    read_classifiers,
    read_inputs,
    read_sample,
    read_study_keys,
)
from gridrun.study._limits_key import read_limits
from gridrun.study._reader import KeyReader
from gridrun.study._report_key import ReportKey, read_report
from gridrun.study.backend_keys import (
    BackendKey,
    BackendValue,
    backend_keys,
    load_backend_key,
    package_of,
)
from gridrun.study.grid_file import GridFile, grid_of, read_grid

DEFAULT_FOLDS = 10
DEFAULT_SEED = 1


@dataclass(frozen=True)
class Study:
    """What ``study.yaml`` says, checked.

    Args:
        path: The study file, absolute.
        inputs: Role (``Pipeline.inputs``) to absolute path.
        grid: The grid.
        folds: Number of cross-validation folds.
        seed: Decides every draw of gridrun's own (samples, rows), and others as far
            as the pipeline has them depend on it.
        protocol: Name of the protocol.
        classifiers: In the pipeline's order.
        limits: What one task may use.
        sample: How many combinations to draw, or None for all.
        sample_blocks: How many blocks to draw, where these are counted.
        design: How a sample is drawn, one of ``gridrun.plan.selection.DESIGNS``.
        rows: How many rows of the inputs to draw, or None for all.
        notes: What was accepted but is worth saying once.
        grid_file: The grid's own file, or None when it stands in the study file.
        options: Plain data of the keys that the pipeline adds, by key.
        backend_options: Backend to the settings that its key in the study gives.
        inputs_elsewhere: Role to the display name of its place, for inputs that are read where
            they are; ``inputs`` is empty then.
        reading_command: What a person types to have those read, or empty.
        report: What its report compares with, and its people's text.
    """

    path: Path
    inputs: Mapping[str, Path]
    grid: Grid
    folds: int
    seed: int
    protocol: str
    classifiers: tuple[str, ...]
    limits: Limits
    sample: int | None = None
    sample_blocks: int | None = None
    design: str = RANDOM
    rows: int | None = None
    notes: tuple[Fault, ...] = ()
    grid_file: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    backend_options: Mapping[str, Any] = field(default_factory=dict)
    inputs_elsewhere: Mapping[str, str] = field(default_factory=dict)
    reading_command: str = ""
    report: ReportKey = field(default_factory=ReportKey)

    def _repr_html_(self) -> str:
        """What it says, for notebooks."""
        grid = {name: ", ".join(map(str, values)) for name, values in self.grid.allowed().items()}
        facts = {
            "protocol": self.protocol,
            "combinations": len(self.grid),
            "folds": self.folds,
            "classifiers": ", ".join(self.classifiers),
            "seed": self.seed,
            **{f"input {role}": path for role, path in self.inputs.items()},
            **grid,
        }
        return facts_html(f"Study {self.path}", facts, [note.text() for note in self.notes])

    @property
    def directory(self) -> Path:
        """The directory of the study file, which also holds ledger and results."""
        return self.path.parent

    @property
    def paths(self) -> StudyPaths:
        """Every path below the study directory."""
        return StudyPaths(self.directory)

    @property
    def report_text(self) -> Path:
        """What the study's people write for the report; whether it is there is not said."""
        return self.report.text or self.paths.report_text


def load_study(path: Path, pipeline: Pipeline) -> Study:
    """Read a study; nothing is written, no input is opened.

    Args:
        path: A directory that holds ``study.yaml``, or such a file itself.
        pipeline: What the grid, protocol and classifiers are held against.

    Raises:
        InputError: With every fault of the study file and its grid file.
    """
    file = study_file(path)
    _require_text(file)
    document = read_document(file, YAML_SUFFIXES)
    if not isinstance(document.root, Entries):
        message = f"there is {kind_of(document.root)}, expected the study's keys"
        raise InputError(
            [Fault(file, message, document.root.line, "create one to start from: gridrun init")]
        )
    return _read(file, document, document.root, pipeline)


def study_file(path: Path) -> Path:
    """The study file that a path given by a person means.

    Raises:
        InputError: There is none.
    """
    if not stat.S_ISDIR(look_at(path).st_mode):
        if path.suffix.lower() == ".json":
            todo = f'write its path behind the key "grid" of a {STUDY_FILE}, if it is a grid'
            raise InputError([Fault(path, "is a JSON file, not a study", todo=todo)])
        return path
    file = path / STUDY_FILE
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise os_error(path, error) from None
    if STUDY_FILE in names:
        return file
    similar = [name for name in names if Path(name).suffix.lower() in YAML_SUFFIXES]
    near = did_you_mean(STUDY_FILE, similar)
    todo = (
        f"{near} name that file itself"
        if near
        else f"create one to start from: gridrun init {path}"
    )
    raise InputError([Fault(path, f"is a directory without a {STUDY_FILE}", todo=todo)])


def _require_text(file: Path) -> None:
    """Refuse a path that is no text: Parquet, Arrow and JSON could not name it."""
    try:
        str(file.absolute()).encode("utf-8")
    except UnicodeEncodeError:
        shown = str(file.absolute()).encode("utf-8", "backslashreplace").decode()
        raise InputError(
            [Fault(Path(shown), "the path is not UTF-8", todo="rename that directory or file")]
        ) from None


def _read(file: Path, document: Document, root: Entries, pipeline: Pipeline) -> Study:
    reader = KeyReader(file, document)
    entries = backend_keys((*KEYS, *pipeline.study_keys))
    packages = {name: package_of(entry) for name, entry in entries.items()}
    parameters = [parameter.name for parameter in pipeline.parameters]
    keys = read_study_keys(reader, root, parameters, tuple(pipeline.study_keys), packages)
    nodes = keys.nodes
    backends = {name: load_backend_key(entries[name]) for name in nodes if name in entries}
    elsewhere = _names_inputs(nodes, backends)
    if "inputs" not in nodes and not elsewhere:
        reader.fault('key "inputs" is missing', todo=inputs_advice(pipeline.inputs))
    if "grid" not in nodes:
        reader.fault('key "grid" is missing', todo=_GRID_ADVICE)
    for other in elsewhere:
        if "inputs" in nodes:
            reader.fault(
                f'inputs stand below both "inputs" and "{other}"',
                nodes["inputs"],
                "leave one out: with inputs they are read here and prepared tables are sent, "
                f"with {other} they are read where they are and stay there",
            )
    values: dict[str, BackendValue] = {}
    for name, key in backends.items():
        with reader.gathering():
            values[name] = key.read(nodes[name], file, pipeline.inputs)
            reader.notes.extend(values[name].notes)
    far = [name for name, value in values.items() if value.inputs_elsewhere]
    options = _options(reader, nodes, pipeline)
    with reader.gathering():
        pipeline = pipeline.of_study(options)
    inputs = read_inputs(reader, nodes["inputs"], pipeline.inputs) if "inputs" in nodes else {}
    most_folds = min(pipeline.most_folds or MOST_FOLDS, MOST_FOLDS)
    folds = keys.whole("folds", 1, most_folds, pipeline.most_folds_reason)
    seed = keys.whole("seed", 0, MOST_SEED)
    sample, rows = read_sample(keys), keys.whole("rows", 1)
    protocol = keys.word("protocol", tuple(pipeline.protocols))
    if protocol is None and "protocol" not in nodes:
        protocol = next(iter(pipeline.protocols))
    grid_file, grid = None, None
    if "grid" in nodes:
        grid_file, grid = _grid(reader, nodes["grid"], pipeline, protocol or "")
    classifiers = default_classifiers(pipeline)
    if "classifiers" in nodes:
        classifiers = read_classifiers(reader, nodes["classifiers"], pipeline, protocol or "")
    limits = Limits()
    if "limits" in nodes:
        limits = read_limits(reader, nodes["limits"], pipeline)
    usual_text = StudyPaths(file.absolute().parent).report_text
    report = read_report(keys, pipeline, grid.grid if grid is not None else None, usual_text)
    notes = reader.finish()
    assert grid is not None
    assert protocol is not None
    return Study(
        path=file.absolute(),
        inputs=inputs,
        grid=grid.grid,
        folds=folds or min(DEFAULT_FOLDS, most_folds),
        seed=DEFAULT_SEED if seed is None else seed,
        protocol=protocol,
        classifiers=classifiers,
        limits=limits,
        sample=sample.combinations,
        sample_blocks=sample.blocks,
        design=sample.design,
        rows=rows,
        notes=(*notes, *grid.notes),
        grid_file=grid_file,
        options=options,
        backend_options={backends[name].backend: values[name].settings for name in values},
        inputs_elsewhere=values[far[0]].inputs_elsewhere if far else {},
        reading_command=backends[far[0]].command if far else "",
        report=report,
    )


def _options(reader: KeyReader, nodes: Mapping[str, Node], pipeline: Pipeline) -> dict[str, Any]:
    """Data of the keys that the pipeline adds, as far as they are there."""
    data: dict[str, Any] = {}
    for name, key in pipeline.study_keys.items():
        if name in nodes:
            with reader.gathering():
                value = key.read(nodes[name], reader.file)
                data[name] = value.data
                reader.notes.extend(value.notes)
    return data


def _names_inputs(nodes: Mapping[str, Node], backends: Mapping[str, BackendKey]) -> list[str]:
    """Keys of backends below which inputs are named, rightly or wrongly, as ``key: setting``."""
    found = []
    for name, key in backends.items():
        node = nodes[name]
        for written, _ in node.pairs if key.inputs_key and isinstance(node, Entries) else ():
            if isinstance(written, Leaf) and written.written == key.inputs_key:
                found.append(f"{name}: {key.inputs_key}")
    return found


_GRID_ADVICE = "give each parameter its values, or the path of a grid file (.json, .yaml)"


def _grid(
    reader: KeyReader, node: Node, pipeline: Pipeline, protocol: str
) -> tuple[Path | None, GridFile | None]:
    """The grid inline or from its own file; faults go to the reader."""
    keys = (*KEYS, *pipeline.study_keys, *backend_keys())
    with reader.gathering():
        if node.text is None:
            return None, grid_of(KeyReader(reader.file), node, pipeline.parameters, keys, protocol)
        path = reader.path('key "grid"', node)
        if path is not None:
            return path, read_grid(path, pipeline.parameters, keys, protocol)
    return None, None
