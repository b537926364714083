"""Children ended one by one, and segments that are not what they should be: nothing is lost."""

import json

import pytest
from toys import azure_study, drive, finish, local_table, table

from gridrun.plan.fingerprint import digest_of_text

pytestmark = pytest.mark.azure

TASKS = 48
UPSTREAM_DEFECTS = 1
"""Exit code when all that can be run is done: what upstream cannot run counts as failed."""


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return local_table(tmp_path_factory.mktemp("local") / "study")


def has_outcomes(service, child):
    return any("segment" in name for name in service.artifacts(child.run_id))


def test_the_tasks_of_a_child_cancelled_by_hand_are_sent_again(azure_service, tmp_path, expected):
    """Somebody ends one child in the studio: a second sweep brings what it had not."""
    directory = azure_study(azure_service, tmp_path / "study", settings={"shard_minutes": 10})
    process = drive(azure_service, directory, home=tmp_path, sleep_ms=500)
    azure_service.wait_until(
        lambda: azure_service.sweeps and azure_service.sweeps[0].children, timeout_s=60
    )
    child = azure_service.sweeps[0].children[0]
    azure_service.wait_until(lambda: has_outcomes(azure_service, child), timeout_s=60)
    azure_service.cancel_run(child.run_id)
    code, out, err = finish(process)
    assert child.status == "Canceled"
    assert code == UPSTREAM_DEFECTS, err
    assert json.loads(out)["done"] == TASKS
    assert len(azure_service.sweeps) == 2
    assert "ended as Canceled" in err
    assert table(directory) == expected


def test_children_that_pass_their_time_limit_go_on_in_another_sweep(
    azure_service, tmp_path, expected
):
    """What a child had before shard_hours were over is kept, the rest is sent again."""
    azure_service.settings.time_scale = 0.2  # SDK v2 has no limit of less than a minute
    directory = azure_study(
        azure_service, tmp_path / "study", settings={"shard_hours": 1 / 60, "shard_minutes": 10}
    )
    code, _, err = finish(drive(azure_service, directory, home=tmp_path, sleep_ms=500), 200)
    assert code == UPSTREAM_DEFECTS, err
    assert azure_service.sweeps[0].children[0].status == "Canceled"
    assert len(azure_service.sweeps) >= 2
    assert table(directory) == expected


@pytest.mark.parametrize("how", ["flipped", "shorter", "gone"])
def test_a_damaged_segment_is_noticed_and_its_tasks_are_sent_again(
    azure_service, tmp_path, expected, how
):
    """A segment with another content, one that is whole but shorter, and one that is not there."""
    directory = azure_study(azure_service, tmp_path / "study", settings={"shard_minutes": 10})
    azure_service.add_compute("cpu")
    azure_service.set_nodes("cpu", 0)  # so that nothing comes before it is damaged
    code, _, err = finish(drive(azure_service, directory, "submit", home=tmp_path))
    assert code == 0, err
    azure_service.set_nodes("cpu", None)
    azure_service.wait_until(
        lambda: azure_service.sweeps[0].run.status == "Completed", timeout_s=90
    )
    (child,) = azure_service.sweeps[0].children
    files = azure_service.artifacts(child.run_id)
    # of several events, as what is cut to its first has to be another segment
    name = max((n for n in files if "segment" in n), key=lambda n: files[n].count(b"\n"))
    assert files[name].count(b"\n") > 2
    azure_service.replace_artifact(child.run_id, name, damaged(files[name], how))
    code, out, err = finish(drive(azure_service, directory, home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert f"the output of {child.run_id} is damaged" in err
    assert name.removeprefix("outputs/") in err
    assert "manifest" in err or how == "flipped"
    assert len(azure_service.sweeps) == 2
    assert json.loads(out)["held"] == 0
    assert table(directory) == expected


def damaged(content, how):
    """A segment as it should not be."""
    if how == "gone":
        return None
    if how == "flipped":
        return content.replace(b'"rows"', b'"Rows"', 1)
    first, *_ = content.decode().splitlines()
    end = json.dumps({"rows": 1, "checksum": digest_of_text(f"{first}\n")})
    return f"{first}\n{end}\n".encode()
