"""The plan: which tasks a run would execute, why, and cut into which units.

Pure: it is given what the ledger knows and touches neither files nor clock.
Tasks are columns of integers (see ``gridrun.codes``), never objects, until a
unit is cut.
"""

from gridrun.plan._counts import StageCount, stage_counts
from gridrun.plan._tasks import Context, Pending, TaskTable, TaskTables
from gridrun.plan._units import Cut, cut_units

__all__ = [
    "Context",
    "Cut",
    "Pending",
    "StageCount",
    "TaskTable",
    "TaskTables",
    "cut_units",
    "stage_counts",
]
