"""Commands of one combination: its model, predictions with it, a fold as a script; for cli."""

from gridrun.cli.models import explain, export_model, predict

__all__ = ["explain", "export_model", "predict"]
