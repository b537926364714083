"""Which way to sign in suits this machine, and which variables it takes from the environment."""

from __future__ import annotations

import os
import shutil

PRINCIPAL = {
    "tenant": ("AZUREML_SERVICE_PRINCIPAL_TENANT_ID", "AZURE_TENANT_ID"),
    "client": ("AZUREML_SERVICE_PRINCIPAL_ID", "AZURE_CLIENT_ID"),
    "secret": ("AZUREML_SERVICE_PRINCIPAL_PASSWORD", "AZURE_CLIENT_SECRET"),
}
"""What a service principal needs, and the variables that may hold it, the first one first."""

NOBODY = (
    "nobody is signed in: run `az login`, or set AZUREML_SERVICE_PRINCIPAL_TENANT_ID, "
    "AZUREML_SERVICE_PRINCIPAL_ID and AZUREML_SERVICE_PRINCIPAL_PASSWORD, or write "
    "sign_in: browser below azure in study.yaml"
)
_IDENTITY = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "DEFAULT_IDENTITY_CLIENT_ID")


def way_of(sign_in: str) -> str:
    """The way that a setting stands for on this machine; empty where there is none.

    Args:
        sign_in: One of ``settings.SIGN_IN``. ``auto`` takes a service principal from the
            environment, else the Azure command line, else a managed identity.
    """
    if sign_in != "auto":
        return sign_in
    if all(os.environ.get(variable(role)) for role in PRINCIPAL):
        return "service_principal"
    if shutil.which("az") is not None:
        return "cli"
    return "managed_identity" if any(os.environ.get(name) for name in _IDENTITY) else ""


def variable(role: str) -> str:
    """The variable that holds a part of the service principal, or the one to set."""
    names = PRINCIPAL[role]
    return next((name for name in names if os.environ.get(name)), names[0])


def lacking() -> list[str]:
    """Variables to be set for a service principal."""
    return [name for name in map(variable, PRINCIPAL) if not os.environ.get(name)]
