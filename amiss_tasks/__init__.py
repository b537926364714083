"""The amiss pipeline: what each stage computes."""

from amiss_tasks.pipeline import PIPELINE

__all__ = ["PIPELINE"]
