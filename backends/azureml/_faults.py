"""Troubles with Azure as a person meets them: what happened, and what to do next."""

from __future__ import annotations

from backends.azureml.sdk.types import AzureTrouble, Trouble
from backends.azureml.settings import AzureSettings
from gridrun.errors import EnvironmentFault, GridrunError, UserError

_AGAIN = "then the same command again: it goes on where it was, and sends nothing twice"


def fault_of(trouble: AzureTrouble, settings: AzureSettings) -> GridrunError:
    """What a call's trouble means for the study."""
    where = f"workspace {settings.workspace or settings.config}"
    match trouble.kind:
        case Trouble.SIGN_IN:
            return EnvironmentFault(
                f"not signed in to Azure, or no longer: {trouble.text}",
                todo=f"run `az login` (or renew the service principal's secret), {_AGAIN}",
            )
        case Trouble.FORBIDDEN:
            return EnvironmentFault(
                f"this account may not do that: {trouble.text}",
                where=where,
                todo="the role Contributor, or AzureML Data Scientist, on the workspace is needed",
            )
        case Trouble.MISSING:
            return UserError(
                f"Azure knows no such thing: {trouble.text}",
                where=where,
                todo="check the names below azure in study.yaml; gridrun doctor --azure looks at "
                "each in turn",
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
        todo="the same command finds out and does not send it twice",
    )
