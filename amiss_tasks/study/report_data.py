"""What the report shows of amiss alone: what is missing where, and answers for the check-list."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from gridrun.errors import counted
from gridrun.pipeline.reports import CellType, CheckItem, ReportSection, ReportTable

TRADEOFF = ("Specificity", "Sensitivity")

CHECKS = (
    CheckItem(
        "REFORMS 4, TRIPOD+AI",
        "How were missing values handled?",
        "That is what the study compares; imputation learns from training rows, and what test rows "
        "depend on under the protocol stands in docs/methods.md and docs/protocols.md.",
    ),
    CheckItem(
        "TRIPOD+AI",
        "What was done about classes of unequal size?",
        "Where `downsampling` is on, training rows of the larger class are sampled; test rows "
        "are left as they are.",
    ),
)

_ALL = "all"
"""What stands for the consequence in rows of all variants of a block."""
_MOST = 60
"""Features of a block that the page shows, those whose missingness says most of the class."""
_MOST_BLOCKS = 6
"""Blocks that the page shows; the file has all."""
_MOST_CONSEQUENCES = 8
"""Consequences of a block that the page shows, those with most rows: the page is no wider."""

_HOW = (
    "What is missing of which feature in the variants of a block, before anything is split or "
    "imputed; results/missingness.csv has all blocks, consequences and both classes in counts. A "
    "feature whose missingness is correlated with the class tells the class to any method that "
    "keeps it. A value that cannot exist for a consequence, as a features file says by "
    "applies_to, is counted by itself: it is not missing in the sense that imputation assumes."
)
_ORDER = (
    "Features stand in the order of how much their missingness says of the class, "
    f"{_MOST} at most. By consequence, a cell has the share of positive rows, then that of "
    "negative ones, and the number of rows of both stands beside the consequence; those with most "
    f"rows are shown, {_MOST_CONSEQUENCES} at most."
)

_Head = tuple[tuple[str, CellType], ...]


def sections(results: Path) -> Sequence[ReportSection]:
    """Missingness by feature, class and consequence; nothing before there are results.

    Args:
        results: Directory of the study's tables, of which ``missingness.csv`` is read.
    """
    rows = _read(results / "missingness.csv")
    if not rows:
        return ()
    keys = list(rows[0])[: list(rows[0]).index("feature")]
    blocks: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        if row["is_feature"] == "yes":
            blocks.setdefault(tuple(row[key] for key in keys), []).append(row)
    varying = [at for at in range(len(keys)) if len({block[at] for block in blocks}) > 1]
    tables = []
    for block, own in list(blocks.items())[:_MOST_BLOCKS]:
        named = ", ".join(f"{keys[at]} = {block[at]}" for at in varying) or "the only block"
        whole = [row for row in own if row["consequence"] == _ALL]
        whole.sort(key=lambda row: -abs(_number(row["correlation"]) or 0.0))
        count = sum(_counts(whole[0], "rows"))
        tables.append(_by_feature(whole[:_MOST], f"{named}, {counted(count, 'row')}"))
        features = [row["feature"] for row in whole[:_MOST]]
        tables.append(_by_consequence(own, features, named))
    sentences = [_HOW, _ORDER]
    if len(blocks) > _MOST_BLOCKS:
        sentences.append(f"The first {_MOST_BLOCKS} of {counted(len(blocks), 'block')} are shown.")
    return (ReportSection("missingness", "Missingness", tuple(sentences), tuple(tables)),)


_CLASSES = ("positive", "negative")


def _by_feature(rows: Sequence[Mapping[str, str]], named: str) -> ReportTable:
    numbers = {
        "missing_share_positive": "missing of positive rows",
        "missing_share_negative": "of negative rows",
        "correlation": "correlation with the class",
    }
    head: _Head = (
        ("feature", "text"),
        *((text, "number") for text in numbers.values()),
        ("cannot exist", "integer"),
        ("leaks", "text"),
    )
    body = [
        (
            row["feature"],
            *(_number(row[name]) for name in numbers),
            sum(_counts(row, "cannot_exist")),
            row["leak"],
        )
        for row in rows
    ]
    return ReportTable(f"Missing values by feature and class: {named}.", head, tuple(body))


def _by_consequence(
    rows: Sequence[Mapping[str, str]], features: Sequence[str], named: str
) -> ReportTable:
    cells = {(row["feature"], row["consequence"]): _shares(row) for row in rows}
    counts = {row["consequence"]: sum(_counts(row, "rows")) for row in rows}
    counts = {name: count for name, count in counts.items() if name != _ALL and count}
    names = sorted(counts, key=lambda name: (-counts[name], name))
    shown = names[:_MOST_CONSEQUENCES]
    body = tuple(
        (feature, *(cells.get((feature, name), "-") for name in shown)) for feature in features
    )
    head: _Head = (("feature", "text"), *((f"{name} ({counts[name]:,})", "text") for name in shown))
    which = f"; {len(shown)} of {len(names)} consequences" if len(names) > len(shown) else ""
    caption = f"Share missing by feature, consequence and class: {named}{which}."
    return ReportTable(caption, head, body)


def _shares(row: Mapping[str, str]) -> str:
    """Share missing of positive and of negative rows, or why there is none."""
    each = [
        f"{missing / (rows - cannot):.2f}" if rows > cannot else "cannot exist" if rows else "-"
        for rows, missing, cannot in zip(
            *(_counts(row, what) for what in ("rows", "missing", "cannot_exist")), strict=True
        )
    ]
    known = {*each} - {"-"}
    return "cannot exist" if known == {"cannot exist"} else " / ".join(each)


def _counts(row: Mapping[str, str], what: str) -> tuple[int, ...]:
    return tuple(int(row[f"{what}_{name}"]) for name in _CLASSES)


def _read(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle))
    except FileNotFoundError:
        return []


def _number(text: str) -> float | None:
    return None if text in {"NA", "NaN", ""} else float(text)
