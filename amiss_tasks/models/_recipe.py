"""The recipe of a model: what it is, in words and numbers, beside what R keeps of it.

It is the readable half of a model file, and what predictions are made by.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from amiss_tasks.models._plain import json_of
from amiss_tasks.protocols import AMISS, CORRECTED, SWITCHES, Protocol
from amiss_tasks.r.own_file import OWN_CLASSIFIERS, OWN_METHODS, OwnFile
from amiss_tasks.stages.encoding import Coding
from amiss_tasks.study.options import FEATURES, features_of
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings, Value
from gridrun.pipeline.models import FoldScores

FORMAT = 4
"""Of the files that are written."""

SERIALISED = 3
"""The format before, whose files hold R's own serialisation."""

STEPS = ("hyperparameters", "downsampling", "features", "rows", "impute", "test imputation")
"""Steps of a fold that draw, beside training, search and selection of the classifier."""


@dataclass(frozen=True)
class Recipe:
    """Description of a model: how it was trained, and on what.

    Args:
        format: ``FORMAT``, or ``SERIALISED`` in an older file.
        gridrun: Version of gridrun that trained it.
        study: Name of the study's directory.
        protocol: ``label``, ``name``, ``seed``, and each switch's setting.
        seeds: Step to its seed.
        combination: Number in the study's grid.
        parameters: Parameter to its value.
        classifier: ``name`` and ``models``: the chosen settings of each.
        imputation: ``method``; ``hyperparameters`` chosen, ``compared`` with their MCC.
        rows: Numbers of labelled rows and of those trained on, by class.
        features: ``final``, and those not used, by reason.
        levels: Categorical feature to its values in training; None is NA.
        dummies: Feature to its levels with a dummy; None where features stay text.
        holds_training_rows: ``imputation`` and ``models``: whether the file has training rows.
        sampled_variants: Size of the subset of variants it was trained on, or None for all.
        options: The study's keys that amiss added, features with their source columns included.
        inputs: Role to SHA-256 of the file's content.
        sources: Feature to the column that it was read from.
        releases: Role to the version of VEP or CADD, where the file names one.
        code: Stage to digest of its code.
        environment: Package to the version that it was trained with.
        files: Other files of the model to their SHA-256.
        folds: What the study's folds say of the combination, as ``FoldScores``; None in a file of
            a version that did not keep it.
    """

    format: int
    gridrun: str
    study: str
    protocol: Mapping[str, Any]
    seeds: Mapping[str, int]
    combination: int
    parameters: Mapping[str, Value]
    classifier: Mapping[str, Any]
    imputation: Mapping[str, Any]
    rows: Mapping[str, int]
    features: Mapping[str, Sequence[str]]
    levels: Mapping[str, Sequence[str | None]]
    dummies: Mapping[str, Sequence[str | None]] | None
    holds_training_rows: Mapping[str, bool]
    sampled_variants: int | None
    options: Mapping[str, Any]
    inputs: Mapping[str, str]
    sources: Mapping[str, str]
    releases: Mapping[str, str]
    code: Mapping[str, str]
    environment: Mapping[str, str]
    files: Mapping[str, str]
    folds: Mapping[str, Any] | None = None

    @property
    def coding(self) -> Coding:
        """How categorical features were coded."""
        levels = {name: list(values) for name, values in self.levels.items()}
        if self.dummies is None:
            return Coding(levels, None)
        return Coding(levels, {name: list(values) for name, values in self.dummies.items()})

    def folds_said(self) -> list[str]:
        """What the folds of the study say of such a model, as a line; none where nobody kept it."""
        if self.folds is None:
            return []
        return [f"in the folds of {self.study}: {FoldScores(**self.folds).sentence()}"]

    def settings(self, inputs: Mapping[str, str]) -> Settings:
        """Settings of a worker that predicts, with files of its own."""
        return Settings(
            inputs=inputs,
            protocol=str(self.protocol["name"]),
            seed=int(self.protocol["seed"]),
            options=self.options,
        )

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_text(cls, text: bytes) -> Recipe:
        """The recipe of :meth:`text`, in UTF-8.

        Raises:
            ValueError: It is none, or one of another format.
        """
        data = json_of(text, "it")
        found = data.get("format") if isinstance(data, dict) else None
        if found not in (SERIALISED, FORMAT):
            raise ValueError(
                f"its format is {found!r}, this version reads {SERIALISED} and {FORMAT}"
            )
        names = set(cls.__dataclass_fields__)
        if set(data) | {"folds"} != names:
            raise ValueError(f"its keys differ: {', '.join(sorted(names ^ set(data)))}")
        return cls(**data)


def protocol_data(protocol: Protocol) -> dict[str, Any]:
    """A protocol in words."""
    return {
        "label": protocol.label,
        "name": protocol.name,
        "seed": protocol.seed,
        "switches": {
            switch.name: CORRECTED if switch.name in protocol.corrected else AMISS
            for switch in SWITCHES
        },
    }


def seeds_of(protocol: Protocol, classifier: str, number: int) -> dict[str, int]:
    """Seed of each step of a fold that draws."""
    return {
        step: protocol.seed_of(step, number, protocol.model_seed)
        for step in (*STEPS, f"train {classifier}")
    }


def versions_of(runner: AmissRunner, own: Iterable[OwnFile]) -> dict[str, str]:
    """Versions that may change numbers, those of what files of the study's own load included."""
    return {**runner.chain.r.own_packages(own), **runner.environment()}


def options_of(
    settings: Settings, columns: Collection[str], own: Collection[OwnFile]
) -> dict[str, Any]:
    """The study's own keys, with its features spelt out, and without places on this machine.

    Args:
        settings: The study's settings.
        columns: Columns of the table that was learnt from: the model demands its features.
        own: The study's own files that the model runs; it brings no others along.
    """
    learnt = features_of(settings.options).of_table(columns)
    demanded = tuple(replace(feature, optional=False) for feature in learnt.features)
    plain = replace(learnt, features=demanded).plain()
    if plain["origin"] is not None:
        plain["origin"] = Path(plain["origin"]).name
    options = {**settings.options, FEATURES: plain}
    for key in (OWN_METHODS, OWN_CLASSIFIERS):
        files = [data for data in options.pop(key, ()) if OwnFile.from_plain(data) in own]
        if files:
            options[key] = files
    return options
