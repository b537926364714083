"""The worker: a supervisor without R that owns, watches and replaces a child that has it."""

from gridrun.worker.supervisor import Supervisor

__all__ = ["Supervisor"]
