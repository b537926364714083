"""What null models know of a row, against the text of the VCF, by pandas."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from amissstudies import GOLDEN_INPUT, amiss_values
from test_null_models import by_pandas

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.protocols import AMISS as UPSTREAM
from amiss_tasks.protocols import CORRECTED, protocol_of
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.fold import rows_of_fold
from amiss_tasks.stages.labelled_rows import Labelled, is_labelled
from amiss_tasks.stages.null_models import (
    MISSINGNESS_COLUMNS,
    load_levels,
    missing_rows,
    null_models,
)
from amiss_tasks.stages.preprocess import fold_parts
from amiss_tasks.tasks.source import AmissSource
from gridrun.pipeline import Settings, names_of

ALL = ["gnomAD_exomes_AF", "gnomAD_genomes_AF"]
FEWER = FeatureSet(
    tuple(f for f in AMISS.features if f.name != ALL[1]), AMISS.beside, AMISS.demanded
)
"""amiss's features without one of the two allele frequencies, which the VCF still has."""


def blocks_of(path: str) -> pd.DataFrame:
    """The CSQ blocks of a VCF as text, by variant and transcript."""
    with gzip.open(path, "rt") as handle:
        lines = handle.read().splitlines()
    fields = next(line for line in lines if "ID=CSQ" in line).split("Format: ")[1].rstrip('">')
    rows = []
    for line in lines:
        if not line.startswith("#"):
            chrom, pos, _, ref, alt, *_, info = line.split("\t")[:8]
            csq = next(part for part in info.split(";") if part.startswith("CSQ="))
            for block in csq[4:].split(","):
                cells = dict(zip(fields.split("|"), block.split("|"), strict=True))
                rows.append({"variant": f"{chrom}:{pos}:{ref}:{alt}", **cells})
    return pd.DataFrame(rows).set_index(["variant", "Feature"])


@pytest.fixture(scope="module")
def blocks():
    return blocks_of(GOLDEN_INPUT["vcf"])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where what is read is kept: it is read once for both protocols."""
    return tmp_path_factory.mktemp("cache")


def parts_of(protocol: str, features: FeatureSet, place: Path):
    """Fold 2 of a block, from its artifact, and what the artifact has for null models."""
    values = amiss_values(quality="onestar")
    grid = {name: (value,) for name, value in values.items()}
    options = {} if features is AMISS else {"features": features.plain()}
    settings = Settings(GOLDEN_INPUT, protocol, 1, options=options)
    source = AmissSource(settings, grid, place)
    block = ("transcript", "quality", "restriction", "vus_inclusion", "categorical")
    path = source.path(source.artifact({name: values[name] for name in block}))
    switches = protocol_of(settings)
    if is_labelled(path):
        return fold_parts(Labelled.load(path), 2, features, switches), load_levels(path), switches
    part = BlockTables.load(path).train
    rows = rows_of_fold(part, 2, switches)
    return BlockTables(part.take(rows.train), part.take(rows.test)), load_levels(path), switches


def is_missing(column: pd.Series) -> pd.Series:
    return column.str.strip(".&").isin(["", "NA"])


@pytest.mark.parametrize("features", [AMISS, FEWER], ids=["both-features", "one-feature"])
@pytest.mark.parametrize("protocol", [UPSTREAM, CORRECTED])
def test_null_models_follow_from_the_text_of_the_vcf(blocks, protocol, features, place):
    """Gene and missing frequencies are those of a row's block, whether or not they are features."""
    parts, known, switches = parts_of(protocol, features, place)
    found = {row["null_model"]: row for row in null_models(parts, switches, known)}
    frames = []
    for table in (parts.train, parts.test):
        ids = [[part.strip() for part in row_id.split(":")] for row_id in table.row_ids]
        keys = [(":".join(one[:4]), one[4]) for one in ids]
        csq = blocks.loc[keys].reset_index()
        frame = pd.DataFrame({"positive": table.positive})
        frame["consequence"] = [one[5] for one in ids]
        for name in ALL:
            frame[f"{name} missing"] = is_missing(csq[name])
        lacks = frame[[f"{name} missing" for name in ALL]].astype(str).agg(" ".join, axis=1)
        frame["consequence + AF"] = frame["consequence"] + lacks
        frame["gene"] = csq["SYMBOL"].where(~is_missing(csq["SYMBOL"]), csq["Gene"])
        frames.append(frame)
    for name in frames[0].columns.drop("positive"):
        told = by_pandas(*(frame.assign(level=frame[name]) for frame in frames))
        counts = pd.crosstab(told["positive"], told["says"])
        counts = counts.reindex(index=[True, False], columns=[True, False], fill_value=0)
        row = found[name]
        assert [row[n] for n in ("TP", "FN", "FP", "TN")] == counts.to_numpy().ravel().tolist()
        brier = ((told["positive"] - told["probability"]) ** 2).mean()
        assert row["Brier"] == pytest.approx(brier, abs=1e-12)
        assert row["levels"] == frames[0][name].nunique(dropna=False)
        assert row["unseen_rows"] == (~frames[1][name].isin(frames[0][name])).sum()
    assert {"prevalence", "pattern", "pattern with AF"} == set(found) - set(frames[0].columns)


