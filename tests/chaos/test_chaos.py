"""The short form of the chaos suite; the long one is ``python tests/chaos`` (CONTRIBUTING.md)."""

from __future__ import annotations

from collections import Counter

import attacks
import ledger_machine
import pytest
import writes

FEW, MANY = (3, 4, 5), range(20, 80)
STRIDE = 31


def seeds(few, many):
    return [*few, *(pytest.param(number, marks=pytest.mark.slow) for number in many)]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Studies that nothing disturbed are made there once."""
    return tmp_path_factory.mktemp("scratch")


def test_ledger_and_engine_are_as_the_model_says(scratch):
    """No outcome is lost and none counts twice, whatever is lost, said again, late or killed."""
    found = Counter()
    for number in FEW:
        found.update(ledger_machine.try_seed(number, scratch, examples=3))
    assert found["runs"] > 2 * found["schedules"]
    assert min(found["killed"], found["doubled"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("number", MANY)
def test_many_schedules_of_ledger_and_engine(number, scratch):
    """The same with other numbers."""
    ledger_machine.try_seed(number, scratch)


@pytest.mark.parametrize("number", seeds(range(0, 400, STRIDE), range(1, 400, STRIDE)))
def test_a_kill_leaves_the_state_before_or_after_a_write(number, scratch):
    """Ledger, cache and tables are whole then, and the run that goes on ends as if undisturbed."""
    writes.try_seed(number, scratch)


def test_every_write_of_a_run_has_its_turn(scratch):
    """The first seeds are the first place of each study, the next ones the second, and so on."""
    points = writes.quiet(0, scratch).points
    counted = {point.split(" ", 1)[0] for point in points}
    assert counted == {"after", "before", "open", "os.mkdir", "os.remove", "os.rename"}
    assert writes.try_seed(0, scratch) == points[0]
    assert writes.try_point(scratch, 0, len(points) + 1) == ""


@pytest.mark.parametrize("number", seeds(range(10), range(10, 200)))
def test_damaged_files_end_in_a_sentence_or_change_nothing(number, scratch):
    """No traceback, no other exit code, and no other number in the table."""
    attacks.try_seed(number, scratch)
