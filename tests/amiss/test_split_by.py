"""The key split_by of study.yaml: groups of genes, what is drawn of them, forms and mistakes."""

import random
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from amissstudies import amiss_values, load_made, state_of
from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold

from amiss_tasks.features.cut import NEWER, OLDER, UNDATED, Cut
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.features.features_file import read_features
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.protocols import Protocol, protocol_of
from amiss_tasks.stages.block_tables import variant_of
from amiss_tasks.stages.columns.words import Words
from amiss_tasks.stages.fold import rows_of_group_fold
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.null_models import KnownLevels
from amiss_tasks.stages.null_models._levels import _name_of, levels_of
from amiss_tasks.stages.predictions import pack_groups, unpack_groups
from amiss_tasks.stages.preprocess import fold_parts, parts_of, split
from amiss_tasks.stages.splits.draws import draw_groups
from amiss_tasks.stages.splits.gene_groups import (
    gene_groups,
    require_classes,
    require_splittable,
    said_of_genes,
)
from amiss_tasks.stages.splits.split_by import SPLIT_BY, refuse_unsplittable
from amiss_tasks.stages.table import GENE as GENE_COLUMN
from amiss_tasks.stages.table import VariantTable
from amiss_tasks.study.keys import STUDY_KEYS
from amiss_tasks.tasks.runner import AmissRunner
from amiss_tasks.tasks.source import AmissSource
from amiss_tasks.testing._made_up import write_inputs
from gridrun.errors import InputError
from gridrun.pipeline import Settings, TaskFailure, TaskSpec
from gridrun.store.beginnings import open_input

GRID = amiss_values(imputation=["mean_imp"], quality="onestar")
BY_GENE = {"file": "study.yaml", "line": 3, "values": ["variant", "gene"]}

# --- groups -------------------------------------------------------------------


def made_up_rows(seed: int, variants: int = 200, genes: int = 60, two: float = 0.05):
    """Rows of variants, some with two genes, some with none, genes of very different size."""
    draw = random.Random(seed)
    rows = []
    for number in range(variants):
        mine = {f"G{int(genes * draw.random() ** 2)}"}
        if draw.random() < two:
            mine.add(f"G{draw.randrange(genes)}")
        if draw.random() < 0.1:
            mine = {None}
        rows += [(f"1:{number}:A:C", gene) for gene in mine for _ in range(draw.randrange(1, 3))]
    draw.shuffle(rows)
    return [name for name, _ in rows], [gene for _, gene in rows]


def walked_groups(variants, genes):
    """The same groups by walking from variant to variant through their genes."""
    of_gene, of_variant = defaultdict(set), defaultdict(set)
    for variant, gene in zip(variants, genes, strict=True):
        if gene is not None:
            of_gene[gene].add(variant)
            of_variant[variant].add(gene)
    found = {}
    for variant in variants:
        if variant in found:
            continue
        group, waiting = len(set(found.values())), [variant]
        while waiting:
            here = waiting.pop()
            if here not in found:
                found[here] = group
                waiting += [v for gene in of_variant[here] for v in of_gene[gene]]
    return [found[variant] for variant in variants]


@pytest.mark.parametrize("seed", range(8))
def test_groups_are_those_that_walking_from_variant_to_variant_finds(seed):
    """In order of first appearance; a variant without a gene is a group of its own."""
    variants, genes = made_up_rows(seed)
    assert gene_groups(variants, genes).tolist() == walked_groups(variants, genes)


def partition(names):
    """Rows by what they are called, whatever that is."""
    found = defaultdict(list)
    for row, name in enumerate(names):
        found[name].append(row)
    return sorted(found.values())


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_drawn_by_the_same_groups_and_names_are_those_of_all_blocks(seed):
    """What the bootstrap draws are the groups of a split by gene; fewer rows keep their names."""
    variants, genes = made_up_rows(seed)
    table = VariantTable({}, {}, len(genes), {GENE_COLUMN: np.array(genes, object)})
    row_ids = [f"{variant}:{row}:c" for row, variant in enumerate(variants)]
    levels = levels_of(table, FeatureSet(()), (), Words.of(row_ids))
    known = KnownLevels({row_id: at for at, row_id in enumerate(row_ids)}, levels)
    walked = walked_groups(variants, genes)
    assert partition(known.groups_of(row_ids).tolist()) == partition(walked)
    packed = pack_groups(known.groups)
    assert unpack_groups(packed).tolist() == known.groups.tolist()
    assert KnownLevels(known.place, {}).groups_of(row_ids) is None
    # a block without every third group
    kept = [row for row, group in enumerate(walked) if group % 3]
    fewer = KnownLevels(
        {row_ids[row]: at for at, row in enumerate(kept)}, {"gene": levels["gene"][kept]}
    )
    names = [row_ids[row] for row in kept]
    assert fewer.groups_of(names).tolist() == known.groups_of(names).tolist()


