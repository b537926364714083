"""amiss as the scheduler sees it: stages, what each reads, what cannot run.

Source: ``upstream-behaviour`` sections 1 to 7 and defect D2; the table of
stages is the design's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from amiss_tasks import classifiers, methods
from amiss_tasks.classifiers import SEARCHED
from amiss_tasks.evaluation import evaluation_of, keeps_predictions
from amiss_tasks.features.indicators import INDICATORS
from amiss_tasks.methods import MOST_ROWS, predraws
from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.protocols import AMISS, CORRECTED, PROTOCOLS, advice_for, protocol_of
from amiss_tasks.r.versions import version_notes
from amiss_tasks.stages import PREPARE, null_models, refuse_unread, stages_of
from amiss_tasks.stages.added_missingness import OPTION, RMSE_COLUMN
from amiss_tasks.stages.evaluate import Prediction, evaluate
from amiss_tasks.stages.feature_groups import (
    FEATURE_GROUPS,
    refuse_protocol,
    refuse_unknown,
)
from amiss_tasks.stages.metrics import POOLED_COLUMNS, RESULT_COLUMNS, TIMES
from amiss_tasks.stages.predictions import COLUMNS, columns, predicted
from amiss_tasks.stages.splits.newer import files_of
from amiss_tasks.stages.splits.shares import test_share
from amiss_tasks.stages.splits.split_by import (
    ONE_SPLIT,
    TIME,
    kinds_of,
    label_of,
    refuse_unsplittable,
)
from amiss_tasks.study import comparison, report_data
from amiss_tasks.study.added_parameters import added_parameters
from amiss_tasks.study.costs import AmissCosts
from amiss_tasks.study.keys import study_keys_of
from amiss_tasks.study.leakage import frequency_notes, leakage_of
from amiss_tasks.study.options import features_of, features_read_of, methods_of, own_classifiers_of
from amiss_tasks.study.skipped import Learner, reason_to_skip
from amiss_tasks.study.start import INPUTS, START, WORDS, example_directory
from amiss_tasks.tasks.code import code_digests, code_in_use
from gridrun.errors import Fault
from gridrun.pipeline import (
    RUN,
    Column,
    Disposition,
    InputRole,
    LeadingMetric,
    Parameter,
    Pipeline,
    Runner,
    Settings,
    Source,
    Stage,
    StageHook,
    Value,
    Words,
    default_classifiers,
    refuse_undeclared,
)
from gridrun.pipeline.caveats import Caveat
from gridrun.pipeline.comparison import Score
from gridrun.pipeline.costs import CostModel
from gridrun.pipeline.description import Describer
from gridrun.pipeline.file_checks import Check
from gridrun.pipeline.inspection import Observation
from gridrun.pipeline.models import Chosen, Recorded, Report
from gridrun.pipeline.predicted import Predicted
from gridrun.pipeline.reports import CheckItem, ReportSection
from gridrun.pipeline.study_keys import StudyKey

_SECONDS = {one.name: one.seconds for one in classifiers.CLASSIFIERS}

_OWN_SECONDS = 1.0
"""Seconds of a task with a classifier of the user's own, before the ledger knows."""


_HOLD_OUT_SHARE = 3.0
"""How much longer a task takes that trains on the whole training part, not on 30 % of it."""


