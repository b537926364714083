"""A step on a node that sees nothing of this machine's disk: what it is given, what it answers."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from backends.slurm._commands import NoAnswer, not_there, sentence_of

_SCRIPT = Path(__file__).with_name("exchange.sh")
_SUMS = "sums"
_MISSING = 3
"""Exit code of the script where the directory of the shard is not there."""

_LONGEST_SECONDS = 120.0
_BYTES_A_SECOND = 1e6
"""What is given at least so fast is waited for."""


@dataclass(frozen=True)
class Reply:
    """What a node answers.

    Args:
        state: ``lacks`` the shard, ``running``, ``over`` or ``removed``.
        files: Name to content.
    """

    state: str
    files: Mapping[str, bytes]


def run_step(
    options: Sequence[str], arguments: Sequence[str], files: Mapping[str, Path | bytes | None]
) -> Reply | None:
    """Run the script of a step; None where the shard has no directory on the node.

    Args:
        options: Of srun: in which job, or as which job.
        arguments: Of the script.
        files: Name to what the node is given: a file, content, or None for a directory.

    Raises:
        NoAnswer: Slurm did not run it, it failed, or what came is not whole.
        EnvironmentFault: There is no srun.
    """
    words = ["srun", *_ALIKE, *options, "/bin/bash", "-c", _SCRIPT.read_text("utf-8"), "gridrun"]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as got:
        _pack(given, files)
        longest = _LONGEST_SECONDS + given.tell() / _BYTES_A_SECOND
        given.seek(0)
        try:
            done = subprocess.run(  # noqa: S603 - words, no shell here
                [*words, *arguments],
                env=_environment(),
                stdin=given,
                stdout=got,
                stderr=subprocess.PIPE,
                start_new_session=True,
                timeout=longest,
                check=False,
            )
        except OSError as error:
            raise not_there("srun", error) from error
        except subprocess.TimeoutExpired as error:
            raise NoAnswer(f"srun had no answer in {error.timeout:.0f} s") from error
        if done.returncode == _MISSING:
            return None
        if done.returncode:
            said = sentence_of(done.stderr.decode(errors="replace").splitlines())
            raise NoAnswer(said or f"srun ended: {done.returncode}")
        got.seek(0)
        return _unpacked(got)


_ALIKE = ("--nodes=1", "--ntasks=1", "--chdir=/", "--export=NONE", "--quiet")


def _environment() -> dict[str, str]:
    """Variables for srun: none that would have it run in another allocation, or otherwise."""
    own = ("SLURM_", "SRUN_")
    kept = ("SLURM_CONF",)
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(kept) or not name.startswith(own)
    }


def _pack(target: IO[bytes], files: Mapping[str, Path | bytes | None]) -> None:
    """Write an archive of files and their digests."""
    sums = ""
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, what in files.items():
            if what is None:
                about = tarfile.TarInfo(name)
                about.type, about.mode = tarfile.DIRTYPE, 0o700
                archive.addfile(about)
                continue
            content = what.read_bytes() if isinstance(what, Path) else what
            sums += f"{hashlib.sha256(content).hexdigest()}  {name}\n"
            _add(archive, name, content)
        _add(archive, _SUMS, sums.encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(content), 0o600
    archive.addfile(about, io.BytesIO(content))


def _unpacked(source: IO[bytes]) -> Reply:
    """The files of an archive, each held against its digest.

    Raises:
        NoAnswer: They are not whole.
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=source) as archive:
            for member in archive:
                if member.isfile() and (file := archive.extractfile(member)) is not None:
                    files[member.name.removeprefix("./")] = file.read()
        lines = files.pop(_SUMS).decode().splitlines()
        sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
        state = files["state"].decode().strip()
    except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
        raise NoAnswer(f"what came is not whole: {error}") from error
    if sums != {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}:
        raise NoAnswer("what came is not what was sent, by its digests")
    return Reply(state, files)
