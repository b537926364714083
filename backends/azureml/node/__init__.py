"""What runs on Azure's nodes: the children of sweeps, the datastore; for azureml.

Copied beside the shards, or imported there, where gridrun is in the image; nothing here imports
it. ``_child`` and ``_store`` import azureml (SDK v1) where the image has it; a sweep that SDK v2
sent needs none.
"""
