"""The contract, kept by the backend for debuggers."""

import pytest

from backends.inprocess import InProcessBackend
from gridrun.testing.contract import BackendContract


class TestInProcess(BackendContract):
    @pytest.fixture
    def backend_factory(self):
        return InProcessBackend
