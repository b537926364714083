"""Units in a file, run anywhere, and their outcomes back in segments; for all above.

A shard needs no ledger and no study where it runs: the file holds the job, its units
and what the code has to be; the blocks' artifacts lie beside it. Whoever runs it
writes segments of events, and at the end a manifest.
"""

from gridrun.shard._file import ARTIFACTS, Shard, open_shard, pack_shards, shard_name
from gridrun.shard._read_inputs import REPORT
from gridrun.shard._run import ShardReport, run_shard
from gridrun.shard._segments import (
    MANIFEST,
    SegmentWriter,
    TornSegment,
    is_segment,
    read_manifest,
    read_segment,
    written_by,
)
from gridrun.shard._text import NumberOf, event_from, event_text
from gridrun.shard._work_off import ERROR, LOG, work_off, work_on

__all__ = [
    "ARTIFACTS",
    "ERROR",
    "LOG",
    "MANIFEST",
    "REPORT",
    "NumberOf",
    "SegmentWriter",
    "Shard",
    "ShardReport",
    "TornSegment",
    "event_from",
    "event_text",
    "is_segment",
    "open_shard",
    "pack_shards",
    "read_manifest",
    "read_segment",
    "run_shard",
    "shard_name",
    "work_off",
    "work_on",
    "written_by",
]
