"""Azure's SDK behind an interface, in a process that may be given up; for azureml.

For ``backends.azureml`` alone. ``_sdk1`` and ``_signin`` import azureml (SDK v1); ``_sdk2``, with
what is named ``_*2``, imports azure (SDK v2).
"""
