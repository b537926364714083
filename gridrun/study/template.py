"""The study.yaml that ``gridrun init`` writes."""

from __future__ import annotations

from collections.abc import Iterator

from gridrun.pipeline import Parameter, load_pipeline

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
        lines += _grid_lines(parameter)
    return head + "\n".join(lines) + "\n"


def _grid_lines(parameter: Parameter) -> Iterator[str]:
    """A parameter with the values of a first grid, the others in a comment."""
    start = parameter.values if parameter.start is None else parameter.start
    values = ", ".join(map(str, start))
    others = ", ".join(str(value) for value in parameter.values if value not in start)
    if parameter.start is not None and len(start) == 1:
        yield f"  {parameter.name}: {values}{f'  # or {others}' if others else ''}"
        return
    if others:
        cost = f", {parameter.start_lacks}" if parameter.start_lacks else ""
        yield f"  # {parameter.name} also has{cost}: {others}"
    yield f"  {parameter.name}: [{values}]"


def _quoted(path: str) -> str:
    """A path as a YAML scalar: plain where that is safe, else in single quotes."""
    plain = all(char.isalnum() or char in "._-/+" for char in path) and path[:1] not in "-+"
    if plain and path:
        return path
    if any(not char.isprintable() for char in path):
        return '"' + path.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    return "'" + path.replace("'", "''") + "'"
