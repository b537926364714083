"""``gridrun predict``: variants, labelled or not, predicted by a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridrun.cli import _options as opt
from gridrun.cli._help import add

_NONE_PREDICTED = 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    add(
        app,
        predict,
        "gridrun predict models/combination-17-rf.gridrun-model --vcf new.vcf.gz "
        "--cadd-snv snv.tsv.gz --cadd-indel indel.tsv.gz",
        "gridrun predict MODEL --vcf VCF --cadd-snv SNV --cadd-indel INDEL --out new.csv",
    )


def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="What gridrun export-model wrote.")
    ],
    *,
    vcf: Annotated[
        Path, typer.Option(metavar="FILE", help="VCF annotated as the study's; no labels needed.")
    ],
    cadd_snv: Annotated[
        Path, typer.Option(metavar="FILE", help="CADD table of its single-nucleotide variants.")
    ],
    cadd_indel: Annotated[
        Path, typer.Option(metavar="FILE", help="CADD table of its insertions and deletions.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="CSV file of the predictions.")] = Path(
        "predictions.csv"
    ),
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Predict the variants of a VCF, those without CLNSIG, review status or verdict included.

    One row for each variant and transcript, with the probability of being positive, how many
    features were missing, and a note; a row that cannot be predicted is there with the reason.
    Each row is predicted by itself, whatever rows stand beside it. Use only models you trust:
    R can run code when it reads one.
    """
    from gridrun.api import predict_variants
    from gridrun.cli._reports import show

    report = predict_variants(model, vcf, cadd_snv, cadd_indel, out, force=force)
    show(report, "predictions", as_json=as_json)
    if not report.facts["predicted"]:
        raise typer.Exit(_NONE_PREDICTED)
