"""Which combinations of a grid are meant."""

from gridrun.selection._numbers import read_numbers, write_numbers
from gridrun.selection._selection import Selection

__all__ = ["Selection", "read_numbers", "write_numbers"]
