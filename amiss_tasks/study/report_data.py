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

_HOW = (
    "What is missing of which feature in the variants of a block, before anything is split or "
    "imputed; results/missingness.csv has all blocks, consequences and both classes in counts. A "
    "feature whose missingness is correlated with the class tells the class to any method that "
    "keeps it. A value that cannot exist for a consequence, as a features file says by "
    "applies_to, is counted by itself: it is not missing in the sense that imputation assumes."
)
_ORDER = "Features stand in the order of how much their missingness says of the class"

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
        count = sum(int(whole[0][f"rows_{name}"]) for name in _CLASSES)
        tables.append(_by_feature(whole[:_MOST], f"{named}, {counted(count, 'row')}"))
        features = [row["feature"] for row in whole[:_MOST]]
        tables.append(_by_consequence(own, features, named))
    sentences = [_HOW, f"{_ORDER}, {_MOST} at most."]
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
            sum(int(row[f"cannot_exist_{name}"]) for name in _CLASSES),
            row["leak"],
        )
        for row in rows
    ]
    return ReportTable(f"Missing values by feature and class: {named}.", head, tuple(body))


def _by_consequence(
    rows: Sequence[Mapping[str, str]], features: Sequence[str], named: str
) -> ReportTable:
    shares = {(row["feature"], row["consequence"]): _share(row) for row in rows}
    names = sorted({row["consequence"] for row in rows} - {_ALL})
    body = tuple(
        (feature, *(shares.get((feature, name)) for name in names)) for feature in features
    )
    head: _Head = (("feature", "text"), *((name, "number") for name in names))
    caption = f"Share missing by feature and consequence, where it can exist: {named}."
    return ReportTable(caption, head, body)


def _share(row: Mapping[str, str]) -> float | None:
    """Share missing of the rows in which the feature can exist, None where there are none."""
    rows, missing, cannot = (
        sum(int(row[f"{what}_{name}"]) for name in _CLASSES)
        for what in ("rows", "missing", "cannot_exist")
    )
    return missing / (rows - cannot) if rows > cannot else None


def _read(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle))
    except FileNotFoundError:
        return []


def _number(text: str) -> float | None:
    return None if text in {"NA", "NaN", ""} else float(text)
