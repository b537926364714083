"""Worker's side of the toy pipeline: stages that only say they start, rows out of a hash."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gridrun.pipeline import NULL_MODELS, Settings, Stage, StageHook, TaskResult, TaskSpec
from gridrun.testing.misbehaviour import misbehave

TUNING = "tuning"
PREPARE_READS = ("thinning", "constant_check", "twin_check", "row_share", "column_share")

_UNMEASURED = ("test_table", "fit_seconds", "use_seconds")

STAGES = (
    Stage("read", (), on_driver=True),
    Stage("filter", ("origin", "grade", "scope"), on_driver=True),
    Stage("preprocess", ("unclear", "coding"), on_driver=True),
    Stage("fold", (), per_fold=True),
    Stage("prepare", PREPARE_READS, per_fold=True),
    Stage("smooth", ("smoothing",), per_fold=True),
    Stage("train", (TUNING,), per_fold=True, per_classifier=True),
)


def digest(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def selects(selector: str, facts: Mapping[str, Any]) -> bool:
    """Whether every ``name=value`` of a selector holds."""
    pairs = (part.partition("=") for part in selector.split(","))
    return all(str(facts.get(name.strip())) == value.strip() for name, _, value in pairs)


class ToyRunner:
    """Worker's side of the toy.

    Args:
        settings: The study's settings; see ``gridrun.testing.toy`` for its options.
        stage_hook: Called before a stage that runs for the first time in this process.
    """

    def __init__(self, settings: Settings, stage_hook: StageHook) -> None:
        options = settings.options
        self._settings = settings
        self._hook = stage_hook
        self._sleep_seconds = float(options.get("sleep_ms", 0)) / 1000
        self._sleep_until = options.get("sleep_until")
        self._start_log = options.get("start_log")
        self._misbehave: Mapping[str, str] = options.get("misbehave", {})
        self._inert = frozenset(options.get("inert", ()))
        self._state_dir = options.get("state_dir")
        self._blocks: dict[Path, str] = {}
        self._stages_done: set[tuple[str, str]] = set()
        self._contents: set[str] = set()

    def environment(self) -> Mapping[str, str]:
        """What the toy's numbers could depend on."""
        return {"python": platform.python_version(), "toy": "1"}

    def run(self, task: TaskSpec, artifact: Path | None) -> TaskResult:
        """Hash what the task depends on into a row of the table.

        Raises:
            TaskFailure: An option makes the task fail.
        """
        if self._start_log:
            _append_line(
                str(self._start_log),
                f"{os.getpid()} {task.context} {task.code} {task.fold} {task.classifier}",
            )
        block = self._block(artifact)
        if self._misbehave:
            self._walk_stages(task)
        if self._sleep_seconds and not (self._sleep_until and Path(self._sleep_until).exists()):
            time.sleep(self._sleep_seconds)
        content = digest(
            [
                self._settings.seed,
                self._settings.protocol,
                block,
                {name: value for name, value in task.values.items() if name not in self._inert},
                task.fold,
                task.classifier,
            ]
        )
        shared = content in self._contents
        if self._inert:
            self._contents.add(content)
        row = _row(content)
        details: list[Mapping[str, Any]] = []
        if self._settings.options.get("details"):
            details = [
                {"consequence": name, **_row(digest([content, name]))}
                for name in ("NON_SYNONYMOUS", "SPLICE_SITE")
            ]
        return TaskResult(
            (row,),
            details,
            content_key=content,
            shared=shared,
            pooled={"tables": 1, "how": "one table", **_metrics(row)},
            payloads={
                **_payloads(content, int(self._settings.options.get("predictions", 0))),
                **self._null_models(block, task.fold),
            },
        )

    def _null_models(self, block: str, fold: int) -> dict[str, bytes]:
        """One null model of a block and fold, in the same words for all of its tasks."""
        if not self._settings.options.get("null_models"):
            return {}
        row = {"null_model": "guess", **_metrics(_row(digest([block, fold])))}
        return {NULL_MODELS: json.dumps(row | {"training_rows": 7, "test_rows": 3}).encode()}

    def _block(self, artifact: Path | None) -> str:
        if artifact is None:
            return ""
        if artifact not in self._blocks:
            self._blocks[artifact] = artifact.read_text("utf-8")
        return self._blocks[artifact]

    def _walk_stages(self, task: TaskSpec) -> None:
        """Start the worker's stages in turn; those that tasks share only once."""
        known: dict[str, Any] = {"fold": task.fold}
        for stage in STAGES:
            known.update((name, task.values[name]) for name in stage.reads if name in task.values)
            if stage.on_driver:
                continue
            if stage.per_classifier:
                known["classifier"] = task.classifier
            place = (stage.name, digest(known))
            if place in self._stages_done:
                continue
            self._hook(*place)
            for selector, behaviour in self._misbehave.items():
                wanted = selector if "stage=" in selector else f"{selector},stage={STAGES[-1].name}"
                if selects(wanted, {**known, "stage": stage.name}):
                    misbehave(behaviour, selector, self._state_dir)
            if not stage.per_classifier:
                self._stages_done.add(place)


def _append_line(path: str, line: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


def _row(content: str) -> dict[str, Any]:
    """Numbers out of a digest, some of them missing."""
    raw = bytes.fromhex(content)
    hits, misses = raw[0] % 10, raw[1] % 10
    skill = (hits - misses) / (hits + misses) if hits + misses else None
    return {
        "test_table": "table 1",
        "hits": hits,
        "misses": misses,
        "verdict": "good" if hits > misses else "poor",
        "skill": skill,
        "loss": raw[4] / 255,
        "balance": hits / (misses + 1),
        "fit_seconds": raw[6] / 100,
        "use_seconds": raw[7] / 1000,
    }


def _metrics(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _UNMEASURED}


def _payloads(content: str, rows: int) -> dict[str, bytes]:
    """Predictions of some rows, which have the same names in every task."""
    if not rows:
        return {}
    names = [f"row {number}" for number in range(rows)]
    numbers = [int(digest([content, name])[:4], 16) / 65535 for name in names]
    columns = {"row_id": names, "probability": numbers}
    return {name: json.dumps(values).encode() for name, values in columns.items()}
