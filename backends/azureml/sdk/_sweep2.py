"""A sweep as SDK v2 has it, made of what the backend asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.azureml.mounts import BLOCKS, argument_of, input_names
from backends.azureml.sdk.types import AzureTrouble, Submission, Trouble
from backends.azureml.settings import MOST_AT_ONCE, SERVERLESS, AzureSettings

_WORD = re.compile(r"[\w.,:+=/@%-]+")
"""A value that a shell leaves as it is: the service writes values into the command line."""

_DASHES = "--"


def sweep_of(submission: Submission, place: Path) -> Any:
    """The sweep, ready to be created; made anew for each attempt, as the SDK changes it.

    Args:
        submission: What it runs.
        place: An empty directory, which has to last until the sweep was created.

    Raises:
        AzureTrouble: A value cannot stand in a command line.
    """
    from azure.ai.ml import command
    from azure.ai.ml.entities import JobResourceConfiguration, QueueSettings
    from azure.ai.ml.sweep import Choice

    settings = submission.settings
    for name, values in submission.axes.items():
        for value in values:
            if not _WORD.fullmatch(str(value)):
                text = f'the value "{value}" of {name} cannot stand in a command line'
                raise AzureTrouble(Trouble.REFUSED, text)
    names = {axis: axis.removeprefix(_DASHES) for axis in submission.axes}
    words = [f"{axis} ${{{{search_space.{name}}}}}" for axis, name in names.items()]
    inputs, outputs = _data(submission)
    words += [_mounted("inputs", name) for name in inputs]
    words += [_mounted("outputs", name) for name in outputs]
    is_serverless = settings.compute == SERVERLESS
    job = command(
        code=str(submission.directory.absolute()),
        command=" ".join(["python", submission.script, *words]),
        inputs=inputs,
        outputs=outputs,
        environment=_environment(settings, place),
        compute=None if is_serverless else settings.compute,
    )
    sweep = job.sweep(
        sampling_algorithm="grid",
        primary_metric=submission.metric,
        goal="Maximize",
        compute=None if is_serverless else settings.compute,
        search_space={
            names[axis]: Choice(values=list(values)) for axis, values in submission.axes.items()
        },
        early_termination_policy=_policy(submission.policy),
    )
    sweep.name = sweep.display_name = submission.run_id
    sweep.experiment_name = settings.experiment
    sweep.tags = {"gridrun": "1", **settings.tags}
    most = settings.max_concurrent or settings.max_nodes
    sweep.set_limits(
        max_total_trials=submission.children,
        max_concurrent_trials=min(most, MOST_AT_ONCE["v2"], submission.children),
        timeout=round(settings.sweep_hours * 3600),
        trial_timeout=round(settings.shard_hours * 3600),
    )
    if is_serverless:
        size = settings.vm_size or None
        sweep.resources = JobResourceConfiguration(instance_type=size, instance_count=1)
        if settings.low_priority:
            sweep.queue_settings = QueueSettings(job_tier="Spot")
    return sweep


def axis_of(name: str) -> str:
    """The argument that a parameter of a sweep stands for."""
    return name if name.startswith(_DASHES) else f"{_DASHES}{name}"


def _data(submission: Submission) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the platform brings for a child whose data stay in a datastore, and what it keeps."""
    from azure.ai.ml import Input, Output

    data = submission.settings.data
    if data is None:
        return {}, {}
    root = f"azureml://datastores/{data.datastore}/paths/"
    blocks = f"{root}{data.folder}/blocks/" if data.folder else f"{root}blocks/"
    if not submission.reads_inputs:
        return {BLOCKS: Input(type="uri_folder", path=blocks, mode="ro_mount")}, {}
    inputs = {
        name: Input(type="uri_file", path=f"{root}{data.inputs[role]}", mode="download")
        for role, name in input_names(data).items()
    }
    return inputs, {BLOCKS: Output(type="uri_folder", path=blocks, mode="upload")}


def _mounted(kind: str, name: str) -> str:
    """The argument with the path of a mount, which may hold blanks."""
    return f'{argument_of(name)} "${{{{{kind}.{name}}}}}"'


def _environment(settings: AzureSettings, place: Path) -> Any:
    """The image, or what it is built from; without a name, by its content."""
    from azure.ai.ml.entities import BuildContext, Environment

    if not settings.dockerfile:
        return Environment(image=settings.image)
    (place / "Dockerfile").write_bytes(settings.dockerfile.read_bytes())
    return Environment(build=BuildContext(path=str(place), dockerfile_path="Dockerfile"))


def _policy(settings: Mapping[str, Any] | None) -> Any:
    from azure.ai.ml import sweep

    if settings is None:
        return None
    kinds = {
        "bandit": sweep.BanditPolicy,
        "median_stopping": sweep.MedianStoppingPolicy,
        "truncation_selection": sweep.TruncationSelectionPolicy,
    }
    # SDK v1 evaluates at every interval where nothing is said
    options = {"evaluation_interval": 1, **settings}
    del options["name"]
    return kinds[settings["name"]](**options)
