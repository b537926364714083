"""What amiss says of a study's inputs, and the ``study.yaml`` that ``gridrun init`` begins with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from amiss_tasks.features.feature_set import TABLES
from amiss_tasks.stages.splits.split_by import NEWER_KEY
from gridrun.errors import EnvironmentFault
from gridrun.pipeline import InputRole, Words

INPUTS: Mapping[str, InputRole] = MappingProxyType(
    {
        "vcf": InputRole(
            "VEP-annotated ClinVar VCF, plain or gzip.",
            "clinvar.vep.vcf.gz",
            "ClinVar, annotated by VEP with --canonical and dbNSFP",
            "VCF annotated as the study's; CLNSIG, review status and verdict are not needed.",
        ),
        "cadd_snv": InputRole(
            "CADD table of SNVs.",
            "CADD_snv.tsv.gz",
            "without both CADD tables: a features file that reads no column of CADD",
            group="CADD",
            predicted="CADD table of its single-nucleotide variants.",
        ),
        "cadd_indel": InputRole(
            "CADD table of indels.",
            "CADD_indel.tsv.gz",
            group="CADD",
            predicted="CADD table of its insertions and deletions.",
        ),
        TABLES: InputRole(
            "Table of other annotations, tab-separated, under a name that a features file uses; "
            "repeatable.",
            "alphamissense=AlphaMissense_hg38.tsv.gz",
            "further tables of annotations, named by a features file",
            predicted="Table of other annotations that the model was trained with, under the same "
            "name; repeatable.",
            many=True,
        ),
        NEWER_KEY: InputRole(
            "Later release of the VCF, whose new variants are tested on, under a name; repeatable.",
            "clinvar2026=clinvar_2026.vep.vcf.gz",
            "later releases, for split_by: {time: {newer: NAME}} (docs/splits.md)",
            many=True,
        ),
    }
)
"""Role to what its file is."""

WORDS = Words(
    row="variant",
    predictions="The table has one row for each variant and transcript; variants without CLNSIG, "
    "review status or verdict are predicted like any other.",
)

_PACKAGE = Path(__file__).parents[1]
_EXAMPLES = (_PACKAGE / "quickstart", _PACKAGE.parent / "examples" / "quickstart")
"""Where the first study is: in an installed package, and in a clone of the repository."""


def example_directory() -> Path:
    """The first study, with synthetic data.

    Raises:
        EnvironmentFault: It was not installed, as in the worker image.
    """
    for directory in _EXAMPLES:
        if directory.is_dir():
            return directory
    raise EnvironmentFault(
        "this installation of gridrun has no example study",
        todo="install gridrun from its wheel, or clone its repository: examples/quickstart",
    )


START = """\
# A gridrun study. Paths are relative to this file. Every key: docs/study.md

inputs:
{inputs}

# features: meta2026  # default: amiss's 50; a set by name, or a features file (docs/features.md)

# amiss: upstream's numbers, its seeds and defects included
# corrected: its defects corrected; all methods on the same rows, all that is learnt from
# training rows only (what differs: docs/protocols.md)
protocol: {protocol}

# cv: repeated random splits of the training part; hold-out: train on all of it, test on the
# part held out; repeated hold-out: that for as many splits as there are folds
evaluate: cv
folds: 10

# yes: keep the predictions of every test row as well (results/predictions)
predictions: no

# for --sample and --rows, and for all draws of protocol corrected; amiss has upstream's seeds
seed: 1

# default: these; protocol corrected also has pattern_lr
classifiers: [{classifiers}]

limits:
  task: {{seconds: 3600}}  # a task that takes longer is ended and recorded as timeout

"""