@pytest.mark.parametrize("kept", [slice(-32, None), slice(0, 32)], ids=["last", "first"])
def test_genes_whose_names_agree_in_half_their_bits_are_drawn_apart(kept):
    """Two of 100,000 genes do by chance; drawn as one, they would be too wide an interval."""
    alike: dict[str, list[str]] = defaultdict(list)
    for number in range(300_000):
        gene = f"G{number}"
        alike[f"{_name_of(gene):063b}"[kept]].append(gene)
    genes = max(alike.values(), key=len)
    assert len(genes) > 1
    levels = {"gene": np.array([_name_of(gene) for gene in genes], np.int64)}
    known = KnownLevels({f"v{at}:t:c": at for at in range(len(genes))}, levels)
    assert known.groups is not None
    drawn = unpack_groups(pack_groups(known.groups)).tolist()
    assert len(set(drawn)) == len(genes)
    assert drawn == known.groups.tolist()


def test_what_is_said_of_groups():
    """Joined genes, the largest group and variants without a gene, each with its count."""
    variants = ["a", "a", "b", "c", "d", "e", "f"]
    genes = ["X", "Y", "Y", "Z", None, None, "X"]
    assert gene_groups(variants, genes).tolist() == [0, 0, 0, 1, 2, 3, 0]
    assert said_of_genes(variants, genes) == (
        "4 variants are in 2 groups of genes; variants with several genes join the "
        "groups of 2 of 3 genes; the largest (X, Y) has 3 variants, 50.0%; 2 variants without a "
        "gene are groups of their own"
    )


# --- draws --------------------------------------------------------------------


def made_up_block(seed: int):
    variants, genes = made_up_rows(seed, 300, 60, two=0.01)
    groups = gene_groups(variants, genes)
    chance = np.random.default_rng(seed)
    of_group = chance.beta(0.6, 0.6, groups.max() + 1)
    return groups, chance.random(len(groups)) < of_group[groups]


def test_no_group_is_in_both_parts_and_classes_keep_their_shares():
    """Over many data sets and seeds; nearer to 30 % than any draw without regard to rows.

    scikit-learn's stratified folds of three are as near to a third; its GroupShuffleSplit, which
    draws groups without regard to their rows, is far from the share that it is asked for.
    """
    off = defaultdict(list)
    for seed in range(3):
        groups, positive = made_up_block(seed)
        x = np.zeros((len(groups), 1))
        drawn = [~draw_groups(groups, positive, share=0.7, seed=s) for s in range(8)]
        theirs = {
            "stratified": (StratifiedGroupKFold(3, shuffle=True, random_state=seed), 1 / 3),
            "shuffled": (GroupShuffleSplit(10, test_size=0.3, random_state=seed), 0.3),
        }
        for name, (splitter, share) in theirs.items():
            for _, test in splitter.split(x, positive, groups):
                is_test = np.isin(np.arange(len(groups)), test)
                off[name] += [abs(is_test[of].mean() - share) for of in (positive, ~positive)]
        for is_test in drawn:
            assert not set(groups[is_test]) & set(groups[~is_test])
            off["ours"] += [abs(is_test[of].mean() - 0.3) for of in (positive, ~positive)]
    means = {name: np.mean(each) for name, each in off.items()}
    assert means["ours"] < 0.005 < means["shuffled"] / 5
    assert means["ours"] < 2 * means["stratified"]


def test_draws_follow_from_the_seed_and_every_group_is_tested():
    """The same seed gives the same parts; over seeds each group is on each side."""
    groups, positive = made_up_block(1)
    draws = [draw_groups(groups, positive, share=0.7, seed=seed) for seed in range(20)]
    assert (draw_groups(groups, positive, share=0.7, seed=7) == draws[7]).all()
    assert len({draw.tobytes() for draw in draws}) == 20
    tested = np.mean([~draw for draw in draws], axis=0)
    assert 0 < tested.min() < tested.max() < 1


