"""The contract, kept by the Ray backend."""

import functools

import pytest

from backends.local._backend import LocalBackend
from gridrun.testing.contract import BackendContract

pytestmark = pytest.mark.ray

ONE_UNIT = ("dead_process", "endless_task", "second_attempt", "attempts_are_described")
"""Parts of the names of tests with one unit, where a second worker would start for nothing."""


@pytest.mark.usefixtures("ray_running")
class TestLocal(BackendContract):
    @pytest.fixture
    def backend_factory(self, request):
        workers = 1 if any(part in request.node.name for part in ONE_UNIT) else 2
        return functools.partial(LocalBackend, workers=workers)

    @pytest.fixture(autouse=True)
    def _no_file_is_left(self, ray_files, request):
        """Workers leave no file behind, unless they were killed."""
        before = set(ray_files.glob("gridrun-*/workers/*"))
        yield
        left = set(ray_files.glob("gridrun-*/workers/*")) - before
        killed = 1 if "lost_worker" in request.node.name else 0
        assert len(left) == killed
