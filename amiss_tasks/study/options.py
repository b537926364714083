"""The values of the keys that amiss adds to a study, from the settings that travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.methods import METHODS, Method, own_method
from amiss_tasks.r.own_file import OWN_CLASSIFIERS, OWN_METHODS, OwnFile, own_files
from amiss_tasks.stages.read.alleles import LEAVE_OUT, OTHER_ALLELES
from amiss_tasks.stages.significance import UPSTREAM_SIGNIFICANCE, Significance
from amiss_tasks.stages.splits.split_by import cut_of, gene_fields_of

FEATURES, CLNSIG = "features", "clnsig"
"""Keys of ``study.yaml``, and names of their data in ``Settings.options``."""

USE = "use"
"""Key of ``clnsig`` that names a table; the others are values of CLNSIG."""


def features_of(options: Mapping[str, Any]) -> FeatureSet:
    """The study's features: those of its features file, or amiss's own."""
    return FeatureSet.from_plain(options[FEATURES]) if FEATURES in options else AMISS


def features_read_of(options: Mapping[str, Any]) -> FeatureSet:
    """The features, with what is read of the inputs beside them."""
    return replace(features_of(options), genes=gene_fields_of(options), cut=cut_of(options))


def significance_of(options: Mapping[str, Any]) -> Significance:
    """What values of CLNSIG count as: upstream's lists, with what the study maps."""
    if CLNSIG not in options:
        return UPSTREAM_SIGNIFICANCE
    mapped = dict(options[CLNSIG])
    table = mapped.pop(USE, "")
    return Significance(mapped, table)


def leaves_out_other_alleles(options: Mapping[str, Any]) -> bool:
    """Whether CSQ blocks of another ALT than their record's are left out, not refused."""
    return options.get(OTHER_ALLELES) == LEAVE_OUT


def methods_of(options: Mapping[str, Any]) -> Mapping[str, Method]:
    """The imputation methods that a study can name: amiss's, then its own."""
    own = own_files(options, OWN_METHODS)
    return {**METHODS, **{name: own_method(file) for name, file in own.items()}}


def own_classifiers_of(options: Mapping[str, Any]) -> Mapping[str, OwnFile]:
    """The study's own classifiers, in its order."""
    return own_files(options, OWN_CLASSIFIERS)
