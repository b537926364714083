"""The driver's side: inputs are read once, each block's tables are made once.

``read`` is kept in the study's cache under the digest of the inputs and of
the reading code; the tables of a block under the digest of that, the block's
parameter values and the code of ``filter`` and ``preprocess``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.evaluation import evaluation_of
from amiss_tasks.protocols import protocol_of
from amiss_tasks.stages.feature_groups import refuse_unknown
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.label import label
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.null_models import arrays_of
from amiss_tasks.stages.preprocess import require_trainable, split
from amiss_tasks.stages.read import read_inputs
from amiss_tasks.stages.table import VariantTable
from amiss_tasks.study.options import features_of, leaves_out_other_alleles, significance_of
from amiss_tasks.tasks.code import block_code, read_code, refuse_changed_python
from gridrun.errors import Fault
from gridrun.pipeline import Settings, TaskFailure, Value
from gridrun.plan.fingerprint import digest_of, digest_of_input
from gridrun.store.cache import Cache

_SUFFIX = ".npz"
_ASKED = ("transcript", "quality", "restriction", "vus_inclusion", "categorical")
"""Parameters whose values decide what the inputs must contain."""


class AmissSource:
    """Makes the artifacts of blocks; see ``gridrun.pipeline.Source``.

    Args:
        settings: The study's settings.
        values: Values of the grid, which decide what the inputs must contain.
        cache_dir: The study's cache.

    Raises:
        InputError: With every fault found in the inputs.
        EnvironmentFault: Code has changed since the run was planned.
    """

    def __init__(
        self, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
    ) -> None:
        refuse_changed_python()  # this module may have been loaded only now
        self._cache = Cache(cache_dir)
        self._features = features_of(settings.options)
        self._significance = significance_of(settings.options)
        self._leaves_out_other_alleles = leaves_out_other_alleles(settings.options)
        self._protocol = protocol_of(settings)
        self._evaluation = evaluation_of(settings.options)
        inputs = {
            role: settings.input_digests.get(role) or digest_of_input(Path(path))
            for role, path in settings.inputs.items()
        }
        self._read_digest = digest_of(self._read_key(settings, values, inputs))
        self._read = read_inputs(
            settings.inputs,
            values,
            cache_dir,
            self._read_digest,
            rows=settings.rows,
            seed=settings.seed,
            features=self._features,
            significance=self._significance,
            leave_out_other_alleles=self._leaves_out_other_alleles,
        )
        self._significance = self._significance.of_values(self._read.clnsig)
        # blocks depend on the features that the inputs have, whatever the study names beside them
        self._features = self._read.features
        refuse_unknown(settings.options, self._features)
        self.filtered = lru_cache(maxsize=2)(self._filter)
        """Joined rows of a transcript, quality and restriction."""
        self._failures: dict[str, TaskFailure] = {}

    def notes(self) -> Sequence[Fault]:
        """Notes on the inputs, and on tables in the cache that had to be made again."""
        return (*self._read.notes, *self._cache.notes)

    def artifact(self, values: Mapping[str, Value]) -> str:
        """Digest of the block's training and test tables, or of its rows before they are split.

        Raises:
            TaskFailure: Upstream's preprocessing stops on this block.
        """
        digest = digest_of(self._block_key(values))
        if digest in self._failures:
            raise self._failures[digest]
        try:
            self._cache.make(digest, _SUFFIX, lambda path: self._write(values, path))
        except TaskFailure as failure:
            self._failures[digest] = failure
            raise
        return digest

    def labelled(self, values: Mapping[str, Value]) -> Labelled:
        """The rows of a block that have a label, before they are split.

        Raises:
            TaskFailure: Upstream's preprocessing stops on this block.
        """
        table = self.filtered(
            str(values["transcript"]), str(values["quality"]), str(values["restriction"])
        )
        return label(
            table,
            str(values["vus_inclusion"]),
            str(values["categorical"]),
            self._features,
            self._significance,
            protocol=self._protocol,
        )

    def path(self, digest: str) -> Path:
        """File of the block's tables."""
        return self._cache.path(digest, _SUFFIX)

    def _read_key(
        self,
        settings: Settings,
        values: Mapping[str, Sequence[Value]],
        inputs: Mapping[str, str],
    ) -> dict[str, Any]:
        """All that the joined table depends on."""
        return {
            "inputs": dict(inputs),
            "code": read_code(),
            "features": self._features.content,
            "leave_out_other_alleles": self._leaves_out_other_alleles,
            "rows": [settings.rows, settings.seed] if settings.rows is not None else None,
            # which faults stop depends on what the grid asks of the inputs
            "asked": {name: [str(value) for value in values[name]] for name in _ASKED},
        }

    def _block_key(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """All that the tables of a block depend on."""
        return {
            "read": self._read_digest,
            "code": block_code(),
            "features": self._features.content,
            "clnsig": self._significance.added,
            "protocol": self._protocol.preprocess_components(),
            "parts": "split by the worker" if self._evaluation.holds_out else "split",
            "values": dict(values),
        }

    def _write(self, values: Mapping[str, Value], path: Path) -> None:
        rows = self.labelled(values)
        if self._evaluation.holds_out:
            rows.save(path, arrays_of(rows.levels, rows.missingness, np.arange(len(rows.row_ids))))
        elif "dummy_levels" in self._protocol.corrected:
            # each fold is encoded by its own training rows (D30)
            require_trainable(rows, self._protocol)
            rows.save(path, arrays_of(rows.levels, rows.missingness, np.arange(len(rows.row_ids))))
        else:
            tables = split(rows, self._features, self._protocol)
            place = {row_id: at for at, row_id in enumerate(rows.row_ids)}
            ids = (*tables.train.row_ids, *tables.test.row_ids)
            order = np.array([place[row_id] for row_id in ids], np.int64)
            tables.save(path, arrays_of(rows.levels, rows.missingness, order))

    def _filter(self, transcript: str, quality: str, restriction: str) -> VariantTable:
        return filter_table(self._read, transcript, quality, restriction, self._significance)
