"""A study: inputs, a grid, a seed and a protocol, in a directory of its own."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridrun.documents import YAML_SUFFIXES, read_document
from gridrun.documents.textfile import look_at, os_error
from gridrun.documents.tree import Document, Entries, Leaf, Node, by_line, kind_of
from gridrun.errors import Fault, InputError, did_you_mean
from gridrun.pipeline import Pipeline
from gridrun.plan.grid import Grid
from gridrun.plan.units import Limits
from gridrun.store.paths import STUDY_FILE, StudyPaths
from gridrun.study._keys import KEYS, MOST_FOLDS, MOST_SEED, ROLES, KeyReader
from gridrun.study.azure import AzureSettings, read_azure
from gridrun.study.grid_file import GridFile, grid_of, read_grid

DEFAULT_FOLDS = 10
DEFAULT_SEED = 1
DEFAULT_PROTOCOL = "amiss"


@dataclass(frozen=True)
class Study:
    """What ``study.yaml`` says, checked.

    Args:
        path: The study file, absolute.
        inputs: Role (``vcf``, ``cadd_snv``, ``cadd_indel``) to absolute path.
        grid: The grid.
        folds: Number of cross-validation folds.
        seed: Decides every draw of gridrun's own (samples, rows), and under the
            protocol ``corrected`` every other one; what upstream draws under the
            protocol ``amiss`` comes from upstream's seeds.
        protocol: Name of the protocol.
        classifiers: In the pipeline's order.
        limits: What one task may use.
        sample: How many combinations to draw, or None for all.
        rows: How many variants to draw, or None for all.
        notes: What was accepted but is worth saying once.
        grid_file: The grid's own file, or None when it stands in the study file.
        options: Plain data of the keys that the pipeline adds, by key.
        azure: Where and how it runs on Azure ML, or None.
        inputs_elsewhere: Role to place, for people, of inputs that are read where they
            are; ``inputs`` is empty then.
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
    rows: int | None = None
    notes: tuple[Fault, ...] = ()
    grid_file: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    azure: AzureSettings | None = None
    inputs_elsewhere: Mapping[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """The directory of the study file, which also holds ledger and results."""
        return self.path.parent

    @property
    def paths(self) -> StudyPaths:
        """Every path below the study directory."""
        return StudyPaths(self.directory)


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
        message = f"there is {kind_of(document.root)} where the study's keys belong"
        raise InputError(
            [Fault(file, message, document.root.line, "make one to start from: gridrun init")]
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
        f"{near} name that file itself" if near else f"make one to start from: gridrun init {path}"
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
    reader = KeyReader(file)
    reader.faults.extend(document.faults)
    reader.notes.extend(document.notes)
    parameters = [parameter.name for parameter in pipeline.parameters]
    nodes = reader.keys(root, parameters, tuple(pipeline.study_keys))
    azure = read_azure(reader, nodes["azure"]) if "azure" in nodes else None
    elsewhere = azure.data if azure is not None else None
    for key in ("inputs", "grid"):
        if key not in nodes and not (key == "inputs" and _names_data(nodes)):
            reader.fault(f'key "{key}" is missing', todo=_ADVICE[key])
    if "inputs" in nodes and _names_data(nodes):
        reader.fault(
            'inputs stand below both "inputs" and "azure: data"',
            nodes["inputs"],
            "leave one out: with inputs they are read here and prepared tables are sent, with "
            "data they are read in the datastore and stay there",
        )
    options = reader.options(nodes, pipeline.study_keys)
    pipeline = pipeline.of_study(options)
    inputs = reader.inputs(nodes["inputs"]) if "inputs" in nodes else {}
    grid_file, grid = _grid(reader, nodes["grid"], pipeline) if "grid" in nodes else (None, None)

    def whole(
        key: str, default: int | None, least: int, most: int | None = None, why: str = ""
    ) -> int | None:
        return reader.whole(key, nodes[key], least, most, why) if key in nodes else default

    most_folds = min(pipeline.most_folds or MOST_FOLDS, MOST_FOLDS)
    usual = min(DEFAULT_FOLDS, most_folds)
    folds = whole("folds", usual, 1, most_folds, pipeline.most_folds_reason)
    seed = whole("seed", DEFAULT_SEED, 0, MOST_SEED)
    sample, rows = whole("sample", None, 1), whole("rows", None, 1)
    protocol: str | None = DEFAULT_PROTOCOL
    if "protocol" in nodes:
        protocol = reader.word("protocol", nodes["protocol"], tuple(pipeline.protocols))
    classifiers = pipeline.classifiers
    if "classifiers" in nodes:
        classifiers = reader.classifiers(nodes["classifiers"], pipeline.classifiers)
    limits = reader.limits(nodes["limits"]) if "limits" in nodes else Limits()
    if reader.faults:
        # those of the grid's own file stay together
        own = [fault for fault in reader.faults if fault.file == file]
        raise InputError([*by_line(own), *(fault for fault in reader.faults if fault.file != file)])
    assert grid is not None
    assert folds is not None
    assert seed is not None
    assert protocol is not None
    return Study(
        path=file.absolute(),
        inputs=inputs,
        grid=grid.grid,
        folds=folds,
        seed=seed,
        protocol=protocol,
        classifiers=classifiers,
        limits=limits,
        sample=sample,
        rows=rows,
        notes=(*by_line(reader.notes), *grid.notes),
        grid_file=grid_file,
        options=options,
        azure=azure,
        inputs_elsewhere={role: elsewhere.place(role) for role in ROLES} if elsewhere else {},
    )


def _names_data(nodes: Mapping[str, Node]) -> bool:
    """Whether the study says that its inputs are in a datastore, rightly or wrongly."""
    azure = nodes.get("azure")
    return isinstance(azure, Entries) and any(
        isinstance(key, Leaf) and key.written == "data" for key, _ in azure.pairs
    )


_ADVICE = {
    "inputs": "give vcf, cadd_snv and cadd_indel, each with a path",
    "grid": "give each parameter its values, or the path of a grid file (.json, .yaml)",
}


def _grid(reader: KeyReader, node: Node, pipeline: Pipeline) -> tuple[Path | None, GridFile | None]:
    """The grid inline or from its own file; faults go to the reader."""
    keys = (*KEYS, *pipeline.study_keys)
    try:
        if isinstance(node, Leaf) and isinstance(node.value, str):
            path = reader.path('key "grid"', node)
            found = read_grid(path, pipeline.parameters, keys) if path is not None else None
            return path, found
        return None, grid_of(reader.file, node, pipeline.parameters, keys=keys)
    except InputError as error:
        reader.faults.extend(error.faults)
        return None, None
