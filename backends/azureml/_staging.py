"""The directory that a sweep's children get, and what comes back from them."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from backends.azureml._combinations import Axes
from backends.azureml.settings import AzureData
from backends.azureml.stamps import Stamp
from gridrun.errors import UserError, in_bytes
from gridrun.pipeline import load_pipeline
from gridrun.plan.units import ContextFacts, Job, ReadArtifact
from gridrun.shard import ARTIFACTS, Shard, pack_shards, shard_name
from gridrun.shard.packing import Shards

SCRIPT = "gridrun_child.py"
ARCHIVE = "shards.zip"
ORDER = "order.json"
STORE = "store.json"
STAMPS = "stamps.json"
METRIC = "metric.json"
_AXES = "axes.json"
_SENT, _RECEIVED = "sent", "received"
_SNAPSHOT_BYTES = 295 << 20
"""Azure refuses a snapshot above 300 MB, after having uploaded it."""


class StagingDirectory:
    """Directories of sweeps below one directory.

    Args:
        directory: Made when needed.
        data: Where blocks' tables are that stay where they are, or None.
    """

    def __init__(self, directory: Path, data: AzureData | None = None) -> None:
        self._directory = directory
        self._data = data

    def sent(self, sweep: str) -> Path:
        """What the children of a sweep get."""
        return self._directory / sweep / _SENT

    def received(self, sweep: str, child: str) -> Path:
        """Where files of a child are put."""
        return self._directory / sweep / _RECEIVED / child

    def axes_of(self, sweep: str) -> Axes:
        """Arguments and values that identify the children of a sweep; none if not known here."""
        try:
            axes: Axes = json.loads((self.sent(sweep) / _AXES).read_text("utf-8"))
        except OSError:
            return {}
        return axes

    def metric_of(self, sweep: str) -> str:
        """Name of the metric that children of a sweep may log; any where they log none."""
        try:
            return str(json.loads((self.sent(sweep) / METRIC).read_text("utf-8"))["name"])
        except OSError:
            return "outcomes"

    def prepare(
        self,
        sweep: str,
        job: Job,
        contexts: Mapping[int, ContextFacts],
        shards: Shards,
        *,
        axes: Axes,
        read_artifact: ReadArtifact,
    ) -> None:
        """Write what the children need; whole, or not there under its name.

        Raises:
            UserError: It is more than Azure takes.
        """
        artifacts = sorted({u.artifact for units in shards for u in units if u.artifact})

        def fill(directory: Path) -> None:
            (directory / ARTIFACTS).mkdir()
            metric = load_pipeline(job.pipeline).of_study(job.settings.options).leading_metric
            (directory / METRIC).write_text(json.dumps(asdict(metric)), "utf-8")
            for digest in artifacts:
                (directory / ARTIFACTS / digest).write_bytes(read_artifact(digest))
            pack_shards(
                directory / ARCHIVE,
                (
                    Shard(shard_name(number), job, contexts, units)
                    for number, units in enumerate(shards)
                ),
            )

        self._prepare(sweep, axes, fill)

    def prepare_reading(
        self, sweep: str, order: str, axes: Axes, stamps: Mapping[str, Stamp]
    ) -> None:
        """Write what a job that reads the inputs needs.

        Args:
            sweep: Its name.
            order: What it is to do.
            axes: Arguments that identify its child.
            stamps: Role to what the datastore says of an input; none where the child asks.
        """

        def fill(directory: Path) -> None:
            (directory / ORDER).write_text(order, "utf-8")
            if stamps:
                (directory / STAMPS).write_text(json.dumps(stamps), "utf-8")

        self._prepare(sweep, axes, fill)

    def _prepare(self, sweep: str, axes: Axes, fill: Callable[[Path], object]) -> None:
        target = self.sent(sweep)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
        fill(aside)
        (aside / _AXES).write_text(json.dumps({name: list(axes[name]) for name in axes}), "utf-8")
        if self._data is not None:
            (aside / STORE).write_text(json.dumps(asdict(self._data)), "utf-8")
        shutil.copyfile(Path(__file__).with_name("node") / "_child.py", aside / SCRIPT)
        size = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file())
        if size > _SNAPSHOT_BYTES:
            shutil.rmtree(aside)
            raise UserError(
                f"the files of one sweep have {in_bytes(size)}, Azure takes at most 300 MB at a "
                f"time",
                todo="the tables of a single block are that large; use --rows, or a grid with "
                "a smaller quality and restriction",
            )
        aside.replace(target)

    def forget(self, sweep: str) -> None:
        """Remove all of a sweep."""
        shutil.rmtree(self._directory / sweep, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._directory.rmdir()

    def keep_only(self, sweeps: set[str]) -> None:
        """Remove what was prepared for sweeps that were never sent."""
        for path in list(self._directory.iterdir()) if self._directory.is_dir() else []:
            if path.name not in sweeps:
                self.forget(path.name)
