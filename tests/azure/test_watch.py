"""A sweep as it is looked at, where Azure's answers are odd: deleted, not visible, stuck."""

import contextlib
import json
import sqlite3
import time

import pytest
from toys import azure_study, drive, finish, local_table, sweeps_of, table
from toystudies import open_toy

from backends.azureml._children import LATE_LOOKS, Patience
from backends.azureml._reading import ReadingJob
from backends.azureml._staging import StagingDirectory
from backends.azureml._watch import AzureWatch
from backends.azureml.sdk.types import AzureTrouble, ChildFacts, Fetched, Trouble, WorkspaceFacts
from gridrun.errors import UserError
from gridrun.plan.units import SweepEnded, UnitFinished, UnitLost
from gridrun.run.backend import SentSweep, SweepStatus, load_backend
from gridrun.run.sweep_backend import ReadingLook
from gridrun.testing.units import toy_units

PLACE = "https://ml.azure.com/runs/s?wsid=/subscriptions/1/resourcegroups/g/workspaces/{}&tid=2"
NO_SUCH = AzureTrouble(Trouble.MISSING, "Run s was not found", 404)


class Answers:
    """Calls to Azure: a sweep's state, None where it is not there, and those of its children."""

    def __init__(self, state, **children):
        self.state = state
        self.children = children
        self.cancelled = []

    def sign_in(self):
        return WorkspaceFacts("ws", "region", "in some way")

    def call(self, name, *arguments):
        if name == "cancel":
            self.cancelled += arguments
            return None
        if name == "log_size":
            return 0
        if name == "fetch":
            return [Fetched(run_id, ()) for run_id, *_ in arguments[0]]
        if name == "find":
            if self.state is None:
                raise NO_SUCH
            return SweepStatus("s", self.state, "")
        return [
            ChildFacts(child, state, "", {"--shard": at})
            for at, (child, state) in enumerate(self.children.items())
        ]


@pytest.fixture
def watched(tmp_path):
    """What looks at a sweep of one unit, and what it says."""

    def make(answers, *, planned=0.0, place="", silent=None, once=True):
        said = []
        sweep = SentSweep(
            "s", is_sent=True, planned=planned, shards={0: tuple(toy_units(1, 2))}, place=place
        )
        patience = Patience(0.0 if once else 3600.0, silent, 1.0)
        watch = AzureWatch(
            sweep,
            answers,
            StagingDirectory(tmp_path),
            axes={},
            numbers={},
            patience=patience,
            all_children=once,
            say=said.append,
        )
        return watch, said

    return make


def test_a_deleted_sweep_hands_its_tasks_back(watched):
    """It is taken at its word after some looks, as one that somebody ended; and that is said."""
    watch, said = watched(Answers(None), place=PLACE.format("WS"))
    events = []
    for _ in range(LATE_LOOKS):
        assert not watch.is_over
        events += watch.look()
    assert [type(event) for event in events[-2:]] == [UnitFinished, SweepEnded]
    assert events[-2].stopped
    assert events[-1].state == "cancelled"
    assert watch.is_over
    assert said == ["Azure does not have sweep s any more: its unfinished tasks wait"]


def test_a_sweep_that_is_missed_for_a_moment_is_not_deleted(watched):
    """Not by looks in a row that are too few, nor a run that waits before its time is over."""
    answers = Answers(None)
    for once in (True, False):
        watch, _ = watched(answers, once=once)
        for _ in range(3):
            for state in (None, None, "Running"):
                answers.state = state
                assert list(watch.look()) == []
        assert not watch.awaits_late_files
    answers.state = None
    assert [list(watch.look()) for _ in range(9)] == [[]] * 9


def test_a_deleted_job_that_reads_inputs_has_failed(tmp_path, monkeypatch):
    """After some looks; the same command may then send it again."""
    monkeypatch.setattr("backends.azureml._absence.VISIBLE_SECONDS", -1.0)
    said = []
    job = ReadingJob("s", Answers(None), StagingDirectory(tmp_path), said.append)
    assert [job.look() for _ in range(LATE_LOOKS - 1)] == [ReadingLook()] * (LATE_LOOKS - 1)
    assert "it is not there any more" in str(job.look().fault)


