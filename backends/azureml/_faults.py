"""Troubles with Azure as a person meets them: what happened, and what to do next."""

from __future__ import annotations

from backends.azureml.sdk.types import AzureTrouble, Trouble
from backends.azureml.settings import AzureSettings
from gridrun.errors import EnvironmentFault, GridrunError, UserError

_AGAIN = "then run the same command again: it continues, and sends nothing twice"


def fault_of(trouble: AzureTrouble, settings: AzureSettings) -> GridrunError:
    """What a call's trouble means for the study."""
    where = f"workspace {settings.workspace or settings.config}"
    match trouble.kind:
        case Trouble.SIGN_IN:
            return EnvironmentFault(
                f"you are not signed in to Azure, or the sign-in has expired: {trouble.text}",
                todo=f"run `az login` (or renew the service principal's secret), {_AGAIN}",
            )
        case Trouble.FORBIDDEN:
            return EnvironmentFault(
                f"this account lacks the permission: {trouble.text}",
                where=where,
                todo="ask for the role Contributor, or AzureML Data Scientist, on the workspace",
            )
        case Trouble.MISSING:
            return UserError(
                f"Azure does not find it: {trouble.text}",
                where=where,
                todo="check the names below azure in study.yaml; gridrun doctor --azure checks "
                "them one by one",
            )
        case Trouble.CONFLICT | Trouble.REFUSED:
            return UserError(
                f"Azure refuses: {trouble.text}",
                where=where,
                todo="check the settings below azure in study.yaml",
            )
        case Trouble.SETUP:
            return EnvironmentFault(
                f"the Azure SDK cannot be loaded: {trouble.text}",
                todo="install it with: pip install 'gridrun[azure]'",
            )
        case _:
            return EnvironmentFault(
                f"Azure does not answer as it should: {trouble.text}",
                where=where,
                todo=f"try again later, {_AGAIN}",
            )


def not_known(trouble: AzureTrouble, sweep: str) -> EnvironmentFault:
    """It could not be found out whether a sweep was accepted."""
    return EnvironmentFault(
        f"whether the sweep was accepted is not known: {trouble.text}",
        where=sweep,
        todo="run the same command again: it finds out and does not send the sweep twice",
    )