def test_a_fold_is_drawn_by_the_study_s_seed_and_its_number():
    """Either changes what is drawn."""
    groups, positive = made_up_block(2)

    def test_rows(seed, fold):
        protocol = Protocol("corrected", seed=seed)
        return rows_of_group_fold(groups, positive, fold, protocol).test.tolist()

    assert test_rows(1, 1) == test_rows(1, 1)
    assert test_rows(1, 1) != test_rows(2, 1)
    assert test_rows(1, 1) != test_rows(1, 2)


def test_what_cannot_be_split_is_refused_with_counts():
    """Too few groups of a class, fewer groups than folds, and a part without a class."""
    groups = np.array([0, 0, 1, 1, 2, 2])
    with pytest.raises(TaskFailure, match="1 of 3 groups of genes has a positive variant, and"):
        require_splittable(groups, np.array([True, True, False, False, False, False]), 1)
    mixed = np.array([True, False] * 3)
    require_splittable(groups, mixed, 3)
    with pytest.raises(TaskFailure, match="fold 4 of a split by gene: there are 3 groups of genes"):
        require_splittable(groups, mixed, 4)
    parts = {"train": np.array([0, 1, 2, 3]), "test": np.array([4])}
    with pytest.raises(TaskFailure, match="1 row to test on, 1 of them positive"):
        require_classes(mixed, parts, "fold 2 of a split by gene")


# --- study.yaml ---------------------------------------------------------------


def load(directory, written, *lines, protocol="corrected", **grid):
    key = None if written is None else f"{SPLIT_BY}: {written}"
    return load_made(directory, GRID | grid, key, f"protocol: {protocol}", *lines)


@pytest.mark.parametrize(
    ("written", "values", "label"),
    [
        ("gene", ["gene"], "corrected (split by gene)"),
        ("[variant, gene]", ["variant", "gene"], "corrected (split by variant, gene)"),
        ("{gene: Gene}", ["gene"], "corrected (split by gene)"),
        ("[variant, {gene: SYMBOL}, gene]", ["variant", "gene"], ""),
    ],
)
def test_values_become_an_axis_of_the_grid_and_a_label(tmp_path, written, values, label):
    """Tables say beside the protocol what is split by; a value given twice is noted."""
    study = load(tmp_path, written)
    assert study.grid.allowed()[SPLIT_BY] == tuple(values)
    assert label in state_of(study).protocol_label
    assert any("more than once" in note.message for note in study.notes) is (not label)


def test_variant_is_as_without_the_key(tmp_path):
    """No parameter, no label, and the same contexts and tasks."""
    one, other = (load(tmp_path / str(n), key) for n, key in enumerate([None, "variant"]))
    assert one.grid.names == other.grid.names
    assert SPLIT_BY not in one.grid.names
    states = [state_of(study) for study in (one, other)]
    assert states[0].protocol_label == states[1].protocol_label == "corrected"
    digests = [{context.digest for context in state.tables.contexts} for state in states]
    assert digests[0] == digests[1]


