"""Which combinations of a grid are meant: values, numbers, a sample; for study."""

from gridrun.plan.selection._numbers import read_numbers, write_numbers
from gridrun.plan.selection._selection import Selection

__all__ = ["Selection", "read_numbers", "write_numbers"]
