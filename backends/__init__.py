"""Backends: implementations of the contract in ``gridrun.backend``."""
