"""What stays together where rows are split: the key ``split_by`` and its parameter. Data, not code.

Variants, as amiss's protocol ``corrected`` has them; or all variants of a gene, so that a model is
tested on genes that it has not seen; or what is older and what is newer. Why: ``docs/splits.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amiss_tasks.evaluation import CV, EVALUATE
from amiss_tasks.features.cut import Cut
from amiss_tasks.features.feature_set import GENE_FIELDS
from amiss_tasks.protocols import CORRECTED, Protocol
from gridrun.documents.tree import known_list
from gridrun.errors import Fault, InputError
from gridrun.pipeline import Parameter, Value

SPLIT_BY = "split_by"
"""Key of ``study.yaml``, name of its data in ``Settings.options``, and of the parameter."""

VARIANT, GENE, TIME = "variant", "gene", "time"

KINDS: Mapping[str, str] = {
    VARIANT: "the rows of a variant stay together, as protocol corrected has it",
    GENE: "all variants of a gene stay together, so that no gene is in both parts of a fold",
    TIME: "trained on older variants, tested on newer ones: by a field, or those of a later file",
}
"""Value of the key to one sentence."""

VALUES_KEY, FIELD_KEY = "values", "gene field"
"""Names in the data of the key: the values in their order, and the CSQ field that is declared; what
is declared of time has the name of its value."""

NEWER_KEY = "newer"
"""Key below ``time`` that names a later file, and role of such files among the inputs."""

TIME_KEYS = ("field", "from", "test_share")
"""Keys below ``time``: the INFO key, and one of what is tested on: from when, or what share."""

ONE_SPLIT = f"{SPLIT_BY}: {TIME} is one split, of what was known from what came later"
"""Why a study that splits by time has one fold."""

_NEEDED = ("split_by", "sampling", "fold_shares", "dummy_levels")
"""Switches without which rows are not split by anything but variants: D9, D22, D1, D30."""


def kinds_of(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What the study splits by, in its order; by variants without the key."""
    return tuple(options.get(SPLIT_BY, {}).get(VALUES_KEY, (VARIANT,)))


def is_by_variant_only(options: Mapping[str, Any]) -> bool:
    """Whether the study is as one without the key."""
    return kinds_of(options) == (VARIANT,)


def split_parameters(options: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The axis of the grid in a study that splits by more than variants."""
    kinds = kinds_of(options)
    if is_by_variant_only(options):
        return ()
    axis = Parameter(
        SPLIT_BY,
        kinds,
        "What stays together where rows are split: a variant's rows, a gene's, or older ones.",
        default=kinds,
        only_under={kind: CORRECTED for kind in kinds if kind != VARIANT},
        only_under_reason="amiss, whose numbers it stands for, splits rows (D9)",
    )
    return (axis,)


def kind_of(values: Mapping[str, Value]) -> str:
    """What a combination is split by."""
    return str(values.get(SPLIT_BY, VARIANT))


def label_of(options: Mapping[str, Any]) -> str:
    """What is said of it beside the protocol; empty for variants alone."""
    kinds = kinds_of(options)
    return "" if is_by_variant_only(options) else f"split by {known_list(kinds)}"


def gene_fields_of(options: Mapping[str, Any]) -> tuple[str, ...]:
    """CSQ fields of which the first that is there names genes; empty if no rows are split by them.

    Args:
        options: Data of the study's keys.
    """
    if GENE not in kinds_of(options):
        return ()
    declared = options[SPLIT_BY].get(FIELD_KEY)
    return (str(declared),) if declared else GENE_FIELDS


def cut_of(options: Mapping[str, Any]) -> Cut | None:
    """Where rows are split by time, if they are."""
    data = options.get(SPLIT_BY, {}).get(TIME)
    return Cut.of(data) if data and "field" in data else None


def refuse_unsplittable(options: Mapping[str, Any], protocol: Protocol) -> None:
    """Stop where other keys of the study leave rows to be split otherwise.

    Raises:
        InputError: A switch that splitting needs is set to ``amiss``, or parts are to be held out
            of a split by time.
    """
    if TIME in kinds_of(options) and EVALUATE in options and options[EVALUATE] != CV:
        data = options[SPLIT_BY]
        message = f'key "{EVALUATE}" has {options[EVALUATE]}, and {ONE_SPLIT}'
        raise InputError([Fault(Path(data["file"]), message, data["line"], f"remove {EVALUATE}")])
    lacking = [name for name in _NEEDED if name not in protocol.corrected]
    if is_by_variant_only(options) or not lacking:
        return
    data = options[SPLIT_BY]
    message = (
        f'key "{SPLIT_BY}" has {known_list(kinds_of(options))}, which protocol {protocol.label} '
        f"cannot do: rows are split as upstream splits them ({known_list(lacking)})"
    )
    todo = f"take {known_list(lacking)} out of switches, or split by {VARIANT} only"
    raise InputError([Fault(Path(data["file"]), message, data["line"], todo)])
