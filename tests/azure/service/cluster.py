"""The cluster: children come into being, wait for a node, run, are lost, pre-empted, cancelled."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

from .faults import PREEMPTED, ChildFault
from .messages import timestamp
from .node import LOG, Node
from .node_data import DataTrouble
from .processes import Container
from .state import ARTIFACT_CONTAINER, Run, State, Sweep, artifact_blob
from .trials import fill, trial_job


def start(state: State, sweep: Sweep, values: list[dict[str, Any]]) -> None:
    """Run a sweep in the background."""
    threading.Thread(target=_supervise, args=(state, sweep, values), daemon=True).start()


def start_alone(state: State, sweep: Sweep) -> None:
    """Run what is a job of its own: a "sweep" whose parent is its only child."""
    threading.Thread(target=_Child(state, sweep, sweep.run).run_to_end, daemon=True).start()


def cancel(state: State, run: Run) -> None:
    """Ask for the end of a run; it takes effect a moment later."""
    with state.changed:
        if not run.is_over:
            run.cancel_requested = True
            state.changed.notify_all()


def _supervise(state: State, sweep: Sweep, values: list[dict[str, Any]]) -> None:
    run, config = sweep.run, sweep.config
    deadline = time.monotonic() + 60 * config["max_duration_minutes"] * state.settings.time_scale
    state.set_status(run, "Running")
    _note(state, run, f"{len(values)} children, {config['max_concurrent_jobs']} at once")
    with state.changed:
        while not state.closing:
            living = sum(not child.is_over for child in sweep.children)
            if len(sweep.children) == len(values) and living == 0:
                break
            if run.cancel_requested or time.monotonic() > deadline:
                break
            if len(sweep.children) < len(values) and living < config["max_concurrent_jobs"]:
                _create(state, sweep, values[len(sweep.children)])
            else:
                state.changed.wait(1)
        stopped = len(sweep.children) < len(values) or not all(
            child.is_over for child in sweep.children
        )
        if stopped:
            state.set_status(run, "CancelRequested")
            for child in sweep.children:
                cancel(state, child)
            while not all(child.is_over for child in sweep.children):
                state.changed.wait(1)
            state.set_status(run, "Canceled")
            return
        _note_best(sweep)
        counts = Counter(child.status for child in sweep.children)
        _note(state, run, f"ended: {dict(counts)}")
        if run.cancel_requested:
            state.set_status(run, "Canceled")
        elif counts["Completed"]:
            state.set_status(run, "Completed")
        else:
            run.error = "All children of the sweep failed or were cancelled."
            state.set_status(run, "Failed")


def _note(state: State, run: Run, text: str) -> None:
    """Add a line to the sweep's own log."""
    name = "azureml-logs/hyperdrive.txt"
    with state.changed:
        blob = state.blobs.get((ARTIFACT_CONTAINER, artifact_blob(run.container_id, name)))
        before = blob.content if blob else b""
        line = f"[{timestamp()}] {text}\n".encode()
        state.put_artifact(run.container_id, name, before + line)


def _note_best(sweep: Sweep) -> None:
    """Say which child logged the best value of the metric, if any did."""
    wanted = sweep.config["primary_metric_config"]
    found = {
        child.run_id: child.metrics[wanted["name"]]["value"][-1]["data"].get(wanted["name"])
        for child in sweep.children
        if wanted["name"] in child.metrics
    }
    scores = {run_id: value for run_id, value in found.items() if value is not None}
    if scores:
        choose = max if wanted["goal"].lower() == "maximize" else min
        best = choose(scores, key=scores.__getitem__)
        sweep.run.properties |= {"best_child_run_id": best, "score": str(scores[best])}


def _create(state: State, sweep: Sweep, values: dict[str, Any]) -> None:
    """Make the next child and let it look for a node."""
    parent = sweep.run
    definition = copy.deepcopy(sweep.overrides)
    if parent.job is not None:
        definition["command"] = fill(definition["command"], "search_space", values)
        variables = {f"AZUREML_SWEEP_{name}": str(value) for name, value in values.items()}
        definition["environmentVariables"] |= variables
    else:
        named = [
            (name if name.startswith("-") else f"--{name}", value) for name, value in values.items()
        ]
        definition["arguments"] = [
            *(definition.get("arguments") or []),
            *(text for name, value in named for text in (name, str(value))),
        ]
    shown = json.dumps(values)
    run = Run(
        run_id=f"{parent.run_id}_{len(sweep.children)}",
        number=state.next_number(parent.experiment),
        experiment=parent.experiment,
        run_type="azureml.scriptrun",
        target=parent.target,
        definition=definition,
        parent_id=parent.run_id,
        tags={"hyperparameters": shown, "_aml_system_hyperparameters": shown},
        properties={
            "azureml.runsource": "hyperdrive",
            "runTemplate": "HyperDrive",
            "ContentSnapshotId": sweep.snapshot_id,
        },
        job=trial_job(parent.job, definition),
    )
    parent.tags[f"_aml_system_{run.run_id}"] = shown
    sweep.children.append(run)
    state.add_run(run)
    threading.Thread(target=_Child(state, sweep, run).run_to_end, daemon=True).start()


