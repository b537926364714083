"""What each key of ``study.yaml`` may hold. Rules here, reading in ``gridrun.study``."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gridrun.documents import path_behind
from gridrun.documents.tree import (
    Entries,
    Items,
    Leaf,
    Node,
    kind_of,
    known_list,
    quoted,
    read_keys,
)
from gridrun.errors import Fault, InputError, did_you_mean
from gridrun.pipeline.study_keys import StudyKey
from gridrun.plan.units import Limits
from gridrun.study.backend_keys import BackendKey, BackendValue

KEYS = (
    "inputs",
    "grid",
    "folds",
    "seed",
    "protocol",
    "classifiers",
    "limits",
    "sample",
    "rows",
)
"""Keys of ``study.yaml`` that the core reads; the pipeline and backends may have more."""

MOST_FOLDS = 10_000
MOST_SEED = 2**31 - 1
"""R's largest seed."""


class KeyReader:
    """Reads values behind keys, gathering faults and notes.

    Args:
        file: The study file, for messages.
        roles: Roles of the pipeline's inputs.
    """

    def __init__(self, file: Path, roles: Sequence[str] = ()) -> None:
        self.file = file
        self.roles = tuple(roles)
        self.faults: list[Fault] = []
        self.notes: list[Fault] = []

    def fault(self, message: str, node: Node | None = None, todo: str | None = None) -> None:
        """Take down a fault."""
        self.faults.append(Fault(self.file, message, node.line if node else None, todo or None))

    def note(self, message: str, node: Node) -> None:
        """Take down something worth saying that stops nothing."""
        self.notes.append(Fault(self.file, message, node.line))

    def refuse(self) -> None:
        """Stop where there are faults.

        Raises:
            InputError: With all of them.
        """
        if self.faults:
            raise InputError(self.faults)

    def one_of(self, node: Node, known: Collection[str], message: str, todo: str) -> str | None:
        """One of some words; anything else is a fault with this message, and what was meant."""
        value = node.value if isinstance(node, Leaf) else None
        if isinstance(value, str) and value in known:
            return value
        near = did_you_mean(value, known) if isinstance(value, str) else ""
        self.fault(message, node, f"{near} {todo}".strip())
        return None

    def named(
        self, entries: Entries, name_of: Callable[[Node], str | None], given: str
    ) -> Iterator[tuple[str, Node, Node]]:
        """Names of an object with key and value nodes, each once; a second one is a fault.

        Args:
            entries: The object.
            name_of: Name that a key stands for; None where it took down why it is none.
            given: What is said of a name, ``{}``, that is given twice.
        """
        lines: dict[str, int] = {}
        for key, value in entries.pairs:
            name = name_of(key)
            if name in lines:
                twice = f"{given.format(quoted(name))} twice: lines {lines[name]} and {key.line}"
                self.fault(twice, key, "keep one of the two")
            elif name is not None:
                lines[name] = key.line
                yield name, key, value

    def keys(
        self,
        entries: Entries,
        parameters: Sequence[str],
        added: Sequence[str] = (),
        packages: Mapping[str, str] | None = None,
    ) -> dict[str, Node]:
        """The study's keys with their nodes.

        Parameters that stand outside ``grid`` are shown where to go.

        Args:
            entries: The study.
            parameters: Names of the pipeline's parameters.
            added: Names of the keys that the pipeline adds.
            packages: Key that a backend adds to the package that brings it.
        """
        packages = packages or {}
        known = (*KEYS, *added, *packages)
        also = tuple(name for name in parameters if name not in known)
        brought = ", ".join(f"{name} ({package})" for name, package in packages.items())
        hint = f"keys of backends come with their package; installed: {brought or 'none'}"
        found = read_keys(self.file, entries, known, "key", self.faults, also=also, hint=hint)
        strays = [found[name][0] for name in found if name not in known]
        if strays:
            names = known_list([stray.written for stray in strays], 3)
            self.fault(
                f"parameters of the grid are among the study's keys: {names}",
                strays[0],
                "put them below the key grid, or give the path of a grid file there: "
                "grid: parameter_grid.json",
            )
        return {name: node for name, (_, node) in found.items() if name in known}

    def options(
        self, nodes: Mapping[str, Node], study_keys: Mapping[str, StudyKey]
    ) -> dict[str, Any]:
        """Data of the keys that the pipeline adds, as far as they are there."""
        data: dict[str, Any] = {}
        for name, key in study_keys.items():
            if name in nodes:
                try:
                    value = key.read(nodes[name], self.file)
                except InputError as error:
                    self.faults.extend(error.faults)
                    continue
                data[name] = value.data
                self.notes.extend(value.notes)
        return data

    def backend_values(
        self, nodes: Mapping[str, Node], keys: Mapping[str, BackendKey]
    ) -> dict[str, BackendValue]:
        """The values of the keys of backends, by key, as far as they are there."""
        values: dict[str, BackendValue] = {}
        for name, key in keys.items():
            try:
                values[name] = key.read(nodes[name], self.file, self.roles)
            except InputError as error:
                self.faults.extend(error.faults)
                continue
            self.notes.extend(values[name].notes)
        return values

    def whole(
        self, key: str, node: Node, least: int, most: int | None = None, why: str = ""
    ) -> int | None:
        """A whole number within bounds; ``why`` says for people where one comes from."""

        def fits(number: float | None) -> bool:
            return number is not None and number >= least and (most is None or number <= most)

        number = node.number() if isinstance(node, Leaf) else None
        if isinstance(number, int) and fits(number):
            return number
        meant = _whole(node)
        hint = f"did you mean {meant}? " if fits(meant) else ""
        allowed = f"a whole number, at least {least:,}" + (f", at most {most:,}" if most else "")
        allowed += f" ({why})" if why else ""
        self.fault(f'key "{key}" has {kind_of(node)}', node, f"{hint}allowed: {allowed}")
        return None

    def word(self, key: str, node: Node, known: Sequence[str]) -> str | None:
        """One of some words."""
        what = f"{kind_of(node)}, expected a name"
        if isinstance(node, Leaf) and isinstance(node.value, str):
            what = f"unknown value {quoted(node.value)}"
        return self.one_of(
            node, known, f'key "{key}" has {what}', f"known values: {known_list(known)}"
        )

    def classifiers(self, node: Node, known: Sequence[str]) -> tuple[str, ...]:
        """Classifiers in the pipeline's order, whatever order they are given in."""
        items = node.nodes if isinstance(node, Items) else [node]
        if not items:
            self.fault(
                'key "classifiers" has an empty list, so nothing would be trained',
                node,
                f"known values: {known_list(known)}; without the key all of them run",
            )
        given: list[str] = []
        for item in items:
            name = self.word("classifiers", item, known)
            if name in given:
                self.note(
                    f'key "classifiers" has "{name}" more than once; it is counted once', item
                )
            elif name is not None:
                given.append(name)
        return tuple(name for name in known if name in given)

    def inputs(self, node: Node) -> dict[str, Path]:
        """Role to path: as given if absolute, else from the study file's directory.

        Whether the files are there is for the pipeline to check.
        """
        if not isinstance(node, Entries):
            self.fault(
                f'key "inputs" has {kind_of(node)}, expected paths',
                node,
                "give " + ", ".join(f"{role}: PATH" for role in self.roles),
            )
            return {}
        found = read_keys(self.file, node, self.roles, "input", self.faults)
        for role in self.roles:
            if role not in found:
                self.fault(f'input "{role}" is missing below "inputs"', node, f"add {role}: PATH")
        given = [(role, found[role][1]) for role in self.roles if role in found]
        read = [(role, self.path(f'input "{role}"', path)) for role, path in given]
        return {role: path for role, path in read if path is not None}

    def path(self, name: str, node: Node) -> Path | None:
        """A path relative to the study file, ``~`` expanded."""
        try:
            return path_behind(self.file, name, node)
        except InputError as error:
            self.faults.extend(error.faults)
            return None

    def limits(self, node: Node) -> Limits:
        """What one task may use."""
        if not isinstance(node, Entries):
            self.fault(
                f'key "limits" has {kind_of(node)}, expected limits',
                node,
                "give task_seconds: SECONDS, or remove the key",
            )
            return Limits()
        found = read_keys(self.file, node, ("task_seconds", "mem_mb"), "limit", self.faults)
        if "mem_mb" in found:
            self.fault(
                'limit "mem_mb" is of a later version: this one does not watch memory',
                found["mem_mb"][0],
                "remove it; task_seconds can be given",
            )
        if "task_seconds" not in found:
            return Limits()
        seconds_node = found["task_seconds"][1]
        seconds = seconds_node.number() if isinstance(seconds_node, Leaf) else None
        if seconds is None or not math.isfinite(seconds) or seconds <= 0:
            self.fault(
                f'limit "task_seconds" has {kind_of(seconds_node)}',
                seconds_node,
                "allowed: a number of seconds above 0; without the key there is no limit",
            )
            return Limits()
        return Limits(task_seconds=float(seconds))


def _whole(node: Node) -> int | None:
    """The whole number that 10.0 or "10" was meant to be."""
    if not isinstance(node, Leaf) or isinstance(node.value, bool) or node.value is None:
        return None
    try:
        number = float(node.value)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None
