"""The contract, kept by the folder backend: real workers that share a folder."""

import functools

import pytest
from commands import start

from backends.folder.backend import FolderBackend
from backends.folder.settings import FolderSettings
from gridrun.testing.contract import BackendContract


class TestFolder(BackendContract):
    NEWS_SECONDS = 2.0
    GIVES_BACK = False

    @pytest.fixture
    def backend_factory(self, tmp_path):
        folder = tmp_path / "shards"
        folder.mkdir()
        command = ("worker", folder, "--workers", "1", "--wait", "300")
        workers = [start(*command), start(*command)]
        settings = FolderSettings(folder, shard_minutes=1 / 60, workers=2, poll_seconds=0.3)
        yield functools.partial(FolderBackend, settings)
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()
