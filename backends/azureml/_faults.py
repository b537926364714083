"""Troubles with Azure as a person meets them: what happened, and what to do next."""

from __future__ import annotations

import re

from backends.azureml.sdk.types import AzureTrouble, Trouble
from backends.azureml.sdk.versions import how_to_install, version_of
from backends.azureml.sdk.ways import variable, way_of
from backends.azureml.settings import AzureSettings
from gridrun.errors import EnvironmentFault, GridrunError, UserError

_STORAGE_SAYS = re.compile("AuthorizationPermissionMismatch|AuthorizationFailure")
"""Why the storage refuses, as the resource manager does not say it."""

_AGAIN = "then run the same command again: it continues, and sends nothing twice"


def fault_of(trouble: AzureTrouble, settings: AzureSettings) -> GridrunError:
    """What a call's trouble means for the study."""
    where = f"workspace {settings.workspace or settings.config}"
    match trouble.kind:
        case Trouble.SIGN_IN:
            return _not_signed_in(trouble, way_of(settings.sign_in))
        case Trouble.FORBIDDEN | Trouble.SIGNATURE:
            return _denied(trouble, where)
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
                todo=f"install it with: {how_to_install(version_of(settings.sdk))}",
            )
        case _:
            return EnvironmentFault(
                f"Azure does not answer as it should: {trouble.text}",
                where=where,
                todo=f"try again later, {_AGAIN}",
            )


def _denied(trouble: AzureTrouble, where: str) -> EnvironmentFault:
    """No role for it, or a signature that is no use."""
    if trouble.kind is Trouble.SIGNATURE:
        return EnvironmentFault(
            f"the storage does not take the signature that Azure gave for it: {trouble.text}",
            where=where,
            todo="check that the clock of this machine is right; if the key of the storage account "
            "was changed, have the workspace take it over (az ml workspace sync-keys); "
            f"{_AGAIN}",
        )
    role = "Contributor, or AzureML Data Scientist, on the workspace"
    if _STORAGE_SAYS.search(trouble.text):
        role = "Storage Blob Data Contributor on the storage account of the workspace, and "
        role += "whether its firewall lets this machine in"
    return EnvironmentFault(
        f"this account lacks the permission: {trouble.text}",
        where=where,
        todo=f"ask for the role {role}",
    )


def _not_signed_in(trouble: AzureTrouble, way: str) -> EnvironmentFault:
    """What is to be done depends on who signs in."""
    if way == "service_principal":
        return EnvironmentFault(
            f"Azure does not let this service principal sign in: {trouble.text}",
            where=f"the id in {variable('client')}, the tenant in {variable('tenant')}",
            todo=f"set its secret in {variable('secret')}; where that has expired, make another "
            f"in the portal (App registrations, Certificates & secrets); {_AGAIN}",
        )
    if way == "managed_identity":
        return EnvironmentFault(
            f"the managed identity of this machine cannot sign in to Azure: {trouble.text}",
            todo="have an identity assigned to this machine, or name another way as sign_in below "
            f"azure in study.yaml; {_AGAIN}",
        )
    if way == "browser":
        return EnvironmentFault(
            f"nobody has signed in to Azure by browser: {trouble.text}",
            todo="sign in where a window can open; elsewhere run `az login --use-device-code`, and "
            f"write sign_in: cli below azure in study.yaml; {_AGAIN}",
        )
    return EnvironmentFault(
        f"you are not signed in to Azure, or the sign-in has expired: {trouble.text}",
        todo=f"run `az login`, {_AGAIN}",
    )


def may_be_renewed(settings: AzureSettings) -> bool:
    """Whether somebody can sign in again while a run waits for it.

    A service principal's secret comes from the environment, which a process keeps as it was.
    """
    return way_of(settings.sign_in) != "service_principal"


def not_known(trouble: AzureTrouble, sweep: str) -> EnvironmentFault:
    """It could not be found out whether a sweep was accepted."""
    return EnvironmentFault(
        f"whether the sweep was accepted is not known: {trouble.text}",
        where=sweep,
        todo="run the same command again: it finds out and does not send the sweep twice",
    )
