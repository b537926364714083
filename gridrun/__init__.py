"""gridrun: every combination of a grid of parameters, on a laptop, a cluster or in a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridrun._version import __version__

if TYPE_CHECKING:
    from gridrun.api import OpenStudy, open_study, predict_variants

__all__ = ["OpenStudy", "__version__", "open_study", "predict_variants"]


def __getattr__(name: str) -> Any:
    # on first use, so that workers and `--help` do not import the whole core
    if name in ("OpenStudy", "open_study", "predict_variants"):
        from gridrun import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