def test_contexts_hold_which_field_names_genes(tmp_path):
    """Another value leaves what is done alone; another field of genes does not."""
    written = ["gene", "[gene, variant]", "{gene: Gene}", "variant"]
    states = [state_of(load(tmp_path / str(n), key)) for n, key in enumerate(written)]
    gene, both, other, none = (
        {context.digest for context in state.tables.contexts} for state in states
    )
    assert gene == both
    assert gene.isdisjoint(other)
    assert gene.isdisjoint(none)


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("[]", ("an empty list", "variant, gene")),
        ("genes", ('unknown value "genes"', 'did you mean "gene"?')),
        ("{gene: HGNC}", ('split_by: gene has unknown value "HGNC"', "SYMBOL, Gene")),
        ("{genes: Gene}", ('unknown key below split_by "genes"',)),
        ("3", ("3",)),
        ("time", ("does not say what time is", "{time: {field: DATE, from: 2021-01-01}}")),
        ("[gene, {time: {field: D, from: 3}}]", ("time among others", "is one split")),
        ("{time: {field: D}}", ("needs field, and one of from and test_share",)),
        ("{time: {field: D, from: 3, test_share: 0.3}}", ("needs field, and one of",)),
        ("{time: {field: D, from: May}}", ('from has "May"', "no date such as 2021-01-01")),
        ("{time: {field: D, test_share: 30}}", ("test_share has 30", "such as 0.3")),
        ("{time: {file: D, from: 3}}", ('unknown key below split_by: time "file"',)),
        ("{time: D}", ("split_by: time has",)),
        ("{time: {newer: a, field: D}}", ("or newer",)),
    ],
)
def test_mistakes_have_a_line_and_advice(tmp_path, written, parts):
    """Each names the line, what is wrong, and what is known."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, written)
    text = caught.value.text()
    assert "study.yaml:3" in text
    assert [part for part in parts if part not in text] == []


def test_upstream_s_protocol_is_refused(tmp_path):
    """It splits rows; so do single switches, which a study under corrected may not set back."""
    with pytest.raises(InputError, match=r"amiss does not run: amiss.*splits rows") as one:
        load(tmp_path, "gene", protocol="amiss")
    assert "set protocol: corrected" in one.value.text()
    load(tmp_path, "variant", protocol="amiss")
    options = {SPLIT_BY: BY_GENE, "switches": {"split_by": "amiss"}}
    settings = Settings({}, "corrected", 1, options=options)
    with pytest.raises(InputError, match="take split_by out of switches") as caught:
        refuse_unsplittable(options, protocol_of(settings))
    assert caught.value.faults[0].line == 3
    refuse_unsplittable(options, protocol_of(Settings({}, "corrected", 1)))


# --- a study ------------------------------------------------------------------

GENES = 12


def write_with_genes(directory: Path, variants: int, names=("SYMBOL",)) -> dict[str, str]:
    """Made-up inputs of which every variant has a gene, the ninth none."""
    directory.mkdir(exist_ok=True)
    files = write_inputs(directory, variants)
    path = directory / files["vcf"]
    lines = [with_gene(line, names) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    return {role: str(directory / name) for role, name in files.items()}


def with_gene(line: str, names) -> str:
    if "Format: " in line or line.startswith("#"):
        return line.replace("CANONICAL", "|".join(["CANONICAL", *names]))
    head, block = line.split("CSQ=")
    number = int(line.split("\t")[1]) - 1000
    block = block.replace("|YES|", "|".join(["|YES", *[gene_of(number)] * len(names), ""]))
    return f"{head}CSQ={block}"


def gene_of(number: int) -> str:
    return "" if number == 9 else f"G{number % GENES}"


def settings_of(directory: Path, inputs, values=("variant", "gene"), **options) -> Settings:
    features = read_features(directory / "features.json").features
    options = {SPLIT_BY: BY_GENE | {"values": [*values]}, "features": features.plain(), **options}
    return Settings(inputs, "corrected", 3, options=options)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    directory = tmp_path_factory.mktemp("genes")
    settings = settings_of(directory, write_with_genes(directory, 300))
    values = {name: (value,) for name, value in GRID.items()}
    return settings, AmissSource(settings, values, directory / "cache")


def genes_in(row_ids) -> set[str]:
    numbers = [int(variant_of(row_id).split(":")[1]) - 1000 for row_id in row_ids]
    return {gene_of(number) for number in numbers} - {""}


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_no_gene_is_in_both_parts_of_any_fold(study, fold):
    """In cross-validation and in repeated hold-out; by variants all of them are."""
    settings, source = study
    protocol, features = protocol_of(settings), source._features
    by_gene = source.labelled(GRID | {SPLIT_BY: "gene"})
    by_variant = source.labelled(GRID | {SPLIT_BY: "variant"})
    of_cv = fold_parts(by_gene, fold, features, protocol)
    for parts in (of_cv, split(by_gene, features, protocol, fold)):
        genes = [genes_in(part.row_ids) for part in (parts.train, parts.test)]
        assert not genes[0] & genes[1]
        assert genes[1]
        assert 0 < parts.test.positive.mean() < 1
    parts = fold_parts(by_variant, fold, features, protocol)
    assert genes_in(parts.train.row_ids) & genes_in(parts.test.row_ids)
    held_out = parts_of(by_gene, protocol, fold)
    assert abs(len(held_out["test"]) / len(by_gene.positive) - 0.3) < 0.1
    for value, drawn in (("gene", of_cv), ("variant", parts)):
        rows = source.class_rows(source.artifact(GRID | {SPLIT_BY: value}))
        positive = drawn.test.positive
        # duplicates are dropped after the draw, and whole genes are no exact share
        assert 0.9 < rows["positive"] / positive.sum() < 1.5
        assert 0.9 < rows["negative"] / (~positive).sum() < 1.5


def test_rows_keep_their_groups_on_disk_and_have_the_same_bytes_without(study, tmp_path):
    """A worker splits by what the driver grouped; a block by variants has no such array."""
    _, source = study
    rows = source.labelled(GRID | {SPLIT_BY: "gene"})
    rows.save(tmp_path / "gene")
    assert Labelled.load(tmp_path / "gene").groups.tolist() == rows.groups.tolist()
    plain = source.labelled(GRID | {SPLIT_BY: "variant"})
    plain.save(tmp_path / "variant")
    assert plain.groups is None
    assert b"groups" not in (tmp_path / "variant").read_bytes()
    assert len(set(rows.groups.tolist())) == GENES + 1  # the ninth variant is one of its own


def test_a_study_runs_and_inner_folds_keep_genes_together(study):
    """What inner folds of a fold by gene keep together are the genes of its training rows."""
    settings, source = study
    values = GRID | {"imputation": "mean_imp", SPLIT_BY: "gene"}
    artifact = source.path(source.artifact(values))
    runner = AmissRunner(settings, lambda *_: None)
    task = TaskSpec(0, 0, 2, "lr", values)
    result = runner.run(task, artifact)
    assert -1 <= result.rows[0]["MCC"] <= 1
    fold = runner.chain.cell(task, artifact).fold
    of_gene = defaultdict(set)
    for variant, group in zip(fold.train_variants, fold.train_groups, strict=True):
        for gene in genes_in([f"{variant}:x"]):
            of_gene[gene].add(int(group))
    assert all(len(groups) == 1 for groups in of_gene.values())
    assert len(set().union(*of_gene.values())) > 2
    assert not genes_in([f"{v}:x" for v in fold.train_variants]) & genes_in(fold.test_ids)
    with pytest.raises(TaskFailure, match="fold 99 of a split by gene: there are"):
        runner.run(TaskSpec(0, 0, 99, "lr", values), artifact)


def test_headers_without_genes_are_refused_and_the_field_is_noted(tmp_path):
    """The first of SYMBOL and Gene that is there names genes, unless the study says which."""

    def check(names, **data):
        inputs = write_with_genes(tmp_path / "-".join(names or ("none",)), 20, names)
        directory = Path(inputs["vcf"]).parent
        settings = settings_of(directory, inputs)
        settings.options[SPLIT_BY].update(data)
        allowed = {name: (value,) for name, value in GRID.items()} | {"imputation": ["mean_imp"]}
        pipeline = PIPELINE.of_study(settings.options)
        return [note.message for note in pipeline.check(settings, allowed)]

    assert "variants are split by genes: CSQ field SYMBOL names them" in check(("SYMBOL", "Gene"))
    assert "variants are split by genes: CSQ field Gene names them" in check(("Gene",))
    with pytest.raises(InputError, match='none of "SYMBOL", "Gene" in the CSQ format') as caught:
        check(())
    assert caught.value.faults[0].line == 4
    assert "take gene out of split_by" in caught.value.text()
    with pytest.raises(InputError, match='none of "Gene" in the CSQ format'):
        check(("SYMBOL",), **{"gene field": "Gene"})


# --- time ---------------------------------------------------------------------


def test_a_cut_at_a_date_tests_what_came_from_then_on():
    """A variant without a date is in neither part."""
    texts = ["2020-12-31", "2021-01-01", None, "2021-06-30", "2019-02-28"]
    cut = Cut("DATE", since="2021-01-01")
    assert cut.parts(texts, [*"abcde"]).tolist() == [OLDER, NEWER, UNDATED, NEWER, OLDER]
    assert cut.said(texts, [*"abcde"]) == (
        "variants are split by DATE: 2 older ones to train on, 2 from 2021-01-01 on to test on; "
        "1 variant without DATE are in neither part"
    )
    # the months of a date count, not its letters
    assert Cut("YEAR", since="10").parts(["9", "10", "11"], [*"abc"]).tolist() == [0, 1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_by_share_is_the_nearest_that_keeps_times_together(seed):
    """As trying every moment finds it; shares are of variants, not of rows."""
    draw = random.Random(seed)
    times = {f"v{n}": draw.randrange(1, 9) for n in range(40)}
    variants = [name for name in times for _ in range(draw.randrange(1, 4))]
    texts = [str(times[name]) for name in variants]
    parts = Cut("N", share=0.3).parts(texts, variants)
    newer = {name for name, part in zip(variants, parts, strict=True) if part == NEWER}
    assert max(times[v] for v in set(times) - newer) < min(times[v] for v in newer)
    tried = [sum(t >= m for t in times.values()) / 40 for m in sorted({*times.values()})[1:]]
    assert abs(len(newer) / 40 - 0.3) == min(abs(share - 0.3) for share in tried)


@pytest.mark.parametrize(
    ("texts", "since", "message", "at"),
    [
        ([None, None], "3", "no record has DATE", []),
        (["1", "May", "2"], "2", "neither a date such as 2021-05-31 nor a number", [1]),
        (["2021-02-30"], "2020-01-01", "neither a date", [0]),
        (["2021-02-03", "2021"], "2021", "a date in some records and a number in others", [1]),
        (["2021-02-03"], "2021", "is a date, but split_by is to cut at 2021", []),
        (["1", "2"], "3", "no record is newer by DATE", []),
        (["1", "2"], "1", "no record is older by DATE", []),
        (["1", "2"], "2", "", []),
    ],
)
def test_what_cannot_be_cut_is_named(texts, since, message, at):
    """With the rows that it is about."""
    found, rows = Cut("DATE", since=since).fault(texts)
    assert message in found
    assert bool(found) is bool(message)
    assert [*rows] == at


def dated_study(directory: Path, date_of, variants: int = 200) -> dict[str, str]:
    directory.mkdir(exist_ok=True)
    files = write_inputs(directory, variants)
    path = directory / files["vcf"]
    lines = path.read_text().splitlines()
    declared = '##INFO=<ID=DATE,Number=1,Type=String,Description="First seen">'
    dated = [
        line if line.startswith("#") else line + date_of(int(line.split("\t")[1]) - 1000)
        for line in lines
    ]
    path.write_text("\n".join([dated[0], declared, *dated[1:]]) + "\n")
    return {role: str(directory / name) for role, name in files.items()}


BY_TIME = {
    "file": "study.yaml",
    "line": 3,
    "values": ["time"],
    "time": {"field": "DATE", "since": "2021-01-01"},
}


def numbers_of(names) -> set[int]:
    return {int(name.split(":")[1]) - 1000 for name in names}


def time_settings(directory, inputs, **options) -> Settings:
    features = read_features(directory / "features.json").features.plain()
    return Settings(
        inputs, "corrected", 3, options={SPLIT_BY: BY_TIME, "features": features} | options
    )


def test_a_study_by_time_trains_on_the_older_and_tests_on_the_newer(tmp_path):
    """Every third variant is newer, every tenth has no date; a note says how many of each."""

    def date_of(number):
        year = 2022 if number % 3 == 0 else 2018
        return "" if number % 10 == 0 else f";DATE={year}-03-{1 + number % 28:02}"

    settings = time_settings(tmp_path, dated_study(tmp_path, date_of))
    values = GRID | {"imputation": "mean_imp", SPLIT_BY: "time"}
    allowed = {name: (value,) for name, value in values.items()}
    source = AmissSource(settings, allowed, tmp_path / "cache")
    (said,) = [note.message for note in source.notes() if "variants are split" in note.message]
    assert "20 variants without DATE are in neither part" in said
    runner = AmissRunner(settings, lambda *_: None)
    task = TaskSpec(0, 0, 1, "lr", values)
    fold = runner.chain.cell(task, source.path(source.artifact(values))).fold

    dated = {n for n in range(200) if n % 10}
    assert numbers_of(fold.test_ids) == {n for n in dated if n % 3 == 0}
    assert numbers_of(fold.train_variants) == {n for n in dated if n % 3}
    tested = {"positive": fold.test_positive.sum(), "negative": (~fold.test_positive).sum()}
    assert source.class_rows(source.artifact(values)) == tested


def test_files_without_dates_are_refused(tmp_path):
    """Without the field in the header as the study is planned, without values as it is read."""
    inputs = dated_study(tmp_path / "none", lambda _: "", 30)
    settings = time_settings(tmp_path / "none", inputs)
    values = GRID | {"imputation": "mean_imp", SPLIT_BY: "time"}
    allowed = {name: (value,) for name, value in values.items()}
    with pytest.raises(InputError, match="no record has DATE, by which variants are to be split"):
        AmissSource(settings, allowed, tmp_path / "cache")
    inputs = dated_study(tmp_path / "odd", lambda n: f";DATE={'May' if n == 3 else 2021}", 30)
    with pytest.raises(InputError, match="neither a date") as caught:
        AmissSource(time_settings(tmp_path / "odd", inputs), allowed, tmp_path / "cache")
    assert caught.value.faults[0].line == 7 + 3
    other = BY_TIME | {"time": {"field": "SEEN", "share": 0.3}}
    settings = time_settings(tmp_path / "odd", inputs, **{SPLIT_BY: other})
    pipeline = PIPELINE.of_study(settings.options)
    with pytest.raises(InputError, match='the header declares no INFO key "SEEN"'):
        pipeline.check(settings, allowed | {"imputation": ["mean_imp"]})


def test_a_split_by_time_has_one_fold(tmp_path):
    """More folds are refused with their line, and so is a part held out of it."""
    written = "{time: {field: DATE, test_share: 0.3}}"
    study = load(tmp_path / "one", written)
    assert study.folds == 1
    assert state_of(study).protocol_label == "corrected (split by time)"
    with pytest.raises(InputError, match="is one split, of what was known") as caught:
        load(tmp_path / "five", written, "folds: 5")
    assert caught.value.faults[0].line == 5
    options = {SPLIT_BY: BY_TIME, "evaluate": "hold-out"}
    with pytest.raises(InputError, match="remove evaluate"):
        refuse_unsplittable(options, protocol_of(Settings({}, "corrected", 1)))


# --- a later file -------------------------------------------------------------

BY_NEWER = BY_TIME | {"time": {"newer": "next"}}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A file of 140 variants, some of them uncertain, and a later one that has 200.

    Of the first ten, three have another class there.
    """
    directory = tmp_path_factory.mktemp("pair")
    files = write_inputs(directory, 200)
    head, records = [], []
    for line in (directory / files["vcf"]).read_text().splitlines():
        (head if line.startswith("#") else records).append(line)
    other = {"Benign": "Pathogenic", "Pathogenic": "Benign"}
    older, later = [], []
    for number, line in enumerate(records):
        label = "Pathogenic" if "=Pathogenic;" in line else "Benign"
        then = "Uncertain_significance" if number % 7 == 0 else label
        now = other[label] if number in (1, 2, 3) else label
        if number < 140:
            older.append(line.replace(f"={label};", f"={then};"))
        later.append(line.replace(f"={label};", f"={now};"))
    for name, lines in (("older.vcf", older), ("later.vcf", later)):
        (directory / name).write_text("\n".join([*head, *lines]) + "\n")
    inputs = {role: str(directory / name) for role, name in files.items()}
    inputs |= {"vcf": str(directory / "older.vcf"), "newer.next": str(directory / "later.vcf")}
    return time_settings(directory, inputs, **{SPLIT_BY: BY_NEWER})


