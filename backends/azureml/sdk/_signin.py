"""Ways to sign in, and the one that suits this machine. Imports azureml inside functions."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import Any

from backends.azureml.sdk.secrets import without_secrets
from backends.azureml.sdk.types import AzureTrouble, Trouble
from backends.azureml.sdk.ways import NOBODY, lacking, variable, way_of

_RESOURCE = "https://management.azure.com/"
_CLI_SECONDS = 60
_RENEW_SECONDS = 300


def identity(way: str) -> tuple[Any, str]:
    """The SDK's object for a way to sign in.

    Args:
        way: One of ``settings.SIGN_IN``.

    Returns:
        The object, and the way in words.
    """
    way = way_of(way)
    if not way:
        raise AzureTrouble(Trouble.SIGN_IN, NOBODY)
    if way == "service_principal":
        return _service_principal(), "a service principal"
    if way == "cli":
        return _cli(), "the account of `az login`"
    from azureml.core import authentication

    if way == "managed_identity":
        return authentication.MsiAuthentication(), "a managed identity"
    return authentication.InteractiveLoginAuthentication(), "an account by browser"


def _service_principal() -> Any:
    from azureml.core.authentication import ServicePrincipalAuthentication

    if missing := lacking():
        text = f"to sign in as a service principal, set {', '.join(missing)}"
        raise AzureTrouble(Trouble.SIGN_IN, text)
    return ServicePrincipalAuthentication(
        *(os.environ[variable(role)] for role in ("tenant", "client", "secret")),
        cloud=os.environ.get("AZUREML_CURRENT_CLOUD", "AzureCloud"),
    )


def _cli() -> Any:
    """The SDK's own way imports azure-cli, which cannot live in one environment with it."""
    from azureml.core.authentication import AbstractAuthentication, ArmTokenAuthentication

    class CliAuthentication(AbstractAuthentication):  # type: ignore[misc]  # the SDK has no types
        """Tokens of the Azure command line, renewed before they expire."""

        def __init__(self) -> None:
            super().__init__("AzureCloud")
            self._token, self._until = _token_of_cli()

        def _get_arm_token(self) -> str:
            if time.time() > self._until - _RENEW_SECONDS:
                self._token, self._until = _token_of_cli()
            return self._token

        _get_graph_token = _get_azureml_client_token = _get_arm_token

        def _get_all_subscription_ids(self) -> Any:
            plain = ArmTokenAuthentication(self._get_arm_token(), "AzureCloud")
            return plain._get_all_subscription_ids()  # noqa: SLF001 - see the module's text

        def __deepcopy__(self, memo: Any) -> Any:
            return self

    return CliAuthentication()


def _token_of_cli() -> tuple[str, float]:
    command = ["az", "account", "get-access-token", "--resource", _RESOURCE, "--output", "json"]
    try:
        ran = subprocess.run(  # noqa: S603 - fixed words
            command, capture_output=True, text=True, timeout=_CLI_SECONDS, check=False
        )
        if ran.returncode != 0:
            said = " ".join(ran.stderr.split()) or f"az ended with code {ran.returncode}"
            raise AzureTrouble(Trouble.SIGN_IN, without_secrets(said)[:400])
        answer = json.loads(ran.stdout)
        until = answer.get("expires_on") or time.mktime(
            time.strptime(answer["expiresOn"].partition(".")[0], "%Y-%m-%d %H:%M:%S")
        )
        return answer["accessToken"], float(until)
    except FileNotFoundError as error:
        raise AzureTrouble(Trouble.SIGN_IN, "the Azure command line, az, is not here") from error
    except subprocess.TimeoutExpired as error:
        text = f"az gave no token within {_CLI_SECONDS} s"
        raise AzureTrouble(Trouble.SIGN_IN, text) from error
    except (ValueError, KeyError) as error:
        raise AzureTrouble(Trouble.SIGN_IN, "az gave an answer that holds no token") from error
