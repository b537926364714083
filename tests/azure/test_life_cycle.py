"""A study's life on Azure: sent, waited for, collected, detached from, cancelled, killed."""

import json
import re
import shutil
import signal
import time

import pytest
from toys import SUBMIT, azure_study, by_az, drive, finish, local_table, table

pytestmark = pytest.mark.azure

TASKS = 48
UPSTREAM_DEFECTS = 1
"""Exit code when all that can be run is done: what upstream cannot run counts as failed."""


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return local_table(tmp_path_factory.mktemp("local") / "study")


def test_azure_gives_the_table_of_a_local_run(azure_service, tmp_path, expected):
    """The same rows in the same order, from one sweep of several shards on a new cluster."""
    directory = azure_study(azure_service, tmp_path / "study")
    code, out, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected
    (sweep,) = azure_service.sweeps
    assert len(sweep.children) > 1
    assert sweep.run.run_id.startswith("gridrun-study-")
    assert json.loads(out)["done"] == TASKS
    code, out, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert len(azure_service.sweeps) == 1
    assert json.loads(out)["done"] == 0


@pytest.mark.smoke
def test_submit_then_collect(azure_service, tmp_path, expected):
    """Submit returns when all is sent; collect brings what is there, as often as it is called."""
    directory = azure_study(azure_service, tmp_path / "study")
    code, out, err = finish(drive(azure_service, directory, "submit", home=tmp_path, sleep_ms=50))
    assert code == 0, err
    assert json.loads(out)["state"] == "detached"
    assert json.loads(out)["held"] == TASKS
    assert len(azure_service.sweeps) == 1
    code, _, err = finish(drive(azure_service, directory, "submit", home=tmp_path, sleep_ms=50))
    assert code == 0, err
    assert len(azure_service.sweeps) == 1, "what is out must not be sent again"
    done = 0
    for _ in range(60):
        code, out, err = finish(drive(azure_service, directory, "collect", home=tmp_path))
        done += json.loads(out)["done"]
        if json.loads(out)["state"] != "detached":
            break
    assert code == UPSTREAM_DEFECTS, err
    assert done == TASKS
    assert table(directory) == expected


def test_collect_works_from_a_copy_of_the_directory_without_inputs(
    azure_service, tmp_path, expected
):
    """Another machine has the study directory only: status, collect and table need no inputs."""
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, "submit", home=tmp_path))
    assert code == 0, err
    copy = tmp_path / "elsewhere" / "copied"
    shutil.copytree(directory, copy)
    shutil.rmtree(directory)
    for name in ("a.txt", "b.txt"):
        (copy / name).unlink()
    code, out, err = finish(drive(azure_service, copy, "drain", home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert json.loads(out)["done"] == TASKS
    assert table(copy) == expected


def test_ctrl_c_detaches_and_the_same_command_comes_back(azure_service, tmp_path, expected):
    """After Ctrl-C the sweep goes on; the command goes on with it, and sends nothing more."""
    directory = azure_study(azure_service, tmp_path / "study")
    process = drive(azure_service, directory, home=tmp_path, sleep_ms=200)
    azure_service.wait_until(lambda: any(s.children for s in azure_service.sweeps), timeout_s=60)
    time.sleep(1)  # well into the wait, which is what is interrupted
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process, seconds=30)
    assert code == 130, err
    assert json.loads(out)["held"] > 0
    assert azure_service.sweeps[0].run.status not in ("Canceled", "Failed")
    code, _, err = finish(drive(azure_service, directory, home=tmp_path, sleep_ms=200))
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected
    assert len(azure_service.sweeps) == 1


@pytest.mark.parametrize("drop", ["before", pytest.param("after", marks=pytest.mark.smoke)])
def test_a_cut_connection_during_submit_starts_one_sweep(azure_service, tmp_path, expected, drop):
    """Whether the request or its answer was lost: exactly one sweep exists afterwards."""
    azure_service.fault(SUBMIT, drop=drop)
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert len(azure_service.sweeps) == 1
    assert table(directory) == expected


def test_a_driver_killed_between_plan_and_answer_sends_nothing_twice(
    azure_service, tmp_path, expected
):
    """Killed while the submit is under way; the next run finds out that it had arrived."""
    azure_service.fault(SUBMIT, delay_s=30)
    directory = azure_study(azure_service, tmp_path / "study")
    process = drive(azure_service, directory, home=tmp_path)
    azure_service.wait_until(
        lambda: azure_service.requests("(POST .*/snapshots/[0-9a-f-]+$|PUT .*/environments/)"),
        timeout_s=60,
    )
    time.sleep(0.5)  # into the slow submit, which gives no sign until it is answered
    process.kill()
    finish(process)
    code, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert len(azure_service.sweeps) == 1
    assert table(directory) == expected


@pytest.mark.parametrize("kind", ["lost", "silent", "preempted", "preempted-failed", "failed"])
def test_a_child_that_comes_to_nothing_costs_no_outcome(azure_service, tmp_path, expected, kind):
    """Its tasks come from its restart or another sweep; each is in the table once."""
    azure_service.child_fault("--shard 0", kind, after_s=1.0)
    directory = azure_study(
        azure_service, tmp_path / "study", settings={"silent_minutes": 0.15, "shard_minutes": 0.2}
    )
    code, out, err = finish(drive(azure_service, directory, home=tmp_path, sleep_ms=100))
    assert code == UPSTREAM_DEFECTS, err
    assert json.loads(out)["done"] == TASKS
    assert table(directory) == expected
    assert len(azure_service.sweeps) == (1 if kind == "preempted" else 2)


def test_a_restart_without_its_outputs_goes_on(azure_service, tmp_path, expected):
    """A pre-empted child finds an empty directory: it fetches what it had uploaded before."""
    azure_service.child_fault(
        "--shard 0", "preempted", when="outputs/segment-*", bring_outputs=False
    )
    starts = tmp_path / "starts"
    directory = azure_study(azure_service, tmp_path / "study", settings={"shard_minutes": 10})
    options = {"sleep_ms": 150, "start_log": str(starts)}
    code, _, err = finish(drive(azure_service, directory, home=tmp_path, **options))
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected
    assert len(azure_service.sweeps) == 1
    assert len(starts.read_text().splitlines()) < TASKS * 1.5
    (child,) = azure_service.sweeps[0].children
    log = azure_service.artifacts(child.run_id)["user_logs/std_log.txt"].decode()
    assert re.search("outcomes of an earlier start: [1-9]", log), log


def test_a_service_that_stumbles_costs_time_only(azure_service, tmp_path, expected):
    """429, 500, 503 and cut connections on any request: the same table, one sweep."""
    for number, status in enumerate((429, 500, 503)):
        azure_service.fault(".*", status=status, probability=0.03, count=None, seed=number)
    azure_service.fault("GET .*", drop="before", probability=0.02, count=None, seed=7)
    azure_service.settings.repeat_records = True
    azure_service.settings.shuffle_records = True
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, home=tmp_path), seconds=280)
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected
    assert len(azure_service.sweeps) == 1