def test_counts_of_missing_values_are_those_of_pandas(blocks, place):
    """By class and consequence: as often as the text is empty, but where it cannot exist."""
    _, known, _ = parts_of(UPSTREAM, FEWER, place)
    only = "missense_variant"
    limited = [
        replace(f, applies_to=(only,), leak="says it") if f.name == "SIFT_score" else f
        for f in FEWER.features
    ]
    table = pd.DataFrame(missing_rows(known.missingness, replace(FEWER, features=tuple(limited))))
    assert set(table) == set(names_of(MISSINGNESS_COLUMNS))
    values = amiss_values(quality="onestar")
    grid = {name: (value,) for name, value in values.items()}
    settings = Settings(GOLDEN_INPUT, UPSTREAM, 1, options={"features": FEWER.plain()})
    rows = AmissSource(settings, grid, place).labelled(values)
    ids = [[part.strip() for part in row_id.split(":")] for row_id in rows.row_ids]
    csq = blocks.loc[[(":".join(one[:4]), one[4]) for one in ids]].reset_index()
    frame = pd.DataFrame(
        {
            "positive": rows.positive,
            "consequence": [one[5] for one in ids],
            "vep": csq["Consequence"],
            ALL[1]: is_missing(csq[ALL[1]]),
            "SIFT_score": np.isnan(rows.numeric["SIFT_score"]),
        }
    )
    can = frame["vep"].str.contains(only)
    for name, possible in ((ALL[1], can | True), ("SIFT_score", can)):
        own = table[table["feature"] == name].set_index("consequence")
        assert set(own["leak"]) == ({"says it"} if name == "SIFT_score" else {""})
        assert set(own["is_feature"]) == ({"yes"} if name == "SIFT_score" else {"no"})
        for consequence, row in own.iterrows():
            here = frame["consequence"].eq(consequence) | (consequence == "all")
            for kind, of_class in (
                ("positive", frame["positive"]),
                ("negative", ~frame["positive"]),
            ):
                asked = here & of_class
                lacks = frame[name] & asked
                assert row[f"rows_{kind}"] == asked.sum()
                assert row[f"missing_{kind}"] == (lacks & possible).sum()
                assert row[f"cannot_exist_{kind}"] == (lacks & ~possible).sum()
        whole = own.loc["all"]
        among = frame[possible | ~frame[name]]
        told = np.corrcoef(among[name], among["positive"])[0, 1]
        assert whole["correlation"] == pytest.approx(told, abs=1e-12)
        share = among.groupby("positive")[name].mean()
        assert whole["missing_share_positive"] == pytest.approx(share[True], abs=1e-12)


def test_patterns_are_those_of_the_features_before_anything_is_imputed(place):
    """A frequency that is missing means 0 in the tables, and is missing in the pattern."""
    parts, known, _ = parts_of(CORRECTED, AMISS, place)
    table = parts.train
    at = [table.numeric_names.index(name) for name in ALL]
    assert not np.isnan(table.numeric[:, at]).any()
    levels = known.of(table.row_ids)
    others = [n for n in AMISS.numeric if n not in ALL]
    gaps = np.isnan(table.numeric[:, [table.numeric_names.index(n) for n in others]])
    words = np.array([[value == 1 for value in row] for row in table.numeric])
    at_na = [i for i, name in enumerate(table.numeric_names) if name.endswith(".NA")]
    whole = pd.DataFrame(np.column_stack([gaps, words[:, at_na]])).astype(int).astype(str)
    pattern = whole.agg("".join, axis=1)
    pairs = pd.DataFrame({"text": pattern, "level": levels["pattern"]}).drop_duplicates()
    assert pairs["text"].is_unique
    assert pairs["level"].is_unique
    assert len(pairs) > 1
    lacks = pd.DataFrame({name: levels[f"{name} missing"] for name in ALL}).astype(str)
    both = pattern + lacks.agg("".join, axis=1)
    assert both.nunique() == len(set(levels["pattern with AF"].tolist()))
