"""Which of Azure's SDKs a study uses: the one that it names, else the one that is installed."""

from __future__ import annotations

import importlib.metadata

PACKAGES = {
    "v2": ("azure-ai-ml", "azure-identity"),
    "v1": ("azureml-core", "azureml-train-core"),
}
"""What has to be installed for each, the newer one first."""

_EXTRAS = {"v1": "azure", "v2": "azure-v2"}


def version_of(sdk: str) -> str:
    """The SDK that a setting stands for in this environment.

    Args:
        sdk: One of ``settings.SDKS``; empty for the newest that is installed.

    Returns:
        One of ``settings.SDKS``; ``v2`` where none is installed, to be installed.
    """
    return sdk or next((name for name in PACKAGES if not missing_of(name)), "v2")


def missing_of(version: str) -> str:
    """The first package of an SDK that is not installed, or empty."""
    return next((name for name in PACKAGES[version] if not installed(name)), "")


def installed(package: str) -> str:
    """The version of an installed package, or empty."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def how_to_install(version: str) -> str:
    """The command that installs an SDK."""
    return f"pip install 'gridrun[{_EXTRAS[version]}]'"
