"""JSON Schemas of the keys that amiss adds to ``study.yaml``: what their readers accept."""

from __future__ import annotations

from collections.abc import Mapping

from amiss_tasks.clinvar import CLASSES
from amiss_tasks.evaluation import EVALUATE, KINDS, PREDICTIONS
from amiss_tasks.features.feature_set import GENE_FIELDS
from amiss_tasks.features.features_file import known_sets
from amiss_tasks.features.groups import ALL, ONLY, WITHOUT
from amiss_tasks.features.indicators import INDICATORS, OFF, ON
from amiss_tasks.protocols import AMISS, CORRECTED, DEFECTS, NAMES, SWITCHES_KEY
from amiss_tasks.r.own_file import OWN_CLASSIFIERS, OWN_METHODS
from amiss_tasks.stages.added_missingness import (
    MECHANISM,
    MECHANISMS,
    MECHANISMS_KEY,
    OPTION,
    SHARES_KEY,
)
from amiss_tasks.stages.clinvar_2026 import TABLE
from amiss_tasks.stages.feature_groups import FEATURE_GROUPS
from amiss_tasks.stages.read.alleles import LEAVE_OUT, OTHER_ALLELES, REFUSE
from amiss_tasks.stages.splits.split_by import GENE, NEWER_KEY, SPLIT_BY, TIME, VARIANT
from amiss_tasks.study.options import CLNSIG, FEATURES, USE
from amiss_tasks.study.own_keys import ACCEPTS_MISSING, HYPERPARAMETERS, MOST_LETTERS, OWN_NAME
from gridrun.study.schema_parts import TEXT, Schema, mapping, one_of, one_or_more

_YES: Schema = {"enum": ["yes", True]}
_SHARES: Schema = {
    "anyOf": [_YES, one_or_more({"type": "number", "minimum": 0, "exclusiveMaximum": 1})]
}
_SCALARS = one_or_more({"type": ["string", "number", "boolean"]})
_GROUPS = one_or_more(TEXT)
_GENES = mapping({GENE: one_of(GENE_FIELDS)}, [GENE])
_TIME = {
    "anyOf": [
        mapping({"field": TEXT, "from": {"type": ["string", "number"]}}, ["field", "from"]),
        mapping(
            {
                "field": TEXT,
                "test_share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            },
            ["field", "test_share"],
        ),
        mapping({NEWER_KEY: TEXT}, [NEWER_KEY]),
    ]
}
_SETTING = one_of((AMISS, CORRECTED))


def _own(more: Mapping[str, Schema]) -> Schema:
    """Files by name, each a path or a mapping with a path and what else may be said."""
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{OWN_NAME}$", "maxLength": MOST_LETTERS},
        "additionalProperties": {"anyOf": [TEXT, mapping({"file": TEXT, **more}, ["file"])]},
    }


SCHEMAS: Mapping[str, Schema] = {
    FEATURES: {"anyOf": [one_of(known_sets()), TEXT]},
    CLNSIG: {
        "anyOf": [
            one_of((TABLE,)),
            {
                "type": "object",
                "minProperties": 1,
                "properties": {USE: one_of((TABLE,))},
                "additionalProperties": one_of(tuple(CLASSES)),
            },
        ]
    },
    OTHER_ALLELES: one_of((REFUSE, LEAVE_OUT)),
    SWITCHES_KEY: mapping(
        dict.fromkeys((*NAMES, *DEFECTS), _SETTING),
        patternProperties={f"^[dD]({'|'.join(name[1:] for name in DEFECTS)})$": _SETTING},
    ),
    EVALUATE: one_of(tuple(KINDS)),
    PREDICTIONS: one_of(("yes", "no", True, False)),
    OWN_METHODS: _own({HYPERPARAMETERS: {"type": "object", "additionalProperties": _SCALARS}}),
    OWN_CLASSIFIERS: _own({ACCEPTS_MISSING: {"type": "boolean"}}),
    OPTION: {
        "anyOf": [
            *_SHARES["anyOf"],
            mapping(
                {SHARES_KEY: _SHARES, MECHANISMS_KEY: one_or_more(one_of(MECHANISMS))},
                [SHARES_KEY],
            ),
        ]
    },
    FEATURE_GROUPS: one_or_more(
        {
            "anyOf": [
                one_of((ALL,)),
                {"type": "string", "pattern": f"^({ONLY}|{WITHOUT}) \\S"},
                mapping({ONLY: _GROUPS, WITHOUT: _GROUPS}, minProperties=1, maxProperties=1),
            ]
        }
    ),
    SPLIT_BY: {
        "anyOf": [
            _GENES,
            mapping({TIME: _TIME}, [TIME]),
            one_or_more({"anyOf": [one_of((VARIANT, GENE)), _GENES]}),
        ]
    },
    INDICATORS: one_or_more(one_of((OFF, ON))),
}
"""Name of the key to its schema."""

OPENS: Mapping[str, tuple[str, ...]] = {
    OWN_METHODS: ("imputation",),
    OWN_CLASSIFIERS: ("classifiers",),
    OPTION: (OPTION, MECHANISM),
    FEATURE_GROUPS: (FEATURE_GROUPS,),
    INDICATORS: (INDICATORS,),
    SPLIT_BY: (SPLIT_BY,),
}
"""Name of a key to the parameters that it adds, or that have more values with it."""
