"""The driver's side: inputs are read once, each block's tables are made once.

``read`` is kept in the study's cache under the digest of the inputs and of
the reading code; the tables of a block under the digest of that, the block's
parameter values and the code of ``filter`` and ``preprocess``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.evaluation import evaluation_of
from amiss_tasks.features.feature import plain_of
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.protocols import protocol_of
from amiss_tasks.stages.feature_groups import refuse_unknown
from amiss_tasks.stages.files.digests import Digests, ReadKey
from amiss_tasks.stages.files.in_step import Shared, in_step
from amiss_tasks.stages.files.memory import (
    labelling_bytes,
    require_memory,
    split_bytes,
    tables_bytes,
)
from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.label import label
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.null_models import arrays_of
from amiss_tasks.stages.preprocess import require_trainable, split_with_places
from amiss_tasks.stages.read import reading_inputs
from amiss_tasks.stages.splits.gene_groups import gene_groups
from amiss_tasks.stages.splits.newer import VCF, files_of, with_newer
from amiss_tasks.stages.splits.shares import class_rows
from amiss_tasks.stages.splits.split_by import GENE, kind_of
from amiss_tasks.study.options import features_read_of, leaves_out_other_alleles, significance_of
from amiss_tasks.tasks.code import block_code, read_code, refuse_changed_python
from gridrun.errors import Fault, InputError
from gridrun.pipeline import Settings, TaskFailure, Value
from gridrun.plan.fingerprint import digest_of
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
        self._features = features_read_of(settings.options)
        self._significance = significance_of(settings.options)
        self._leaves_out_other_alleles = leaves_out_other_alleles(settings.options)
        self._vcf = Path(settings.inputs[VCF])
        self._settings = settings
        self._protocol = protocol_of(settings)
        self._evaluation = evaluation_of(settings.options)
        known = settings.input_digests
        self._digests = Digests(
            {path: known[role] for role, path in settings.inputs.items() if role in known}
        )
        key = ReadKey(
            self._digests, lambda found: digest_of(self._read_key(settings, values, found))
        )
        files = files_of(settings.inputs, settings.options)
        shared = Shared()
        readings = (
            reading_inputs(
                paths,
                values,
                cache_dir,
                key,
                rows=settings.rows,
                seed=settings.seed,
                features=self._features,
                significance=self._significance,
                leave_out_other_alleles=self._leaves_out_other_alleles,
                # of what is new in a later file some may be in the study's own without a label
                with_variants=len(files) > 1 and paths is files[0],
                most_bytes=settings.read_bytes,
                shared=shared,
            )
            for paths in files
        )
        self._reads = in_step([*readings])
        self._read_digests = [read.key for read in self._reads]
        self._read = self._reads[0]
        _require_alike([read.features for read in self._reads], files[-1])
        self._said: dict[str, Fault] = {}
        clnsig = [value for read in self._reads for value in read.clnsig]
        self._significance = self._significance.of_values(clnsig)
        # blocks depend on the features that the inputs have, whatever the study names beside them
        self._features = self._read.features
        refuse_unknown(settings.options, self._features)
        self._failures: dict[str, TaskFailure] = {}
        _give_back_memory()

    @property
    def input_digests(self) -> Mapping[str, str]:
        """Role to SHA-256 of each input; see ``gridrun.pipeline.TakesDigests``."""
        return {role: self._digests.of(path) for role, path in self._settings.inputs.items()}

    def notes(self) -> Sequence[Fault]:
        """Notes on the inputs, and on tables in the cache that had to be made again."""
        of_reading = (note for read in self._reads for note in read.notes)
        return (*dict.fromkeys(of_reading), *self._said.values(), *self._cache.notes)

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
        finally:
            _give_back_memory()
        return digest

    def class_rows(self, digest: str) -> Mapping[str, float]:
        """Positive and negative rows of a test part, about; see ``CountsClasses``."""
        return class_rows(self.path(digest), self._settings)

    def labelled(self, values: Mapping[str, Value]) -> Labelled:
        """The rows of a block that have a label, before they are split.

        Raises:
            TaskFailure: Upstream's preprocessing stops on this block.
        """
        rows, *later = (self._labelled(number, values) for number in range(len(self._reads)))
        if later:
            self._require_memory(values, tables_bytes, rows, later[0])
            both, said = with_newer(rows, later[0], self._read.variants_path)
            of_block = _name_of(values)
            self._said[of_block] = Fault(self._vcf, f"{said} ({of_block})")
            return both
        cut = self._features.cut
        if cut is not None:
            return replace(rows, parts=cut.parts(rows.times, rows.variants))
        if not self._features.genes or kind_of(values) != GENE:
            return rows
        return replace(rows, groups=gene_groups(rows.variants, rows.genes))

    def _labelled(self, number: int, values: Mapping[str, Value]) -> Labelled:
        """The rows of one of the files that have a label, the study's own first."""
        # cut out for each block, a tenth of its time, so that nothing is held between two
        table = filter_table(
            self._reads[number],
            str(values["transcript"]),
            str(values["quality"]),
            str(values["restriction"]),
            self._significance,
        )
        require_memory(labelling_bytes(table.rows), _name_of(values))
        return label(
            table,
            str(values["vus_inclusion"]),
            str(values["categorical"]),
            self._features,
            self._significance,
            protocol=self._protocol,
        )

    @staticmethod
    def _require_memory(
        values: Mapping[str, Value],
        taken: Callable[[float, float], float],
        *held: Labelled,
    ) -> None:
        """Stop where rows have no room as tables of all columns.

        Args:
            values: Of the block's parameters.
            taken: From rows and columns to the bytes that are taken.
            held: The rows.
        """
        rows = sum(len(each.positive) for each in held)
        dummies = sum(len(set(words)) for words in held[0].text.values()) * held[0].has_dummies
        require_memory(taken(rows, len(held[0].numeric) + dummies), _name_of(values))

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
            "read": self._read_digests[0] if len(self._reads) == 1 else self._read_digests,
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
            require_trainable(rows, self._protocol, holds_out=True)
            rows.save(path, arrays_of(rows.levels, rows.missingness, np.arange(len(rows.row_ids))))
        elif "dummy_levels" in self._protocol.corrected:
            # each fold is encoded by its own training rows (D30)
            require_trainable(rows, self._protocol)
            rows.save(path, arrays_of(rows.levels, rows.missingness, np.arange(len(rows.row_ids))))
        else:
            self._require_memory(values, split_bytes, rows)
            tables, order = split_with_places(rows, self._features, self._protocol)
            tables.save(path, arrays_of(rows.levels, rows.missingness, order))


def _name_of(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{name}={values[name]}" for name in _ASKED)


def _give_back_memory() -> None:
    """Give the system back what was freed: reading and blocks take far more than what is kept.

    Arrow's pool, and the C library's with Python's objects of other sizes than small ones, hold it
    otherwise as long as this process lives.
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if trim is not None:
        trim(0)


def _require_alike(features: Sequence[FeatureSet], later: Mapping[str, str]) -> None:
    """Stop where a later file has other features than the study's own.

    Raises:
        InputError: Some optional feature is in one of them only, or is read from another field.
    """
    first, *others = ({f.name: plain_of(f) for f in each.features} for each in features)
    for other in others:
        differ = [name for name in {**first, **other} if first.get(name) != other.get(name)]
        if differ:
            message = f"features are there in one of both files only: {', '.join(differ)}"
            todo = "annotate both with the same release of VEP and its plugins"
            raise InputError([Fault(Path(later[VCF]), message, todo=todo)])
