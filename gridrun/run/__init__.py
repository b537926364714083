"""The engine, the backend contract, and what is sent away; for all above."""

from gridrun.run._artifacts import Artifacts
from gridrun.run._engine import Engine, RunReport
from gridrun.run._notebook import usual_progress
from gridrun.run._progress import Progress, Silent, Tally
from gridrun.run._reading import telling
from gridrun.run._remote_inputs import read_elsewhere
from gridrun.run._sweeps import units_to_send

__all__ = [
    "Artifacts",
    "Engine",
    "Progress",
    "RunReport",
    "Silent",
    "Tally",
    "read_elsewhere",
    "telling",
    "units_to_send",
    "usual_progress",
]
