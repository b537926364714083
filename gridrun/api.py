"""The Python API: open a study, plan it, run it, read its table.

>>> import gridrun
>>> study = gridrun.open_study("examples/quickstart")      # doctest: +SKIP
>>> study.plan().tasks                                     # doctest: +SKIP
>>> report = study.run(backend="local", workers=2)         # doctest: +SKIP
>>> table = study.results()                                # doctest: +SKIP

The commands are thin over this module.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gridrun.errors import InputError, UserError
from gridrun.pipeline import (
    DEFAULT_PIPELINE,
    InputPath,
    by_role,
    inputs_advice,
    inputs_lacking,
    load_pipeline,
    unknown_inputs,
)
from gridrun.pipeline.models import Report
from gridrun.pipeline.notebooks import lines_html
from gridrun.plan.run_options import RunOptions
from gridrun.report.attempts import LoggedAttempt, logged_attempts
from gridrun.report.page import Known, write_page
from gridrun.report.pilot import Pilot, pilot_of
from gridrun.report.plan_report import PlanReport, plan_of
from gridrun.report.status import StatusReport, status_of
from gridrun.report.tables import (
    DescriptionReport,
    Grouping,
    Summary,
    grouped,
    known_of,
    sum_up,
    write_description,
    write_results,
    write_runs,
)
from gridrun.report.why import changes_since
from gridrun.run import (
    Engine,
    Progress,
    RunReport,
    Silent,
    read_elsewhere,
    telling,
    units_to_send,
    usual_progress,
)
from gridrun.run.backend import Backend, DetachableBackend, Quote, ReadingBackend, load_backend
from gridrun.store.faults import disk_fault
from gridrun.store.ledger import LedgerView, StoredSweep, examined
from gridrun.store.paths import StudyPaths
from gridrun.study import Study, load_study, study_file
from gridrun.study.backend_keys import backend_keys, load_backend_key
from gridrun.study.inputs import InputUse
from gridrun.study.state import StudyState, require_pipeline
from gridrun.tools.doctor import Finding
from gridrun.tools.models import (
    chosen_of,
    explain,
    export_model,
    predict,
    refuse_to_replace,
)
from gridrun.tools.wholeness import examine_files

if TYPE_CHECKING:
    import pandas as pd


_FOR_PEOPLE = (
    "study",
    "plan",
    "run",
    "status",
    "logs",
    "results",
    "means",
    "summary",
    "report",
    "describe",
    "export_model",
    "explain",
)
"""Members of a study that people use, in the order in which they do."""

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _examining(method: _Method) -> _Method:
    """Have a damaged ledger end a call in an error that says so, not in whatever it led to."""

    @functools.wraps(method)
    def call(self: OpenStudy, *args: Any, **kwargs: Any) -> Any:
        with examined(self.study.paths.ledger):
            return method(self, *args, **kwargs)

    return cast("_Method", call)


class OpenStudy:
    """A study that can be planned and run, with its results.

    Args:
        study: The study as loaded.
        pipeline: Name that ``load_pipeline`` takes.
    """

    def __init__(self, study: Study, pipeline: str = DEFAULT_PIPELINE) -> None:
        self.study = study
        self.pipeline_name = pipeline
        self._pipeline = load_pipeline(pipeline).of_study(study.options)

    def state(self, **request: Any) -> StudyState:
        """The study with a request; the fields of ``RunOptions`` as keywords."""
        return self._state(request, InputUse.COMPARED)

    def _state(self, request: Mapping[str, Any], inputs: InputUse) -> StudyState:
        asked = RunOptions.asked(**request)
        return StudyState(self.study, self._pipeline, asked, self.pipeline_name, inputs=inputs)

    def __repr__(self) -> str:
        return f"OpenStudy({str(self.study.path)!r})"

    def __dir__(self) -> list[str]:
        """What people use; what commands and backends ask of it is there all the same."""
        return [*_FOR_PEOPLE]

    def _repr_html_(self) -> str:
        """The study and how it stands, for notebooks."""
        with _looking(self.study.paths) as view:
            is_new = view is None
        said = "Nothing has been run yet: call run()." if is_new else "Call status() or means()."
        return self.study._repr_html_() + lines_html([said])

    @_examining
    def plan(self, *, check: bool = True, **request: Any) -> PlanReport:
        """Count what a run with this request would do; no task is run and no table written.

        Args:
            check: Whether to check the inputs' headers too.
            request: ``only`` (``"PARAMETER=VALUE"``, several, or a mapping),
                ``combinations`` (numbers from 1 or ``"1,5,10-20"``), ``sample``,
                ``design``, ``blocks``, ``rows``, ``folds``, ``retry_failed``, ``retry``.

        Raises:
            UserError: The request or the inputs are at fault.
        """
        study_state = self._state(request, InputUse.COUNTED)
        notes = [
            *self.study.notes,
            *study_state.selection.notes,
            *filter(None, [study_state.rows_note]),
            *study_state.caveat_notes,
            *(study_state.check_inputs() if check else ()),
        ]
        report = plan_of(study_state, notes)
        study_state.keep_input_digests()
        return report

    @_examining
    def pilot(self, **request: Any) -> Pilot:
        """The cheapest, dearest and most fragile combination of each method, on one fold.

        Run with ``run(**pilot.request)``, they make the time of ``plan`` surer; nothing of it is
        computed twice.

        Args:
            request: As for ``plan``.

        Raises:
            UserError: Nothing of it is to be run.
        """
        return pilot_of(self.state(**request))

    def run(
        self,
        backend: str | Backend = "local",
        *,
        progress: Progress | None = None,
        backend_options: dict[str, Any] | None = None,
        workers: int | None = None,
        address: str | None = None,
        **request: Any,
    ) -> RunReport:
        """Run what is left and write the tables.

        Args:
            backend: ``local`` (Ray), ``inprocess``, another installed one, or an object.
            progress: Progress callback; where it is left out a notebook shows counts and the time
                left, and nothing else does.
            backend_options: Further options of the backend.
            workers: Workers to start, for backends that start some.
            address: Address of a running Ray cluster to join.
            request: As for ``plan``, and ``max_failures``, ``mix_environments``.

        Raises:
            GridrunError: It cannot run, or cannot go on; what was committed is kept, and the
                tables have it.
        """
        ended = self.engine(
            backend,
            progress=progress,
            backend_options=backend_options,
            workers=workers,
            address=address,
            **request,
        ).run()
        if ended.fault is not None and ended.state == "broken":
            raise ended.fault
        return ended

    @_examining
    def engine(
        self,
        backend: str | Backend = "local",
        *,
        progress: Progress | None = None,
        backend_options: dict[str, Any] | None = None,
        workers: int | None = None,
        address: str | None = None,
        collect_only: bool = False,
        name: str | None = None,
        **request: Any,
    ) -> Engine:
        """The engine that ``run`` runs, for callers that may want to stop it.

        With ``collect_only`` it takes in what earlier runs sent away, and sends nothing.
        The name of a backend that is given as an object is for the ledger.
        """
        options = dict(backend_options or {})
        if workers is not None:
            if workers < 1:
                raise UserError(f"--workers {workers}: at least one worker is needed")
            options["workers"] = workers
        if address is not None:
            options["address"] = address

        def make() -> Backend:
            return load_backend(backend, **options) if isinstance(backend, str) else backend

        if name is None:
            name = backend if isinstance(backend, str) else type(backend).__name__
        study_state = self._last(request) if collect_only else self._state(request, InputUse.READ)
        watcher = progress or usual_progress()
        return Engine(study_state, make, name, watcher, collect_only=collect_only)

    def backend_settings(self, key: str) -> tuple[str, Any]:
        """Backend that a key of studies belongs to, and its settings for this study.

        Args:
            key: Its name; the study need not have it.

        Raises:
            UserError: No installed package brings it, or the study lacks a key that it requires.
        """
        entries = backend_keys()
        if key not in entries:
            raise UserError(
                f'no installed package brings the key "{key}" of studies',
                todo=f"installed: {', '.join(entries) or 'none'}",
            )
        found = load_backend_key(entries[key])
        if found.backend in self.study.backend_options:
            return found.backend, self.study.backend_options[found.backend]
        return found.backend, found.default(self.study.path)

    @_examining
    def quote(self, backend: DetachableBackend, **request: Any) -> Quote:
        """Estimated size and cost of a run with this request, on a backend that costs money."""
        return backend.quote(units_to_send(self.state(**request), backend))

    @_examining
    def read_elsewhere(
        self,
        backend: ReadingBackend,
        *,
        name: str,
        progress: Progress | None = None,
        again: bool = False,
        **request: Any,
    ) -> bool:
        """Have a study's inputs read where they are; see ``gridrun.run``.

        Args:
            backend: Sends the job that reads them.
            name: Name of the backend, for the ledger.
            progress: Progress callback; none where left out.
            again: Whether to have them read although they were.
            request: As for ``run``.

        Returns:
            Whether they are read now; otherwise the job goes on.

        Raises:
            GridrunError: Something is wrong with the inputs, or with the job.
        """
        return read_elsewhere(
            self.state(**request),
            backend,
            backend_name=name,
            progress=progress or Silent(),
            again=again,
        )

    @_examining
    def is_read(self, **request: Any) -> bool:
        """Whether the inputs are here, or were read where they are."""
        return not self.study.inputs_elsewhere or self.state(**request).reading is not None

    @_examining
    def sweeps(self) -> list[StoredSweep]:
        """Everything that was ever sent away, oldest first."""
        with _looking(self.study.paths) as view:
            return view.sweeps() if view is not None else []

    @_examining
    def write_runs(self) -> Path | None:
        """Write ``results/runs.csv``: which part came from which child of which sweep."""
        return write_runs(self._last({}))

    @_examining
    def summary(self, *, tables: bool = True, **request: Any) -> Summary:
        """Write the tables from what the ledger holds now, and sum them up.

        Without a request, what the last run was about.

        Args:
            tables: Whether the tables are written; without, ``results/`` stays as it is, and
                the sums take half of the time.
            request: As for ``plan``.

        Raises:
            UserError: Nothing has been run yet, or study, inputs or code have changed
                since, so that the ledger has nothing of what is asked; the tables are
                left alone.
        """
        study_state = self._unchanged(request)
        return write_results(study_state) if tables else sum_up(study_state)

    @_examining
    def report(self, **request: Any) -> Path:
        """Write the tables and ``results/report.html``, which later runs keep up to date.

        Without a request, what the last run was about.

        Raises:
            UserError: As for ``summary``.
        """
        study_state = self._unchanged(request)
        write_results(study_state, page=True)
        return study_state.study.paths.report_html

    @_examining
    def known(self, **request: Any) -> Known:
        """Write the tables and the report; what a page of several studies is made of.

        Raises:
            UserError: As for ``summary``.
        """
        return known_of(self._unchanged(request))

    @_examining
    def results(self, **request: Any) -> pd.DataFrame:
        """The final table as a pandas frame, missing metrics as NaN.

        Counts are whole numbers (pandas' ``Int64``) whether or not parts failed.
        Without a request, what the last run was about.

        Raises:
            UserError: As for ``summary``.
        """
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        study_state = self._unchanged(request)
        write_results(study_state)
        table = pq.read_table(study_state.study.paths.results_parquet)
        frame: pd.DataFrame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        return frame

    @_examining
    def means(
        self,
        *,
        where: str | Sequence[str] = (),
        by: str | Sequence[str] = (),
        metric: str | Sequence[str] = (),
        sort: str = "",
        failures: str = "",
        pivot: str = "",
        **request: Any,
    ) -> pd.DataFrame:
        """Means of the final table by any parameters, as ``gridrun results --by`` has them.

        Without a request, of what the last run was about; the tables are written.

        Args:
            where: ``"PARAMETER=VALUE[,VALUE...]"``, or several: what the means are of.
            by: Parameters, or ``"classifier"``; by default the compared parameter and classifier.
            metric: One metric or several; the leading one by default.
            sort: A column; ``"-"`` before it for the largest first.
            failures: ``"scored"``, ``"fallback"`` or ``"worst"``: what parts that failed count as
                in means and differences; by default means leave them out, and differences take
                the reference's value.
            pivot: Parameter whose values are columns, with the mean of one metric in each.
            request: As for ``plan``.

        Returns:
            A row for each metric and group; docs/results.md explains the columns.
            ``attrs["notes"]`` has what readers have to know.

        Raises:
            UserError: There is no such name, or as for ``summary``.
        """
        asked = Grouping(_several(where), _several(by), _several(metric), sort, failures, pivot)
        return grouped(self._unchanged(request), asked)

    @_examining
    def describe(
        self, part: str | None = None, *, progress: Progress | None = None, **request: Any
    ) -> DescriptionReport:
        """Describe the data before missing values are replaced; write ``results/describe/``.

        Args:
            part: Part of the data, by default the one that cross-validation works on.
            progress: Progress callback; none where left out.
            request: As for ``plan``; combinations with the same data are described once.

        Raises:
            UserError: The request or the inputs are at fault.
        """
        state = self.state(**request)
        inputs, say = state.study.inputs.values(), (progress or Silent()).phase
        reading = telling(inputs, "reading the inputs", say)
        return write_description(state, part, reading=reading, say=say)

    @_examining
    def export_model(
        self,
        combination: int,
        classifier: str,
        file: str | os.PathLike[str] | None = None,
        *,
        force: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        """Train on all labelled rows, and write the model to a file.

        Args:
            combination: Number of the combination, counted from 1.
            classifier: Which classifier.
            file: The model's file; None for one in the study's ``models``.
            force: Whether a file that is there may be replaced.
            progress: Progress callback; none where left out.

        Raises:
            GridrunError: It cannot be trained or written; a file that is there stays.
        """
        study_state = self.state()
        chosen = chosen_of(study_state, combination, classifier)
        # the ledger is asked about this combination alone, by the study's rows as it is trained on
        own_folds = self.state(folds=self._last({}).request.folds, combinations=combination)
        own = self.study.paths.model(combination, classifier)
        target = own if file is None else Path(file).absolute()
        refuse_to_replace(target, force=force)
        say = (progress or Silent()).phase
        return export_model(study_state, own_folds, chosen, target, say)

    @_examining
    def explain(
        self,
        combination: int,
        fold: int,
        classifier: str | None = None,
        file: str | os.PathLike[str] | None = None,
        *,
        force: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        """Write what happened in a fold as an R script that does it again.

        Args:
            combination: Number of the combination, counted from 1.
            fold: Counted from 1.
            classifier: Which classifier; None for the first of the study's.
            file: The script, tables are written beside it; None for one in the
                study's ``explained``.
            force: Whether a file that is there may be replaced.
            progress: Progress callback; none where left out.

        Raises:
            GridrunError: The fold has no result, or the script cannot be written.
        """
        last = self._last({}).request
        chosen = chosen_of(self.state(rows=last.rows), combination, classifier)
        # the ledger is asked about this combination alone
        study_state = self.state(rows=last.rows, folds=last.folds, combinations=combination)
        own = self.study.paths.explained(combination, fold, chosen.classifier)
        target = own if file is None else Path(file).absolute()
        refuse_to_replace(target, force=force)
        return explain(study_state, chosen, fold, target, (progress or Silent()).phase)

    @_examining
    def status(self) -> StatusReport:
        """Counts by state, failures by reason, and what workers hold now."""
        return status_of(self._last({}))

    @_examining
    def logs(
        self,
        *,
        combination: int | None = None,
        fold: int | None = None,
        classifier: str | None = None,
    ) -> list[LoggedAttempt]:
        """Attempts that failed or printed something, oldest first.

        Of the tasks that are named, with those that made what these share with others.

        Args:
            combination: Number of the combination, counted from 1; None for all.
            fold: Counted from 1; None for all.
            classifier: Which classifier; None for all.
        """
        return list(logged_attempts(self.state(), combination, fold, classifier))

    def check_files(self, recompute: int = 0) -> Iterator[Finding]:
        """Check the files that gridrun keeps of the study, and mend what follows from others.

        Args:
            recompute: How many finished tasks are run again, to compare their numbers.
        """
        return examine_files(self.study.paths, lambda: self._last({}), recompute)

    def _unchanged(self, request: dict[str, Any]) -> StudyState:
        study_state = self._last(request)
        if study_state.view is None:
            raise UserError(
                "nothing has been run yet",
                where=str(self.study.paths.directory),
                todo="`gridrun plan` shows what would run, `gridrun local` runs it",
            )
        changes = changes_since(study_state)
        if changes:
            raise UserError(
                f"changed since the last run: {', '.join(changes)}",
                where=str(self.study.paths.directory),
                todo="the tables in results/ stay as they are; `gridrun plan --why` explains what "
                "would run again, `gridrun local` updates them",
            )
        return study_state

    def _last(self, request: dict[str, Any]) -> StudyState:
        if not RunOptions().selecting().keys() & request.keys():
            with _looking(self.study.paths) as view:
                last = view.last_run() if view is not None else None
            if last is not None:
                chosen = replace(RunOptions.from_selecting(last["request"]), **request)
                return StudyState(self.study, self._pipeline, chosen, self.pipeline_name)
        return self.state(**request)


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) and names else tuple(names)


def open_study(path: str | os.PathLike[str], *, pipeline: str = DEFAULT_PIPELINE) -> OpenStudy:
    """Open a study.

    Args:
        path: A directory that holds ``study.yaml``, or the file itself.
        pipeline: Name of the pipeline, ``"module:ATTRIBUTE"``.

    Raises:
        UserError: The study is not there, something in it is wrong, or it was begun with
            another pipeline.
    """
    loaded = load_pipeline(pipeline)
    try:
        study = load_study(Path(path), loaded)
    except InputError:
        # what is no key or value of this pipeline may be one of the pipeline it was begun with
        file = study_file(Path(path))
        with _looking(StudyPaths(file.parent)) as view:
            if view is not None:
                require_pipeline(view, file, pipeline)
        raise
    return OpenStudy(study, pipeline)


def write_report(
    studies: Sequence[OpenStudy], file: str | os.PathLike[str], **request: Any
) -> Path:
    """Write the report of several studies, side by side, to a file; each one's own as well.

    Args:
        studies: At least one.
        file: The page; one that is there is replaced.
        request: As for ``OpenStudy.summary``, of each of them.

    Raises:
        UserError: As for ``OpenStudy.summary``, or the page cannot be written.
    """
    target = Path(file).absolute()
    found = [study.known(**request) for study in studies]
    try:
        write_page(found, target)
    except OSError as error:
        raise disk_fault(error, target) or UserError(
            f"the report cannot be written: {error.strerror or error}",
            where=str(target),
            todo="name another file: -o FILE",
        ) from error
    return target


def predict_variants(
    model: str | os.PathLike[str],
    *paths: str | os.PathLike[str],
    file: str | os.PathLike[str] = "predictions.csv",
    force: bool = False,
    trust: bool = False,
    pipeline: str = DEFAULT_PIPELINE,
    progress: Progress | None = None,
    **inputs: InputPath | Mapping[str, InputPath],
) -> Report:
    """Predict rows of new inputs, with or without labels, by a model.

    Args:
        model: What ``export_model`` wrote.
        paths: Its inputs in the pipeline's order, and then ``file``, where they are not named.
        file: CSV file of the predictions.
        force: Whether a file that is there may be replaced.
        trust: Whether methods and classifiers that the study's people wrote, and that the model
            brings along, may be run.
        pipeline: Name of the pipeline.
        progress: Progress callback; none where left out.
        inputs: Role to path, as in ``study.yaml``; a mapping of them for a role with names.

    Raises:
        UserError: An input is missing, or there is no such input.
        GridrunError: Model or inputs are at fault; nothing is written then.
    """
    known = {role: it for role, it in load_pipeline(pipeline).inputs.items() if it.predicted}
    single = [role for role, it in known.items() if not it.many]
    named = dict(by_role(inputs))
    given = {**dict(zip((*single, "file"), paths, strict=False)), **named}
    is_told_once = len(given) == len(paths) + len(named)
    target = Path(given.pop("file", file)).absolute()
    lacking = inputs_lacking(known, given)
    unknown = unknown_inputs(known, given)
    if known and (not is_told_once or unknown or lacking):
        raise UserError(
            f"predictions need {', '.join(single)}, each once, and no other input",
            todo="; ".join(lacking.values()) or inputs_advice(known),
        )
    refuse_to_replace(target, force=force)
    files = {role: str(Path(path)) for role, path in given.items()}
    say = (progress or Silent()).phase
    return predict(pipeline, Path(model), files, target, trust=trust, say=say)


@contextlib.contextmanager
def _looking(paths: StudyPaths) -> Iterator[LedgerView | None]:
    view = LedgerView.open(paths.ledger)
    try:
        with examined(paths.ledger):
            yield view
    finally:
        if view is not None:
            view.close()
