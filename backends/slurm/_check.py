"""What a run on Slurm needs, for ``gridrun doctor``."""

from __future__ import annotations

import os
from collections.abc import Iterator

from backends.slurm._cluster import ask_cluster
from backends.slurm.settings import SlurmSettings
from gridrun.errors import EnvironmentFault


def check(settings: SlurmSettings) -> Iterator[tuple[str, str, str, str]]:
    """Check one thing after another: what was checked, verdict, what was found, what to do."""
    place = settings.path
    while not place.exists() and place != place.parent:
        place = place.parent
    if os.access(place, os.W_OK):
        seen = "the nodes have to see it, too"
        if not settings.shared_disk:
            seen = f"shards go from there to {settings.node_path} of each node, by srun"
        yield ("folder", "ok", f"{settings.path}: {seen}", "")
    else:
        yield ("folder", "missing", f"{settings.path} cannot be written", "name another: path")
    try:
        cluster = ask_cluster(settings)
    except EnvironmentFault as error:
        yield ("Slurm", "missing", error.what, error.todo or "")
        return
    found = f"{cluster.version}; tasks of a job array: at most {cluster.most_tasks:,}"
    yield ("Slurm", "ok", found, "")
    if cluster.unknown:
        todo = "name them: max_queued and hours below slurm in study.yaml"
        yield ("limits", "note", f"your limits are not known: {cluster.unknown}", todo)
    elif cluster.most_queued is not None:
        yield ("limits", "ok", f"tasks in the queue at once: at most {cluster.most_queued:,}", "")
    known = f"partitions: {', '.join(cluster.partitions) or 'none'}"
    if settings.partition and settings.partition not in cluster.partitions:
        yield ("partition", "missing", f"there is no {settings.partition}", known)
    else:
        yield ("partition", "ok", settings.partition or "the cluster's default one", "")
    advice = "in a job: srun python -m gridrun worker --self-test"
    yield ("nodes", "note", "whether R and gridrun work on the nodes is not known here", advice)
