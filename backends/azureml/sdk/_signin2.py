"""Credentials of azure-identity for the ways to sign in, and the clouds they are for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from backends.azureml.sdk.types import AzureTrouble, Trouble
from backends.azureml.sdk.ways import NOBODY, PRINCIPAL, lacking, variable, way_of

_CLI_SECONDS = 60
_TRIES = 1
"""Calls are repeated by their caller, who says so."""


@dataclass(frozen=True)
class Cloud:
    """Where one of Azure's clouds is met.

    Args:
        authority: Host that people sign in at.
        resources: Address of the resource manager.
    """

    authority: str
    resources: str

    @property
    def scope(self) -> str:
        """What tokens are asked for."""
        return f"{self.resources}/.default"


_CLOUDS = {
    "AzureCloud": Cloud("login.microsoftonline.com", "https://management.azure.com"),
    "AzureChinaCloud": Cloud("login.chinacloudapi.cn", "https://management.chinacloudapi.cn"),
    "AzureUSGovernment": Cloud("login.microsoftonline.us", "https://management.usgovcloudapi.net"),
}


def cloud() -> Cloud:
    """The cloud that the environment names, or the public one."""
    name = os.environ.get("AZUREML_CURRENT_CLOUD", "AzureCloud")
    if name not in _CLOUDS:
        known = ", ".join(_CLOUDS)
        text = f'the variable AZUREML_CURRENT_CLOUD names "{name}"; known clouds: {known}'
        raise AzureTrouble(Trouble.REFUSED, text)
    return _CLOUDS[name]


def credential_of(way: str) -> tuple[Any, str]:
    """A credential for a way to sign in; nothing is asked for yet.

    Args:
        way: One of ``settings.SIGN_IN``.

    Returns:
        The credential, and the way in words.
    """
    from azure import identity

    where = {"authority": cloud().authority, "retry_total": _TRIES}
    match way_of(way):
        case "service_principal":
            if missing := lacking():
                text = f"to sign in as a service principal, set {', '.join(missing)}"
                raise AzureTrouble(Trouble.SIGN_IN, text)
            names = (os.environ[variable(role)] for role in PRINCIPAL)
            return identity.ClientSecretCredential(*names, **where), "a service principal"
        case "cli":
            found = identity.AzureCliCredential(process_timeout=_CLI_SECONDS)
            return found, "the account of `az login`"
        case "managed_identity":
            client = os.environ.get("DEFAULT_IDENTITY_CLIENT_ID")
            return identity.ManagedIdentityCredential(client_id=client), "a managed identity"
        case "browser":
            return identity.InteractiveBrowserCredential(**where), "an account by browser"
        case _:
            raise AzureTrouble(Trouble.SIGN_IN, NOBODY)
