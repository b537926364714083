"""What sums need of results that were read before, in a file of the cache."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gridrun.plan.fingerprint import digest_of, python_code
from gridrun.plan.task_encoding import IntArray
from gridrun.report.batches import means_of
from gridrun.store.cache import DAMAGED_ARCHIVE, fault_of, write_entry
from gridrun.store.ledger import LedgerView, StoredResult, decoded
from gridrun.study.state import StudyState

_SUFFIX = ".means"
_HEAD = "head"

Place = tuple[int, int]
"""The ledger's number of a context, and a fold."""


class Essence(NamedTuple):
    """What sums need of some results.

    Args:
        means: Of each result and metric, over its rows.
        payloads: Of each result and payload, the position of its digest; -1 without one.
    """

    means: npt.NDArray[np.float64]
    payloads: IntArray


class ReadBefore:
    """Results that were read, and held against their digests, by this call or an earlier one.

    A task that was attempted since the mark of the earlier one is not among them, and neither is
    one that has no outcome any more. The mark is an attempt, so another ledger has none of it.

    Args:
        study_state: The study.
        view: The ledger, or None.
        metrics: Means of these are kept.
        payloads: Names of payloads whose digests are kept.
    """

    def __init__(
        self,
        study_state: StudyState,
        view: LedgerView | None,
        metrics: Sequence[str],
        payloads: Sequence[str],
    ) -> None:
        self._metrics, self._names = list(metrics), list(payloads)
        made_by = [
            python_code("gridrun.report.sums", "gridrun.report"),
            self._metrics,
            self._names,
        ]
        self._path = study_state.study.paths.cache / f"{digest_of(made_by)}{_SUFFIX}"
        self._known: dict[Place, tuple[IntArray, Essence]] = {}
        self._new: dict[Place, list[tuple[IntArray, Essence]]] = {}
        self._places: dict[str, int] = {}
        self.digests: list[str] = []
        """Of payloads, each once."""
        # before anything is read: what is recorded meanwhile is newer
        self._version = view.version() if view is not None else 0
        self._mark = view.attempt(self._version) if view is not None else []
        if view is not None and fault_of(self._path) is None:
            with contextlib.suppress(*DAMAGED_ARCHIVE, OSError, ValueError):
                self._load(view)
        self.is_most = 2 * sum(len(codes) for codes, _ in self._known.values()) > self._version

    def nothing_of(self, codes: IntArray) -> Essence:
        """Room for what some tasks have."""
        return Essence(
            np.full((len(codes), len(self._metrics)), np.nan),
            np.full((len(codes), len(self._names)), -1, np.int64),
        )

    def fill(
        self, place: Place, codes: IntArray, essence: Essence, at: IntArray
    ) -> npt.NDArray[np.bool_]:
        """Fill in what is known of tasks.

        Args:
            place: Their context and fold.
            codes: Of the tasks.
            essence: Takes what is known.
            at: Where, of each task.

        Returns:
            Of which tasks it is.
        """
        if place not in self._known:
            return np.zeros(len(codes), np.bool_)
        known, values = self._known[place]
        found = np.searchsorted(known, codes)
        is_known: npt.NDArray[np.bool_] = np.append(known, -1)[found] == codes
        for mine, theirs in zip(essence, values, strict=True):
            mine[at[is_known]] = theirs[found[is_known]]
        return is_known

    def add(
        self,
        place: Place,
        codes: IntArray,
        results: Sequence[StoredResult],
        essence: Essence,
        at: Sequence[int],
    ) -> None:
        """Take whole results that were read, and fill in what they have."""
        rows = decoded([one.rows for one in results])
        for column, metric in enumerate(self._metrics):
            essence.means[at, column] = means_of(rows, metric)
        payloads = decoded([one.payloads for one in results]) if self._names else []
        for column, name in enumerate(self._names):
            essence.payloads[at, column] = [self._position(of.get(name)) for of in payloads]
        mine = Essence(essence.means[at], essence.payloads[at])
        self._new.setdefault(place, []).append((codes, mine))

    def keep(self) -> None:
        """Write down what was read, if that is possible: a study may be one's to read alone."""
        if not self._new:
            return
        head: dict[str, Any] = {"version": self._version, "mark": self._mark}
        head |= {"digests": self.digests, "places": []}
        arrays: dict[str, Any] = {}
        for number, place in enumerate({**self._known, **self._new}):
            parts = [
                *([self._known[place]] if place in self._known else []),
                *self._new.get(place, []),
            ]
            codes, first = np.unique(
                np.concatenate([codes for codes, _ in parts]), return_index=True
            )
            head["places"].append(place)
            arrays[f"codes{number}"] = codes
            for name in Essence._fields:
                whole = np.concatenate([getattr(essence, name) for _, essence in parts])
                arrays[f"{name}{number}"] = whole[first]
        arrays[_HEAD] = np.frombuffer(json.dumps(head).encode(), np.uint8)

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, **arrays)

        with contextlib.suppress(OSError):
            write_entry(self._path, write)

    def _load(self, view: LedgerView) -> None:
        with np.load(self._path, allow_pickle=False) as kept:
            head = json.loads(kept[_HEAD].tobytes())
            if not head["mark"] or view.attempt(head["version"]) != head["mark"]:
                return
            newer = view.attempted_since(head["version"])
            self.digests = list(head["digests"])
            self._places = {digest: place for place, digest in enumerate(self.digests)}
            for number, (context, fold) in enumerate(head["places"]):
                codes = kept[f"codes{number}"]
                done = view.ended(context, fold).done
                stands = np.isin(codes, done) & ~np.isin(codes, newer.get((context, fold), ()))
                essence = Essence(*(kept[f"{name}{number}"][stands] for name in Essence._fields))
                self._known[context, fold] = (codes[stands], essence)

    def _position(self, digest: str | None) -> int:
        if not digest:
            return -1
        if digest not in self._places:
            self._places[digest] = len(self.digests)
            self.digests.append(digest)
        return self._places[digest]
