"""One runner for the session: R starts once in a process."""

import pytest

from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings

SETTINGS = Settings(inputs={}, protocol="amiss", seed=1)


@pytest.fixture(scope="session")
def runner() -> AmissRunner:
    return AmissRunner(SETTINGS, lambda stage, key: None)
