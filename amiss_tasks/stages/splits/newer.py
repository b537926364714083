"""Variants of a later file as the test part: what is known now and was not known then.

Trained on the study's own VCF, tested on the variants of the later one that have a label there and
had none here. A variant that has a label in both is trained on with the older one, as it would have
been then, and is not tested on: a model has seen it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amiss_tasks.features.cut import NEWER, OLDER
from amiss_tasks.stages.columns.variants import Names
from amiss_tasks.stages.labelled_rows import Labelled
from amiss_tasks.stages.splits.split_by import NEWER_KEY, SPLIT_BY, TIME
from gridrun.documents.tree import known_list
from gridrun.errors import Fault, InputError, counted, did_you_mean

VCF = "vcf"
"""Role of the study's own VCF, in whose place the later one is read."""


def files_of(inputs: Mapping[str, str], options: Mapping[str, Any]) -> list[dict[str, str]]:
    """The inputs that are read as one: the study's own, then those with the later file.

    Args:
        inputs: Role to path, or to digest.
        options: Data of the study's keys.

    Returns:
        One or two mappings of roles, as a study without later files has them.

    Raises:
        InputError: The study names a file that is not among its inputs.
    """
    later = {r.partition(".")[2]: r for r in inputs if r.startswith(f"{NEWER_KEY}.")}
    own = {role: path for role, path in inputs.items() if role not in later.values()}
    data = options.get(SPLIT_BY, {})
    name = data.get(TIME, {}).get(NEWER_KEY)
    if name is None:
        return [own]
    if name not in later:
        message = f'{SPLIT_BY}: {TIME} names "{name}", which is no file below inputs: {NEWER_KEY}'
        known = f"; known: {known_list(later)}" if later else ""
        todo = f"{did_you_mean(name, later)} name it there: {NEWER_KEY}: {{{name}: PATH}}{known}"
        raise InputError([Fault(Path(data["file"]), message, data["line"], todo.strip())])
    return [own, {**own, VCF: inputs[later[name]]}]


def with_newer(older: Labelled, later: Labelled, variants: Path) -> tuple[Labelled, str]:
    """The rows of both files, in two parts.

    Args:
        older: Rows of the study's own VCF that have a label.
        later: Rows of the later file that have one.
        variants: File of the variants of the study's own VCF, with a label or not.

    Returns:
        The rows to train on, then those to test on; and a sentence on which these are.
    """
    labels = dict(zip(older.variants, older.positive.tolist(), strict=True))
    pairs = zip(later.variants, later.positive.tolist(), strict=True)
    changed = {name for name, label in pairs if labels.get(name, label) != label}
    new = np.array([name not in labels for name in later.variants], dtype=np.bool_)
    kept = np.flatnonzero(new).tolist()
    tested = {later.variants[row] for row in kept}
    there_too = int(Names(variants).has([name.replace("\t", "\r") for name in tested]).sum())
    said = (
        f"{counted(len(set(older.variants)), 'variant')} to train on, {len(tested):,} of the later "
        f"file to test on: {len(tested) - there_too:,} that the older file lacks and {there_too:,} "
        f"that have no label there; {len({*later.variants}) - len(tested):,} have a label in both "
        f"and are not tested on, {len(changed):,} of them with another class than before"
    )

    def numbers(rows: Labelled, name: str) -> Any:
        return rows.numeric.get(name, np.full(len(rows.positive), np.nan))

    def words(rows: Labelled, name: str) -> Sequence[str | None]:
        return rows.text.get(name, [None] * len(rows.positive))

    both = Labelled(
        row_ids=[*older.row_ids, *(later.row_ids[row] for row in kept)],
        variants=[*older.variants, *(later.variants[row] for row in kept)],
        positive=np.concatenate([older.positive, later.positive[new]]),
        numeric={
            name: np.concatenate([numbers(older, name), numbers(later, name)[new]])
            for name in {**older.numeric, **later.numeric}
        },
        text={
            name: [*words(older, name), *map(words(later, name).__getitem__, kept)]
            for name in {**older.text, **later.text}
        },
        has_dummies=older.has_dummies,
        vep_consequences=[
            *older.vep_consequences,
            *([later.vep_consequences[row] for row in kept] if later.vep_consequences else ()),
        ],
        # numbers of patterns and genes are each file's own, so null models of them would be wrong
        levels={
            name: np.concatenate([flags, later.levels[name][new]])
            for name, flags in older.levels.items()
            if flags.dtype == np.bool_ and name in later.levels
        },
        parts=np.repeat([OLDER, NEWER], [len(older.positive), len(kept)]),
    )
    return both, said
