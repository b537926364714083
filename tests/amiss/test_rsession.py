"""R in this process: values across the border, errors, warnings, state between calls."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from amiss_tasks.r import session as r_session
from amiss_tasks.r.session import RError


@pytest.fixture(scope="module")
def session() -> r_session.RSession:
    return r_session.start()


@pytest.fixture(scope="module")
def helpers(session):
    environment = session.environment(session.shared)
    session.source_text(Path(__file__).with_name("helpers.R").read_text(), environment)
    return environment


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        (None, None),
        (True, [True]),
        (3, [3]),
        (2.5, [2.5]),
        ("ü", ["ü"]),
        (["a", None], ["a", None]),
        (np.array([1.5, math.nan]), [1.5, math.nan]),
        (np.array([], dtype=float), []),
        (np.array([3, -4]), [3, -4]),
        (np.array([True, False]), [True, False]),
        (np.array([[1.0, 2.0], [3.0, math.nan]]), [[1.0, 2.0], [3.0, math.nan]]),
    ],
)
def test_values_come_back(session, helpers, sent, back):
    """A value sent to R and returned by it is the same."""
    got = session.call(helpers, "echo", sent).value.python()
    if isinstance(back, list) and isinstance(got, np.ndarray):
        np.testing.assert_array_equal(got, np.array(back))
    else:
        assert got == back


def test_lists_come_back_by_name(session, helpers):
    """A dict becomes a named list and comes back as a dict; an element can be taken in R."""
    value = session.call(helpers, "echo", {"a": 1, "b": ["x"]}).value
    assert value.python() == {"a": [1], "b": ["x"]}
    assert value["b"].python() == ["x"]


def test_missing_numbers_are_na_in_r(session, helpers):
    """NaN in an array is NA for R, not NaN."""
    got = session.call(helpers, "kinds_of_missing", np.array([math.nan])).value.python()
    assert got == {"nan": [False], "na": [True]}


def test_errors_carry_message_classes_and_calls(session, helpers, capfd):
    """An R error names its message and the calls that led to it, without the data in them."""
    with pytest.raises(RError) as caught:
        session.call(helpers, "fail_below", np.zeros(100_000))
    assert caught.value.message == "deep: 100000"
    assert "simpleError" in caught.value.classes
    assert caught.value.calls == (".fail(values)", 'stop("deep: ", length(values))')
    assert "R error: deep: 100000" in capfd.readouterr().err


def test_infinite_recursion_is_an_error(session, helpers):
    """Infinite recursion in R is an R error and the session lives on."""
    with pytest.raises(RError, match=r"infinite recursion|C stack usage"):
        session.call(helpers, "recurse", 1)
    assert session.call(helpers, "echo", 1).value.python() == [1]


def test_warnings_are_collected(session, helpers, capfd):
    """Warnings come back in order and are not printed."""
    result = session.call(helpers, "warn_twice")
    assert result.warnings == ("first", "second")
    assert result.value.python() == [3]
    assert "first" not in capfd.readouterr().err


def test_no_call_sees_the_generator_of_another(session, helpers):
    """Kind of generator and collation are set before each call."""
    before = session.call(helpers, "generator").value.python()
    session.call(helpers, "spoil_generator")
    after = session.call(helpers, "generator").value.python()
    assert before == after
    assert before["kind"] == ["Mersenne-Twister", "Inversion", "Rejection"]
    assert before["collate"] == ["C"]
    assert before["draw"][0] == 0.26550866314209998


def test_r_runs_alone_and_with_one_thread(session, helpers):
    """R is not interactive, keeps UTC and one thread."""
    found = session.call(helpers, "settings").value.python()
    assert found["interactive"] == [False]
    assert found["tz"] == ["UTC"]
    assert found["threads"] == ["1"]


STARTED = """
from amiss_tasks.r import session
r = session.start()
environment = r.environment(r.shared)
r.source_text("loaded <- function() loadedNamespaces()", environment)
print(*r.call(environment, "loaded").value.python())
"""


def test_starting_r_does_not_load_caret():
    """It takes seconds. A process of its own: tests of other files may have loaded it here."""
    command = [sys.executable, "-c", STARTED]
    loaded = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    assert "base" in loaded
    assert "caret" not in loaded


def test_faulty_file_is_an_r_error(session, tmp_path):
    """A file that does not parse is reported with R's message."""
    (tmp_path / "bad.R").write_text("f <- function(x) {")
    with pytest.raises(RError, match="unexpected end of input"):
        session.source_text((tmp_path / "bad.R").read_text(), session.environment(session.shared))


def test_start_is_one_session():
    """Starting again gives the session that runs."""
    assert r_session.start() is r_session.start()


def test_r_is_started_once_and_knows_where_its_parts_are():
    """No second R is started to ask for variables; directories are those of R's own script."""
    code = (
        "import sys\n"
        "started = []\n"
        "def hear(event, args):\n"
        "    if event == 'subprocess.Popen':\n"
        "        started.append(' '.join(args[1]))\n"
        "sys.addaudithook(hear)\n"
        "from amiss_tasks.r import session as r_session\n"
        "home = r_session.start()._interface.baseenv['R.home']\n"
        "places = ' '.join(home(part)[0] for part in ('home', 'share', 'doc', 'include'))\n"
        "print(sorted({it.rpartition('/')[2] for it in started}), places, sep='\\n')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    of_script = 'cat(R.home(), R.home("share"), R.home("doc"), R.home("include"))'
    asked = subprocess.run(
        ["Rscript", "--vanilla", "-e", of_script], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == ["['R CMD env']", asked.stdout]


def test_programs_started_after_r_find_their_own_libraries():
    """R's search path for libraries stays R's: another Python started from here must load."""
    code = (
        "import os, subprocess, sys\n"
        "before = os.environ.get('LD_LIBRARY_PATH')\n"
        "from amiss_tasks.r import session as r_session\n"
        "r_session.start()\n"
        "assert os.environ.get('LD_LIBRARY_PATH') == before\n"
        "environment = subprocess.run(['env'], capture_output=True, text=True).stdout\n"
        "assert ('LD_LIBRARY_PATH=' in environment) == (before is not None)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_r_leaves_ctrl_c_to_whoever_runs_it():
    """The handler of SIGINT that was there before R started is there afterwards."""
    code = (
        "import signal\n"
        "def handle(*_): pass\n"
        "signal.signal(signal.SIGINT, handle)\n"
        "from amiss_tasks.r import session as r_session\n"
        "r_session.start()\n"
        "assert signal.getsignal(signal.SIGINT) is handle\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_r_leaves_no_temporary_directory(tmp_path):
    """When Python ends, so does R's directory for temporary files."""
    code = "from amiss_tasks.r import session as r_session; r_session.start()"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert not list(tmp_path.iterdir())
