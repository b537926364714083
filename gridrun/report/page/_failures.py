"""Failures: how many, of which kind, for which reason, and what an attempt printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gridrun.report.attempts import logged_attempts
from gridrun.report.page._known import Known
from gridrun.report.page._section import Shown

_TAIL_BYTES = 4096
_TAIL_LINES = 12


def show_failures(known: Known) -> Shown:
    """Each reason once, the most frequent first."""
    reasons = sorted(known.summary.reasons.items(), key=lambda item: (-item[1], item[0]))
    excerpts = dict(_excerpts(known)) if reasons else {}
    return Shown(
        {
            "failures": [
                (count, kind, reason, excerpts.get((kind, reason), ""))
                for (kind, reason), count in reasons
            ]
        }
    )


def _excerpts(known: Known) -> Iterator[tuple[tuple[str, str], str]]:
    """Kind and reason to the end of the log of one attempt that failed so, the newest."""
    newest: dict[tuple[str, str], Path] = {}
    for attempt in logged_attempts(known.study_state):
        key = (attempt.kind, attempt.reason)
        if attempt.log is not None and key in known.summary.reasons:
            newest[key] = attempt.log
    for key, log in newest.items():
        try:
            with log.open("rb") as handle:
                handle.seek(max(0, log.stat().st_size - _TAIL_BYTES))
                text = handle.read().decode("utf-8", "replace")
        except OSError:
            continue  # logs may be removed; the reason stands in the ledger
        yield key, "\n".join(text.strip().splitlines()[-_TAIL_LINES:])
