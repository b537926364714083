"""The study.yaml that ``gridrun init`` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gridrun.pipeline import Pipeline

_START = {
    "transcript": 1,
    "quality": 3,
    "restriction": 2,
    "vus_inclusion": 3,
    "categorical": 1,
    "hyperparameter_search_type": 1,
}
"""Parameters of which the first grid takes one value only: its position, from 1."""

_FIRST = {"imputation": 7}
"""Parameters of which the first grid takes the first so many values: upstream's published grid."""


def study_text(pipeline: Pipeline, inputs: Mapping[str, str], grid: str | None) -> str:
    """Text of a study.yaml to start from.

    Args:
        pipeline: Whose study.
        inputs: Role to the path as it is to be written; the pipeline has an example for others.
        grid: Path of a grid file, or None for a grid of a few hundred combinations.
    """
    head = pipeline.study_start.format(
        inputs="\n".join(_input_lines(pipeline, inputs)),
        protocol=next(iter(pipeline.protocols)),
        classifiers=", ".join(pipeline.runnable_classifiers),
    )
    if grid is not None:
        return f"{head}grid: {_quoted(grid)}\n"
    lines = [
        "# one value or a list of values for each parameter; all values: gridrun params",
        "grid:",
    ]
    for parameter in pipeline.parameters:
        values = [str(value) for value in parameter.values]
        if parameter.name in _START:
            others = [v for i, v in enumerate(values, 1) if i != _START[parameter.name]]
            comment = f"  # or {', '.join(others)}" if others else ""
            lines.append(f"  {parameter.name}: {values[_START[parameter.name] - 1]}{comment}")
            continue
        first = _FIRST.get(parameter.name, len(values))
        if values[first:]:
            names = ", ".join(values[first:])
            lines.append(f"  # {parameter.name} also has, at many times the cost: {names}")
        lines.append(f"  {parameter.name}: [{', '.join(values[:first])}]")
    return head + "\n".join(lines) + "\n"


def _input_lines(pipeline: Pipeline, inputs: Mapping[str, str]) -> Iterator[str]:
    for name, role in pipeline.inputs.items():
        comment = f"  # {role.comment}" if role.comment else ""
        yield f"  {name}: {_quoted(inputs.get(name, role.example))}{comment}"


def _quoted(path: str) -> str:
    """A path as a YAML scalar: plain where that is safe, else in single quotes."""
    plain = all(char.isalnum() or char in "._-/+" for char in path) and path[:1] not in "-+"
    if plain and path:
        return path
    if any(not char.isprintable() for char in path):
        return '"' + path.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    return "'" + path.replace("'", "''") + "'"
