"""What `gridrun logs` says of attempts whose task was done later."""

from commands import gridrun
from toystudies import SMALL_GRID, TOY, open_toy, write_study

OPTIONS = {"smoothing=upper,classifier=line,fold=2": "error_once"}


def test_what_was_done_since_is_not_to_be_run_again(tmp_path):
    """An attempt that failed stays in the list; the command to run its task again does not."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    study = open_toy(directory, misbehave=OPTIONS, state_dir=str(tmp_path))
    said = []
    for retry in (False, True):
        study.run(backend="inprocess", retry_failed=retry)
        said.append(gridrun("logs", directory, "--pipeline", TOY).stdout)
    before, after = said
    assert before.count("the toy fails at") == after.count("the toy fails at") == 1
    again = f"run again: gridrun local {directory} --combinations "
    assert (before.count(again), after.count(again)) == (1, 0)
