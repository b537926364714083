"""A service that answers otherwise than ours does: sign-in, submit, listings, the table, logs."""

import json
import time
from email.utils import formatdate

import pytest
from toys import SUBMIT, azure_study, drive, finish, local_table, sweeps_of, table

pytestmark = pytest.mark.azure

TASKS = 48
UPSTREAM_DEFECTS = 1
"""Exit code when all that can be run is done: what upstream cannot run counts as failed."""

PAGE = "<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"
SIGN_IN = r"(GET|POST) /[0-9a-f-]+/(v2.0/.well-known|oauth2/v2.0/token)"


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return local_table(tmp_path_factory.mktemp("local") / "study")


@pytest.mark.parametrize(
    "how",
    [
        {"status": 503},
        {"status": 502, "body": PAGE},
        {"status": 429, "body": "slow down", "retry_after": "2"},
        {
            "status": 400,
            "body": '{"error": "temporarily_unavailable", "error_description": "AADSTS90033: x"}',
            "content_type": "application/json",
        },
        {"status": 200, "body": PAGE},
        {"drop": "before"},
        {"delay_s": 4.0},
    ],
    ids=["503", "page", "429", "transient", "captive", "cut", "slow"],
)
def test_a_sign_in_that_stumbles_is_tried_again(azure_service, tmp_path, expected, how):
    """Whatever it answers, it is asked once more, and nobody is sent to `az login`."""
    azure_service.fault("POST .*/oauth2/v2.0/token", count=2, **how)
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert "az login" not in err
    assert "secret" not in err
    assert table(directory) == expected


def test_a_submit_is_tried_for_as_long_as_reads_are(azure_service, tmp_path, expected):
    """503, 429 with a date and a page, five times in all: one sweep."""
    azure_service.fault(SUBMIT, status=503, count=2)
    soon = formatdate(time.time() + 2, usegmt=True)
    azure_service.fault(SUBMIT, status=429, retry_after=soon)
    azure_service.fault(SUBMIT, status=502, body=PAGE)
    azure_service.fault(SUBMIT, drop="after")
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, "submit", home=tmp_path))
    assert code == 0, err
    assert len(azure_service.requests(SUBMIT)) >= 5
    assert len(azure_service.sweeps) == 1
    code, _, err = finish(drive(azure_service, directory, "drain", home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected


def test_a_sweep_that_is_not_visible_at_once_is_found(azure_service, tmp_path, expected):
    """Submit answers 404, as the sweep is not to be seen for seconds: it is waited for."""
    azure_service.settings.visible_after_s = 8
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert len(azure_service.sweeps) == 1
    assert table(directory) == expected


def test_a_wrong_secret_ends_a_waiting_run(azure_service, tmp_path):
    """Exit 3 with the variable's name; what is out stays so, and comes with the right secret."""
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, "submit", home=tmp_path))
    assert code == 0, err
    wrong = {"AZUREML_SERVICE_PRINCIPAL_PASSWORD": "not-the-secret-at-all"}
    code, _, err = finish(drive(azure_service, directory, home=tmp_path, env=wrong))
    assert code == 3, err
    assert "AADSTS7000215" in err
    assert "set its secret in AZUREML_SERVICE_PRINCIPAL_PASSWORD" in err
    assert "az login" not in err
    assert "not-the-secret" not in err
    code, _, err = finish(drive(azure_service, directory, "drain", home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert len(azure_service.sweeps) == 1


def test_listings_with_empty_pages_and_answers_cut_short(azure_service, tmp_path, expected):
    """No child is overlooked behind an empty page, and half an answer is asked for again."""
    azure_service.settings.empty_pages = True
    azure_service.settings.page_size = 2
    azure_service.fault("GET .*/children", cut_after=30, count=2)
    azure_service.fault("GET .*/children", status=200, body=PAGE, skip=3)
    azure_service.fault("GET (.*/artifacts/.*|/azureml)", status=503, body=PAGE, count=2)
    azure_service.fault("GET .*/(runs|jobs)/.*", status=429, body="[]", retry_after="soon", skip=4)
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert "<html" not in err
    assert table(directory) == expected


def test_a_record_without_the_name_of_its_files(azure_service, tmp_path, expected):
    """`dataContainerId` is null: files are where they always are, and nothing is paid twice."""
    azure_service.settings.odd.null_containers = True
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected
    assert len(azure_service.sweeps) == 1


def test_segments_come_while_a_child_runs(azure_service, tmp_path):
    """The submitted configuration has outputs watched, not logs alone."""
    directory = azure_study(azure_service, tmp_path / "study", settings={"shard_minutes": 10})
    process = drive(azure_service, directory, home=tmp_path, sleep_ms=400)
    azure_service.wait_until(
        lambda: any(
            "segment" in name
            for sweep in azure_service.sweeps
            for child in sweep.children
            if child.status == "Running"
            for name in azure_service.artifacts(child.run_id)
        ),
        timeout_s=90,
    )
    process.kill()
    process.communicate()


def test_a_child_whose_outputs_come_late_lives(azure_service, tmp_path, expected):
    """Nothing of outputs before the end, for three times the limit of silence: its log grows."""
    azure_service.settings.watches_outputs = False
    directory = azure_study(
        azure_service,
        tmp_path / "study",
        settings={"silent_minutes": 0.2, "shard_minutes": 10},
    )
    code, _, err = finish(drive(azure_service, directory, home=tmp_path, sleep_ms=800))
    assert code == UPSTREAM_DEFECTS, err
    assert "cancelled" not in err
    assert len(azure_service.sweeps) == 1
    assert table(directory) == expected


@pytest.mark.parametrize("kind", ["silent", "preempted-failed", "failed"])
def test_collect_gives_a_lost_shard_back(azure_service, tmp_path, expected, kind):
    """Said, and its tasks wait: the next run sends them once; nothing else is sent again."""
    azure_service.child_fault("--shard 0", kind)
    directory = azure_study(azure_service, tmp_path / "study", settings={"shard_minutes": 0.2})
    code, _, err = finish(drive(azure_service, directory, "submit", home=tmp_path, sleep_ms=30))
    assert code == 0, err
    azure_service.wait_until(lambda: azure_service.sweeps[0].run.is_over, timeout_s=90)
    code, out, err = finish(drive(azure_service, directory, "collect", home=tmp_path))
    assert json.loads(out)["held"] == 0, err
    assert "its unfinished tasks will run again" in err
    assert 0 < json.loads(out)["done"] < TASKS
    assert len(azure_service.sweeps) == 1
    code, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected
    assert len(sweeps_of(azure_service)) == 2


def test_a_worker_whose_machine_is_at_fault_ends_the_run(azure_service, tmp_path, expected):
    """Exit 3 and the reason; what failed in a row for it waits, and the same command finishes."""
    needs = {"classifier=tree": "need", "classifier=line": "need"}
    loses = needs | {"fold=2,origin=first,tuning=fixed,coding=columns": "lose"}
    directory = azure_study(azure_service, tmp_path / "study", settings={"shard_minutes": 10})
    options = {"home": tmp_path, "state_dir": str(tmp_path)}
    code, out, err = finish(drive(azure_service, directory, misbehave=loses, **options))
    assert code == 3, out + err
    assert "that had failed will run again: the machine was at fault" in err
    (tmp_path / "lost").unlink()
    code, _, err = finish(drive(azure_service, directory, misbehave=needs, **options))
    assert code == UPSTREAM_DEFECTS, err
    assert table(directory) == expected
