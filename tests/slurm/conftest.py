"""Slurm for the tests of this folder, of one node mostly; left out without its packages."""

from __future__ import annotations

import tempfile
from pathlib import Path

import accounting
import pytest
from onenode import PACKAGES, OneNode, missing


@pytest.fixture(scope="session")
def slurm_packages():
    """Leave out what has no Slurm to run on."""
    if missing():
        pytest.skip(f"there is no Slurm (apt-get install {PACKAGES}): {', '.join(missing())}")


@pytest.fixture(scope="session")
def accounting_packages(slurm_packages):
    """Leave out what has no database of jobs to ask."""
    if lacking := missing(accounting.PROGRAMS):
        pytest.skip(f"no accounting (apt-get install {accounting.PACKAGES}): {', '.join(lacking)}")


@pytest.fixture(scope="session")
def directory(slurm_packages):
    """For the files of each Slurm; its path is short, as those of sockets have to be."""
    with tempfile.TemporaryDirectory(prefix="one-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def running(directory):
    """The Slurm that most tests share."""
    node = OneNode(directory)
    try:
        node.start()
        yield node
    finally:
        node.close()


@pytest.fixture
def cluster(running, monkeypatch):
    """The shared Slurm, which the commands of this test find; it has no job before and after."""
    with_commands(monkeypatch, running)
    yield running
    running.clear()


@pytest.fixture
def make_cluster(directory, monkeypatch):
    """Make a Slurm of its own, with other settings."""
    made = []

    def make(**settings):
        node = OneNode(directory, **settings)
        made.append(node)
        node.start()
        with_commands(monkeypatch, node)
        return node

    yield make
    for node in made:
        node.close()


def with_commands(monkeypatch, node):
    """Have Slurm's commands ask a node, in this process and those it starts."""
    for name, value in node.env.items():
        monkeypatch.setenv(name, value)
