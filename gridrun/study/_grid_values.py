"""The values that a grid file gives one parameter, held against those it may have."""

from __future__ import annotations

import math

from gridrun.documents.tree import Entries, Items, Leaf, Node, kind_of, known_list, quoted, shown
from gridrun.errors import counted, did_you_mean
from gridrun.pipeline import Parameter, Value
from gridrun.study._reader import KeyReader

_MOST_FAULTS = 3


def read_values(
    reader: KeyReader, parameter: Parameter, node: Node, protocol: str = ""
) -> list[Value]:
    """Values of a parameter from the node behind its key: one value, or a list of them.

    Args:
        reader: Takes faults and notes.
        parameter: The parameter.
        node: The node.
        protocol: The study's protocol; empty where none is known, which refuses no value.

    Returns:
        Accepted values in the order given, none twice, in the pipeline's own
        spelling and type.
    """
    values: list[Value] = []
    name = f'parameter "{parameter.name}"'
    if isinstance(node, Entries):
        message = f"{name} has a mapping, {shown(node)}, expected a list of values"
        reader.fault(message, node, _known(parameter))
        return values
    if not node.items:
        message = f"{name} has an empty list, so there is no combination at all"
        reader.fault(message, node, _known(parameter))
    faulty = 0
    for item in node.items:
        reason = _refusal(parameter, item) or _other_protocol(parameter, item, protocol)
        if reason is None:
            _accept(reader, parameter, item, values)
            continue
        faulty += 1
        if faulty <= _MOST_FAULTS:
            message, todo = reason
            # the whole list once is enough
            todo = todo if faulty == 1 else todo.partition("known values:")[0].strip()
            reader.fault(f"{name} {message}", item, todo)
    if faulty > _MOST_FAULTS:
        more = f"{name} has {counted(faulty - _MOST_FAULTS, 'more value')} that cannot be used"
        reader.fault(more, node.items[-1])
    return values


def _match(parameter: Parameter, given: object) -> Value | None:
    """The parameter's own value that equals the given one; ``1`` equals ``1.0``."""
    return next((value for value in parameter.values if value == given), None)


def _accept(reader: KeyReader, parameter: Parameter, item: Node, values: list[Value]) -> None:
    """Add the values that an accepted node stands for."""
    name = f'parameter "{parameter.name}"'
    given = item.number if item.text is None else item.text
    expanded = parameter.shorthands.get(item.text or "")
    for value in (_match(parameter, given),) if expanded is None else expanded:
        assert value is not None
        if value in values:
            text = quoted(value) if isinstance(value, str) else str(value)
            message = f"{name} has {text} more than once; it is counted once"
            if all(note.message != message for note in reader.notes):
                reader.note(message, item)
        else:
            values.append(value)
    if expanded is not None:
        count = counted(len(expanded), "value")
        message = f"{name}: {quoted(item.text or '')} stands for {count}, one combination each: "
        reader.note(message + known_list(expanded), item)


def _refusal(parameter: Parameter, item: Node) -> tuple[str, str] | None:
    """Why a node is no value of a parameter, with advice; None if it is one."""
    if not isinstance(item, Leaf):
        kind = "a list" if isinstance(item, Items) else "a mapping"
        message = f"has {kind} inside its list, {shown(item)}; expected a list of values"
        return message, _known(parameter)
    if item.text is not None:
        return _text_refusal(parameter, item, item.text)
    number = item.number
    if number is None or not math.isfinite(number):
        near = _switch(parameter, item.value) if isinstance(item.value, bool) else ""
        return f"has {kind_of(item)}, which is not one of its values", _known(parameter, near)
    if not _takes_numbers(parameter):
        return f"has {kind_of(item)}, expected a name", _known(parameter)
    if _match(parameter, number) is not None:
        return None
    near = _nearest_number(parameter, item.written)
    return f"has unknown value {item.written}", _known(parameter, near)


def _text_refusal(parameter: Parameter, leaf: Leaf, given: str) -> tuple[str, str] | None:
    if given in parameter.shorthands or _match(parameter, given) is not None:
        return None
    if _takes_numbers(parameter):
        near = _nearest_number(parameter, given).replace("?", ", without quotes?")
        return f"has {kind_of(leaf)}, expected a number", _known(parameter, near)
    near = did_you_mean(given, map(str, parameter.values))
    return f"has unknown value {quoted(given)}", _known(parameter, near)


def refuse_default(reader: KeyReader, parameter: Parameter, node: Node, protocol: str) -> None:
    """Name the values of a parameter that the grid does not name and the protocol does not run.

    Args:
        reader: Takes faults.
        parameter: The parameter, with values of its own for such a grid.
        node: The grid.
        protocol: The study's protocol; empty where none is known, which refuses no value.
    """
    for value in parameter.default or ():
        reason = _unrun(parameter, value, protocol, f"the key {parameter.name}")
        if reason is not None:
            reader.fault(f'parameter "{parameter.name}" {reason[0]}', node, reason[1])


def _other_protocol(parameter: Parameter, item: Node, protocol: str) -> tuple[str, str] | None:
    """Why the study's protocol does not run a value that a grid names, with advice."""
    given = item.number if item.text is None else item.text
    return _unrun(parameter, _match(parameter, given), protocol, "the grid")


def _unrun(
    parameter: Parameter, value: Value | None, protocol: str, place: str
) -> tuple[str, str] | None:
    """Why the study's protocol does not run a value of the parameter, with advice."""
    wanted = protocol if value is None else parameter.only_under.get(value, protocol)
    if not protocol or wanted == protocol:
        return None
    named = quoted(value) if isinstance(value, str) else str(value)
    reason = f": {parameter.only_under_reason}" if parameter.only_under_reason else ""
    message = f"has {named}, which protocol {protocol} does not run{reason}"
    return message, f"set protocol: {wanted} in the study file, or take {named} out of {place}"


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
    return f"{near} known values: {known_list(parameter.values)}".strip()