class AmissPipeline:
    """The amiss pipeline; see ``gridrun.pipeline.Pipeline`` for the members.

    Args:
        options: Data of a study's keys, which may add to it.
    """

    name = "amiss"
    words: Words = WORDS
    inputs: Mapping[str, InputRole] = INPUTS
    study_start: str = START
    protocols: Mapping[str, str] = PROTOCOLS
    result_columns: tuple[Column, ...] = RESULT_COLUMNS
    pooled_columns: tuple[Column, ...] = POOLED_COLUMNS
    null_model_columns: tuple[Column, ...] = null_models.COLUMNS
    block_table = "missingness"
    block_table_columns: tuple[Column, ...] = null_models.MISSINGNESS_COLUMNS
    # upstream's amiss_test_script.R logs it, and leaves no NA out
    leading_metric: LeadingMetric = LeadingMetric("mcc", "MCC", ("rf", "lr"))
    summary_parameters: tuple[str, ...] = ()
    disposition_reads: tuple[str, ...] = (
        "categorical",
        "hyperparameter_search_type",
        "imputation",
        INDICATORS,
    )
    classifiers_only_under: Mapping[str, str] = MappingProxyType(
        dict.fromkeys(classifiers.BEYOND_AMISS, CORRECTED)
    )
    classifiers_only_under_reason = "amiss, whose numbers it stands for, has no such classifier"
    affinity: tuple[str, ...] = (
        "downsampling",
        "training_data_sampling_percentage",
        "feature_sampling_percentage",
    )
    method_parameter = "imputation"
    reference_method: Value = comparison.REFERENCE
    scores: Mapping[str, Score] = comparison.SCORES
    class_counts: Mapping[str, tuple[str, ...]] = comparison.CLASS_COUNTS
    predictions_advice = comparison.PREDICTIONS_ADVICE
    group_name = comparison.GROUP
    group_scores: Mapping[str, str] = comparison.GROUP_SCORES
    report_tradeoff: tuple[str, str] | None = report_data.TRADEOFF
    report_checks: tuple[CheckItem, ...] = report_data.CHECKS
    description_parts: Mapping[str, str] = MappingProxyType(
        {
            "training": "the part that cross-validation works on, and that amiss describes",
            "test": "the part held out of cross-validation",
            "all": "both parts",
        }
    )

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.study_keys: Mapping[str, StudyKey] = study_keys_of(options or {})
        self._options = options or {}
        self._methods = methods_of(options or {})
        self._own_classifiers = own_classifiers_of(options or {})
        self._evaluation = evaluation_of(options or {})
        self.most_folds: int | None = self._evaluation.most_folds
        self.most_folds_reason: str = self._evaluation.most_folds_reason
        if TIME in kinds_of(options or {}):
            self.most_folds, self.most_folds_reason = 1, ONE_SPLIT
        self.classifiers: tuple[str, ...] = (*classifiers.NAMES, *self._own_classifiers)
        self.parameters: tuple[Parameter, ...] = tuple(
            replace(parameter, values=tuple(self._methods))
            if parameter.name == self.method_parameter
            else parameter
            for parameter in PARAMETERS
        )
        added = added_parameters(options or {})
        self.parameters = (*self.parameters, *added)
        self.summary_parameters = tuple(parameter.name for parameter in added)
        self.stages: tuple[Stage, ...] = stages_of(self.summary_parameters)
        # else a unit would hold all values of theirs for a method, however long it takes
        given = {OPTION, FEATURE_GROUPS} & {*self.summary_parameters}
        self.affinity = (*self.affinity, *sorted(given))
        self.block: tuple[str, ...] = tuple(
            name for stage in self.stages if stage.on_driver for name in stage.reads
        )
        if OPTION in self.summary_parameters:
            self._add_missingness()

    def _add_missingness(self) -> None:
        """Add the error of the imputed values as a column."""
        measured = (column for column in self.result_columns if column not in TIMES)
        self.result_columns = (*measured, RMSE_COLUMN, *TIMES)

    def of_study(self, options: Mapping[str, Any]) -> AmissPipeline:
        """With the methods, classifiers and the parameters that a study adds.

        Raises:
            InputError: The study names groups that its features have not.
            EnvironmentFault: The package is not whole: a table of it and what it is about differ.
        """
        classifiers.refuse_undeclared()
        methods.refuse_undeclared()
        refuse_unknown(options, features_of(options))
        pipeline = AmissPipeline(options)
        refuse_unread(pipeline.stages, pipeline.parameters)
        return pipeline

    def example(self) -> Path:
        """The directory of the quickstart."""
        return example_directory()

    def classifier_reads(self, classifier: str) -> tuple[str, ...]:
        """All parameters; only classifiers that are searched look at the search type."""
        unread = "hyperparameter_search_type" if classifier not in SEARCHED else None
        return tuple(parameter.name for parameter in self.parameters if parameter.name != unread)

    def disposition(
        self, classifier: str, values: Mapping[str, Value], settings: Settings
    ) -> Disposition:
        """What a classifier is not trained on; random search never trains upstream (D2)."""
        learner = Learner.of(classifier, self._own_classifiers.get(classifier))
        reason = reason_to_skip(learner, self._methods[str(values["imputation"])], values)
        if reason:
            return Disposition("skipped", "", reason)
        untrained = "random_search" not in protocol_of(settings).corrected
        if untrained and values.get("hyperparameter_search_type") == "random":
            return Disposition(
                "failed",
                "upstream-defect",
                "hyperparameter_search_type=random: upstream does not hand the tune length on, "
                "so caret never trains this classifier (D2)" + advice_for("random_search"),
            )
        return RUN

    def context_reads(self) -> tuple[str, ...]:
        """The imputation method has a file of its own."""
        return ("imputation",)

    def code_digests(self, classifier: str, values: Mapping[str, Value]) -> Mapping[str, str]:
        """Python modules and R files that each stage runs."""
        method = self._methods[str(values["imputation"])]
        return code_digests(method, classifier, self._own_classifiers)

    def code_in_use(self) -> Mapping[str, str]:
        """Python modules as this process has loaded them, R files as they are now."""
        return code_in_use()

    def reads_part(self, stage: Stage, settings: Settings) -> Mapping[str, Mapping[Value, str]]:
        """Of the method, preparing a table reads what is drawn before it (D6)."""
        if stage.name != PREPARE or "draw_order" in protocol_of(settings).corrected:
            return {}
        drawn: dict[Value, str] = {
            name: str(predraws(method, all_methods=self._evaluation.holds_out))
            for name, method in self._methods.items()
        }
        return {self.method_parameter: drawn}

    def protocol_label(self, settings: Settings) -> str:
        """``amiss``, ``corrected``, or one of them with the switches that differ.

        Followed by how it is evaluated and split, unless as upstream's cross-validation.
        """
        options = settings.options
        how = [part for part in (evaluation_of(options).label, label_of(options)) if part]
        return protocol_of(settings).label + (f" ({', '.join(how)})" if how else "")

    def caveats(
        self, settings: Settings, values: Mapping[str, Sequence[Value]]
    ) -> Sequence[Caveat]:
        """Variants that are trained on and tested on (D9); features that leak."""
        return leakage_of(settings, values)

    def test_share(self, settings: Settings) -> float:
        """Of a fold, or of the split of a hold-out."""
        return test_share(settings)

    def report_sections(self, settings: Settings, results: Path) -> Sequence[ReportSection]:
        """What is missing where."""
        del settings
        return report_data.sections(results)

    def prediction_columns(self, settings: Settings) -> tuple[Column, ...]:
        """Predictions of every test row, where the study keeps them."""
        return COLUMNS if keeps_predictions(settings.options) else ()

    def read_predictions(self, payloads: Mapping[str, bytes]) -> Mapping[str, Sequence[Any]]:
        """Table after table, rows in the order of the test part."""
        return columns(payloads)

    def predicted(
        self, settings: Settings, payloads: Mapping[str, str], read: Callable[[str], bytes]
    ) -> Predicted | None:
        """Averaged over the imputed test tables; see ``KeepsPredictions``."""
        half_is_positive = "thresholds" not in protocol_of(settings).corrected
        return predicted(payloads, read, half_is_positive=half_is_positive)

    def read_null_models(self, payload: bytes) -> Sequence[Mapping[str, Any]]:
        """What a majority of the training rows says of the test rows; see ``HasNullModels``."""
        return null_models.unpack(payload)

    def read_block_table(self, payload: bytes) -> Sequence[Mapping[str, Any]]:
        """How often features are missing; see ``HasBlockTable``."""
        return null_models.missing_rows(payload, features_of(self._options))

    def switches(
        self, settings: Settings, classifier: str, values: Mapping[str, Value]
    ) -> Mapping[str, str]:
        """The protocol's switches and seeds that concern the classifier and the method."""
        return protocol_of(settings).components(classifier, str(values["imputation"]))

    def estimate_seconds(self, classifier: str, values: Mapping[str, Value]) -> float:
        """A rough figure for cutting the first units.

        The classifiers of a cell share its imputed tables; the figure of each has
        its part of their making.
        """
        method = self._methods[str(values["imputation"])]
        tables = min(method.rows, MOST_ROWS) or 1
        shared = method.seconds / len(default_classifiers(self))
        seconds = _SECONDS.get(classifier, _OWN_SECONDS) * tables + shared
        return seconds * _HOLD_OUT_SHARE if self._evaluation.holds_out else seconds

    def cost_model(
        self, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
    ) -> CostModel:
        """Measured costs, for the rows that a quick count of the VCF finds."""
        return AmissCosts(settings, values, cache_dir)

    def check(self, settings: Settings, values: Mapping[str, Sequence[Value]]) -> Sequence[Fault]:
        """Paths and headers of the three inputs; methods of one's own that nothing names."""
        from amiss_tasks.stages.read import check_inputs

        self._refuse_undeclared_results()
        own = [method.own for method in self._methods.values() if method.own is not None]
        unused = [
            Fault(
                Path(file.file),
                f'method "{file.name}" is in no combination, so it does not run',
                todo="name it below grid: imputation:",
            )
            for file in own
            if file.name not in values[self.method_parameter]
        ]
        refuse_protocol(settings.options, protocol_of(settings))
        refuse_unsplittable(settings.options, protocol_of(settings))
        noted = [*unused, *frequency_notes(features_of(settings.options))]
        read = features_read_of(settings.options)
        for files in files_of(settings.inputs, settings.options):
            noted += check_inputs(files, values, read)
        return [*dict.fromkeys(noted)]

    def version_notes(
        self,
        environment: Mapping[str, str],
        settings: Settings | None = None,
        values: Mapping[str, Sequence[Value]] | None = None,
    ) -> Mapping[str, str]:
        """Where the numbers of protocol ``amiss`` may not be upstream's."""
        if settings is not None and settings.protocol != AMISS:
            return {}
        methods = None if values is None else [str(value) for value in values["imputation"]]
        return version_notes(environment, methods)

    def needs(self, values: Mapping[str, Sequence[Value]]) -> tuple[str, ...]:
        """R packages of the grid's methods, beside those that every study needs."""
        named = [self._methods[str(name)] for name in values[self.method_parameter]]
        return tuple(dict.fromkeys(package for one in named for package in one.packages))

    def _refuse_undeclared_results(self) -> None:
        """Evaluate a table of two rows: what comes out has to have a column each."""
        predicted = Prediction(np.array([0.9, 0.1]), 0.0)
        found = evaluate(np.array([True, False]), (), predicted).overall
        refuse_undeclared(found, self.result_columns, "amiss_tasks/stages/metrics.py")

    def describer(
        self, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
    ) -> Describer:
        """Describe the data as they are before anything is imputed."""
        from amiss_tasks.describe import AmissDescriber

        return AmissDescriber(settings, values, cache_dir)

    def inspect_inputs(self, files: Sequence[Path], records: int) -> Iterator[Observation]:
        """Say what a VCF and its tables hold; see ``InspectsInputs``."""
        from amiss_tasks.describe.inspection import inspect_inputs

        return inspect_inputs(files, records)

    def open_source(
        self, settings: Settings, values: Mapping[str, Sequence[Value]], cache_dir: Path
    ) -> Source:
        """Read the inputs, or find what was read in the cache."""
        from amiss_tasks.tasks.source import AmissSource

        return AmissSource(settings, values, cache_dir)

    def digests_taken(self, opened: object) -> Mapping[str, str]:
        """Digests of the inputs that a source or a describer has read."""
        from amiss_tasks.describe import AmissDescriber
        from amiss_tasks.tasks.source import AmissSource

        assert isinstance(opened, AmissSource | AmissDescriber), "what this pipeline opened"
        return opened.input_digests

    def open_runner(self, settings: Settings, stage_hook: StageHook) -> Runner:
        """Start R in this process."""
        from amiss_tasks.tasks.runner import AmissRunner

        return AmissRunner(settings, stage_hook)

    def try_file(self, kind: str, path: Path, params: Mapping[str, Any]) -> Iterator[Check]:
        """Try a file of the user's own on a toy; see ``TriesFiles``."""
        from amiss_tasks.own.checks import try_file

        return try_file(kind, path, params)

    def export_model(self, chosen: Chosen, file: Path) -> Report:
        """Train on all labelled rows and write the model."""
        from amiss_tasks.models import export_model

        return export_model(self, chosen, file)

    def predict(
        self, model: Path, inputs: Mapping[str, str], file: Path, *, trust: bool = False
    ) -> Generator[str, None, Report]:
        """Predict variants with a model."""
        from amiss_tasks.models import predict

        return predict(self, model, inputs, file, trust=trust)

    def explain(self, chosen: Chosen, fold: int, file: Path, recorded: Recorded | None) -> Report:
        """Write what happened in a fold as a script that does it again."""
        from amiss_tasks.models import explain

        return explain(self, chosen, fold, file, recorded)


PIPELINE: Pipeline = AmissPipeline()
