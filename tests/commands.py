"""``gridrun`` as a shell would run it, in a process of its own that need not import everything.

Each command is forked from a server that has imported gridrun, as importing takes longer than
most commands do. What depends on the start of Python itself has to start Python.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.util
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
PRELOADED = "imported"
_SERVER.set_forkserver_preload([PRELOADED])
if multiprocessing.parent_process() is None:
    # the server's socket goes with the tests, not with the temporary directory of one of them
    multiprocessing.util.get_temp_dir()
WIDTH = {"COLUMNS": "120", "NO_COLOR": "1"}

SEVERAL = """
import contextlib, io, json, sys
from gridrun.cli import main
file, *commands = sys.argv[1:]
done = []
for words in map(json.loads, commands):
    sys.argv = ["gridrun", *words]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    done.append((words, code, out.getvalue(), err.getvalue()))
with open(file, "w") as handle:
    json.dump(done, handle)
"""
"""Runs commands, each a list as JSON, in one process, for tests that have to start Python.

The first argument is a file, for words, exit code, stdout and stderr of each.
"""


class Command:
    """A command that runs; as ``subprocess.Popen``, as far as tests ask.

    Args:
        words: As they are typed after ``gridrun``.
        script: A Python file to run instead, with these words.
        cwd: Where; here by default.
        env: Variables that it has beside those of this process.
    """

    def __init__(
        self, words: list[str], script: Path | None, cwd: Path | str | None, env: dict[str, str]
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="command-")
        self._files = tuple(str(Path(self._folder.name) / name) for name in ("out", "err"))
        self._process = _SERVER.Process(
            target=_run,
            args=(script, words, str(cwd or Path.cwd()), {**os.environ, **WIDTH, **env}),
            kwargs={"files": self._files},
        )
        self.args = ["gridrun", *words]
        _run_server()
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it printed."""
        self.wait(timeout)
        out, err = (Path(name).read_text("utf-8") for name in self._files)
        return out, err

    def send_signal(self, number: int) -> None:
        """As from a shell; nothing where it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def start(
    *arguments: str | Path, script: Path | None = None, cwd: Path | str | None = None, **env: str
) -> Command:
    """Start a command and go on; see :class:`Command`."""
    return Command(list(map(str, arguments)), script, cwd, env)


def gridrun(
    *arguments: str | Path,
    script: Path | None = None,
    cwd: Path | str | None = None,
    timeout: float = 280,
    **env: str,
) -> subprocess.CompletedProcess[str]:
    """Run a command; its output is no terminal, its input is empty.

    Args:
        arguments: As they are typed after ``gridrun``.
        script: A Python file to run instead, with these arguments.
        cwd: Where; here by default.
        timeout: Seconds after which it is killed.
        env: Variables that it has beside those of this process.

    Raises:
        subprocess.TimeoutExpired: It took longer.
    """
    command = start(*arguments, script=script, cwd=cwd, **env)
    try:
        out, err = command.communicate(timeout)
    except subprocess.TimeoutExpired:
        command.kill()
        command.wait()
        raise
    return subprocess.CompletedProcess(command.args, command.wait(), out, err)


def _run_server() -> None:
    """Start the server, if it does not run yet, where it finds what it is to import.

    It is not told of this process's ``sys.path``, and leaves out in silence what it cannot import.
    """
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), before or ""])
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _run(
    script: Path | None,
    words: list[str],
    cwd: str,
    variables: dict[str, str],
    *,
    files: tuple[str, str],
) -> None:
    from gridrun.cli import main

    for number, path in enumerate((os.devnull, *files)):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT
        os.dup2(os.open(path, flags), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(cwd)
    sys.argv = [str(script or "gridrun"), *words]
    try:
        if script is None:
            main()
        else:
            sys.path.insert(0, str(script.resolve().parent))
            runpy.run_path(str(script), run_name="__main__")
    finally:
        # multiprocessing ends its processes without these
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
