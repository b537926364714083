"""Models that are to be used, and folds that are to be understood, as the core sees them.

What training, predicting and explaining are is the pipeline's business; one that offers
them is a :class:`ModelPipeline`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Protocol

from gridrun.errors import counted
from gridrun.pipeline import Settings, Value
from gridrun.pipeline.notebooks import facts_html


@dataclass(frozen=True)
class FoldScores:
    """What the study's folds say of a combination and a classifier.

    Args:
        done: Number of folds that are done.
        failed: Number of folds that failed.
        waiting: Number of folds that have not run.
        metrics: Headline column to its value in each fold, in order; None where it has none.
    """

    done: int = 0
    failed: int = 0
    waiting: int = 0
    metrics: Mapping[str, Sequence[float | None]] = field(default_factory=dict)

    def sentence(self) -> str:
        """Means with the standard deviation over folds, and how many folds they are of."""
        folds = self.done + self.failed + self.waiting
        if not self.done:
            return f"none of {counted(folds, 'fold')} of the study is done: nothing says how good"
        said = []
        for name, values in self.metrics.items():
            known = [value for value in values if value is not None]
            spread = f" ± {stdev(known):.3f}" if len(known) > 1 else ""
            said.append(f"{name} {fmean(known):.3f}{spread}" if known else f"{name} undefined")
        others = [(self.failed, "failed"), (self.waiting, "not run")]
        lacking = "".join(f", {count} {what}" for count, what in others if count)
        over = f"mean ± SD over {self.done} of {counted(folds, 'fold')}"
        return f"{', '.join(said)} ({over}{lacking})"


@dataclass(frozen=True)
class Chosen:
    """A combination and a classifier of a study.

    Args:
        settings: The study's settings.
        allowed: Parameter to the values of the grid, which decide how inputs are read.
        combination: Number of the combination, counted from 1.
        values: Its values, by parameter.
        classifier: Which classifier.
        cache: The study's cache.
        study: Display name of the study's file.
        scores: What its folds in the study say; None where nobody asked.
    """

    settings: Settings
    allowed: Mapping[str, Sequence[Value]]
    combination: int
    values: Mapping[str, Value]
    classifier: str
    cache: Path
    study: Path
    scores: FoldScores | None = None


@dataclass(frozen=True)
class Recorded:
    """What the ledger has of a fold.

    Args:
        rows: Result rows, by the pipeline's columns.
    """

    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Report:
    """The result of a call.

    Args:
        file: The file that was written.
        said: Lines to print.
        warnings: Lines to print on standard error.
        facts: The same as plain data.
    """

    file: Path
    said: Sequence[str] = ()
    warnings: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """What is printed, and the file, for notebooks."""
        return facts_html(f"Written: {self.file}", {}, [*self.warnings, *self.said])


class ModelPipeline(Protocol):
    """A pipeline whose studies end in models; its methods run in a process of their own."""

    def export_model(self, chosen: Chosen, file: Path) -> Report:
        """Train on all labelled rows and write the model.

        Args:
            chosen: What to train.
            file: The model's file; it is replaced.

        Raises:
            TaskFailure: It cannot be trained.
            GridrunError: The inputs, or this machine, are at fault.
        """
        ...

    def predict(
        self, model: Path, inputs: Mapping[str, str], file: Path, *, trust: bool
    ) -> Report | Generator[str, None, Report]:
        """Predict rows of new inputs with a model.

        It may be a generator that yields how far it is and returns the report.

        Args:
            model: What ``export_model`` wrote.
            inputs: Role to path, those that ``Pipeline.inputs`` says can be predicted.
            file: CSV file of the predictions; it is replaced.
            trust: Whether code that the model brings along may be run.

        Raises:
            TaskFailure: The rows cannot be predicted.
            GridrunError: Model, inputs or this machine are at fault.
        """
        ...

    def explain(self, chosen: Chosen, fold: int, file: Path, recorded: Recorded | None) -> Report:
        """Write what happened in a fold as a script that does it again.

        Args:
            chosen: Combination and classifier.
            fold: Counted from 1.
            file: The script; it is replaced, and so are the tables beside it.
            recorded: What the ledger has of it, or None.

        Raises:
            TaskFailure: The fold has no result.
            GridrunError: The inputs, or this machine, are at fault.
        """
        ...
