"""Under corrected nothing that is learnt changes with test rows, from the VCF and CADD on."""

from pathlib import Path

import numpy as np
import pytest
from amissstudies import amiss_values, is_trained
from test_learnt_on_training import FEW, few_fits, learnt_from
from toyblock import toy_part

from amiss_tasks.classifiers import NAMES as CLASSIFIERS
from amiss_tasks.features.feature_set import Feature, FeatureSet
from amiss_tasks.methods import METHODS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.preprocess import fold_parts
from amiss_tasks.tasks.fold_tables import tables_of
from amiss_tasks.tasks.r_stages import RStages
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.source import AmissSource
from amiss_tasks.testing._made_up import write_inputs
from gridrun.pipeline import Settings

SCORES = ("LRT_score", "GenoCanyon_score", "phyloP100way_vertebrate", "SiPhy_29way_logOdds")
FEATURES = FeatureSet(
    (
        *(Feature(name, "vep", (name,)) for name in SCORES),
        Feature("GC", "cadd", ("GC",)),
        Feature("relcDNApos", "cadd", ("relcDNApos",)),
        Feature("Consequence.x", "cadd", ("Consequence",), "categorical"),
    )
)
VALUES = amiss_values(transcript="keep_all", quality="onestar")
LEVELS = ("STOP_GAINED", "NONCODING_CHANGE", "NON_SYNONYMOUS", "SYNONYMOUS")
VARIANTS = 120
FAST = [
    ("zero_imp", "lr"),
    ("mean_imp", "rf"),
    ("knnImputation", "xgboost"),
    ("missingness_indicators", "lr"),
    ("none", "pattern_lr"),
]
SLOW = [(m, c) for m in METHODS for c in CLASSIFIERS if is_trained(m, c) and (m, c) not in FAST]


def made(directory: Path, change=lambda position, cells: None) -> dict[str, str]:
    """Inputs whose lines `change` may alter: in CADD cells by column, in the VCF the CSQ's."""
    directory.mkdir()
    files = write_inputs(directory, VARIANTS)
    for role, name in files.items():
        path = directory / name
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if line.startswith("#"):
                continue
            cells = line.split("\t")
            position = int(cells[1])
            if role == "vcf":
                csq = cells[7].split("|")
                change(position, csq)
                cells[7] = "|".join(csq)
            else:
                cells[5] = LEVELS[position % 4 if position % 10 else 2]
                change(position, cells)
            lines[number] = "\t".join(cells)
        path.write_text("\n".join(lines) + "\n")
    return {role: str(directory / name) for role, name in files.items()}


def artifact(inputs, cache: Path, **switches) -> tuple[Path, Settings]:
    options = {"features": FEATURES.plain(), "switches": switches}
    settings = Settings(inputs, "corrected", 1, options=options)
    source = AmissSource(settings, {name: (v,) for name, v in VALUES.items()}, cache)
    block = source.artifact({name: VALUES[name] for name in PIPELINE.block})
    return source.path(block), settings


def positions_tested(path: Path, settings: Settings) -> set[int]:
    """Positions of the variants that the first fold tests on."""
    fold = AmissRunner(settings, lambda *_: None).chain._fold(path, 1)
    return {int(row_id.split(":")[1]) for row_id in fold.test_ids}


def other(positions: set[int]):
    """Other values and gaps, levels that exist and one that does not, and twins of a first row."""
    order = sorted(positions)

    def change(position: int, cells: list[str]) -> None:
        if position not in positions:
            return
        place = order.index(position)
        is_vcf = cells[0].startswith("CLNREVSTAT")
        if not is_vcf:
            cells[5] = [*LEVELS, "A_LEVEL_OF_ITS_OWN"][(place + position) % 5]
        for column in range(len(cells) - (4 if is_vcf else 2), len(cells)):
            is_gap = (place + column) % 3 == 0
            cells[column] = ("" if is_vcf else "NA") if is_gap else str(50 + place)

    return change


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """The block before and after its first fold's test rows were changed, by switches."""
    home = tmp_path_factory.mktemp("blocks")

    def of(name: str, **switches):
        inputs = made(home / f"{name}-before")
        before, settings = artifact(inputs, home / "cache", **switches)
        positions = positions_tested(before, settings)
        changed = made(home / f"{name}-after", other(positions))
        after, _ = artifact(changed, home / "cache", **switches)
        assert before != after
        assert positions_tested(after, settings) == positions
        return before, after, settings

    return of


@pytest.fixture(scope="module")
def corrected(blocks):
    return blocks("corrected")


