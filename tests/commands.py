"""``gridrun`` as a shell would run it, in a process of its own that need not import everything.

Each command is forked from a server that has imported gridrun, as importing takes longer than
most commands do. What depends on the start of Python itself has to start Python.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["imported"])
WIDTH = {"COLUMNS": "120", "NO_COLOR": "1"}


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
    words = list(map(str, arguments))
    variables = {**os.environ, **WIDTH, **env}
    with tempfile.TemporaryDirectory(prefix="command-") as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _SERVER.Process(
            target=_run,
            args=(script, words, str(cwd or Path.cwd()), variables, (str(out), str(err))),
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["gridrun", *words], timeout)
        return subprocess.CompletedProcess(
            ["gridrun", *words], process.exitcode, out.read_text("utf-8"), err.read_text("utf-8")
        )


def _run(
    script: Path | None,
    words: list[str],
    cwd: str,
    variables: dict[str, str],
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
            runpy.run_path(str(script), run_name="__main__")
    finally:
        # multiprocessing ends its processes without these
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
