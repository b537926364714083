"""A pipeline that computes nothing real: for tests and benchmarks of everything around it.

It has the axes, stages and dispositions of the amiss pipeline, and numbers that
are a hash of what a task depends on, so that a table made with it shows whether
the right tasks ran, once, with the right values. ``Settings.options`` steers it:

``sleep_ms``
    Milliseconds that every task sleeps.
``start_log``
    File that gets one line (process id, context, code, fold, classifier) when a
    task starts, written by the process that runs it.
``misbehave``
    Mapping of a selector to a name of ``gridrun.testing.misbehaviour``. A
    selector is ``name=value`` pairs joined by commas; names are parameters,
    ``fold``, ``classifier`` and ``stage`` (the leaf stage where it is left out).
``state_dir``
    Directory in which the misbehaviours that happen once remember that they did.
``refuse_blocks``
    Selectors of blocks whose artifact cannot be made.
``inert``
    Parameters that results do not depend on: tasks that differ in them only
    have equal content, and the second one in a process is ``shared``.
``details``
    Whether results carry rows per consequence.
``predictions``
    Number of test rows whose predictions results carry, none without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gridrun.errors import Fault, InputError
from gridrun.pipeline import (
    RUN,
    Column,
    Disposition,
    Parameter,
    Settings,
    Stage,
    StageHook,
    TaskFailure,
    Value,
)
from gridrun.pipeline.study_keys import StudyKey
from gridrun.store.cache import Cache
from gridrun.testing._toy_runner import (
    PREPARE_READS,
    SEARCH,
    STAGES,
    ToyRunner,
    digest,
    selects,
)

ARTIFACT_SUFFIX = ".block"
"""Ending of an artifact's name in the cache directory, after its digest."""

_AXES: tuple[tuple[str, tuple[Value, ...]], ...] = (
    ("transcript", ("canonical", "keep_all")),
    ("quality", ("clingen", "twostar", "onestar")),
    ("restriction", ("missense", "all")),
    ("vus_inclusion", ("pathogenic", "benign", "exclude")),
    ("categorical", ("dummy", "factor")),
    (
        "imputation",
        (
            "zero_imp",
            "max_imp",
            "min_imp",
            "outlier_imp",
            "mean_imp",
            "median_imp",
            "missingness_indicators",
        ),
    ),
    ("downsampling", ("on", "off")),
    ("hyperparameter_search_type", ("grid", "random")),
    ("nonzero_variance_check", ("on", "off")),
    ("correlation_check", ("on", "off")),
    ("training_data_sampling_percentage", (0.33, 0.66, 1.0)),
    ("feature_sampling_percentage", (0.33, 0.66, 1.0)),
)

PARAMETERS = tuple(Parameter(name, values, f"The toy's {name}.") for name, values in _AXES)

METRICS = (
    *(Column(name, "integer") for name in ("TP", "FP", "FN", "TN")),
    Column("Accuracy", "number"),
    Column("Brier", "number"),
    Column("MCC", "number", headline=True),
    Column("AUC", "number", headline=True),
    *(Column(name, "number") for name in ("Sensitivity", "Specificity", "F1", "Precision")),
)
"""What the toy's numbers are called and hold."""

RESULT_COLUMNS = (
    Column("model_ix", "text"),
    Column("test_completion_ix", "text"),
    *METRICS,
    Column("tr_time", "number"),
    Column("te_time", "number"),
)

POOLED_COLUMNS = (Column("tables", "integer"), Column("how", "text"), *METRICS)

PREDICTION_COLUMNS = (Column("row_id", "text"), Column("probability", "number"))


class ToySource:
    """Driver's side of the toy: an artifact is a small JSON text.

    Args:
        settings: The study's settings.
        cache_dir: Where artifacts are kept, as ``<digest>.block``.
    """

    def __init__(self, settings: Settings, cache_dir: Path) -> None:
        self._settings = settings
        self._cache = Cache(cache_dir)

    def notes(self) -> Sequence[Fault]:
        """Nothing is worth saying of no input."""
        return ()

    def artifact(self, values: Mapping[str, Value]) -> str:
        """Make the artifact of a block.

        Raises:
            TaskFailure: ``refuse_blocks`` selects the block.
        """
        for selector in self._settings.options.get("refuse_blocks", ()):
            if selects(selector, values):
                raise TaskFailure(f"the toy refuses the block {selector}")
        content = {"block": dict(values), "seed": self._settings.seed, "rows": self._settings.rows}
        name = digest(content)
        text = json.dumps(content, sort_keys=True)

        def write(path: Path) -> None:
            path.write_text(text, "utf-8")

        self._cache.make(name, ARTIFACT_SUFFIX, write)
        return name

    def path(self, digest: str) -> Path:
        """File of an artifact that was made."""
        return self._cache.path(digest, ARTIFACT_SUFFIX)


