"""Inputs read where they are: an order goes there, digests come back; for backends, run and study.

Where rows may not leave their storage, a first job does the driver's stages
there. It gets an order (settings, grid values, blocks), puts each block's tables
beside the inputs, and reports digests, notes and faults. The driver then knows the
inputs by digest only; what it sends for a block is a stub, which says where the
tables are and what their checksum is.
"""

from gridrun.shard.remote_inputs._order import ReadingOrder, order_from, order_of
from gridrun.shard.remote_inputs._report import (
    ArtifactStub,
    Block,
    BlocksElsewhere,
    ReadingReport,
    report_from,
    stub_from,
)
from gridrun.shard.remote_inputs._work import make_blocks

__all__ = [
    "ArtifactStub",
    "Block",
    "BlocksElsewhere",
    "ReadingOrder",
    "ReadingReport",
    "make_blocks",
    "order_from",
    "order_of",
    "report_from",
    "stub_from",
]