def test_a_later_file_tests_what_had_no_label_before(pair, tmp_path):
    """New variants, and those that were uncertain; what has a label in both is trained on."""
    values = GRID | {"imputation": "mean_imp", SPLIT_BY: "time"}
    allowed = {name: (value,) for name, value in values.items()}
    source = AmissSource(pair, allowed, tmp_path / "cache")
    runner = AmissRunner(pair, lambda *_: None)
    task = TaskSpec(0, 0, 1, "lr", values)
    artifact = source.path(source.artifact(values))
    fold = runner.chain.cell(task, artifact).fold
    uncertain = {n for n in range(140) if n % 7 == 0}
    assert numbers_of(fold.train_variants) == {*range(140)} - uncertain
    assert numbers_of(fold.test_ids) == {*range(140, 200)} | uncertain
    (said,) = [note.message for note in source.notes() if "of the later file" in note.message]
    assert said.startswith(
        "120 variants to train on, 80 of the later file to test on: 60 that the older file lacks "
        "and 20 that have no label there; 120 have a label in both and are not tested on, 3 of "
        "them with another class than before (transcript=canonical"
    )
    rows = source.labelled(values)
    then = {v.split("\t")[1]: p for v, p in zip(rows.variants, rows.positive, strict=True)}
    older = Path(pair.inputs["vcf"]).read_text()
    for number in (1, 2, 3):  # trained on with the class that they had then
        (line,) = [each for each in older.splitlines() if f"\t{1000 + number}\t" in each]
        assert then[str(1000 + number)] == ("=Pathogenic;" in line)
    assert runner.run(task, artifact).rows


