"""Shards and segments: sound ones, damages that are signed anew, how both sides read them."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import documents

from gridrun.pipeline import TaskResult, TaskSpec
from gridrun.plan.units import Attempt, ContextFacts, Kind, TaskDone, TaskFailed, WorkerReady
from gridrun.shard import SegmentWriter, Shard, event_from, event_text, open_shard, pack_shards
from gridrun.shard.segment_reader import SegmentReader
from gridrun.testing.toy import PIPELINE
from gridrun.testing.units import toy_job, toy_units

_DIGEST = "c" * 32
_ODD: tuple[Any, ...] = (None, True, -1, 0.5, 1e308, "", "x", "\udcff", [], [[]], {}, {"a": 1})


def _shard() -> Shard:
    code = {"train": PIPELINE.code_digests("tree", {})["train"]}
    contexts = {1: ContextFacts(_DIGEST, "tree", code)}
    return Shard("shard-00000", toy_job(3.0, sleep_ms=1), contexts, tuple(toy_units(2, 3)))


@cache
def sound_shards() -> list[tuple[bytes, str]]:
    """One as lines, one in an archive."""
    with tempfile.TemporaryDirectory() as place:
        pack_shards(Path(place) / "s.zip", [_shard()])
        packed = (Path(place) / "s.zip").read_bytes()
    lines = _shard().text().encode()
    return [(lines, ".jsonl"), (lines, ".jsonl"), (packed, ".zip")]


@cache
def sound_segments() -> list[tuple[bytes, str]]:
    """A segment with an event of each kind that is written."""
    (unit,) = toy_units(1, 2)
    attempt = Attempt("unit-1", 1, "host-1", 1.0, 0.5)
    result = TaskResult(({"metric": 0.5},), payloads={"p": b"\0x"}, notes=("note",))
    events = (
        WorkerReady("host-1", {"python": "3.11"}),
        TaskDone(unit.tasks[0], attempt, result, "log"),
        TaskFailed(unit.tasks[1], attempt, Kind.ERROR, "no", final=True),
    )
    with tempfile.TemporaryDirectory() as place:
        writer = SegmentWriter(Path(place))
        for event in events:
            writer.add(event_text(event, lambda _: _DIGEST))
        writer.flush()
        (path,) = Path(place).iterdir()
        return [(path.read_bytes(), "segment-000000000000-00001.jsonl")]


def _edit(random: Random, node: Any) -> Any:
    """A tree with one node dropped, doubled or of another kind."""
    if not isinstance(node, dict | list) or not node or random.random() < 0.15:
        return random.choice(_ODD)
    keys = list(node) if isinstance(node, dict) else range(len(node))
    key = random.choice(keys)
    node = node.copy()
    kind = random.random()
    if kind < 0.15:
        del node[key]
    elif kind < 0.3 and isinstance(node, dict):
        node[random.choice(("other", "seconds", "é"))] = node[key]
    elif kind < 0.3:
        node.append(node[key])
    else:
        node[key] = _edit(random, node[key])
    return node


def _line(random: Random, text: str) -> str:
    return json.dumps(_edit(random, json.loads(text)), separators=(",", ":"))


def signed_shard(random: Random, data: bytes) -> bytes:
    """Other content whose checksum is right, as another version might write it."""
    try:
        first, *lines = data.decode().removesuffix("\n").split("\n")
        head = json.loads(first)
        del head["checksum"]
        if lines and random.random() < 0.5:
            at = random.randrange(len(lines))
            lines[at] = _line(random, lines[at])
        else:
            head = json.loads(_line(random, json.dumps(head)))
        plain = json.dumps(head, separators=(",", ":"))
        head["checksum"] = documents.checksum("\n".join([plain, *lines]))
        return "\n".join([json.dumps(head, separators=(",", ":")), *lines, ""]).encode()
    except (ValueError, LookupError, TypeError):
        return data  # damaged before


def signed_segment(random: Random, data: bytes) -> bytes:
    """Other events whose checksum is right."""
    try:
        *lines, _, _ = data.decode().split("\n")
        at = random.randrange(len(lines))
        lines[at] = _line(random, lines[at])
    except (ValueError, LookupError, TypeError):
        return data
    body = "".join(f"{line}\n" for line in lines)
    end = {"rows": len(lines), "checksum": documents.checksum(body)}
    return f"{body}{json.dumps(end, separators=(',', ':'))}\n".encode()


def read_shard(path: Path) -> tuple[Any, ...]:
    """What a shard says, once its code was held against this one."""
    shard = open_shard(path, 0 if path.suffix == ".zip" else None)
    shard.require_own_code(path)
    job = shard.job
    settings = [getattr(job.settings, key) for key in ("protocol", "seed", "rows", "options")]
    units = [
        (
            *(unit.id, unit.artifact, unit.checksum, unit.seconds),
            *([shard.digest_of(task.context), *_plain(task)] for task in unit.tasks),
        )
        for unit in shard.units
    ]
    contexts = [asdict(facts) for facts in shard.contexts.values()]
    return shard.name, job.pipeline, settings, asdict(job.limits), contexts, units


def _plain(task: TaskSpec) -> list[Any]:
    return [task.code, task.fold, task.classifier, task.values]


class Problem(Exception):
    """A segment that is named with what is wrong with it, to be sent again."""


def read_segment(path: Path) -> list[str]:
    """Lines of a segment whose events can be read."""
    reader = SegmentReader("child", path.parent, are_copies=False)
    lines = [line for _, found in reader.segments(()) for line in found]
    if reader.problems:
        raise Problem(reader.problems[path.name])
    for line in lines:
        event_from(line, lambda _: 1)
    return lines
