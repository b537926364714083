"""The study.yaml that ``gridrun init`` writes."""

from __future__ import annotations

from gridrun.pipeline import load_pipeline

_HEAD = """\
# A gridrun study. Paths are relative to this file. Every key: docs/study.md

inputs:
  vcf: {vcf}  # ClinVar, annotated by VEP with --canonical and dbNSFP
  cadd_snv: {cadd_snv}
  cadd_indel: {cadd_indel}

# amiss: upstream's numbers, its seeds and defects included
# corrected: its defects corrected; all methods on the same rows, all that is learnt from
# training rows only (what differs: docs/protocols.md)
protocol: amiss

# cv: repeated random splits of the training part; hold-out: train on all of it, test on the
# part held out; repeated hold-out: that for as many splits as there are folds
evaluate: cv
folds: 10

# yes: keep the predictions of every test row as well (results/predictions)
predictions: no

# for --sample and --rows, and for all draws of protocol corrected; amiss has upstream's seeds
seed: 1

# left out: all that this version runs
classifiers: [{classifiers}]

limits:
  task_seconds: 3600  # a task that takes longer is ended and recorded as timeout

"""

_START = {
    "transcript": 1,
    "quality": 3,
    "restriction": 2,
    "vus_inclusion": 3,
    "categorical": 1,
    "hyperparameter_search_type": 1,
}
"""Parameters of which the first grid takes one value only: its position, from 1."""

_FIRST = {"imputation": 7}
"""Parameters of which the first grid takes the first so many values: upstream's published grid."""


def study_text(*, vcf: str, cadd_snv: str, cadd_indel: str, grid: str | None) -> str:
    """Text of a study.yaml to start from.

    Args:
        vcf: Path of the VCF as it is to be written.
        cadd_snv: Path of the CADD table of SNVs.
        cadd_indel: Path of the CADD table of indels.
        grid: Path of a grid file, or None for a grid of a few hundred combinations.
    """
    pipeline = load_pipeline()
    head = _HEAD.format(
        vcf=_quoted(vcf),
        cadd_snv=_quoted(cadd_snv),
        cadd_indel=_quoted(cadd_indel),
        classifiers=", ".join(pipeline.classifiers),
    )
    if grid is not None:
        return f"{head}grid: {_quoted(grid)}\n"
    lines = [
        "# one value or a list of values for each parameter; all values: gridrun params",
        "grid:",
    ]
    for parameter in pipeline.parameters:
        values = [str(value) for value in parameter.values]
        if parameter.name in _START:
            others = [v for i, v in enumerate(values, 1) if i != _START[parameter.name]]
            comment = f"  # or {', '.join(others)}" if others else ""
            lines.append(f"  {parameter.name}: {values[_START[parameter.name] - 1]}{comment}")
            continue
        first = _FIRST.get(parameter.name, len(values))
        if values[first:]:
            names = ", ".join(values[first:])
            lines.append(f"  # {parameter.name} also has, at many times the cost: {names}")
        lines.append(f"  {parameter.name}: [{', '.join(values[:first])}]")
    return head + "\n".join(lines) + "\n"


def _quoted(path: str) -> str:
    """A path as a YAML scalar: plain where that is safe, else in single quotes."""
    plain = all(char.isalnum() or char in "._-/+" for char in path) and path[:1] not in "-+"
    if plain and path:
        return path
    if any(not char.isprintable() for char in path):
        return '"' + path.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    return "'" + path.replace("'", "''") + "'"
