"""A model on all labelled rows, its predictions, a fold explained; for pipeline.

See :class:`gridrun.pipeline.models.ModelPipeline`.
"""

from __future__ import annotations

from amiss_tasks.models.explain import explain
from amiss_tasks.models.export import export_model
from amiss_tasks.models.predict import predict

__all__ = ["explain", "export_model", "predict"]
