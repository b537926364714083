"""A pipeline that computes nothing real: for tests and benchmarks of everything around it.

Its inputs are never opened, and its numbers are a hash of what a task depends on, so that a
table made with it shows whether the right tasks ran, once, with the right values. Nothing
of it is called as in another pipeline: what works with both knows neither.
``Settings.options`` steers it:

``sleep_ms``
    Milliseconds that every task sleeps.
``sleep_until``
    File that ends this: tasks that start when it is there do not sleep.
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
``null_models``
    Whether results carry a null model of their block and fold.
``class_rows``
    What a block's test parts are said to have of each class, before any task has run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gridrun.errors import Fault, InputError
from gridrun.pipeline import (
    PLAIN_START,
    RUN,
    Column,
    Disposition,
    InputRole,
    LeadingMetric,
    Parameter,
    Settings,
    Stage,
    StageHook,
    TaskFailure,
    Value,
    Words,
)
from gridrun.pipeline.comparison import Score
from gridrun.pipeline.predicted import Predicted
from gridrun.pipeline.reports import CheckItem, ReportSection, ReportTable
from gridrun.pipeline.study_keys import StudyKey
from gridrun.store.cache import Cache
from gridrun.testing._toy_runner import (
    PREPARE_READS,
    STAGES,
    TUNING,
    ToyRunner,
    digest,
    selects,
)

ARTIFACT_SUFFIX = ".block"
"""Ending of an artifact's name in the cache directory, after its digest."""

_AXES: tuple[tuple[str, tuple[Value, ...]], ...] = (
    ("origin", ("first", "every")),
    ("grade", ("high", "middle", "low")),
    ("scope", ("narrow", "wide")),
    ("unclear", ("kept", "flipped", "left_out")),
    ("coding", ("columns", "levels")),
    ("smoothing", ("flat", "upper", "lower", "spline", "mean", "median", "kernel")),
    ("thinning", (1, 4)),
    ("tuning", ("fixed", "drawn")),
    ("constant_check", ("on", "off")),
    ("twin_check", ("on", "off")),
    ("row_share", (0.33, 0.66, 1.0)),
    ("column_share", (0.33, 0.66, 1.0)),
)

PARAMETERS = tuple(
    Parameter(name, values, f"The toy's {name}.", start=None if name == "smoothing" else values[:1])
    for name, values in _AXES
)

INPUTS = {
    "table": InputRole("Rows of the toy.", "table.txt", "never opened", "Rows to predict."),
    "labels": InputRole("Labels of the toy's rows.", "labels.txt"),
}

METRICS = (
    Column("hits", "integer"),
    Column("misses", "integer"),
    Column("verdict", "text"),
    Column("skill", "number", headline=True),
    Column("loss", "number", headline=True),
    Column("balance", "number"),
)
"""What the toy's numbers are called and hold."""

RESULT_COLUMNS = (
    Column("test_table", "text"),
    *METRICS,
    Column("fit_seconds", "number", measured=True),
    Column("use_seconds", "number", measured=True),
)

POOLED_COLUMNS = (Column("tables", "integer"), Column("how", "text"), *METRICS)

NULL_MODEL_COLUMNS = (
    Column("null_model", "text"),
    *METRICS,
    Column("training_rows", "integer"),
    Column("test_rows", "integer"),
)

_HALF = 0.5

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
        """Nothing is worth saying of no input, but what happened to artifacts may be."""
        return tuple(self._cache.notes)

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

    def class_rows(self, digest: str) -> Mapping[str, float]:  # noqa: ARG002 - alike for all
        """What the option says; see ``CountsClasses``."""
        return dict(self._settings.options.get("class_rows", {}))

    def path(self, digest: str) -> Path:
        """File of an artifact that was made."""
        return self._cache.path(digest, ARTIFACT_SUFFIX)


