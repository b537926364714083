"""A supervisor with the toy in it, driven to the end of a unit."""

import time

import pytest

from gridrun.plan.units import UnitFinished
from gridrun.testing.units import toy_content, toy_job
from gridrun.worker import Supervisor


class Driven:
    """A supervisor and every event it gave.

    Args:
        job: What it runs.
        workdir: Its directory.
    """

    def __init__(self, job, workdir):
        self.workdir = workdir
        self.asked = []
        self.supervisor = Supervisor(job, self.content, workdir)
        self.times = []

    def content(self, digest):
        self.asked.append(digest)
        return toy_content(digest)

    def until(self, wanted, seconds=60):
        """Poll until an event is wanted; gives all events up to the end of that poll."""
        events, deadline = [], time.monotonic() + seconds
        while time.monotonic() < deadline:
            new = self.supervisor.poll(0.2)
            self.times += [(time.time(), event) for event in new]
            events += new
            if any(wanted(event) for event in new):
                return events
        raise AssertionError(f"nothing wanted came within {seconds} s: {events}")

    def run(self, unit, seconds=60):
        """Run a unit to its end."""
        self.supervisor.start(unit)
        return self.until(lambda event: isinstance(event, UnitFinished), seconds)


@pytest.fixture
def supervise(tmp_path):
    """Make driven supervisors, closed at the end; keywords are the toy's options."""
    made = []

    def make(task_seconds=None, job=None, **options):
        job = job or toy_job(task_seconds, **options)
        made.append(Driven(job, tmp_path / f"worker-{len(made)}"))
        return made[-1]

    yield make
    for driven in made:
        driven.supervisor.close()
