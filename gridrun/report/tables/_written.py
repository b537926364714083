"""What was written into ``results/``, so that a file that was edited or cut since is found.

It stands in one file with its own checksum: the stamp of the tables, their sums, the notes (and
which of them depend on no run), and of each file its SHA-256 and what the system says of it (size,
times, number). A file of which the system says the same is not read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gridrun.plan.fingerprint import digest_of, digest_of_file
from gridrun.store.cache import replacing

STAMP = "stamp"
NOTES = "notes"
STANDING = "standing"
_FILES = "files"


def read_written(path: Path) -> dict[str, Any]:
    """What was kept; empty where nothing was, or not this."""
    try:
        whole = json.loads(path.read_text("utf-8"))
        kept = dict(whole["written"])
        if digest_of(kept) == whole["checksum"]:
            return kept
    except (OSError, ValueError, LookupError, TypeError):
        pass  # not there, or changed by something else than us: the tables are written anew
    return {}


def keep_written(
    path: Path, kept: Mapping[str, Any], base: Path, files: Iterable[Path] | None = None
) -> None:
    """Keep what was written.

    Args:
        path: Where.
        kept: Plain data.
        base: Directory below which the files are; a study may be moved or copied.
        files: What was written just now, a directory for all in it; None where nothing was.
    """
    data = dict(kept)
    if files is not None:
        data[_FILES] = {
            one.relative_to(base).as_posix(): [digest_of_file(one), _about(one)]
            for file in files
            for one in (sorted(file.iterdir()) if file.is_dir() else [file])
        }
    data = json.loads(json.dumps(data))
    with replacing(path) as aside:
        whole = {"written": data, "checksum": digest_of(data)}
        aside.write_text(json.dumps(whole, ensure_ascii=False), "utf-8")


def has_file(kept: Mapping[str, Any], file: Path) -> bool:
    """Whether a file of ``results/`` itself, of this name, is among what was written."""
    return file.name in kept.get(_FILES, {})


def altered(kept: Mapping[str, Any], base: Path) -> list[Path]:
    """Files that are not what was written, or are not there.

    Args:
        kept: What ``read_written`` gave.
        base: Directory below which the files are.
    """
    known = kept.get(_FILES, {})
    return [base / name for name, facts in known.items() if not _is_same(base / name, facts)]


def _is_same(file: Path, facts: list[Any]) -> bool:
    try:
        return file.is_file() and (_about(file) == facts[1] or digest_of_file(file) == facts[0])
    except OSError:
        return False


def _about(file: Path) -> str:
    stat = file.stat()
    parts = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev)
    return " ".join(map(str, parts))
