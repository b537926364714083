"""Backends: implementations of the contract in ``gridrun.run.backend``."""
