"""Cancelled from outside, killed at random moments, a thousand children, and no secret anywhere."""

import json
import random
import re
import time
import uuid

import pytest
from standin import many_children, write_outcomes
from toys import azure_study, drive, finish, local_table, table

pytestmark = pytest.mark.azure

MARK = "GRIDRUN_TEST"
"""Variable that drivers, their helpers and the children of their sweeps inherit."""

ENDED = ("Completed", "Failed", "Canceled")


def ended(service):
    return all(sweep.run.status in ENDED for sweep in service.sweeps)


def test_a_cancelled_sweep_gives_its_tasks_back(azure_service, tmp_path):
    """What it had is in the table; the rest is waiting, and a later run sends it once."""
    directory = azure_study(azure_service, tmp_path / "study")
    process = drive(azure_service, directory, home=tmp_path, sleep_ms=400)
    azure_service.wait_until(
        lambda: any(
            any("segment" in name for name in azure_service.artifacts(child.run_id))
            for sweep in azure_service.sweeps
            for child in sweep.children
        ),
        timeout_s=90,
    )
    run_id = azure_service.sweeps[0].run.run_id
    code, _, err = finish(drive(azure_service, directory, f"cancel {run_id}", home=tmp_path))
    assert code == 0, err
    code, out, err = finish(process)
    assert code == 130, err
    first = json.loads(out)
    assert first["held"] == 0
    assert 0 < first["done"] < first["total"]
    assert len(azure_service.sweeps) == 1
    code, out, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == 1, err
    assert json.loads(out)["done"] == first["total"] - first["done"]
    assert len(azure_service.sweeps) == 2
    assert table(directory) == local_table(tmp_path / "local")


def kill_at_random(service, tmp_path, seed, expected):
    """A driver killed three times, then one left alone: one sweep, no process left behind."""
    # not at the top: without the extra azure the file is still collected
    from service.processes import with_variable

    draw = random.Random(seed)
    directory = azure_study(service, tmp_path / f"study-{seed}")
    before = len(service.sweeps)
    mark = uuid.uuid4().hex
    service.image_env[MARK] = mark
    options = {"home": tmp_path, "env": {MARK: mark}, "sleep_ms": 60}
    for _ in range(3):
        process = drive(service, directory, **options)
        time.sleep(draw.uniform(0.3, 9.0))  # the moment of the kill is what is drawn
        seen = with_variable(MARK, mark)
        assert process.poll() is not None or process.pid in seen, "the count misses the driver"
        process.kill()
        process.communicate()
    code, out, err = finish(drive(service, directory, **options), seconds=200)
    assert code == 1, err
    assert table(directory) == expected
    assert len(service.sweeps) - before == 1, err
    assert json.loads(out)["held"] == 0
    deadline = time.monotonic() + 10
    while (left := with_variable(MARK, mark)) and time.monotonic() < deadline:
        time.sleep(0.1)  # the kernel ends killed processes in its own time
    assert left == set()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_client_killed_at_random_moments_sends_nothing_twice(azure_service, tmp_path, seed):
    """Kill -9 during start, submit, wait and collect: the same table, one sweep."""
    expected = local_table(tmp_path / "local")
    kill_at_random(azure_service, tmp_path, seed, expected)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_client_killed_with_fifty_seeds(azure_service, tmp_path):
    """The same with 50 seeds."""
    expected = local_table(tmp_path / "local")
    for seed in range(50):
        kill_at_random(azure_service, tmp_path, seed, expected)


def test_no_secret_is_written_or_said(azure_service, tmp_path):
    """Neither file, nor output, nor ledger holds password, token or signature; faults included."""
    azure_service.fault("GET .*/(runs|jobs)/.*", status=403, skip=6, count=1)
    directory = azure_study(azure_service, tmp_path / "study")
    code, out, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code in (1, 3), err
    again = finish(drive(azure_service, directory, home=tmp_path))
    names = azure_service.workspace
    secret = re.compile(
        rb"eyJ[\w-]{10,}\.|sig=[^*]|AccountKey=[^*]|Bearer [^*]|" + names.client_secret.encode()
    )
    texts = [out.encode(), err.encode(), again[1].encode(), again[2].encode()]
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.sqlite" for path in files)
    for text in (*texts, *(path.read_bytes() for path in files)):
        assert secret.search(text) is None


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [1000, 2500])
def test_a_thousand_children_are_collected_in_a_minute(azure_service, tmp_path, count):
    """Finished children, each with its outcomes in a file: 1,000 a sweep, and in less than 60 s."""
    azure_service.settings.stand_in = write_outcomes
    grid, settings, folds = many_children(count)
    directory = azure_study(
        azure_service, tmp_path / "study", grid=grid, settings=settings, folds=folds
    )
    code, out, err = finish(drive(azure_service, directory, "submit", home=tmp_path), seconds=280)
    assert code == 0, err
    azure_service.wait_until(lambda: ended(azure_service), timeout_s=280)
    children = sum(len(sweep.children) for sweep in azure_service.sweeps)
    assert children >= count
    assert max(len(sweep.children) for sweep in azure_service.sweeps) <= 1000
    assert max(sweep.most_at_once for sweep in azure_service.sweeps) <= 100
    began = time.monotonic()
    code, out, err = finish(drive(azure_service, directory, "collect", home=tmp_path), seconds=280)
    took = time.monotonic() - began
    assert code == 1, err
    assert json.loads(out)["held"] == 0
    assert took < 60 * children / 1000, f"{children} children took {took:.0f} s"
