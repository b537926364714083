"""The contract, kept by the folder backend: real workers that share a folder."""

import functools
import subprocess
import sys

import pytest

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
        command = [sys.executable, "-m", "gridrun", "worker", str(folder), "--workers", "1"]
        with (tmp_path / "workers.log").open("w") as log:
            workers = [
                subprocess.Popen([*command, "--wait", "300"], stdout=log, stderr=log)
                for _ in range(2)
            ]
        settings = FolderSettings(folder, shard_minutes=1 / 60, workers=2, poll_seconds=0.3)
        yield functools.partial(FolderBackend, settings)
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()
