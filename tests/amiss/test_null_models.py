"""Null models against a majority by pandas, and the rule where there is none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from toyblock import toy_part

from amiss_tasks.protocols import AMISS, CORRECTED, protocol_of
from amiss_tasks.stages.block_tables import BlockTable, BlockTables
from amiss_tasks.stages.null_models import COLUMNS, null_models, pack, shares_of, unpack
from gridrun.pipeline import Settings, names_of

PROTOCOLS = {name: protocol_of(Settings({}, name, 1)) for name in (AMISS, CORRECTED)}


def part(variants: int, seed: int, kinds: str) -> BlockTable:
    """Rows of random classes with consequences of one letter."""
    random = np.random.default_rng(seed)
    table = toy_part(variants, seed)
    drawn = random.choice(list(kinds), table.rows)
    ids = [f"1:{row}:A:C:T:{kind}" for row, kind in enumerate(drawn)]
    common = np.array([kinds.index(kind) / len(kinds) for kind in drawn])
    return replace(table, row_ids=ids, positive=random.random(table.rows) < common)


PARTS = BlockTables(part(60, 1, "ABCDE"), part(40, 2, "ABCDEFG"))


def by_pandas(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Class and probability of each test row, by the training rows of its level."""
    share = train.groupby("level")["positive"].mean()
    overall = train["positive"].mean()
    probability = test["level"].map(share).fillna(overall)
    tied = test["level"].map(share) == 0.5
    says = (probability > 0.5).where(~tied, overall > 0.5)
    return test.assign(probability=probability, says=says)


def frame(table: BlockTable, level: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"positive": table.positive, "level": level})


@pytest.mark.parametrize("name", ["prevalence", "consequence"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_counts_and_metrics_are_those_of_a_majority_by_pandas(name, protocol):
    """Every number of a null model follows from a group-wise mean and a loop over pairs."""
    rows = {row["null_model"]: row for row in null_models(PARTS, PROTOCOLS[protocol])}
    found = rows[name]
    train, test = (
        frame(table, table.consequences() if name == "consequence" else ["all"] * table.rows)
        for table in (PARTS.train, PARTS.test)
    )
    told = by_pandas(train, test)
    table = pd.crosstab(told["positive"], told["says"]).reindex(
        index=[True, False], columns=[True, False], fill_value=0
    )
    tp, fn, fp, tn = table.to_numpy().ravel()
    assert [found[n] for n in ("TP", "FN", "FP", "TN")] == [tp, fn, fp, tn]
    assert found["Brier"] == pytest.approx(
        ((told["positive"] - told["probability"]) ** 2).mean(), abs=1e-12
    )
    ones, zeros = (
        told.loc[told["positive"] == one, "probability"].to_numpy() for one in (True, False)
    )
    differences = ones[:, None] - zeros[None, :]
    auc = ((differences > 0).sum() + (differences == 0).sum() / 2) / differences.size
    assert found["AUC"] == pytest.approx(auc, abs=1e-12)
    correlation = np.corrcoef(told["positive"], told["says"])[0, 1] if tp + fp else math.nan
    if math.isnan(correlation):
        assert (found["MCC"] == 0) if protocol == CORRECTED else math.isnan(found["MCC"])
    else:
        assert found["MCC"] == pytest.approx(correlation, abs=1e-12)
    unseen = ~test["level"].isin(train["level"])
    assert found["unseen_rows"] == unseen.sum() == (0 if name == "prevalence" else unseen.sum())
    assert (found["training_rows"], found["test_rows"]) == (len(train), len(test))
    assert found["levels"] == train["level"].nunique()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("positive", "predicted"),
    [([1, 0, 1, 1], [1, 1, 1]), ([1, 0, 0, 0], [0, 0, 0]), ([1, 0, 1, 0], [0, 1, 0])],
)
def test_a_tie_is_decided_by_all_training_rows_and_else_negative(positive, predicted, protocol):
    """A level half positive, and one not seen, get the class of most rows, in every metric."""
    train = np.array(["tied", "tied", "other", "other" if sum(positive) != 2 else "third"])
    found = shares_of(train, np.array(positive, np.bool_), np.array(["tied", "other", "new"]))
    assert found.probability[0] == pytest.approx(0.5, abs=1e-15)
    assert found.probability[2] == pytest.approx(np.mean(positive), abs=1e-15)
    assert (found.probability > 0.5).tolist() == (found.probability >= 0.5).tolist()
    assert (found.probability > 0.5).astype(int).tolist() == predicted
    assert (found.levels, found.unseen) == (len(set(train)), 1)
    assert protocol in PROTOCOLS


def test_they_come_back_as_they_were_packed():
    """Names, whole numbers, NA and NaN survive, and equal numbers give equal bytes."""
    rows = null_models(PARTS, PROTOCOLS[AMISS])
    assert tuple(rows[0]) == names_of(COLUMNS)
    assert repr(unpack(pack(rows))) == repr(rows)
    assert pack(rows) == pack(null_models(PARTS, PROTOCOLS[AMISS]))