def test_tables_are_read_once_for_both_files(pair, tmp_path, monkeypatch):
    """No input is opened to be read for the later file that was for the older one."""
    opened: list[str] = []
    monkeypatch.setattr(
        "amiss_tasks.stages.files.lines.open_input",
        lambda path, holding: (opened.append(path), open_input(path, holding))[1],
    )
    allowed = {name: (value,) for name, value in (GRID | {"imputation": "mean_imp"}).items()}
    AmissSource(pair, allowed | {SPLIT_BY: ("time",)}, tmp_path / "cache")
    assert sorted(map(str, opened)) == sorted(pair.inputs.values())


def test_a_later_file_is_in_the_key_of_a_block(pair, tmp_path):
    """Another one makes another artifact; the study's own table is read once for both."""
    values = GRID | {"imputation": "mean_imp", SPLIT_BY: "time"}
    allowed = {name: (value,) for name, value in values.items()}
    other = tmp_path / "other.vcf"
    later = Path(pair.inputs["newer.next"]).read_text()
    other.write_text(later.replace("=Benign;", "=Pathogenic;", 1))
    keys = []
    for path in (pair.inputs["newer.next"], str(other)):
        settings = replace(pair, inputs={**pair.inputs, "newer.next": path})
        source = AmissSource(settings, allowed, tmp_path / "cache")
        keys.append((*source._read_digests, source.artifact(values)))
    assert keys[0][0] == keys[1][0]
    assert keys[0][1] != keys[1][1]
    assert keys[0][2] != keys[1][2]


