"""`gridrun doctor --azure`: what a run on Azure needs, one check after another."""

from __future__ import annotations

from collections.abc import Iterator

from backends.azureml._estimates import cores
from backends.azureml._faults import fault_of
from backends.azureml.sdk.calls import Calls
from backends.azureml.sdk.types import AzureTrouble, Trouble
from backends.azureml.sdk.versions import PACKAGES, how_to_install, installed, version_of
from backends.azureml.settings import SERVERLESS, AzureSettings
from gridrun.errors import counted

Found = tuple[str, str, str, str]
"""What was checked, verdict (ok, note, missing), what was found, what to do."""

_END_OF_SUPPORT = (
    "Microsoft's support of SDK v1 ended on 30 June 2026; it goes on working until the service "
    "drops it"
)


def check(settings: AzureSettings, calls: Calls) -> Iterator[Found]:
    """Check SDK, sign-in, workspace, compute and image; ends at the first that is missing."""
    version = version_of(settings.sdk)
    for package in PACKAGES[version]:
        found = installed(package)
        if not found:
            yield (package, "missing", "not installed", how_to_install(version))
            return
        yield (package, "ok", found, "")
    if version == "v1":
        yield ("Azure ML SDK", "note", _END_OF_SUPPORT, "")
    try:
        facts = calls.sign_in()
    except AzureTrouble as trouble:
        what = "sign-in" if trouble.kind is Trouble.SIGN_IN else "workspace"
        yield (what, "missing", *_advice(trouble, settings))
        return
    yield ("sign-in", "ok", f"as {facts.signed_in_as}", "")
    yield ("workspace", "ok", f"{facts.name} in {facts.location}", "")
    yield from _compute(settings, calls)
    if settings.data is not None:
        place = f"in the datastore {settings.data.datastore}"
        yield (
            "inputs",
            "note",
            f"{place}; a first job reads them, they cannot be read from here",
            "",
        )
    image = settings.image or f"built by the workspace from {settings.dockerfile}"
    yield (
        "image",
        "note",
        f"{image}; the nodes pull it, so it cannot be tried from here",
        "in it: gridrun worker --self-test",
    )


def _compute(settings: AzureSettings, calls: Calls) -> Iterator[Found]:
    if settings.compute == SERVERLESS:
        size = settings.vm_size or "machines of Azure's choice"
        priority = "spot" if settings.low_priority else "dedicated"
        found = f"{size}, {priority}, a node for each child; nothing is kept running"
        yield ("compute", "note", found, "whether the quota suffices shows when children start")
        return
    name = f"compute {settings.compute}"
    try:
        found = calls.call("cluster", settings, create=False)
    except AzureTrouble as trouble:
        if trouble.kind is not Trouble.MISSING or not settings.vm_size:
            yield (name, "missing", *_advice(trouble, settings))
            return
        size = f"{settings.vm_size}, up to {counted(settings.max_nodes, 'node')}"
        yield (name, "note", f"does not exist; the first run creates it: {size}", "")
        return
    priority = "low priority" if found.low_priority else "dedicated"
    size = f"{found.vm_size}, {priority}, {found.min_nodes} to {counted(found.max_nodes, 'node')}"
    yield (name, "ok", f"{size}; {counted(cores(settings), 'unit')} at once on each", "")
    if found.min_nodes:
        yield (
            name,
            "note",
            f"the cluster keeps {counted(found.min_nodes, 'node')} running, and paid, when idle",
            "",
        )
    for problem in found.problems:
        yield (name, "note", problem, "check the quota of the subscription for this size")


def _advice(trouble: AzureTrouble, settings: AzureSettings) -> tuple[str, str]:
    fault = fault_of(trouble, settings)
    return fault.what, fault.todo or ""
