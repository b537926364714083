"""Azure's SDK, behind a small interface, in a process of its own that may be given up.

For ``backends.azureml`` alone. Only ``_sdk1`` and ``_signin`` import azureml.
"""
