"""Leaf tasks as plain data: what a worker is asked for, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridrun.pipeline._axes import Value


@dataclass(frozen=True)
class Disposition:
    """What is to be done about a task before anything runs.

    Args:
        state: ``waiting`` (to be run), ``skipped`` (not asked of this
            classifier) or ``failed`` (known to be impossible).
        kind: Kind of failure when ``failed``.
        reason: One sentence that tables show; empty when ``waiting``.
    """

    state: str = "waiting"
    kind: str = ""
    reason: str = ""


RUN = Disposition()


class TaskFailure(Exception):
    """A failure of a task that is a finding (kind ``error`` unless said).

    Args:
        message: R's or Python's own message.
        kind: ``error`` or ``upstream-defect``.
        shares: As that of a :class:`TaskResult`.
    """

    def __init__(self, message: str, kind: str = "error", shares: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.shares = shares


@dataclass(frozen=True)
class Settings:
    """What the stages get of a study; plain data, sent to every worker.

    Args:
        inputs: Role (``Pipeline.inputs``) to absolute path.
            Only the driver's stages may open them.
        protocol: Name of the protocol.
        seed: The study's seed.
        rows: Size of the seeded subset of rows, or None for all.
        options: Data of the study's keys that the pipeline adds (``Pipeline.study_keys``),
            by key; only those that the study has.
        input_digests: Role to SHA-256 of the input, where it is known already.
        code: What the pipeline said of its code before the tasks were planned (see
            ``ChecksCode``); empty where there is nothing to hold a worker's code against.
        read_bytes: Memory that reading the inputs may take; None for no limit. No result depends
            on it.
        needs: What values of the grid need of a worker beside what every study does (see
            ``NeedsMore``).
    """

    inputs: Mapping[str, str]
    protocol: str
    seed: int
    rows: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    input_digests: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    read_bytes: int | None = None


@dataclass(frozen=True)
class TaskSpec:
    """One leaf task: what a worker is asked for.

    Args:
        context: Number of the fingerprint context in the ledger.
        code: The parameter values it depends on, packed (see ``gridrun.plan.task_encoding``).
        fold: Fold, counted from 1.
        classifier: Which classifier.
        values: The parameter values it depends on, by name.
    """

    context: int
    code: int
    fold: int
    classifier: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class TaskResult:
    """The result of a task that ran to its end.

    Args:
        rows: One mapping per test table, the pipeline's result
            columns as keys. Numbers stay numbers; ``None`` is NA, ``nan`` NaN.
        details: Further rows kept beside (``consequence`` and the metrics).
        content_key: Digest of everything the result depends on by content;
            equal keys mean equal results (early cutoff).
        shared: Whether the result was taken over from an equal task.
        notes: Warnings worth keeping, one line each.
        facts: Small facts worth keeping (final features, chosen settings). ``fits``,
            if there, says how many models of which name were fitted for it.
        pooled: One row pooled over all test tables, the pipeline's pooled columns
            as keys; empty where the pipeline has none.
        payloads: Larger results by name, in a form of the pipeline's own; equal ones
            are kept once. See ``Pipeline.read_predictions``.
        shares: Key, as given to ``StageHook``, of the stage whose result most tasks share: what
            the task that computed it printed is found from all of them. Empty for none.
    """

    rows: Sequence[Mapping[str, Any]]
    details: Sequence[Mapping[str, Any]] = ()
    content_key: str = ""
    shared: bool = False
    notes: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    pooled: Mapping[str, Any] = field(default_factory=dict)
    payloads: Mapping[str, bytes] = field(default_factory=dict)
    shares: str = ""
