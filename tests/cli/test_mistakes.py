"""Mistakes, odd places and readers who leave: what the commands say and what they exit with."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from commands import SEVERAL, gridrun
from rich.console import Console

from gridrun.cli._text import console, duration, say, table
from gridrun.cli._watch import Watch

ROOT = Path(__file__).resolve().parent.parent.parent
QUICKSTART = ROOT / "examples" / "quickstart"
COMMAND = [sys.executable, "-c", "from gridrun.cli import main; main()"]
ONE = ("--in-process", "--folds", "1", "--combinations", "1")
"""The smallest run: one combination, one fold."""


def in_shell(line: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``gridrun`` is the command; PIPESTATUS is at hand."""
    define = f'gridrun() {{ {shlex.join(COMMAND)} "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", define + line],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", **env},
        check=False,
        timeout=120,
    )


def copy_of_quickstart(target: Path) -> Path:
    """The quickstart without anything computed."""
    shutil.copytree(QUICKSTART, target, ignore=shutil.ignore_patterns(".gridrun", "results"))
    return target


@pytest.fixture
def quickstart(tmp_path: Path) -> Path:
    return copy_of_quickstart(tmp_path / "quickstart")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A study of which one combination and fold is done; tests must not change it."""
    target = copy_of_quickstart(tmp_path_factory.mktemp("mistakes") / "quickstart")
    ran = gridrun("local", target, *ONE)
    assert ran.returncode == 0, ran.stderr
    return target


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("plan", QUICKSTART, "--folds", "99999999"), ["--folds 99999999", "10,000"]),
        (("plan", QUICKSTART, "--no-blocks"), ["--no-blocks", "--sample N"]),
        (("local", QUICKSTART, "--in-process", "--workers", "2"), ["--in-process", "--workers"]),
        (("local", QUICKSTART, "--in-process", "--address", "h:1"), ["--in-process", "--address"]),
        (("logs", QUICKSTART, "--kind", "crush"), ['did you mean "crash"?']),
        (("logs", QUICKSTART, "--classifier", "svm"), ["svm", "known: rf, lr"]),
        (("logs", QUICKSTART, "--combination", "22"), ["no combination 22", "from 1 to 21"]),
    ],
)
def test_an_option_that_means_nothing_is_refused(tmp_path, arguments, parts):
    """What has no meaning is refused at once with exit code 2, never passed over."""
    ran = gridrun(*arguments, cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout
    for part in parts:
        assert part in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (QUICKSTART / ".gridrun").exists()


@pytest.mark.parametrize("unbuffered", ["", pytest.param("1", marks=pytest.mark.slow)])
def test_a_reader_who_leaves_changes_neither_run_nor_exit_code(quickstart, unbuffered):
    """`gridrun local 2>&1 | head -1` finishes the run and exits 0, without a traceback."""
    line = f"gridrun local {shlex.quote(str(quickstart))} {shlex.join(ONE)} 2>&1 | head -n 1; "
    ran = in_shell(f"{line} echo ${{PIPESTATUS[0]}}", PYTHONUNBUFFERED=unbuffered)
    assert ran.stdout.splitlines()[-1] == "0"
    assert "Traceback" not in ran.stderr
    status = json.loads(gridrun("status", quickstart, "--json").stdout)
    assert status["parts"]["done"] == 2


def test_a_full_disk_behind_stdout_is_named():
    """`gridrun params > /dev/full` says that nothing could be written, exit code 3."""
    ran = in_shell("gridrun params > /dev/full")
    assert ran.returncode == 3
    assert "standard output: No space left on device" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_commands_work_without_any_stdout():
    """Started with stdout closed, as by some daemons, a command still ends well."""
    assert in_shell("gridrun params >&-").returncode == 0


def test_a_killed_birth_of_the_ledger_is_no_obstacle(quickstart):
    """A ledger file in which nothing stands yet, left by kill -9, is begun anew."""
    state = quickstart / ".gridrun"
    state.mkdir()
    (state / "ledger.sqlite").touch()
    assert "nothing has been run yet" in gridrun("status", quickstart).stdout
    ran = gridrun("local", quickstart, *ONE)
    assert ran.returncode == 0, ran.stderr


def test_results_before_anything_ran_are_refused(quickstart):
    """No table of nothing is written; the way to begin is shown."""
    ran = gridrun("results", quickstart)
    assert ran.returncode == 2
    assert "nothing has been run yet" in ran.stderr
    assert not (quickstart / "results").exists()


def test_a_narrow_terminal_cuts_no_number():
    """Lines may wrap on a narrow terminal; columns and digits are all there."""
    out = Console(file=io.StringIO(), width=20, force_terminal=True)
    columns = [("imputation", "left"), ("n", "right"), ("MCC", "right")]
    table(out, columns, [["missingness_indicators", "9", "0.628"]])
    for part in ("missingness_indicators", "9", "0.628"):
        assert part in out.file.getvalue()


@pytest.mark.parametrize("command", ["status", "results"])
def test_a_study_whose_inputs_are_elsewhere_can_be_looked_at(finished, tmp_path, command):
    """The ledger knows the inputs by content: what was computed is shown, tables as they were."""
    study = tmp_path / "study"
    shutil.copytree(finished, study)
    before = (study / "results" / "final_cv_results.csv").read_bytes()
    (study / "data").rename(study / "elsewhere")
    ran = gridrun(command, study)
    assert ran.returncode == 0, ran.stderr
    assert "changed since" not in ran.stdout
    assert (study / "results" / "final_cv_results.csv").read_bytes() == before


def test_a_run_without_its_inputs_names_each(finished, tmp_path):
    """Running needs the files: every missing one is named, exit code 2, tables as they were."""
    study = tmp_path / "study"
    shutil.copytree(finished, study)
    before = (study / "results" / "final_cv_results.csv").read_bytes()
    (study / "data").rename(study / "elsewhere")
    ran = gridrun("local", study, "--in-process", "--folds", "2")
    assert ran.returncode == 2
    for part in ("clinvar.vep.vcf.gz", "does not exist", "cadd_indel"):
        assert part in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (study / "results" / "final_cv_results.csv").read_bytes() == before


def test_ctrl_c_twice_stops_at_once_and_says_how_to_go_on(quickstart):
    """The second Ctrl-C ends with exit code 130, a way back, and no traceback."""
    process = subprocess.Popen(
        [*COMMAND, "local", str(quickstart), "--in-process"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # whoever starts the tests in the background has SIGINT ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "reading the inputs" in line:
            process.send_signal(signal.SIGINT)
        if "again to stop at once" in line:
            process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert "continue with: gridrun local" in said[-1]
    assert "Traceback" not in "".join(said)


def test_a_study_goes_on_where_it_was_copied_to(finished, tmp_path):
    """A copied study knows what is done, and its results stand in the copy."""
    study = tmp_path / "a copy of it"
    shutil.copytree(finished, study)
    ran = gridrun("local", ".", *ONE, cwd=study)
    assert ran.returncode == 0, ran.stderr
    assert "0 tasks done (0 shared), 0 failed" in ran.stdout
    assert "2 finished before" in ran.stdout


def test_a_path_that_is_not_utf8_is_refused(tmp_path):
    """A directory whose name is no text is refused with a text, and nothing is written."""
    target = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff"))
    copy_of_quickstart(target)
    ran = gridrun("local", target, *ONE)
    assert ran.returncode == 2
    assert r"bad\udcff" in ran.stderr
    assert "not UTF-8" in ran.stderr
    assert not (target / ".gridrun").exists()


@pytest.mark.parametrize("name", ['it\'s "quoted"', "grün und blau", "a -b"])
def test_odd_names_are_quoted_in_what_is_printed(tmp_path, name):
    """The command that `init` says comes next can be pasted as it stands."""
    begun = gridrun("init", name, "--vcf", QUICKSTART / "data" / "clinvar.vep.vcf.gz", cwd=tmp_path)
    assert begun.returncode == 0, begun.stderr
    command = begun.stdout.partition("then run ")[2].strip()
    ran = in_shell(f"cd {shlex.quote(str(tmp_path))} && {command}")
    assert "CADD_snv.tsv.gz" in ran.stderr  # the study is found; this input is not
    assert ran.returncode == 2


def test_init_says_which_files_are_not_there_yet(tmp_path):
    """A path given to `init` that leads nowhere is noted, for it may still come."""
    ran = gridrun("init", "new", "--vcf", "later.vcf", "--grid", QUICKSTART, cwd=tmp_path)
    assert ran.returncode == 0
    assert "note: later.vcf does not exist yet" in ran.stdout
    assert ran.stdout.count("does not exist yet") == 1


@pytest.fixture
def without_root_powers() -> list[str]:
    """Words before a command that take from root the right to pass over permissions."""
    powers = "-dac_override,-dac_read_search"
    words = ["setpriv", "--bounding-set", powers, "--inh-caps", powers]
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("setpriv (util-linux) is not here")
    return words


def run_without(
    words: list[str], file: Path, *commands: tuple[str | Path, ...]
) -> list[tuple[int, str]]:
    """Exit code and stderr of each command; the file is for them."""
    each = [json.dumps(list(map(str, command))) for command in commands]
    subprocess.run([*words, sys.executable, "-c", SEVERAL, file, *each], check=True, timeout=120)
    return [(code, err) for _, code, _, err in json.loads(file.read_text("utf-8"))]


def test_a_finished_study_can_be_looked_at_where_nothing_may_be_written(
    finished, tmp_path, without_root_powers
):
    """status, plan, logs and results of a read-only study work; a run is refused by name."""
    study = tmp_path / "study"
    shutil.copytree(finished, study)
    for left in (study / ".gridrun").glob("ledger.sqlite-*"):
        left.unlink()  # a clean end leaves none, and none can be made here
    places = [study, *(path for path in study.rglob("*") if path.is_dir())]
    for place in places:
        place.chmod(0o555)
    try:
        looks = [(command, study) for command in ("status", "plan", "logs", "results")]
        more = ("local", study, "--in-process", "--folds", "2")
        *looked, (code, said) = run_without(
            without_root_powers, tmp_path / "done.json", *looks, more
        )
        assert [ended for ended, _ in looked] == [0, 0, 0, 0], looked
        assert code in (2, 3)
        assert str(study) in said
        assert "Traceback" not in said
    finally:
        for place in places:
            place.chmod(0o755)


def test_a_state_directory_that_may_not_be_entered_is_named(
    finished, tmp_path, without_root_powers
):
    """Without permission for .gridrun there is no traceback, and it is not taken for absent."""
    study = tmp_path / "study"
    shutil.copytree(finished, study)
    (study / ".gridrun").chmod(0o000)
    try:
        ((code, said),) = run_without(
            without_root_powers, tmp_path / "done.json", ("status", study)
        )
    finally:
        (study / ".gridrun").chmod(0o755)
    assert code in (2, 3)
    assert ".gridrun" in said
    assert "Permission denied" in said
    assert "Traceback" not in said


def test_a_list_of_combinations_is_kept_when_its_file_is_gone(quickstart, tmp_path):
    """Status and results speak of the combinations that ran, not of a file somewhere."""
    (tmp_path / "few.txt").write_text("# two\n1\n2\n")
    ran = gridrun(
        "local", quickstart, "--in-process", "--folds", "1", "--combinations", "@few.txt",
        cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "few.txt").unlink()
    status = json.loads(gridrun("status", quickstart, "--json").stdout)
    assert (status["combinations"], status["parts"]["done"]) == (2, 4)


def test_rows_are_said_in_every_table_and_report(quickstart):
    """--rows stands in plan, printed table, final table, its companions, and the way back."""
    rows = ("--rows", "600")
    assert "at most 600 variants" in gridrun("plan", quickstart, *ONE[1:], *rows).stdout
    ran = gridrun("local", quickstart, *ONE, *rows)
    assert ran.returncode == 0, ran.stderr
    assert "at most 600 variants" in ran.stdout
    assert "at most 600 variants" in gridrun("results", quickstart).stdout
    for name in ("final_cv_results", "per_consequence", "summary"):
        with (quickstart / "results" / f"{name}.csv").open(newline="") as handle:
            assert {row["rows"] for row in csv.DictReader(handle)} == {"600"}


def test_the_printed_table_and_summary_say_the_protocol(finished):
    """Every table and report names its protocol."""
    assert "protocol amiss" in gridrun("results", finished).stdout
    with (finished / "results" / "summary.csv").open(newline="") as handle:
        assert {row["protocol"] for row in csv.DictReader(handle)} == {"amiss"}


def test_a_second_run_is_refused_before_it_reads_anything(quickstart):
    """While a run holds the ledger another one is refused at once, naming the process."""
    first = subprocess.Popen(
        [*COMMAND, "local", str(quickstart), "--in-process"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert first.stderr is not None
        for line in first.stderr:
            if "running" in line:
                break
        ran = gridrun("local", quickstart, *ONE)
        assert ran.returncode == 2
        assert f"process {first.pid}" in ran.stderr
        assert "reading the inputs" not in ran.stderr
        assert gridrun("results", quickstart).returncode == 0
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()


def test_failures_end_a_run_as_failed_and_say_how_to_run_again(finished, tmp_path):
    """Status does not call a run done in which tasks failed; logs give the whole command."""
    study = tmp_path / "study"
    shutil.copytree(finished, study)
    # of 40 variants too few are left for a feature to have values: a finding, not a crash
    ran = gridrun("local", study, *ONE, "--rows", "40")
    assert ran.returncode == 1, ran.stderr
    assert "done, some tasks failed" in gridrun("status", study).stdout
    listed = gridrun("logs", study)
    assert "--combinations 1 --retry-failed --rows 40 --folds 1" in listed.stdout
    left = gridrun("logs", study, "--kind", "crash").stdout
    assert "no attempt matches the options; without them there would be 2 attempts" in left


def test_a_ledger_of_another_version_is_refused_with_what_to_do(finished, tmp_path):
    """Neither status nor a run touches a ledger that another version wrote."""
    study = tmp_path / "study"
    shutil.copytree(finished, study)
    with sqlite3.connect(study / ".gridrun" / "ledger.sqlite") as db:
        db.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
    db.close()
    for arguments in (("status", study), ("local", study, *ONE)):
        ran = gridrun(*arguments)
        assert ran.returncode == 2
        assert "schema version 999" in ran.stderr
        assert "move the ledger away" in ran.stderr


def test_time_never_runs_backwards():
    """A clock that was set back, or another machine's that is ahead, gives no negative time."""
    assert duration(-99999.2) == "0 s"
    assert duration(0.25) == "0.2 s"
    assert duration(59.7) == "1 min"


def test_what_upstream_cannot_run_has_no_logs_to_look_at(quickstart):
    """Parts that are failed without being run do not send people to logs that are not there."""
    study = quickstart / "study.yaml"
    study.write_text(study.read_text().replace("search_type: grid", "search_type: random"))
    ran = gridrun("local", quickstart, *ONE)
    assert ran.returncode == 1
    assert "upstream-defect" in ran.stdout
    assert "gridrun logs" not in ran.stdout


def test_no_terminal_obeys_what_a_task_said(capsys):
    """Lines, tables and notes show an escape sequence, and brackets and colons as they are."""
    odd, shown = "\x1b[2J\x9b1m\u202e", r"\u001b[2J\u009b1m\u202e"
    say(odd)
    table(console(), [("method", "left")], [[f"[bold]{odd}:smile:"]])
    Watch().note(odd)
    captured = capsys.readouterr()
    assert f"[bold]{shown}:smile:" in captured.out
    assert f"note: {shown}" in captured.err
    assert odd not in captured.out + captured.err
