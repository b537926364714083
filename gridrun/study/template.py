"""The study.yaml that ``gridrun init`` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gridrun.pipeline import Parameter, Pipeline, default_classifiers


def study_text(pipeline: Pipeline, inputs: Mapping[str, str], grid: str | None) -> str:
    """Text of a study.yaml to start from.

    Args:
        pipeline: The pipeline that the study is for.
        inputs: Role to the path as it is to be written; the pipeline has an example for others.
        grid: Path of a grid file, or None for a grid of a few hundred combinations.
    """
    head = pipeline.study_start.format(
        inputs="\n".join(_input_lines(pipeline, inputs)),
        protocol=next(iter(pipeline.protocols)),
        classifiers=", ".join(default_classifiers(pipeline)),
    )
    if grid is not None:
        return f"{head}grid: {_quoted(grid)}\n"
    lines = [
        "# one value or a list of values for each parameter; all values: gridrun params",
        "grid:",
    ]
    for parameter in pipeline.parameters:
        lines += _grid_lines(parameter)
    return head + "\n".join(lines) + "\n"


def _input_lines(pipeline: Pipeline, inputs: Mapping[str, str]) -> Iterator[str]:
    """An input with its path, or the pipeline's example of one."""
    for name, role in pipeline.inputs.items():
        comment = f"  # {role.comment}" if role.comment else ""
        if role.many:
            yield from _named_lines(name, role.example, inputs, comment)
            continue
        yield f"  {name}: {_quoted(inputs.get(name, role.example))}{comment}"


def _named_lines(role: str, example: str, inputs: Mapping[str, str], comment: str) -> Iterator[str]:
    """Inputs with names of the study's own, or an example of one, commented out."""
    given = {name: path for name, path in inputs.items() if name.startswith(f"{role}.")}
    if not given:
        name, _, path = example.partition("=")
        yield f"  # {role}: {{{name}: {_quoted(path)}}}{comment}"
        return
    yield f"  {role}:{comment}"
    for name, path in given.items():
        yield f"    {name.removeprefix(f'{role}.')}: {_quoted(path)}"


def _grid_lines(parameter: Parameter) -> Iterator[str]:
    """A parameter with the values of a first grid, the others in a comment."""
    start = parameter.values if parameter.start is None else parameter.start
    values = ", ".join(map(str, start))
    lacking = [value for value in parameter.values if value not in start]
    others = ", ".join(str(value) for value in lacking if value not in parameter.only_under)
    if parameter.start is not None and len(start) == 1:
        yield f"  {parameter.name}: {values}{f'  # or {others}' if others else ''}"
    else:
        if others:
            cost = f", {parameter.start_lacks}" if parameter.start_lacks else ""
            yield f"  # {parameter.name} also has{cost}: {others}"
        yield f"  {parameter.name}: [{values}]"
    for protocol in dict.fromkeys(parameter.only_under.values()):
        those = [str(value) for value in lacking if parameter.only_under.get(value) == protocol]
        if those:
            yield f"  # {parameter.name} under protocol {protocol} also has: {', '.join(those)}"


def _quoted(path: str) -> str:
    """A path as a YAML scalar: plain where that is safe, else in single quotes."""
    plain = all(char.isalnum() or char in "._-/+" for char in path) and path[:1] not in "-+"
    if plain and path:
        return path
    if any(not char.isprintable() for char in path):
        return '"' + path.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    return "'" + path.replace("'", "''") + "'"
