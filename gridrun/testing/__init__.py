"""For tests: a toy pipeline, and the contract that every backend must keep."""
