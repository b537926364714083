"""What people are told to do when Ray does not start."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from backends.local._cluster import Cluster

from gridrun.errors import EnvironmentFault


def broken_ray():
    raise RuntimeError("no room for the object store")


def test_the_option_that_is_advised_exists():
    """A Ray that does not start is explained, with an option that `gridrun local` has."""
    cluster = Cluster(broken_ray, 2, None, (), lambda _ray, _cluster: None)
    cluster.start()
    try:
        with pytest.raises(EnvironmentFault, match="no room for the object store") as caught:
            cluster.wait()
    finally:
        cluster.close()
    options = re.findall(r"--[a-z-]+", caught.value.todo)
    assert options
    shown = subprocess.run(
        [sys.executable, "-c", "from gridrun.cli import main; main()", "local", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(option in shown for option in options)
