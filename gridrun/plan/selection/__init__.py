"""Which combinations of a grid are meant: values, numbers, a sample; for cli, report and study."""

from gridrun.plan.selection._coverage import Coverage, ValueCount
from gridrun.plan.selection._numbers import read_numbers, write_numbers
from gridrun.plan.selection._sample import BALANCED, DESIGNS, RANDOM, SampleSize
from gridrun.plan.selection._selection import Selection, positions_of

__all__ = [
    "BALANCED",
    "DESIGNS",
    "RANDOM",
    "Coverage",
    "SampleSize",
    "Selection",
    "ValueCount",
    "positions_of",
    "read_numbers",
    "write_numbers",
]
