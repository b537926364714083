"""The loopback Azure ML service for the tests of this folder; see service/README.md."""

import importlib.util
import os

import pytest

HAS_SDK = importlib.util.find_spec("azureml") is not None


@pytest.fixture(scope="session")
def azure_proxy():
    """The session's proxy: one port and one authority for all tests."""
    if importlib.util.find_spec("cryptography") is None:
        pytest.skip("cryptography, which azureml-core brings, is not installed")
    from service import Proxy

    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def azure_home(tmp_path_factory):
    """HOME of this process in tests of Azure; one for all, as the SDK keeps the first it sees."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def azure_service(azure_proxy, azure_home, monkeypatch):
    """A fresh, empty service; the environment of this process leads to it as well."""
    from service import Service

    service = Service(azure_proxy)
    for name in [name for name in os.environ if name.startswith("AZUREML_")]:
        monkeypatch.delenv(name)
    for name, value in service.client_env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("HOME", str(azure_home))
    yield service
    service.close()
    service.assert_all_known()


@pytest.fixture
def sdk_workspace(azure_service):
    """The SDK's workspace, signed in as service principal."""
    if not HAS_SDK:
        pytest.skip("azureml is not installed (the extra azure)")
    from azureml.core import Workspace
    from azureml.core.authentication import ServicePrincipalAuthentication

    names = azure_service.workspace
    identity = ServicePrincipalAuthentication(
        names.tenant_id, names.client_id, names.client_secret, cloud="AzureCloud"
    )
    return Workspace(names.subscription_id, names.resource_group, names.name, auth=identity)


@pytest.fixture
def ml_client(azure_service):
    """The client of the SDK of version 2, signed in as service principal."""
    from azure.ai.ml import MLClient
    from azure.identity import ClientSecretCredential

    names = azure_service.workspace
    identity = ClientSecretCredential(names.tenant_id, names.client_id, names.client_secret)
    return MLClient(
        identity,
        names.subscription_id,
        names.resource_group,
        names.name,
        show_progress=False,
        retry_total=1,
    )
