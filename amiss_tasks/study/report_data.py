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

_FEATURES = "features"
_BY_CONSEQUENCE = "missingness"
_MOST = 60
"""Features of a block that the page shows, those whose missingness says most of the class."""

_NUMBERS = {
    "missing_share": "share missing",
    "missing_share_positive": "of positive rows",
    "missing_share_negative": "of negative rows",
    "missing_share_where_possible": "where it can exist",
    "missingness_correlation": "correlation with the class",
    "missingness_p_adjusted": "adjusted p",
}


_HOW = (
    "What is missing of which feature, before anything is imputed, as `gridrun describe` has it. "
    "A feature whose missingness is correlated with the class tells the class to any method that "
    "keeps it; a value that cannot exist for a consequence is not missing there in the sense that "
    "imputation assumes."
)
_ORDER = "Features stand in the order of how much their missingness says of the class"

_Head = tuple[tuple[str, CellType], ...]
_Body = tuple[tuple[str | float | int | None, ...], ...]


def sections(results: Path, leaking: Mapping[str, str]) -> Sequence[ReportSection]:
    """Missingness, from the tables of `gridrun describe`; nothing where there are none.

    Args:
        results: Directory of the study's tables.
        leaking: Feature that leaks to why.
    """
    rows = _read(results / "describe" / f"{_FEATURES}.csv")
    if not rows:
        return ()
    keys = list(rows[0])[: list(rows[0]).index("feature")]
    blocks = list(dict.fromkeys(tuple(row[key] for key in keys) for row in rows))
    varying = [at for at in range(len(keys)) if len({block[at] for block in blocks}) > 1]
    columns = [name for name in _NUMBERS if name in rows[0]]
    tables = []
    for block in blocks:
        own = [row for row in rows if tuple(row[key] for key in keys) == block]
        named = ", ".join(f"{keys[at]} = {block[at]}" for at in varying) or "the only block"
        caption = f"Missing values by feature: {named}, {counted(int(own[0]['rows']), 'row')}."
        tables.append(ReportTable(caption, *_by_feature(own, columns, leaking)))
    cells = _read(results / "describe" / f"{_BY_CONSEQUENCE}.csv")
    if cells:
        tables.append(_by_consequence(cells, keys, blocks[0]))
    sentences = (_HOW, f"{_ORDER}, {_MOST} at most.")
    return (ReportSection("missingness", "Missingness", sentences, tuple(tables)),)


def _by_feature(
    rows: Sequence[Mapping[str, str]], columns: Sequence[str], leaking: Mapping[str, str]
) -> tuple[_Head, _Body]:
    ordered = sorted(rows, key=lambda row: -abs(_number(row["missingness_correlation"]) or 0.0))
    numbers: list[tuple[str, CellType]] = [(_NUMBERS[name], "number") for name in columns]
    body = tuple(
        (row["feature"], *(_number(row[name]) for name in columns), leaking.get(row["feature"], ""))
        for row in ordered[:_MOST]
    )
    return (("feature", "text"), *numbers, ("leaks", "text")), body


def _by_consequence(
    cells: Sequence[Mapping[str, str]], keys: Sequence[str], block: tuple[str, ...]
) -> ReportTable:
    own = [row for row in cells if tuple(row[key] for key in keys) == block]
    shares: dict[str, dict[str, float | None]] = {}
    for row in own:
        shares.setdefault(row["feature"], {})[row["consequence"]] = _number(row["missing_share"])
    names = sorted({row["consequence"] for row in own})
    body = tuple(
        (feature, *(found.get(name) for name in names))
        for feature, found in list(shares.items())[:_MOST]
    )
    caption = "Share missing by feature and consequence, in the first block of the description."
    numbers: list[tuple[str, CellType]] = [(name, "number") for name in names]
    return ReportTable(caption, (("feature", "text"), *numbers), body)


def _read(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle))
    except FileNotFoundError:
        return []


def _number(text: str) -> float | None:
    return None if text in {"NA", "NaN", ""} else float(text)
