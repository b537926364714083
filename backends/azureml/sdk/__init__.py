"""Azure's SDK behind an interface, in a process that may be given up; for azureml.

For ``backends.azureml`` alone. Only ``_sdk1`` and ``_signin`` import azureml.
"""
