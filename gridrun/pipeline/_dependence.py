"""What a stage depends on: its own parameters and those of the stages before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gridrun.pipeline._axes import Stage, Value
from gridrun.pipeline._contract import Pipeline
from gridrun.pipeline._tasks import Settings


def stage_prefix(pipeline: Pipeline, stage: Stage) -> tuple[str, ...]:
    """Parameters that a stage and the stages it depends on read, in grid order."""
    wanted = set(stage.reads)
    for candidate in _stages_until(pipeline, stage):
        wanted.update(candidate.reads)
    return tuple(p.name for p in pipeline.parameters if p.name in wanted)


def stage_parts(
    pipeline: Pipeline, stage: Stage, settings: Settings
) -> dict[str, Mapping[Value, str]]:
    """Parameters of which a stage and the stages it depends on read only a part.

    Returns:
        Parameter, none of those in :func:`stage_prefix`, to the part of each value.
    """
    whole = stage_prefix(pipeline, stage)
    parts: dict[str, Mapping[Value, str]] = {}
    for candidate in _stages_until(pipeline, stage):
        parts.update(pipeline.reads_part(candidate, settings))
    return {name: part for name, part in parts.items() if name not in whole}


def _stages_until(pipeline: Pipeline, stage: Stage) -> Iterator[Stage]:
    """The stages that a stage depends on, itself included."""
    last = stage.after or stage.name
    for candidate in pipeline.stages:
        yield candidate
        if candidate.name == last:
            break