class ToyPipeline:
    """The toy as the core sees a pipeline.

    Args:
        parameters: The axes; a subset of the twelve, or more values.
        code_version: Enters every code digest: another one is other code.
        name: Name by which ``load_pipeline`` finds it.
    """

    def __init__(self, parameters: tuple[Parameter, ...], code_version: str, name: str) -> None:
        names = [parameter.name for parameter in parameters]
        self.name = name
        self.parameters = parameters
        self.stages = tuple(
            Stage(
                stage.name,
                tuple(read for read in stage.reads if read in names),
                stage.per_fold,
                stage.per_classifier,
                stage.on_driver,
            )
            for stage in STAGES
        )
        self.classifiers: tuple[str, ...] = ("rf", "lr")
        self.protocols: Mapping[str, str] = {"amiss": "The toy's numbers."}
        self.result_columns = RESULT_COLUMNS
        self.summary_parameters: tuple[str, ...] = ()
        self.disposition_reads = tuple(n for n in names if n in ("categorical", SEARCH))
        on_driver = {read for stage in self.stages if stage.on_driver for read in stage.reads}
        self.block = tuple(n for n in names if n in on_driver)
        self.affinity = tuple(n for n in names if n in PREPARE_READS)
        self.method_parameter = "imputation"
        self.study_keys: Mapping[str, StudyKey] = {}
        self.pooled_columns = POOLED_COLUMNS
        self.most_folds: int | None = None
        self.most_folds_reason = ""
        self._code_version = code_version

    def of_study(self, options: Mapping[str, Any]) -> ToyPipeline:  # noqa: ARG002 - the contract's
        """Itself: studies add nothing to the toy."""
        return self

    def classifier_reads(self, classifier: str) -> tuple[str, ...]:
        """All parameters, without the search type for logistic regression."""
        return tuple(
            parameter.name
            for parameter in self.parameters
            if not (classifier == "lr" and parameter.name == SEARCH)
        )

    def disposition(
        self,
        classifier: str,
        values: Mapping[str, Value],
        settings: Settings,  # noqa: ARG002 - the contract's; the toy has one protocol
    ) -> Disposition:
        """Skip ``factor`` for all but rf; random search is upstream's defect."""
        if values.get("categorical") == "factor" and classifier != "rf":
            return Disposition("skipped", reason=f"{classifier} is not asked under factor")
        if values.get(SEARCH) == "random" and classifier != "lr":
            return Disposition("failed", "upstream-defect", "upstream's random search stops")
        return RUN

    def context_reads(self) -> tuple[str, ...]:
        """The compared parameter decides which imputation code runs."""
        return (self.method_parameter,)

    def code_digests(self, classifier: str, values: Mapping[str, Value]) -> Mapping[str, str]:
        """A digest per stage; one per method for impute, one per classifier for train."""
        ways = {"impute": str(values.get(self.method_parameter)), "train": classifier}
        return {
            stage.name: digest([self._code_version, stage.name, ways.get(stage.name, "")])
            for stage in self.stages
        }

    def reads_part(
        self,
        stage: Stage,  # noqa: ARG002 - the contract's; the toy's stages read parameters whole
        settings: Settings,  # noqa: ARG002
    ) -> Mapping[str, Mapping[Value, str]]:
        """None."""
        return {}

    def protocol_label(self, settings: Settings) -> str:
        """The protocol's name."""
        return settings.protocol

    def prediction_columns(self, settings: Settings) -> tuple[Column, ...]:
        """A row's name and probability, where the option ``predictions`` asks for some."""
        return PREDICTION_COLUMNS if settings.options.get("predictions") else ()

    def read_predictions(self, payloads: Mapping[str, bytes]) -> Mapping[str, Sequence[Any]]:
        """Names are one payload, probabilities another."""
        return {name: json.loads(data) for name, data in payloads.items()}

    def switches(
        self,
        settings: Settings,
        classifier: str,  # noqa: ARG002 - the contract's; the toy's concern every task
        values: Mapping[str, Value],  # noqa: ARG002
    ) -> Mapping[str, str]:
        """The toy's only switch, and the parameters it is told to ignore."""
        return {"toy": settings.protocol, "inert": ",".join(settings.options.get("inert", ()))}

    def estimate_seconds(
        self,
        classifier: str,
        values: Mapping[str, Value],  # noqa: ARG002 - the contract's; equal for the toy
    ) -> float:
        """A forest takes a second, a regression a tenth."""
        return 0.1 if classifier == "lr" else 1.0

    def check(
        self,
        settings: Settings,
        values: Mapping[str, Sequence[Value]],  # noqa: ARG002 - the contract's
    ) -> Sequence[Fault]:
        """Look whether the inputs that are named are there.

        Raises:
            InputError: One is not.
        """
        missing = [Path(name) for name in settings.inputs.values() if not Path(name).exists()]
        if missing:
            raise InputError([Fault(file, "no such file") for file in missing])
        return ()

    def open_source(
        self,
        settings: Settings,
        values: Mapping[str, Sequence[Value]],  # noqa: ARG002 - the contract's
        cache_dir: Path,
    ) -> ToySource:
        """Driver's side."""
        return ToySource(settings, cache_dir)

    def open_runner(self, settings: Settings, stage_hook: StageHook) -> ToyRunner:
        """Worker's side."""
        return ToyRunner(settings, stage_hook)


def toy_pipeline(
    parameters: tuple[Parameter, ...] = PARAMETERS,
    *,
    code_version: str = "1",
    name: str = "gridrun.testing.toy:PIPELINE",
) -> ToyPipeline:
    """Make a toy pipeline; the default has 72,576 combinations, as upstream's grid.

    Args:
        parameters: The axes, in grid order.
        code_version: Enters every code digest: another one is other code.
        name: ``module:ATTRIBUTE`` under which workers find the same pipeline.
    """
    return ToyPipeline(parameters, code_version, name)


PIPELINE = toy_pipeline()
