"""Ledger and engine against a model: hypothesis draws what happens, one integer draws hypothesis.

Every run is a process of its own with the real engine and the real ledger; only the backend is
scripted (``scripted.py``). A SIGKILL is one. ``python tests/chaos ledger --from SEED --count 1``
repeats a seed.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import commands
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from ledger_model import MOST_FOLDS, WHOLE, Model
from toystudies import write_study

SCRIPT = Path(__file__).with_name("scripted.py")
PICKS = st.integers(0, 40)
COUNTS = {"schedules": 0, "runs": 0, "killed": 0, "doubled": 0}
"""Of this process; a schedule is one example."""


def some(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=len(values), unique=True)


class LedgerMachine(RuleBasedStateMachine):
    """A study, what its workers are about to do, and the model."""

    def __init__(self):
        super().__init__()
        self.place = Path(tempfile.mkdtemp(prefix="gridrun-chaos-"))
        self.study = self.place / "study"
        self.model = Model()
        self.script = []
        self.runs = 0
        self.retry = False
        COUNTS["schedules"] += 1
        self._write({"smoothing": ["flat", "mean"], "thinning": [1], "tuning": ["fixed"]}, 2, True)

    def teardown(self):
        try:
            self.script += [("take", 0), ("done", 0), ("commit", 0), ("done", 0), ("kill", 0)]
            self.run_to_the_end()
            self.run_to_the_end()
            COUNTS["doubled"] += self.model.doubled
        finally:
            shutil.rmtree(self.place)

    def _write(self, changed, folds, both):
        self.grid = {**WHOLE, **changed}
        self.folds, self.classifiers = folds, 2 if both else 1
        names = "[tree, line]" if both else "[line]"
        write_study(self.study, self.grid, folds=folds, classifiers=names)

    @property
    def rows(self):
        count = self.folds * self.classifiers
        for values in self.grid.values():
            count *= len(values)
        return count

    @rule(units=st.integers(1, 3))
    def start(self, units):
        self.script += [("take", 0)] * units

    @rule(picks=st.lists(PICKS, min_size=1, max_size=4))
    def done(self, picks):
        self.script += [("done", pick) for pick in picks]

    @rule(how=st.sampled_from(["fail", "crash", "crash_first"]), pick=PICKS)
    def fail(self, how, pick):
        self.script.append((how, pick))

    @rule(count=st.integers(1, 6))
    def fail_alike(self, count):
        self.script += [("fail_alike", 0)] * count

    @rule(how=st.sampled_from(["lose", "end"]), pick=PICKS)
    def lose(self, how, pick):
        self.script.append((how, pick))

    @rule(how=st.sampled_from(["duplicate", "late"]), pick=PICKS)
    def say_again(self, how, pick):
        self.script.append((how, pick))

    @rule(picks=st.tuples(PICKS, PICKS, PICKS))
    def hear_again(self, picks):
        """A unit is given up, and what it and others have said comes late or twice."""
        names = ("take", "done", "lose", "late", "duplicate")
        self.script += zip(names, (0, picks[0], 0, *picks[1:]), strict=True)

    @rule()
    def commit(self):
        self.script.append(("commit", 0))

    @rule()
    def look(self):
        """Another program opens the ledger, reads and closes it."""
        self.script.append(("look", 0))

    @rule(
        smoothing=some(WHOLE["smoothing"]),
        thinning=some(WHOLE["thinning"]),
        tuning=some(WHOLE["tuning"]),
        origin=some(WHOLE["origin"]),
        folds=st.integers(1, MOST_FOLDS),
        both=st.booleans(),
    )
    def change_grid(self, folds, both, **grid):
        self._write(grid, folds, both)

    @rule()
    def ask_for_a_retry(self):
        self.retry = True

    @rule(how=st.sampled_from(["kill", "kill", "interrupt", "fault"]))
    def run_and_end(self, how):
        self.script.append((how, 0))
        self.run_to_the_end()

    @rule()
    def run_to_the_end(self):
        """Run the script; the model is held against the ledger, the table against the model."""
        script, self.script = self.script, []
        retried, self.retry = self.retry, False
        log = self.place / f"run{self.runs}.log"
        self.runs += 1
        COUNTS["runs"] += 1
        asked = {
            "script": script,
            "log": str(log),
            "request": {"retry_failed": True} if retried else {},
        }
        ended = commands.gridrun(self.study, json.dumps(asked), script=SCRIPT)
        code = ended.returncode
        COUNTS["killed"] += code == -9
        fault = self.model.run(log, self.study, code, retried=retried)
        if code == -9:
            assert ("kill", 0) in [tuple(each) for each in script], ended.stderr
            return
        said = log.read_text() if log.exists() else ""
        if fault:
            assert code == 3, ended.stderr
            assert "Traceback" not in ended.stderr
            return
        state = self.model.hold_table(self.study, self.place / "right", self.rows)
        expected = 130 if '"interrupted"' in said else int(state == "failed")
        assert code == expected, (code, expected, ended.stderr)


def try_seed(number: int, _scratch: Path, *, examples: int = 5, steps: int = 25) -> dict[str, int]:
    """Draw and run some schedules, the same for the same number; what they were."""
    before = dict(COUNTS)
    machine = seed(number)(type(f"Seed{number}", (LedgerMachine,), {}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    return {name: count - before[name] for name, count in COUNTS.items()}
