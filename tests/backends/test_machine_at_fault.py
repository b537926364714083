"""What a machine has lost while a run went on leaves tasks waiting, not failed."""

import pytest
from toystudies import SMALL_GRID, open_toy, table, write_study

from gridrun.errors import EnvironmentFault

OPTIONS = {"classifier=tree": "need", "classifier=line": "need"}


def test_tasks_wait_for_the_machine_to_be_put_right(ray_running, tmp_path):
    """The run ends with 3 and says why; the same command then gives the table of a quiet run."""
    del ray_running
    quiet = open_toy(write_study(tmp_path / "quiet", SMALL_GRID))
    quiet.run(backend="inprocess")
    places = OPTIONS | {"fold=2,origin=first,tuning=fixed,coding=levels": "lose"}
    directory = write_study(tmp_path / "study", SMALL_GRID)
    broken = open_toy(directory, misbehave=places, state_dir=str(tmp_path))
    with pytest.raises(EnvironmentFault, match="cannot open shared object"):
        broken.run(backend="local", workers=1)
    failed = broken.results()["state"].eq("failed")
    assert not broken.results()["reason"][failed].str.contains("cannot open").any()
    assert broken.results()["state"].eq("waiting").any()
    (tmp_path / "lost").unlink()
    again = open_toy(directory, misbehave=OPTIONS, state_dir=str(tmp_path))
    assert again.run(backend="local", workers=1).exit_code == quiet.run().exit_code
    assert table(directory) == table(tmp_path / "quiet")
