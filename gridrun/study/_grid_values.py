"""The values that a grid file gives one parameter, held against those it may have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gridrun.documents.tree import Entries, Items, Leaf, Node, kind_of, known_list, quoted, shown
from gridrun.errors import Fault, counted, did_you_mean
from gridrun.pipeline import Parameter, Value

_MOST_FAULTS = 3


@dataclass
class ParameterValues:
    """What was read of one parameter.

    Args:
        values: Accepted values in the order given, none twice, in the
            pipeline's own spelling and type.
        faults: Why others were not accepted.
        notes: What was accepted but is worth saying.
    """

    values: list[Value] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)


def read_values(file: Path, parameter: Parameter, node: Node) -> ParameterValues:
    """Values of a parameter from the node behind its key: one value, or a list of them."""
    read = ParameterValues()
    name = f'parameter "{parameter.name}"'
    if isinstance(node, Entries):
        message = f"{name} has a mapping, {shown(node)}, expected a list of values"
        read.faults.append(Fault(file, message, node.line, _known(parameter)))
        return read
    items = node.nodes if isinstance(node, Items) else [node]
    if not items:
        message = f"{name} has an empty list, so there is no combination at all"
        read.faults.append(Fault(file, message, node.line, _known(parameter)))
    faulty = 0
    for item in items:
        if isinstance(item, Leaf):
            reason = _refusal(parameter, item)
        else:
            kind = "a list" if isinstance(item, Items) else "a mapping"
            reason = (
                f"{name} has {kind} inside its list, {shown(item)}; expected a list of values",
                _known(parameter),
            )
        if reason is None:
            assert isinstance(item, Leaf)
            _accept(file, parameter, item, read)
            continue
        faulty += 1
        if faulty <= _MOST_FAULTS:
            message, todo = reason
            # the whole list once is enough
            todo = todo if faulty == 1 else todo.partition("known values:")[0].strip()
            read.faults.append(Fault(file, message, item.line, todo or None))
    if faulty > _MOST_FAULTS:
        more = f"{name} has {counted(faulty - _MOST_FAULTS, 'more value')} that cannot be used"
        read.faults.append(Fault(file, more, items[-1].line))
    return read


def match_value(parameter: Parameter, given: str | float) -> Value | None:
    """The parameter's own value that equals the given one; ``1`` equals ``1.0``."""
    for value in parameter.values:
        if given == value:
            return value
    return None


def _accept(file: Path, parameter: Parameter, leaf: Leaf, read: ParameterValues) -> None:
    name = f'parameter "{parameter.name}"'
    for value in _meant(parameter, leaf):
        if value in read.values:
            text = quoted(value) if isinstance(value, str) else str(value)
            message = f"{name} has {text} more than once; it is counted once"
            if all(note.message != message for note in read.notes):
                read.notes.append(Fault(file, message, leaf.line))
        else:
            read.values.append(value)
    if leaf.value in parameter.shorthands:
        expanded = parameter.shorthands[str(leaf.value)]
        message = (
            f"{name}: {quoted(str(leaf.value))} stands for {counted(len(expanded), 'value')}, "
            f"one combination each: {known_list(expanded)}"
        )
        read.notes.append(Fault(file, message, leaf.line))


def _meant(parameter: Parameter, leaf: Leaf) -> Iterator[Value]:
    """The values an accepted leaf stands for."""
    if isinstance(leaf.value, str) and leaf.value in parameter.shorthands:
        yield from parameter.shorthands[leaf.value]
        return
    assert leaf.value is not None
    value = match_value(parameter, leaf.value)
    assert value is not None
    yield value


def _refusal(parameter: Parameter, leaf: Leaf) -> tuple[str, str] | None:
    """Why a leaf is no value of a parameter, with advice; None if it is one."""
    name = f'parameter "{parameter.name}"'
    if isinstance(leaf.value, str):
        return _text_refusal(parameter, leaf, leaf.value)
    number = leaf.number()
    if number is None or not math.isfinite(number):
        near = _switch(parameter, leaf.value) if isinstance(leaf.value, bool) else ""
        return f"{name} has {kind_of(leaf)}, which is not one of its values", _known(
            parameter, near
        )
    if not _takes_numbers(parameter):
        return f"{name} has {kind_of(leaf)}, expected a name", _known(parameter)
    if match_value(parameter, number) is not None:
        return None
    near = _nearest_number(parameter, leaf.written)
    return f"{name} has unknown value {leaf.written}", _known(parameter, near)


def _text_refusal(parameter: Parameter, leaf: Leaf, given: str) -> tuple[str, str] | None:
    if given in parameter.shorthands or match_value(parameter, given) is not None:
        return None
    name = f'parameter "{parameter.name}"'
    if _takes_numbers(parameter):
        near = _nearest_number(parameter, given).replace("?", ", without quotes?")
        return f"{name} has {kind_of(leaf)}, expected a number", _known(parameter, near)
    near = did_you_mean(given, map(str, parameter.values))
    return f"{name} has unknown value {quoted(given)}", _known(parameter, near)


def _takes_numbers(parameter: Parameter) -> bool:
    return not any(isinstance(value, str) for value in parameter.values)


def _nearest_number(parameter: Parameter, text: str) -> str:
    """Advice for a wrong number: written as text, as a percentage, or just near."""
    try:
        number = float(text.strip().removesuffix("%").replace(",", "."))
    except ValueError:
        return ""
    values = [float(value) for value in parameter.values]
    for candidate in (number, number / 100):
        if candidate in values:
            return f"did you mean {parameter.values[values.index(candidate)]}?"
    if not math.isfinite(number):
        return ""
    return f"the nearest is {min(values, key=lambda value: abs(value - number))}."


def _switch(parameter: Parameter, value: bool) -> str:  # noqa: FBT001 - the value itself
    """Advice where a converter has made true and false of on and off."""
    word = "on" if value else "off"
    return f'did you mean "{word}"?' if word in parameter.values else ""


def _known(parameter: Parameter, near: str = "") -> str:
    known = f"known values: {known_list(parameter.values)}"
    return f"{near} {known}" if near else known
