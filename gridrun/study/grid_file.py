"""Reading a grid: inline in ``study.yaml``, or one of upstream's own files.

Upstream's ``parameter_grid.json`` (a list for each parameter) and
``combination_*.json`` (one value for each) are read unchanged, and the same as
YAML. A scalar is a list of one, so both kinds may be mixed in one file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrun.documents import read_document
from gridrun.documents.tree import Entries, Node, kind_of, known_list
from gridrun.errors import Fault, did_you_mean
from gridrun.pipeline import Parameter, Value
from gridrun.plan.grid import Grid
from gridrun.study._grid_values import read_values, refuse_default
from gridrun.study._reader import KeyReader
from gridrun.study._section import Section

_LIST = "list all parameters and their values: gridrun params"


@dataclass(frozen=True)
class GridFile:
    """A grid as read.

    Args:
        grid: Parameters in the pipeline's order, values in the order given.
        notes: What was accepted but is worth saying once.
    """

    grid: Grid
    notes: tuple[Fault, ...]


def read_grid(
    path: Path, parameters: Sequence[Parameter], keys: Sequence[str] = (), protocol: str = ""
) -> GridFile:
    """Read a grid file.

    Args:
        path: A ``.json``, ``.yaml`` or ``.yml`` file.
        parameters: Every parameter a grid must give, in grid order.
        keys: Keys of a study, which are shown where to go.
        protocol: The study's protocol; empty where none is known, which refuses no value.

    Raises:
        InputError: With every fault of the file, in the order of its lines.
    """
    document = read_document(path)
    return grid_of(KeyReader(path, document), document.root, parameters, keys, protocol)


def grid_of(
    reader: KeyReader,
    node: Node,
    parameters: Sequence[Parameter],
    keys: Sequence[str] = (),
    protocol: str = "",
) -> GridFile:
    """The grid that a node of a file gives.

    Args:
        reader: Of the file; what it has gathered before is raised or noted with what is found.
        node: A mapping of parameters.
        parameters: Every parameter a grid must give, in grid order.
        keys: Keys of a study, which are shown where to go.
        protocol: The study's protocol; empty where none is known, which refuses no value.

    Raises:
        InputError: With every fault.
    """
    values: dict[str, tuple[Value, ...]] = {}
    if isinstance(node, Entries) and node.pairs:
        names = [parameter.name for parameter in parameters]
        strays = [key for key in keys if key not in names]
        section = Section(reader, node, names, "parameter", also=strays)
        for name in [name for name in strays if name in section.keys]:
            message = f'"{name}" is a key of the study, not a parameter of the grid'
            todo = "put it into the study file, beside the key grid"
            reader.fault(message, section.keys[name], todo)
        for parameter in parameters:
            if parameter.name in section.nodes:
                found = read_values(reader, parameter, section.nodes[parameter.name], protocol)
                values[parameter.name] = tuple(found)
            elif parameter.default is not None:
                values[parameter.name] = tuple(parameter.default)
                refuse_default(reader, parameter, node, protocol)
        _require_all(reader, node, parameters, section.keys)
    elif isinstance(node, Entries):
        reader.fault("the grid has no parameters", node, _LIST)
    else:
        expected = "a mapping of parameters (parameter: value, or a list of values)"
        reader.fault(f"there is {kind_of(node)}, expected {expected}", node, _LIST)
    notes = reader.finish()
    return GridFile(Grid(tuple(values), tuple(values.values())), notes)


def _require_all(
    reader: KeyReader, node: Entries, parameters: Sequence[Parameter], given: Collection[str]
) -> None:
    """A fault that names the parameters that are not there and not merely misspelt."""
    names = [parameter.name for parameter in parameters]
    strangers = [key.text for key, _ in node.pairs[: 2 * len(names)]]
    misspelt = {did_you_mean(name, names) for name in strangers if name and name not in names}
    absent = [
        parameter
        for parameter in parameters
        if parameter.name not in given
        and parameter.default is None
        and f'did you mean "{parameter.name}"?' not in misspelt
    ]
    if len(absent) == 1:
        todo = f"known values: {known_list(absent[0].values)}"
        reader.fault(f'parameter "{absent[0].name}" is missing', todo=todo)
    elif absent:
        listed = ", ".join(f'"{parameter.name}"' for parameter in absent)
        reader.fault(f"{len(absent)} parameters are missing: {listed}", todo=_LIST)
