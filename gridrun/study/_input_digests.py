"""Digests of inputs that were taken before: which file, as it was, had which content.

A file counts as unchanged while its place, size, number and both of its times are. It is then
not read again for its digest, by no command; a time that changes (``touch``) has it read.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from gridrun.store.cache import with_replacement
from gridrun.store.paths import StudyPaths

_MOST_STAMPS = 100
"""States of files that are kept; a file that is written again and again has many."""


def input_stamp(path: Path) -> str:
    """What distinguishes one state of a file from another without reading it.

    The time of its last change of any kind stands beside that of its content, which
    whoever writes a file may set as they like.
    """
    stat = path.stat()
    parts = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    return " ".join([str(path.resolve()), *map(str, parts)])


def known_digests(paths: StudyPaths) -> dict[str, str]:
    """Stamp of a file to the digest of its content, as far as they were kept."""
    try:
        found = json.loads(paths.input_digests.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    is_sound = isinstance(found, dict) and all(isinstance(each, str) for each in found.values())
    return found if is_sound else {}


def keep_digests(paths: StudyPaths, digests: Mapping[str, str]) -> None:
    """Keep digests for other commands, where a study has a place for what it keeps.

    Where it has none nothing is made, and what cannot be written is taken again when it is needed.

    Args:
        paths: Of the study.
        digests: Stamp of a file to the digest of its content.
    """
    known = known_digests(paths)
    if not paths.state.is_dir() or digests.items() <= known.items():
        return
    kept = {**{stamp: known[stamp] for stamp in known.keys() - digests.keys()}, **digests}
    text = json.dumps(dict(list(kept.items())[-_MOST_STAMPS:]), indent=1)
    with contextlib.suppress(OSError):
        with_replacement(paths.input_digests, lambda aside: aside.write_text(text, "utf-8"))