def test_an_expired_sign_in_is_renewed(azure_service, tmp_path, expected):
    """Tokens that end in the middle are replaced by a new sign-in, unasked."""
    directory = azure_study(azure_service, tmp_path / "study")
    process = drive(azure_service, directory, home=tmp_path, sleep_ms=100)
    azure_service.wait_until(lambda: azure_service.sweeps, timeout_s=60)
    azure_service.expire_tokens()
    code, _, err = finish(process)
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected


def test_a_refused_sign_in_says_so_and_goes_on_after_login(azure_service, tmp_path, expected):
    """A waiting run says that the sign-in has expired, and goes on when it works again."""
    directory = azure_study(azure_service, tmp_path / "study")
    env = by_az(azure_service, tmp_path / "tools")
    process = drive(azure_service, directory, home=tmp_path, env=env, sleep_ms=100)
    azure_service.wait_until(lambda: azure_service.sweeps, timeout_s=60)
    azure_service.refuse_sign_in("AADSTS700082: The refresh token has expired.")
    azure_service.expire_tokens()
    err = ""
    while "az login" not in err:
        line = process.stderr.readline()
        assert line, err
        err += line
    azure_service.allow_sign_in()
    err += process.stderr.read()
    code, _, _ = finish(process)
    assert code == UPSTREAM_DEFECTS, err
    assert "Traceback" not in err
    assert "not signed in to Azure, or the sign-in has expired" in err
    assert "answers again" in err
    assert table(directory) == expected
    assert len(azure_service.sweeps) == 1


@pytest.mark.parametrize("kind", ["silent", "preempted-failed"])
def test_a_sweep_of_one_child_that_comes_to_nothing_is_sent_again(
    azure_service, tmp_path, expected, kind
):
    """Not a single outcome in the first sweep, for a reason that may pass: a second brings all."""
    azure_service.child_fault("--shard 0", kind)
    directory = azure_study(azure_service, tmp_path / "study", settings={"shard_minutes": 10})
    code, _, err = finish(drive(azure_service, directory, home=tmp_path, sleep_ms=100))
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected
    assert [len(sweep.children) for sweep in azure_service.sweeps] == [1, 1]
