"""Which combinations of a grid are meant."""

from gridrun.selection._selection import Selection

__all__ = ["Selection"]