def test_rows_that_the_grid_cannot_use_change_nothing_of_a_later_file(pair, tmp_path):
    """Blocks and notes are those of a grid that uses all; of variants left behind hashes are kept.

    Variants without a star in the older file are there, and have no label.
    """
    values = GRID | {"imputation": "mean_imp", SPLIT_BY: "time", "transcript": "canonical"}
    few = {name: (value,) for name, value in values.items()}
    every = few | {"transcript": ("canonical", "keep_all"), "restriction": ("missense", "all")}
    every["quality"] = ("onestar", "twostar")
    starless = tmp_path / "starless.vcf"
    lines = Path(pair.inputs["vcf"]).read_text().splitlines(keepends=True)
    lines[-20:] = [re.sub("CLNREVSTAT=[^;]*", "CLNREVSTAT=no_assertion", x) for x in lines[-20:]]
    starless.write_text("".join(lines))
    settings = replace(pair, inputs={**pair.inputs, "vcf": str(starless)})
    found = [
        AmissSource(settings, grid, tmp_path / str(len(grid["quality"]))) for grid in (few, every)
    ]
    contents = [source.path(source.artifact(values)).read_bytes() for source in found]
    assert contents[0] == contents[1]
    for source in found:
        (said,) = [note.message for note in source.notes() if "of the later file" in note.message]
        assert "60 that the older file lacks and 38 that have no label there" in said
    (variants,) = (tmp_path / "1").glob("read-*.npy")
    assert variants.stat().st_size == 128 + 8 * 140


