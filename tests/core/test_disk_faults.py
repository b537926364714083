"""Disks that are full, read-only or limited: a sentence, exit code 3, and the next run goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.api import write_report
from gridrun.errors import EnvironmentFault, GridrunError, UserError
from gridrun.run._recorder import Recorder
from gridrun.store.cache import replacing
from gridrun.store.faults import cannot_write, disk_fault, in_temporary
from gridrun.store.ledger import Ledger

MB = "1m"


@contextlib.contextmanager
def small_disk(place: Path, size: str):
    """A file system of so many bytes at a place; without the right to mount, the test says so."""
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield lambda how: subprocess.run(
            ["mount", "-o", f"remount,{how}", str(place)], check=True, capture_output=True
        )
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # the ledger may be open


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The table of a quiet run."""
    directory = write_study(tmp_path_factory.mktemp("quiet") / "study", SMALL_GRID)
    opened(directory).run(backend="inprocess")
    return (directory / "results" / "final_cv_results.csv").read_bytes()


def opened(directory):
    # some fail, and have logs
    return open_toy(directory, details=True)


def run(directory):
    """Exit code of a run, and what it says of a fault."""
    try:
        report = opened(directory).run(backend="inprocess")
    except GridrunError as error:
        return error.exit_code, error.text()
    return report.exit_code, report.fault.text() if report.fault is not None else ""


FULL = [
    (".gridrun", "8k"),  # no ledger fits
    (".gridrun", "64k"),  # not even an empty one
    (".gridrun", "160k"),  # some outcomes
    (".gridrun/cache", "4k"),
    ("results", "4k"),
    ("results", "64k"),
]


@pytest.mark.parametrize(("place", "size"), FULL)
def test_a_full_disk_ends_in_a_sentence_and_the_next_run_goes_on(place, size, expected, tmp_path):
    """Exit code 3, and where; what was committed is kept, nothing is torn, the table is as ever."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    (directory / ".gridrun").mkdir(mode=0o700)
    with small_disk(directory / place, size) as again:
        code, said = run(directory)
        assert code == 3, said
        assert said.startswith(str(directory / place)), said
        assert "no space left on the disk" in said
        assert "run the same command again" in said
        assert not (directory / "results" / "final_cv_results.csv").exists()
        again(f"size={MB}")
        assert run(directory) == (1, ""), "the toy refuses some, as upstream does"
        made = (directory / "results" / "final_cv_results.csv").read_bytes()
        assert made == expected
        assert not list(directory.rglob(".*.new"))


@pytest.mark.parametrize("place", [".gridrun", "results"])
def test_a_read_only_disk_is_the_machines(place, expected, tmp_path):
    """Made read-only, as a kernel does with a faulty disk, and writable again."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    (directory / ".gridrun").mkdir(mode=0o700)
    with small_disk(directory / place, MB) as again:
        again("ro")
        code, said = run(directory)
        assert code == 3, said
        assert said.startswith(str(directory / place)), said
        assert "the file system is read-only" in said
        again("rw")
        assert run(directory) == (1, "")
        assert (directory / "results" / "final_cv_results.csv").read_bytes() == expected


QUOTAS = {
    "btrfs": (
        "quota",  # SQLite may find no room where a moment later there is some
        "btrfs quota enable {place}; btrfs subvolume create {own}",
        "sync -f {place}; btrfs qgroup limit {size} {own}",
    ),
    # a directory's quota is, for who writes there, the size of the disk
    "xfs": (
        "no space left on the disk",
        "mkdir {own}; xfs_quota -x -c 'project -s -p {own} 7' {place}",
        "xfs_quota -x -c 'limit -p bhard={size} 7' {place}",
    ),
}
"""File system to what is said, and commands that prepare a directory and set its quota."""


@pytest.fixture(params=QUOTAS)
def under_quota(request, tmp_path):
    """A directory with a real quota, what sets that, and what is said of it."""
    kind = request.param
    if os.geteuid() != 0 or shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"needs the right to mount, and mkfs.{kind}, for a real quota")
    said, prepare, command = QUOTAS[kind]
    image, place = tmp_path / "image", tmp_path / "disk"
    own = place / "own"
    place.mkdir()

    def do(script, size=""):
        words = script.format(place=place, own=own, size=size, image=image)
        subprocess.run(["bash", "-ec", words], check=True, capture_output=True)

    with image.open("wb") as file:
        file.truncate(400 << 20)
    do(f"mkfs.{kind} -q {{image}}")
    options = "loop,prjquota" if kind == "xfs" else "loop"
    if subprocess.run(["mount", "-o", options, image, place], check=False).returncode:
        pytest.skip(f"needs a kernel that has {kind}, see tests/kernel")
    try:
        do(prepare)
        yield own, lambda size: do(command, size or {"btrfs": "none", "xfs": "0"}[kind]), said
    finally:
        do("umount -l {place}")


