"""The contract, kept by the Ray backend."""

import functools

import pytest

from backends.local._backend import LocalBackend
from gridrun.testing.contract import BackendContract

pytestmark = pytest.mark.ray


@pytest.mark.usefixtures("ray_running")
class TestLocal(BackendContract):
    @pytest.fixture
    def backend_factory(self):
        return functools.partial(LocalBackend, workers=2)

    @pytest.fixture(autouse=True)
    def _no_file_is_left(self, ray_files, request):
        """Workers leave no file behind, unless they were killed."""
        before = set(ray_files.glob("gridrun-*/workers/*"))
        yield
        left = set(ray_files.glob("gridrun-*/workers/*")) - before
        killed = 1 if "lost_worker" in request.node.name else 0
        assert len(left) == killed
