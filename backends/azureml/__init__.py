"""The backend ``azureml``: Azure ML HyperDrive. Only ``_sdk1`` and ``_signin`` import azureml."""

from backends.azureml._backend import AzureBackend

__all__ = ["AzureBackend"]