class ToyPipeline:
    """The toy as the core sees a pipeline.

    Args:
        parameters: The axes; a subset of those of ``PARAMETERS``, or more values.
        code_version: Enters every code digest: another one is other code.
        name: Name by which ``load_pipeline`` finds it.
    """

    def __init__(self, parameters: tuple[Parameter, ...], code_version: str, name: str) -> None:
        names = [parameter.name for parameter in parameters]
        self.name = name
        self.words = Words(row="specimen")
        self.inputs: Mapping[str, InputRole] = INPUTS
        self.study_start = PLAIN_START
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
        self.classifiers: tuple[str, ...] = ("tree", "line")
        self.protocols: Mapping[str, str] = {"plain": "The toy's numbers."}
        self.result_columns = RESULT_COLUMNS
        self.leading_metric = LeadingMetric("best_skill", "skill", self.classifiers)
        self.summary_parameters: tuple[str, ...] = ()
        self.disposition_reads = tuple(n for n in names if n in ("coding", TUNING))
        on_driver = {read for stage in self.stages if stage.on_driver for read in stage.reads}
        self.block = tuple(n for n in names if n in on_driver)
        self.affinity = tuple(n for n in names if n in PREPARE_READS)
        self.method_parameter = "smoothing"
        self.reference_method: Value = "mean"
        self.scores: Mapping[str, Score] = {"skill": Score(-1.0, 1.0), "loss": Score(1.0, 0.0)}
        self.class_counts: Mapping[str, tuple[str, ...]] = {"hit": ("hits",), "miss": ("misses",)}
        self.predictions_advice = "open the toy with the option predictions"
        self.group_name = "batch"
        self.group_scores: Mapping[str, str] = {"skill": "matthews", "loss": "auc"}
        self.report_tradeoff: tuple[str, str] | None = ("loss", "skill")
        self.report_checks = (CheckItem("REFORMS 4", "What is missing?", "Nothing, in the toy."),)
        self.study_keys: Mapping[str, StudyKey] = {}
        self.pooled_columns = POOLED_COLUMNS
        self.null_model_columns = NULL_MODEL_COLUMNS
        self.most_folds: int | None = None
        self.most_folds_reason = ""
        self._code_version = code_version

    def of_study(self, options: Mapping[str, Any]) -> ToyPipeline:  # noqa: ARG002 - the contract's
        """Itself: studies add nothing to the toy."""
        return self

    def classifier_reads(self, classifier: str) -> tuple[str, ...]:
        """All parameters, without the tuning for ``line``."""
        return tuple(
            parameter.name
            for parameter in self.parameters
            if not (classifier == "line" and parameter.name == TUNING)
        )

    def disposition(
        self,
        classifier: str,
        values: Mapping[str, Value],
        settings: Settings,  # noqa: ARG002 - the contract's; the toy has one protocol
    ) -> Disposition:
        """Skip ``levels`` for all but ``tree``, which cannot be run with drawn tuning."""
        if values.get("coding") == "levels" and classifier != "tree":
            return Disposition("skipped", reason=f"{classifier} is not asked under levels")
        if values.get(TUNING) == "drawn" and classifier != "line":
            return Disposition("failed", "upstream-defect", "the toy's drawn tuning stops")
        return RUN

    def context_reads(self) -> tuple[str, ...]:
        """The compared parameter decides which code of its stage runs."""
        return (self.method_parameter,)

    def code_digests(self, classifier: str, values: Mapping[str, Value]) -> Mapping[str, str]:
        """A digest per stage; one per method for smooth, one per classifier for train."""
        ways = {"smooth": str(values.get(self.method_parameter)), "train": classifier}
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

    def test_share(self, settings: Settings) -> float:  # noqa: ARG002 - the contract's
        """One of four rows, as the toy would have it."""
        return 0.25

    def report_sections(
        self,
        settings: Settings,
        results: Path,  # noqa: ARG002 - the contract's
    ) -> Sequence[ReportSection]:
        """The seed, as if it were data."""
        table = ReportTable(
            "Of the study.", (("what", "text"), ("is", "integer")), (("seed", settings.seed),)
        )
        return (ReportSection("toy", "Of the toy", ("It has no data.",), (table,)),)

    def prediction_columns(self, settings: Settings) -> tuple[Column, ...]:
        """A row's name and probability, where the option ``predictions`` asks for some."""
        return PREDICTION_COLUMNS if settings.options.get("predictions") else ()

    def read_predictions(self, payloads: Mapping[str, bytes]) -> Mapping[str, Sequence[Any]]:
        """Names are one payload, probabilities another."""
        return {name: json.loads(data) for name, data in payloads.items()}

    def predicted(
        self,
        settings: Settings,  # noqa: ARG002 - the contract's
        payloads: Mapping[str, str],
        read: Callable[[str], bytes],
    ) -> Predicted | None:
        """Rows with an odd number are positive, and three of them a batch; see ``GroupsRows``."""
        if "probability" not in payloads:
            return None
        import numpy as np

        probability = np.array(json.loads(read(payloads["probability"])))
        row = np.arange(len(probability))
        return Predicted(probability, row % 2 == 1, probability > _HALF, row // 3)

    def read_null_models(self, payload: bytes) -> Sequence[Mapping[str, Any]]:
        """One null model, as JSON."""
        return [json.loads(payload)]

    def switches(
        self,
        settings: Settings,
        classifier: str,  # noqa: ARG002 - the contract's; the toy's concern every task
        values: Mapping[str, Value],  # noqa: ARG002
    ) -> Mapping[str, str]:
        """The toy's only switch, and the parameters that an option makes it ignore."""
        return {"toy": settings.protocol, "inert": ",".join(settings.options.get("inert", ()))}

    def estimate_seconds(
        self,
        classifier: str,
        values: Mapping[str, Value],  # noqa: ARG002 - the contract's; equal for the toy
    ) -> float:
        """A tree takes a second, a line a tenth."""
        return 0.1 if classifier == "line" else 1.0

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
    """Make a toy pipeline; the default has 72,576 combinations.

    Args:
        parameters: The axes, in grid order.
        code_version: Enters every code digest: another one is other code.
        name: ``module:ATTRIBUTE`` under which workers find the same pipeline.
    """
    return ToyPipeline(parameters, code_version, name)


PIPELINE = toy_pipeline()
