"""Groups of variants that share genes: what a split by gene keeps together.

Variants and genes are the two sides of a graph, with an edge where some row of the variant is of
the gene; its connected components are the groups. So a variant in two overlapping genes joins
these, and no gene is in two groups. Source: the split by groups of scikit-learn's ``GroupKFold``;
for why, Grimm et al. 2015 (doi:10.1002/humu.22768), ``docs/splits.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from amiss_tasks.r.arrays import BoolArray, IntArray
from amiss_tasks.stages.columns.words import numbers_of
from gridrun.errors import counted
from gridrun.pipeline import TaskFailure

_SHOWN = 3
"""Genes of a group that a sentence names."""

LEAST = 2
"""Fewest groups that have a class, for both parts of a split to have it."""


def gene_groups(variants: Sequence[str], genes: Sequence[str | None]) -> IntArray:
    """Number the groups of rows by the genes that their variants are in.

    Args:
        variants: Variant of each row.
        genes: Gene of each row, None where there is none. A variant of which no row has one is a
            group of its own.

    Returns:
        Group of each row, from 0, in order of first appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    variant, of_variant = _numbered(variants)
    gene, of_gene = _numbered([name for name in genes if name is not None])
    named = np.array([name is not None for name in genes], dtype=np.bool_)
    nodes = variant + gene
    ends = (of_variant[named], variant + of_gene)
    edges = coo_array((np.ones(len(of_gene), dtype=np.int8), ends), shape=(nodes, nodes))
    _, component = connected_components(edges, directed=False)
    return _numbered(component[of_variant].tolist())[1]


def _numbered(names: Sequence[object]) -> tuple[int, IntArray]:
    """How many there are, and each as its number in order of first appearance, from 0."""
    codes = numbers_of(names).astype(np.int64)
    return int(codes.max(initial=-1)) + 1, codes


def said_of_genes(variants: Sequence[str], genes: Sequence[str | None]) -> str:
    """How many groups there are, how large the largest is, and what has no gene: a sentence.

    Args:
        variants: Variant of each row.
        genes: Gene of each row, None where there is none.
    """
    groups = gene_groups(variants, genes)
    group_of = dict(zip(variants, groups.tolist(), strict=True))
    names: dict[int, set[str]] = {}
    for group, gene in zip(groups.tolist(), genes, strict=True):
        if gene is not None:
            names.setdefault(group, set()).add(gene)
    sizes = Counter(group for group in group_of.values() if group in names)
    without = len(group_of) - sizes.total()
    total = len({name for each in names.values() for name in each})
    joined = sum(len(each) for each in names.values() if len(each) > 1)
    said = [f"{counted(sizes.total(), 'variant')} are in {counted(len(names), 'group')} of genes"]
    if joined:
        said.append(
            f"variants with several genes join the groups of {joined:,} of {counted(total, 'gene')}"
        )
    if sizes:
        largest, most = sizes.most_common(1)[0]
        shown = sorted(names[largest])
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        said.append(
            f"the largest ({', '.join(shown[:_SHOWN])}{more}) has {counted(most, 'variant')}, "
            f"{most / len(group_of):.1%}"
        )
    if without:
        said.append(f"{counted(without, 'variant')} without a gene are groups of their own")
    return "; ".join(said)


@dataclass(frozen=True)
class GroupCounts:
    """How many groups of rows there are, and how many have a class.

    Args:
        groups: Number of groups.
        positive: Those with a positive row.
        negative: Those with a negative row.
    """

    groups: int
    positive: int
    negative: int

    @classmethod
    def of(cls, groups: IntArray, positive: BoolArray) -> GroupCounts:
        """Count the groups of rows.

        Args:
            groups: Group of each row.
            positive: Outcome of each row.
        """
        return cls(*(len(np.unique(groups[of])) for of in (groups >= 0, positive, ~positive)))

    @property
    def lacking(self) -> str:
        """What keeps any split from having both classes in both parts; empty if nothing does."""
        for name, count in (("positive", self.positive), ("negative", self.negative)):
            if count < LEAST:
                has = "has" if count == 1 else "have"
                return (
                    f"{count} of {counted(self.groups, 'group')} of genes {has} a {name} variant, "
                    "and both parts of a split need one"
                )
        return ""


def require_splittable(groups: IntArray, positive: BoolArray, fold: int) -> None:
    """Stop where genes cannot be split, or not in as many ways.

    Args:
        groups: Group of each row that is to be split.
        positive: Outcome of each row.
        fold: Fold, counted from 1.

    Raises:
        TaskFailure: With the counts.
    """
    counts = GroupCounts.of(groups, positive)
    if counts.lacking:
        raise TaskFailure(f"rows cannot be split by gene: {counts.lacking}")
    if fold > counts.groups:
        raise TaskFailure(
            f"fold {fold} of a split by gene: there are {counted(counts.groups, 'group')} of "
            "genes, so that further folds would repeat earlier ones; ask for fewer folds"
        )


def require_classes(positive: BoolArray, parts: Mapping[str, IntArray], split: str) -> None:
    """Stop where a part lacks a class.

    Args:
        positive: Outcome of each row.
        parts: ``train`` and ``test`` to positions among the rows.
        split: What the parts are of, for the message.

    Raises:
        TaskFailure: With the counts of both parts.
    """
    counts = {name: (int(positive[of].sum()), len(of)) for name, of in parts.items()}
    if all(0 < positives < rows for positives, rows in counts.values()):
        return
    said = " and ".join(
        f"{counted(rows, 'row')} to {name} on, {positives} of them positive"
        for name, (positives, rows) in counts.items()
    )
    raise TaskFailure(f"{split} lacks a class: {said}")
