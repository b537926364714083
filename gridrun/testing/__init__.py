"""A toy pipeline, and the contract that every backend must keep; for tools."""