def test_a_young_sweep_may_be_invisible(watched):
    """However often it is looked for."""
    watch, _ = watched(Answers(None), planned=time.time())
    assert [list(watch.look()) for _ in range(9)] == [[]] * 9
    assert not watch.awaits_late_files


def test_a_sweep_in_another_workspace_is_not_taken_for_deleted(watched):
    """It may cost there: the workspace that it was sent to is named."""
    watch, _ = watched(Answers(None), place=PLACE.format("older"))
    assert [list(watch.look()) for _ in range(LATE_LOOKS - 1)] == [[]] * (LATE_LOOKS - 1)
    with pytest.raises(UserError, match="sent to workspace older, and is not in ws"):
        list(watch.look())
    assert not watch.is_over


@pytest.mark.parametrize(
    ("state", "sweep"),
    [
        ("Finalizing", "Running"),
        ("CancelRequested", "Running"),
        ("Hibernating", "Completed"),
        ("Queued", "Completed"),
    ],
)
def test_a_child_that_is_stuck_is_given_up(watched, state, sweep):
    """In whatever state; one that waits for a node, only when its sweep has ended."""
    answers = Answers(sweep, s_0=state)
    watch, _ = watched(answers, silent=0.0)
    events = [event for _ in range(LATE_LOOKS + 1) for event in watch.look()]
    assert answers.cancelled == ["s_0"]
    assert any(isinstance(event, UnitLost) for event in events)
    assert watch.is_over


def test_a_child_that_is_stuck_in_a_cancelled_sweep_ended_with_it(watched):
    """Nobody wants its tasks to be sent again by the same run."""
    watch, _ = watched(Answers("Canceled", s_0="CancelRequested"), silent=0.0)
    events = [event for _ in range(LATE_LOOKS + 1) for event in watch.look()]
    assert [event.stopped for event in events if isinstance(event, UnitFinished)] == [True]
    assert not any(isinstance(event, UnitLost) for event in events)
    assert watch.is_over


def test_a_child_that_waits_for_a_node_is_not_stuck(watched):
    """A cluster may be busy for a day."""
    answers = Answers("Running", s_0="Queued")
    watch, _ = watched(answers, silent=0.0)
    assert [list(watch.look()) for _ in range(9)] == [[]] * 9
    assert answers.cancelled == []


@pytest.mark.azure
def test_commands_bear_a_deleted_sweep(azure_service, tmp_path):
    """It is shown, and not asked to end; `collect` gives its tasks back, the next run sends them.

    Nobody is stopped by states that the service leaves out, nor by a cluster that somebody else
    is just making.
    """
    azure_service.fault("PUT .*/computes/cpu.*", status=409)
    expected = local_table(tmp_path / "local")
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, "submit", home=tmp_path, sleep_ms=300))
    assert code == 0, err
    (name,) = sweeps_of(azure_service)
    azure_service.cancel_run(name)
    deleted = rf".*/(runs|jobs|hdruns)/{name}.*"
    azure_service.fault(deleted, status=404, count=None)
    settings = open_toy(directory).study.backend_options["azureml"]
    with contextlib.closing(load_backend("azureml", settings=settings)) as backend:
        assert backend.look(name).state == "not found"
        backend.cancel(name)
    with sqlite3.connect(directory / ".gridrun" / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE sweep SET planned = planned - 100")
    ledger.close()
    code, out, err = finish(drive(azure_service, directory, "collect", home=tmp_path))
    assert f"Azure does not have sweep {name} any more" in err
    assert json.loads(out)["held"] == 0, err
    odd = azure_service.settings.odd
    odd.status_of = lambda run: None if run.status == "Running" else run.status
    code, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == 1, err
    assert len(sweeps_of(azure_service)) == 2
    assert table(directory) == expected
