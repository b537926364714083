"""The contract, kept by the Slurm backend: jobs of a real Slurm of one node."""

import functools

import pytest

from backends.slurm.backend import SlurmBackend
from backends.slurm.settings import Bounds, SlurmSettings
from gridrun.testing.contract import BackendContract


@pytest.mark.slow
class TestSlurm(BackendContract):
    NEWS_SECONDS = 2.0

    @pytest.fixture
    def own(self, tmp_path):
        """Settings of this class alone."""
        return {}

    @pytest.fixture
    def backend_factory(self, cluster, tmp_path, own):
        settings = SlurmSettings(
            tmp_path / "slurm",
            memory=Bounds(1e9, 1e9),
            shard_minutes=1 / 60,
            max_running=2,
            lease_seconds=1.0,
            poll_seconds=0.3,
            **own,
        )
        return functools.partial(SlurmBackend, settings)


@pytest.mark.slow
class TestSlurmWithoutASharedDisk(TestSlurm):
    """Shards go to a directory of the node, and outcomes come back, by steps of the jobs."""

    @pytest.fixture
    def own(self, tmp_path):
        place = tmp_path / "own"
        place.mkdir()
        yield {"shared_disk": False, "node_path": str(place)}
        assert not list(place.iterdir())
