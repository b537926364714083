"""Workers on a Ray of one's own, or on a running Ray cluster; for entry points.

For whoever loads backends by name; the only package that imports ray.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backends.local._backend import LocalBackend as LocalBackend

__all__ = ["LocalBackend"]


def __getattr__(name: str) -> Any:  # Ray's driver and the reaper need nothing of the engine
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from backends.local import _backend

    return getattr(_backend, name)
