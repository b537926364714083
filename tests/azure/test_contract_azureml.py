"""The contract, kept by the Azure backend: the real SDK against the loopback service."""

import functools

import pytest

from backends.azureml.backend import AzureBackend
from backends.azureml.settings import AzureSettings
from gridrun.testing.contract import BackendContract

pytestmark = pytest.mark.azure


class TestAzure(BackendContract):
    NEWS_SECONDS = 8.0

    @pytest.fixture
    def backend_factory(self, azure_service):
        names = azure_service.workspace
        azure_service.add_compute("cpu", max_nodes=2)
        settings = AzureSettings(
            compute="cpu",
            subscription=names.subscription_id,
            resource_group=names.resource_group,
            workspace=names.name,
            image="registry.example/gridrun-worker:1",
            max_nodes=2,
            cores=1,
            poll_seconds=0.3,
            shard_minutes=1 / 60,
        )
        return functools.partial(AzureBackend, settings)