@pytest.mark.slow
@pytest.mark.parametrize("size", ["256k", "450k", "700k"])
def test_a_quota_is_named(under_quota, expected, size):
    """A sentence, not the kernel's signal; the run goes on once there is more."""
    place, limit, words = under_quota
    directory = write_study(place / "study", SMALL_GRID)
    limit(size)
    code = "import sys, test_disk_faults as t; print(*t.run(t.Path(sys.argv[1])))"
    ran = subprocess.run(
        [sys.executable, "-c", code, directory],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"the kernel has ended it: {ran.stderr}"
    assert ran.stdout.startswith(f"3 {directory}")
    assert words in ran.stdout
    limit("")
    assert run(directory) == (1, "")
    assert (directory / "results" / "final_cv_results.csv").read_bytes() == expected
    assert not list(directory.rglob(".*.new"))


def test_a_limit_of_file_sizes_is_named(tmp_path):
    """SQLite says no more than that it cannot write; what it may not is found out."""
    path = tmp_path / "ledger.sqlite"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Ledger(path) as ledger:
        ledger.store_meta("a", "b")
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(EnvironmentFault, match="larger than this process may write") as caught:
            Ledger(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.where == str(path)
    with Ledger(path) as ledger:
        assert ledger.meta("a") == "b"


def test_a_full_disk_under_the_logs(tmp_path, monkeypatch):
    """A log that cannot be kept is a fault of the machine, not of its task."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    logs = directory / ".gridrun" / "logs"

    def keep(self, event):
        with replacing(logs / "one") as aside:
            aside.write_text("x" * 8192)

    with small_disk(logs, "4k"):
        (logs.parent).chmod(0o700)
        monkeypatch.setattr(Recorder, "_keep_log", keep)
        code, said = run(directory)
    assert (code, "no space left on the disk" in said) == (3, True)
    assert said.startswith(str(logs))


_NO_SHARED_MEMORY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/mman.h>
static void *refused(int flags, int file) {
  if ((flags & MAP_SHARED) && file >= 0) { errno = ENODEV; return MAP_FAILED; }
  return 0;
}
void *mmap(void *at, size_t size, int how, int flags, int file, off_t from) {
  static void *(*real)(void *, size_t, int, int, int, off_t);
  if (!real) real = dlsym(RTLD_NEXT, "mmap");
  return refused(flags, file) ? MAP_FAILED : real(at, size, how, flags, file, from);
}
void *mmap64(void *at, size_t size, int how, int flags, int file, off_t from) {
  return mmap(at, size, how, flags, file, from);
}
"""


def test_without_write_ahead_logging_the_ledger_says_what_it_does(tmp_path):
    """Where files have no shared memory, it keeps a rollback journal, and a note says so."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler to take shared memory away")
    source, hook = tmp_path / "hook.c", tmp_path / "hook.so"
    source.write_text(_NO_SHARED_MEMORY)
    subprocess.run([compiler, "-shared", "-fPIC", source, "-o", hook, "-ldl"], check=True)
    code = """
import sys
from pathlib import Path
from gridrun.store.ledger import Ledger, LedgerView
with Ledger(Path(sys.argv[1])) as ledger:
    ledger.store_meta("a", "b")
    print(ledger.note)
    print(ledger.db.execute("PRAGMA journal_mode").fetchone())
print(LedgerView.open(Path(sys.argv[1])).meta("a"))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "ledger.sqlite"],
        env={**os.environ, "LD_PRELOAD": str(hook)},
        capture_output=True,
        text=True,
        check=True,
    )
    note, journal, kept = done.stdout.splitlines()
    assert "the ledger uses a rollback journal" in note
    assert journal == "('delete',)"
    assert kept == "b"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "no space left on the disk"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EFBIG, "larger than this process may write"),
        (errno.EIO, "cannot be read or written"),
    ],
)
def test_each_fault_of_a_disk_has_its_sentence(number, says, tmp_path):
    """The machine's are 3; a place that is not the user's is 2; a defect is neither."""
    fault = cannot_write(tmp_path, OSError(number, os.strerror(number)))
    assert (fault.exit_code, fault.where) == (3, str(tmp_path))
    assert says in fault.what
    # as pyarrow tells it
    assert says in disk_fault(OSError(f"Error writing. Detail: [errno {number}] ...")).what
    assert isinstance(cannot_write(tmp_path, OSError(errno.EACCES, "no")), UserError)
    assert disk_fault(FileNotFoundError(errno.ENOENT, "none")) is None


