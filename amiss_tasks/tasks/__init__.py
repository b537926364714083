"""Tasks: the driver's source of block tables, and the worker's runner of stages one after another.

For the pipeline, models and descriptions.
"""
