"""One runner for the session: R starts once in a process. Whatever runs is recorded."""

import pytest
import recorder

from amiss_tasks.tasks.r_calls import RCalls
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings

SETTINGS = Settings(inputs={}, protocol="amiss", seed=1)


@pytest.fixture(scope="session")
def runner(reads) -> AmissRunner:
    return AmissRunner(SETTINGS, lambda stage, key: None)


@pytest.fixture(scope="session", autouse=True)
def reads():
    """What stages read, from the first of these tests to the last of the session."""
    with pytest.MonkeyPatch.context() as patch:
        yield recorder.install(patch)


@pytest.fixture(autouse=True)
def every_read_is_in_a_key(reads):
    """No stage reads what the key of its result does not hold."""
    del reads.violations[:]
    yield
    assert not reads.violations


@pytest.fixture(scope="module")
def two_completions():
    """MICE completes a test table two times, not ten, where that says as much in less time."""
    make, file = RCalls.__init__, "imputation/_mice.R"
    ten, two = (f".TEST_COMPLETIONS <- {count}L" for count in (10, 2))

    def make_with_two(self: RCalls) -> None:
        make(self)
        assert ten in self._texts[file]
        self._texts[file] = self._texts[file].replace(ten, two)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RCalls, "__init__", make_with_two)
        yield
