"""One Ray for all tests of a session; its workers' files lie in a directory of their own."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from outside import Run, table, uncounted

from backends.local._backend import LocalBackend


@pytest.fixture(scope="session")
def ray_files():
    """Temporary directory of the session's Ray and of its workers; short, for Ray's sockets."""
    directory = tempfile.mkdtemp(prefix="grt-", dir="/tmp")
    # other tests' files come to lie here, and some are read by another user
    Path(directory).chmod(0o711)
    before, tempfile.tempdir = os.environ.get("TMPDIR"), directory
    os.environ["TMPDIR"] = directory
    yield Path(directory)
    tempfile.tempdir = None
    os.environ.pop("TMPDIR")
    if before is not None:
        os.environ["TMPDIR"] = before
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def ray_running(ray_files):
    """A backend whose Ray the session's other backends find and leave running."""
    backend = LocalBackend(2)
    try:
        backend.keep_up()
        yield backend
    finally:
        backend.close()


@pytest.fixture
def begin(tmp_path):
    """Make runs of their own, ended and cleared away at the end."""
    runs = []

    def make(*options, **named):
        runs.append(Run(tmp_path, *options, **named))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


@pytest.fixture(scope="session")
def quiet(tmp_path_factory):
    """The table of a run that nobody disturbs."""
    run = Run(tmp_path_factory.mktemp("quiet"), "--in-process")
    try:
        code, _, err = run.end()
        assert code == 0, err
        return uncounted(table(run))
    finally:
        run.close()
