"""A shard on the own disk of its node: the job waits for it, and for who collects what came of it.

NODE_PATH/SWEEP_3/SWEEP/    the shard, as a sweep of its own
                  have      names of the outcomes that were collected, by the last step
                  cancelled nobody is to go on
                  over      the job writes nothing more
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from gridrun.shard import MANIFEST, is_segment
from gridrun.shard.queue import ShardQueue

_HAVE, _CANCELLED, _OVER = "have", "cancelled", "over"
_POLL_SECONDS = 0.5


def wait_for_shard(directory: Path, seconds: float, is_ending: Callable[[], bool]) -> bool:
    """Wait until a shard is there, or nobody is to run it any more; whether that came.

    Args:
        directory: Of the shard, as a sweep.
        seconds: How long.
        is_ending: Whether the job has to end.
    """
    deadline = time.monotonic() + seconds
    while not (ShardQueue(directory).exists or (directory.parent / _CANCELLED).exists()):
        if time.monotonic() > deadline or is_ending():
            return False
        time.sleep(_POLL_SECONDS)
    return True


def wait_for_collection(directory: Path, shard: str, has_to_end: Callable[[], bool]) -> None:
    """Wait until all outcomes were collected, as long as somebody collects at all.

    Args:
        directory: Of the shard, as a sweep.
        shard: Its name.
        has_to_end: Whether the job cannot wait any longer.
    """
    out = ShardQueue(directory).out(shard)
    have = directory.parent / _HAVE

    def is_collected() -> bool:
        there = {path.name for path in out.glob("*")}
        names = {name for name in there if name == MANIFEST or is_segment(name)}
        return have.exists() and names <= set(have.read_text("utf-8").split())

    _wait(directory, lambda: has_to_end() or is_collected())


def wait_for_end(directory: Path, has_to_end: Callable[[], bool]) -> None:
    """Say that nothing more comes, and wait until all of it was collected and removed.

    Args:
        directory: Of the shard, as a sweep.
        has_to_end: Whether the job cannot wait any longer.
    """
    place = directory.parent
    if place.exists():
        (place / _OVER).touch()
        _wait(directory, lambda: has_to_end() or not place.exists())


def _wait(directory: Path, is_through: Callable[[], bool]) -> None:
    """Wait, unless nobody was heard of for a lease: what is left is collected later then."""
    lease = ShardQueue(directory).lease_seconds
    have = directory.parent / _HAVE
    while not is_through():
        try:
            silent = time.time() - have.stat().st_mtime
        except FileNotFoundError:
            return  # it was removed, or nobody has come
        if silent > lease:
            return
        time.sleep(_POLL_SECONDS)
