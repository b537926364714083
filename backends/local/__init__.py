"""Workers on a Ray of one's own, or on a running Ray cluster; for entry points.

For whoever loads backends by name; the only package that imports ray.
"""

from backends.local._backend import LocalBackend

__all__ = ["LocalBackend"]