def unchanged(method, classifier, corrected, monkeypatch) -> None:
    if method in FEW:
        monkeypatch.setattr("amiss_tasks.tasks.fold_tables.Cell.rows", FEW[method])
    if classifier == "xgboost":
        few_fits(monkeypatch)
    path, changed, settings = corrected
    before, after = (learnt_from(p, classifier, method, settings) for p in (path, changed))
    assert before[:3] == after[:3]
    assert before[3] != after[3]


@pytest.mark.parametrize(("method", "classifier"), FAST)
def test_nothing_learnt_changes(method, classifier, corrected, monkeypatch):
    """Rows, features and their order, choices, fitted probabilities of the training rows."""
    unchanged(method, classifier, corrected, monkeypatch)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("method", "classifier"), SLOW)
def test_nothing_learnt_changes_in_the_others(method, classifier, corrected, monkeypatch):
    """So with every method and classifier."""
    unchanged(method, classifier, corrected, monkeypatch)


def test_levels_of_test_rows_have_a_say_without_the_switch(blocks):
    """D30 as upstream has it: a level of test rows alone is a feature of the training table."""
    path, changed, settings = blocks("upstream", dummy_levels="amiss")
    before, after = (learnt_from(p, "lr", "zero_imp", settings)[0] for p in (path, changed))
    assert before != after


def encoded(levels, fold=1):
    """A fold of labelled rows with these levels of one feature."""
    rows = len(levels)
    random = np.random.default_rng(2)
    given = Labelled(
        row_ids=[f"1:{100 + row}:A:C:T:X" for row in range(rows)],
        variants=[str(row) for row in range(rows)],
        positive=np.arange(rows) % 2 == 0,
        numeric={"GC": random.normal(size=rows)},
        text={"Consequence.x": levels},
        has_dummies=True,
    )
    features = FeatureSet(FEATURES.features[4:5] + FEATURES.features[-1:])
    return fold_parts(given, fold, features, Protocol(CORRECTED))


def test_dummies_are_the_training_rows_own_sorted_by_name():
    """The first has none (D12), a level of test rows alone is missing, in whatever order."""
    found = encoded(["b", "c", "A", None, "d"] * 12)
    names = [f"Consequence.x.{level}" for level in ("b", "c", "d", "NA")]
    assert found.train.numeric_names == ("GC", *names)
    assert found.test.numeric_names == found.train.numeric_names
    tested_rows = {int(row.split(":")[1]) - 100 for row in found.test.row_ids}
    levels = ["only" if row in tested_rows else "ab"[row % 2] for row in range(60)]
    seen = encoded(levels)
    assert [*seen.test.row_ids] == [*found.test.row_ids]
    assert seen.train.numeric_names == ("GC", "Consequence.x.b")
    assert not seen.test.numeric[:, 1].any()
    levels[min(set(range(60)) - tested_rows)] = None
    # where training has missing levels, an unknown one is one of them
    assert encoded(levels).train.numeric_names[-1] in {"Consequence.x.NA", "Consequence.x.b"}


def test_inner_folds_keep_variants_together():
    """Those of logistic regression and of boosted trees; without D9 they are folds of rows."""
    stages = RStages(protocol=Protocol(CORRECTED))
    part = toy_part()
    fold = tables_of(stages, BlockTables(part, part.take(np.arange(0))), 1, Protocol(CORRECTED))
    groups = fold.train_groups
    assert groups is not None
    assert groups.tolist() == [1 + row // 2 for row in range(90)]
    call = stages.calls
    of_lr = call(".inner_folds", fold.outcome, groups).value.python()
    drawn = call("draw_resamples", fold.outcome, 42, None, 10, 1, groups).value.python()
    of_trees = np.zeros(90)
    for number, rows in enumerate(drawn["held_out"], 1):
        of_trees[np.asarray(rows, int) - 1] = number
    for found in (np.asarray(of_lr), of_trees):
        assert set(found) == set(range(1, 11))
        assert (found[::2] == found[1::2]).all()
    plain = np.asarray(call(".inner_folds", fold.outcome).value.python())
    assert (plain[::2] != plain[1::2]).any()


def test_twins_across_the_hold_out_are_counted():
    """Test rows that equal a training row in all features, of another variant, are said."""
    stages = RStages(protocol=Protocol(CORRECTED))
    train, test = toy_part(), toy_part(10, 2)
    test.numeric[[3, 7, 8]] = train.numeric[[5, 5, 40]]
    assert tables_of(stages, BlockTables(train, test), 1, Protocol(CORRECTED)).twins == 3
    assert tables_of(stages, BlockTables(train, test), 1).twins == 0
