"""The run loop: what is left is cut into units, a backend runs them, the ledger keeps it."""

from gridrun.engine._progress import Progress, Silent, Tally
from gridrun.engine._reading import read_elsewhere
from gridrun.engine._run import Engine, RunReport
from gridrun.engine._sweeps import units_to_send

__all__ = ["Engine", "Progress", "RunReport", "Silent", "Tally", "read_elsewhere", "units_to_send"]
