"""The plan: which tasks a run would execute, why, and cut into which units.

Pure: it is given what the ledger knows and touches neither files nor clock.
Tasks are columns of integers (see ``gridrun.plan.task_encoding``), never objects, until a
unit is cut.
"""

from gridrun.plan._counts import StageCount, stage_counts
from gridrun.plan._cutting import UnitPlan, cut_units
from gridrun.plan._tasks import Context, Pending, TaskTable, TaskTables

__all__ = [
    "Context",
    "Pending",
    "StageCount",
    "TaskTable",
    "TaskTables",
    "UnitPlan",
    "cut_units",
    "stage_counts",
]
