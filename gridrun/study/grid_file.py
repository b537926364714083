"""Reading a grid: inline in ``study.yaml``, or one of upstream's own files.

Upstream's ``parameter_grid.json`` (a list for each parameter) and
``combination_*.json`` (one value for each) are read unchanged, and the same as
YAML. A scalar is a list of one, so both kinds may be mixed in one file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrun.documents import read_document
from gridrun.documents.tree import Entries, Node, by_line, kind_of, known_list, read_keys
from gridrun.errors import Fault, InputError, did_you_mean
from gridrun.pipeline import Parameter, Value
from gridrun.plan.grid import Grid
from gridrun.study._grid_values import read_values


@dataclass(frozen=True)
class GridFile:
    """A grid as read.

    Args:
        grid: Parameters in the pipeline's order, values in the order given.
        notes: What was accepted but is worth saying once.
    """

    grid: Grid
    notes: tuple[Fault, ...]


def read_grid(path: Path, parameters: Sequence[Parameter], keys: Sequence[str] = ()) -> GridFile:
    """Read a grid file.

    Args:
        path: A ``.json``, ``.yaml`` or ``.yml`` file.
        parameters: Every parameter a grid must give, in grid order.
        keys: Keys of a study, which are shown where to go.

    Raises:
        InputError: With every fault of the file, in the order of its lines.
    """
    document = read_document(path)
    read = grid_of(path, document.root, parameters, document.faults, keys)
    return GridFile(read.grid, (*document.notes, *read.notes))


def grid_of(
    file: Path,
    node: Node,
    parameters: Sequence[Parameter],
    faults: Sequence[Fault] = (),
    keys: Sequence[str] = (),
) -> GridFile:
    """The grid that a node of a file gives.

    Args:
        file: The file, for messages.
        node: A mapping of parameters.
        parameters: Every parameter a grid must give, in grid order.
        faults: Found before; raised together with those found here.
        keys: Keys of a study, which are shown where to go.

    Raises:
        InputError: With every fault.
    """
    found = list(faults)
    notes: list[Fault] = []
    values: dict[str, list[Value]] = {}
    if isinstance(node, Entries) and node.pairs:
        names = [parameter.name for parameter in parameters]
        strays = [key for key in keys if key not in names]
        entries = read_keys(file, node, names, "parameter", found, also=strays)
        for name in [name for name in strays if name in entries]:
            message = f'"{name}" is a key of the study, not a parameter of the grid'
            todo = "put it into the study file, beside the key grid"
            found.append(Fault(file, message, entries.pop(name)[0].line, todo))
        for parameter in parameters:
            if parameter.name in entries:
                read = read_values(file, parameter, entries[parameter.name][1])
                values[parameter.name] = read.values
                found.extend(read.faults)
                notes.extend(read.notes)
            elif parameter.default is not None:
                values[parameter.name] = list(parameter.default)
        found.extend(_missing(file, node, parameters, set(entries)))
    else:
        found.append(_no_parameters(file, node))
    if found:
        raise InputError(by_line(found))
    grid = Grid(tuple(values), tuple(tuple(given) for given in values.values()))
    return GridFile(grid, tuple(by_line(notes)))


def _no_parameters(file: Path, node: Node) -> Fault:
    todo = "list all parameters and their values: gridrun params"
    if isinstance(node, Entries):
        return Fault(file, "the grid has no parameters", node.line, todo)
    return Fault(
        file,
        f"there is {kind_of(node)}, expected a mapping of parameters "
        "(parameter: value, or a list of values)",
        node.line,
        todo,
    )


def _missing(
    file: Path, node: Entries, parameters: Sequence[Parameter], given: set[str]
) -> list[Fault]:
    """A fault that names the parameters that are not there and not merely misspelt."""
    names = [parameter.name for parameter in parameters]
    absent = [p for p in parameters if p.name not in given and p.default is None]
    strangers = [
        value
        for key, _ in node.pairs[: 2 * len(names)]
        if isinstance(value := getattr(key, "value", None), str) and value not in names
    ]
    misspelt = {did_you_mean(stranger, names) for stranger in strangers}
    absent = [p for p in absent if f'did you mean "{p.name}"?' not in misspelt]
    if not absent:
        return []
    if len(absent) == 1:
        message = f'parameter "{absent[0].name}" is missing'
        return [Fault(file, message, todo=f"known values: {known_list(absent[0].values)}")]
    listed = ", ".join(f'"{parameter.name}"' for parameter in absent)
    return [
        Fault(
            file,
            f"{len(absent)} parameters are missing: {listed}",
            todo="list all parameters and their values: gridrun params",
        )
    ]
