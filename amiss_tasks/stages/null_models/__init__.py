"""What a majority of the training rows says of test rows; for pipeline and tasks."""

from amiss_tasks.stages.null_models._evaluate import Shares, null_models, shares_of
from amiss_tasks.stages.null_models._payload import COLUMNS, pack, unpack

__all__ = ["COLUMNS", "Shares", "null_models", "pack", "shares_of", "unpack"]
