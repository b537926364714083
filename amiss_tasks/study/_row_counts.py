"""How many rows blocks have, before anything is read: records of the VCF, counted quickly.

An estimate for times alone. Nothing is checked or joined; the read stage does both.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from amiss_tasks.clinvar import REVIEW_TIERS
from amiss_tasks.stages.filter_mask import KEEP_ALL
from amiss_tasks.stages.significance import Significance
from gridrun._version import __version__
from gridrun.errors import counted
from gridrun.plan.fingerprint import digest_of
from gridrun.store.beginnings import input_stamp, open_input
from gridrun.store.cache import fault_of, write_entry
from gridrun.store.patience import patiently

_MOST_BYTES = 48 << 20
"""Unpacked bytes that are looked at, in half a second; the rest is taken to be like these.

They stay in memory for the reading, which comes next. Fewer would be less right, for genes stand
together in a file: see docs/times.md.
"""

_LEAST_BYTES = 64
"""What a line counts as, at least."""

_GZIP = b"\x1f\x8b"
_FIELDS = re.compile(rb"(?:^|[;\t])(CLNREVSTAT|CLNSIG|CSQ)=([^;\t\n]*)")
_MISSENSE = b"missense_variant"
_TIERS = tuple(REVIEW_TIERS)

_counted: dict[Path, tuple[str, RowCounts | None]] = {}
"""File to what was asked of it last, and the answer."""


@dataclass(frozen=True)
class RowCounts:
    """Records of a VCF by what filters ask of them.

    Args:
        records: (best tier, whether a consequence is missense, class) to (records, CSQ blocks).
        share: Of the file, where only the beginning was looked at.
        said: How it was found out, as a clause.
    """

    records: dict[tuple[int, bool, str], tuple[int, int]]
    share: float
    said: str

    @property
    def scale(self) -> float:
        """What to multiply counts by."""
        return 1 / self.share

    @property
    def starred(self) -> float:
        """Number of variants that any quality keeps."""
        return self.scale * sum(records for records, _ in self.records.values())

    def read(self, transcript: str, quality: str, restriction: str) -> float:
        """Rows that the widest filter of a grid keeps, of any class."""
        tier, is_all = _TIERS.index(quality), restriction == "all"
        kept = [
            n for (t, missense, _), n in self.records.items() if t <= tier and (is_all or missense)
        ]
        return self.scale * sum(n[transcript == KEEP_ALL] for n in kept)

    def classes(
        self, transcript: str, quality: str, restriction: str, vus_inclusion: str
    ) -> tuple[float, float]:
        """Positive and negative rows of a block."""
        found: Counter[str] = Counter()
        for (tier, is_missense, label), (records, blocks) in self.records.items():
            if tier <= _TIERS.index(quality) and (restriction == "all" or is_missense):
                found[label] += blocks if transcript == KEEP_ALL else records
        found[{"pathogenic": "positive", "benign": "negative"}.get(vus_inclusion, "")] += found[
            "uncertain"
        ]
        return self.scale * found["positive"], self.scale * found["negative"]


def kept_rows(
    file: Path, significance: Significance, digest: str | None, cache_dir: Path
) -> RowCounts | None:
    """The same as ``count_rows``, once for a file: counts are kept.

    Args:
        file: Plain or gzip.
        significance: What values of CLNSIG count as.
        digest: Of the file's content; where it is not known, counts are kept for the file as it is.
        cache_dir: The study's cache. It is not made for this.
    """
    try:
        stamp = patiently(partial(input_stamp, file))
    except OSError:
        return None
    how = [dict(significance.mapped), significance.table, _MOST_BYTES, __version__]
    entry = cache_dir / f"records-{digest_of([digest or stamp, *how])}.json"
    if fault_of(entry) is None:
        found = json.loads(entry.read_bytes())
        records = {(tier, missense, label): (n, m) for tier, missense, label, n, m in found[1:]}
        return _of_file(file, records, *found[0])
    # what was read for it may be let go by now
    asked = json.dumps([stamp, *how])
    if _counted.get(file, ("", None))[0] != asked:
        _counted[file] = (asked, count_rows(file, significance))
    counts = _counted[file][1]
    if counts is not None and cache_dir.is_dir():
        rows = [[*key, *each] for key, each in counts.records.items()]
        text = json.dumps([[counts.share], *rows])
        with contextlib.suppress(OSError):  # they are counted again then
            write_entry(entry, lambda aside: aside.write_text(text, "utf-8"))
    return counts


def count_rows(file: Path, significance: Significance) -> RowCounts | None:
    """Count the records of a VCF; None where it cannot be read, which others say.

    Args:
        file: Plain or gzip.
        significance: What values of CLNSIG count as.
    """
    found: Counter[tuple[int, bool, str]] = Counter()
    blocks: Counter[tuple[int, bool, str]] = Counter()
    classes: dict[str, str | None] = {}
    tiers = {text: at for at, name in reversed([*enumerate(_TIERS)]) for text in REVIEW_TIERS[name]}
    seen = 0
    try:
        size = file.stat().st_size
        with open_input(file, holding=_MOST_BYTES) as raw:
            is_packed = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            lines = gzip.GzipFile(fileobj=raw) if is_packed else raw
            # what is one line, or nothing but line ends, would take all memory, or minutes
            for line in iter(lambda: lines.readline(_MOST_BYTES), b""):
                seen += max(len(line), _LEAST_BYTES)
                if seen > _MOST_BYTES:
                    break
                fields = dict(_FIELDS.findall(line)) if not line.startswith(b"#") else {}
                tier = tiers.get(fields.get(b"CLNREVSTAT", b"").decode("utf-8", "replace"))
                value = fields.get(b"CLNSIG", b"").decode("utf-8", "replace")
                if value not in classes:
                    classes[value] = _class_of(value, significance)
                label, csq = classes[value], fields.get(b"CSQ", b"")
                if tier is not None and label is not None:
                    key = (tier, _MISSENSE in csq, label)
                    found[key] += 1
                    blocks[key] += csq.count(b",") + 1
            share = 1.0 if seen <= _MOST_BYTES else min(1.0, raw.tell() / max(size, 1))
    except (OSError, EOFError, ValueError):
        return None
    return _of_file(file, {key: (found[key], blocks[key]) for key in found}, share)


def _of_file(
    file: Path, records: dict[tuple[int, bool, str], tuple[int, int]], share: float
) -> RowCounts:
    usable = round(sum(n for n, _ in records.values()) / share)
    how = "" if share == 1.0 else f", by its first {share:.0%}"
    said = f"{counted(usable, 'record')} of {file.name} have a review status and a class{how}"
    return RowCounts(records, share, said)


def _class_of(value: str, significance: Significance) -> str | None:
    known = significance.of_values([value])
    for label in ("positive", "negative", "uncertain"):
        if value in getattr(known, label):
            return label
    return None
