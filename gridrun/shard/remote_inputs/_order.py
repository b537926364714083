"""What a job that reads the inputs is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from gridrun.errors import UserError
from gridrun.pipeline import Pipeline, Value, load_pipeline
from gridrun.plan.fingerprint import digest_of
from gridrun.plan.units import Job
from gridrun.shard._text import NOT_AS_WRITTEN, job_data, job_from

FORMAT = 1


@dataclass(frozen=True)
class ReadingOrder:
    """Plain data that travels to where the inputs are.

    Args:
        job: Pipeline and settings; the paths of the inputs are not in it.
        values: Parameter to the values of the grid.
        blocks: The parameter values of each block whose tables are wanted.
        places: Role to where the input is, in words of its storage.
        code: Stage to digest of its code, for the stages that are asked for.
    """

    job: Job
    values: Mapping[str, tuple[Value, ...]]
    blocks: tuple[Mapping[str, Value], ...]
    places: Mapping[str, str]
    code: Mapping[str, str]

    def data(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "gridrun_reading": FORMAT,
            "job": job_data(self.job),
            "values": {name: list(values) for name, values in self.values.items()},
            "blocks": [dict(block) for block in self.blocks],
            "places": dict(self.places),
            "code": dict(self.code),
        }

    def text(self) -> str:
        """As one JSON text."""
        return json.dumps(self.data(), indent=1)

    @property
    def digest(self) -> str:
        """Of all that is asked; another one needs another job. How long a task may take is not."""
        data = self.data()
        del data["job"]["limits"]
        return digest_of(data)


def order_of(
    pipeline: Pipeline,
    job: Job,
    values: Mapping[str, Sequence[Value]],
    places: Mapping[str, str],
) -> ReadingOrder:
    """The order for every block of a grid.

    Args:
        pipeline: As the study has it.
        job: What the study's units have in common.
        values: Parameter to the values of the grid.
        places: Role to where the input is.
    """
    axes = [[(name, value) for value in values[name]] for name in pipeline.block]
    blocks = tuple(dict(pairs) for pairs in product(*axes))
    plain = {name: tuple(chosen) for name, chosen in values.items()}
    return ReadingOrder(job, plain, blocks, dict(places), code_here(pipeline, values))


def code_here(pipeline: Pipeline, values: Mapping[str, Sequence[Value]]) -> dict[str, str]:
    """Digest of the code of each stage that runs where the inputs are."""
    names = {stage.name for stage in pipeline.stages if stage.on_driver}
    first = {name: values[name][0] for name in pipeline.context_reads()}
    digests = pipeline.code_digests(pipeline.classifiers[0], first)
    return {name: digest for name, digest in digests.items() if name in names}


def order_from(text: str) -> tuple[ReadingOrder, Pipeline]:
    """The order that ``ReadingOrder.text`` wrote, and its pipeline.

    Raises:
        UserError: It is none of this version.
    """
    try:
        data = json.loads(text)
        if data["gridrun_reading"] != FORMAT:
            raise UserError(
                f"the order has format {data['gridrun_reading']}, this gridrun takes {FORMAT}",
                todo="run it with the version of gridrun that made it",
            )
        job = job_from(data["job"])
        values = {name: tuple(chosen) for name, chosen in data["values"].items()}
        order = ReadingOrder(job, values, tuple(data["blocks"]), data["places"], data["code"])
    except NOT_AS_WRITTEN as error:
        raise UserError(
            f"this is not an order to read inputs: {error}",
            todo="name one that a backend of this version of gridrun wrote",
        ) from error
    return order, load_pipeline(job.pipeline).of_study(job.settings.options)