@pytest.fixture
def finished(tmp_path):
    """A study that was run."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    opened(directory).run(backend="inprocess")
    return directory


@pytest.mark.parametrize(
    ("how", "says"), [("size=8k", "no space left on the disk"), ("ro", "read-only")]
)
def test_a_report_that_cannot_be_written(finished, tmp_path, how, says):
    """To a file of one's own, or among the tables: a sentence, 3, and nothing torn."""
    before = (finished / "results" / "final_cv_results.csv").read_bytes()
    with small_disk(tmp_path / "other", MB) as again:
        again(how)
        with pytest.raises(EnvironmentFault, match=says) as caught:
            write_report([opened(finished)], tmp_path / "other" / "report.html")
        assert str(tmp_path / "other") in caught.value.where
        assert list((tmp_path / "other").iterdir()) == []
    for left in (finished / "results").glob("report.html"):
        left.unlink()
    kept = tmp_path / "kept"
    shutil.move(finished / "results", kept)
    with small_disk(finished / "results", "3m") as again:
        shutil.copytree(kept, finished / "results", dirs_exist_ok=True)
        taken = sum(file.stat().st_blocks for file in (finished / "results").iterdir()) * 512
        again(how.replace("8k", str(taken + (16 << 10))))
        with pytest.raises(EnvironmentFault, match=says):
            opened(finished).report()
        assert (finished / "results" / "final_cv_results.csv").read_bytes() == before
        assert not (finished / "results" / "report.html").exists()


def test_a_report_within_a_limit_of_file_sizes(finished, tmp_path):
    """It is larger than this process may write, which is said; nothing is there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, before[1]))
    try:
        with pytest.raises(EnvironmentFault, match="larger than this process may write"):
            write_report([opened(finished)], tmp_path / "report.html")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "report.html").exists()


@pytest.fixture
def pauses(monkeypatch):
    """Seconds of each wait for the disk, none of which is waited."""
    waited = []
    monkeypatch.setattr("gridrun.store.patience.time.sleep", waited.append)
    return waited


class Away:
    """A function that a disk keeps from working, so many times."""

    def __init__(self, real, times, number):
        self.real = real
        self.left = times
        self.number = number

    def __call__(self, *given, **named):
        if self.left:
            self.left -= 1
            raise OSError(self.number, os.strerror(self.number))
        return self.real(*given, **named)


PLACES = ["os.fsync", "pathlib.Path.read_bytes", "gridrun.store.cache.digest_of_file"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
@pytest.mark.parametrize("place", PLACES)
def test_a_network_disk_that_is_away_for_a_moment(
    place, number, expected, tmp_path, monkeypatch, pauses
):
    """Wherever it is noticed, it is waited for, and the table is as ever."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    module, _, name = place.rpartition(".")
    owner = Path if module == "pathlib.Path" else sys.modules[module]
    away = Away(getattr(owner, name), 3, number)

    def tried(*given, **named):  # it may be a method
        return away(*given, **named)

    monkeypatch.setattr(owner, name, tried)
    assert run(directory) == (1, "")
    assert away.left == 0
    assert pauses == [1.0, 2.0, 4.0]
    assert (directory / "results" / "final_cv_results.csv").read_bytes() == expected


def test_a_network_disk_that_stays_away_is_said(tmp_path, monkeypatch, pauses):
    """After a minute the run ends with 3; a disk that is full is not waited for."""
    directory = write_study(tmp_path / "study", SMALL_GRID)
    monkeypatch.setattr("os.fsync", Away(os.fsync, 10**6, errno.ETIMEDOUT))
    code, said = run(directory)
    assert code == 3
    assert "did not answer for a minute" in said
    assert "find out whether its server is up" in said
    assert 60 < sum(pauses) < 65
    pauses.clear()
    monkeypatch.setattr("os.fsync", Away(os.fsync, 10**6, errno.ENOSPC))
    assert run(directory)[0] == 3
    assert pauses == []


class Failing:
    """A connection whose transactions a disk keeps from being begun or committed, so many times."""

    def __init__(self, db, times, statement):
        self.db = db
        self.left = times
        self.statement = statement

    def __getattr__(self, name):
        return getattr(self.db, name)

    def execute(self, text, *values):
        if self.left and text == self.statement:
            self.left -= 1
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise error
        return self.db.execute(text, *values)


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "COMMIT"])
def test_a_ledger_whose_disk_is_away_for_a_moment(statement, tmp_path, pauses):
    """What was to be written is, once; nothing is lost, or there twice."""
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.db = Failing(ledger.db, 2, statement)
        ledger.begin_run({}, "inprocess", "1")
        ledger.store_meta("a", "b")
        assert ledger.db.left == 0
        assert ledger.meta("a") == "b"
        assert ledger.db.execute("SELECT COUNT(*) FROM run").fetchone() == (1,)
    assert pauses == [1.0, 2.0]


def test_a_temporary_directory_that_was_cleaned_up_is_named(tmp_path):
    """Whoever cleans temporary files up under a run is told of TMPDIR; a lost file is a defect."""
    place = tmp_path / "worker"
    with pytest.raises(EnvironmentFault, match="removed while it was in use"), in_temporary(place):
        (place / "request").write_text("x")
    place.mkdir()
    with pytest.raises(FileNotFoundError), in_temporary(place):
        (place / "request").read_text()
    shutil.rmtree(place)