def test_variants_that_are_lost_are_read_again(pair, tmp_path):
    """A table is of no use without them where a later file is asked for; a note says so."""
    allowed = {name: (value,) for name, value in (GRID | {"imputation": "mean_imp"}).items()}
    allowed[SPLIT_BY] = ("time",)
    known = AmissSource(pair, allowed, tmp_path).input_digests
    settings = replace(pair, input_digests=known)
    (variants,) = tmp_path.glob("read-*.npy")
    content = variants.read_bytes()
    variants.write_bytes(content[:-1] + b"x")
    notes = AmissSource(settings, allowed, tmp_path).notes()
    (note,) = (note for note in notes if "was damaged and was made again" in note.message)
    assert note.file == variants
    assert variants.read_bytes() == content
    variants.unlink()
    AmissSource(settings, allowed, tmp_path)
    assert variants.read_bytes() == content


def test_a_later_file_is_named_among_the_inputs(pair):
    """An unknown name is refused with the known ones, as the study is planned."""
    named = BY_TIME | {"time": {"newer": "nxt"}}
    settings = replace(pair, options={**pair.options, SPLIT_BY: named})
    pipeline = PIPELINE.of_study(settings.options)
    allowed = {name: (value,) for name, value in GRID.items()} | {"imputation": ["mean_imp"]}
    with pytest.raises(InputError, match='"nxt", which is no file below inputs: newer') as caught:
        pipeline.check(settings, allowed)
    assert 'did you mean "next"?' in caught.value.text()
    good = PIPELINE.of_study(pair.options)
    good.check(pair, allowed)
    assert good.most_folds == 1


def test_the_key_says_what_it_is():
    """Its sentence is in the table of keys."""
    assert STUDY_KEYS[SPLIT_BY].description.startswith("What stays together")
