"""Stage read: inputs joined, faults with lines; for describe, models, pipeline, study and tasks.

``check_inputs`` is the quick check, ``read_inputs`` the full pass, ``reading_inputs`` the same for
several who read the same tables; the readers can be used on their own.
"""

from __future__ import annotations

from amiss_tasks.stages.read._result import ReadCounts, ReadResult
from amiss_tasks.stages.read._study import (
    check_inputs,
    read_inputs,
    reading_inputs,
)
from amiss_tasks.stages.read._trainable import check_trainable
from amiss_tasks.stages.read._unlabelled import Unlabelled, UnlabelledRows, read_unlabelled
from amiss_tasks.stages.read.tables import CaddReader
from amiss_tasks.stages.read.vcf import VcfReader, VcfRecord

__all__ = [
    "CaddReader",
    "ReadCounts",
    "ReadResult",
    "Unlabelled",
    "UnlabelledRows",
    "VcfReader",
    "VcfRecord",
    "check_inputs",
    "check_trainable",
    "read_inputs",
    "read_unlabelled",
    "reading_inputs",
]