class _Child:
    """Takes one child from NotStarted to its end, through as many starts as it needs."""

    def __init__(self, state: State, sweep: Sweep, run: Run) -> None:
        self.state = state
        self.sweep = sweep
        self.run = run
        self.compute = state.computes[run.target.lower()]
        self.limit_s = (
            run.definition.get("maxRunDurationSeconds") or float("inf")
        ) * state.settings.time_scale
        # Children get nodes in the order in which they came into being.
        self.compute.waiting.append(run.run_id)
        self.bring_outputs = True

    def run_to_end(self) -> None:
        queue_s = self.state.settings.queue_s
        while not self.run.is_over:
            self.state.set_status(self.run, "Queued")
            if not self._take_node(queue_s):
                self._end("Canceled")
                return
            try:
                fault = self.state.faults.for_child(" ".join(self.run.arguments))
                self._start(fault)
            finally:
                with self.state.changed:
                    self.compute.busy -= 1
                    self.state.changed.notify_all()
            if fault is not None and not self.run.is_over:
                queue_s, self.bring_outputs = fault.queue_s, fault.bring_outputs
                with self.state.changed:
                    self.compute.waiting.append(self.run.run_id)

    @property
    def _is_stopped(self) -> bool:
        return self.run.cancel_requested or self.state.closing

    def _pause(self, seconds: float) -> bool:
        """Let time pass; False if the child was cancelled meanwhile."""
        with self.state.changed:
            self.state.changed.wait_for(lambda: self._is_stopped, seconds)
            return not self._is_stopped

    def _take_node(self, queue_s: float) -> bool:
        """Wait at least so long for a node and take it; False if cancelled meanwhile."""
        compute, run_id = self.compute, self.run.run_id
        self._pause(queue_s)
        with self.state.changed:
            self.state.changed.wait_for(
                lambda: (
                    self._is_stopped
                    or (compute.busy < compute.max_nodes and compute.waiting[0] == run_id)
                )
            )
            compute.waiting.remove(run_id)
            if not self._is_stopped:
                compute.busy += 1
            self.state.changed.notify_all()
            return not self._is_stopped

    def _end(self, status: str, error: str | None = None, exit_code: int | None = None) -> None:
        with self.state.changed:
            self.run.error, self.run.exit_code = error, exit_code
            self.state.set_status(self.run, status)

    def _start(self, fault: ChildFault | None) -> None:
        settings = self.state.settings
        if settings.prepare_s:
            self.state.set_status(self.run, "Preparing")
            if not self._pause(settings.prepare_s):
                self._end("Canceled")
                return
        with self.state.changed:
            self.state.set_status(self.run, "Running")
            running = sum(child.status == "Running" for child in self.sweep.children)
            self.sweep.most_at_once = max(self.sweep.most_at_once, running)
        if fault is not None and fault.kind == "silent":
            self._end("Completed", exit_code=0)
            return
        snapshot = self.state.snapshots[self.sweep.snapshot_id]
        with Node(self.state, self.run, snapshot, bring_outputs=self.bring_outputs) as node:
            self.run.starts += 1
            if settings.stand_in is not None:
                self._finish(node, settings.stand_in(self.run, node.directory))
                return
            try:
                container = node.start(self.state.proxy_env)
            except DataTrouble as trouble:
                self._end("Failed", str(trouble))
                return
            try:
                self._watch(node, container, fault)
            finally:
                container.kill()

    def _watch(self, node: Node, container: Container, fault: ChildFault | None) -> None:
        began = time.monotonic()
        limit_s = self.limit_s
        while True:
            status = container.wait(self.state.settings.capture_s)
            if status is not None:
                self._finish(node, status)
                return
            passed_s = time.monotonic() - began
            if self._is_stopped or passed_s > limit_s:
                container.kill()
                node.capture(at_end=True)
                self._end("Canceled")
                return
            node.capture()
            if fault is not None and _is_time(fault, passed_s, node):
                container.kill()
                self._strike(fault, limit_s - passed_s)
                return

    def _strike(self, fault: ChildFault, left_s: float) -> None:
        """Do what the fault says to a child whose processes are gone."""
        if fault.kind == "lost":
            self._pause(min(threading.TIMEOUT_MAX, left_s))
            self._end("Canceled")
        elif fault.kind == "preempted-failed":
            self._end("Failed", PREEMPTED)
        elif fault.kind == "failed":
            self._end("Failed", fault.error)
        # "preempted": still not over, so it is queued again.

    def _finish(self, node: Node, status: int) -> None:
        self.state.set_status(self.run, "Finalizing")
        node.capture(at_end=True)
        if status == 0:
            self._end("Completed", exit_code=0)
            return
        text = (
            f"Execution failed. User process exited with status code {status}. Please check log "
            f"file '{LOG}' for error details. Error: {node.last_words()}"
        )
        self._end("Failed", text, status)


def _is_time(fault: ChildFault, passed_s: float, node: Node) -> bool:
    """Whether the moment of a fault has come in this start of a child."""
    if passed_s < fault.after_s:
        return False
    when = fault.when
    return when is None or any(PurePosixPath(path).match(when) for path in node.captured)
