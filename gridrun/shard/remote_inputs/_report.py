"""What comes back from a job that has read the inputs, and how blocks are known afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gridrun.errors import EnvironmentFault, Fault, GridrunError, InputError
from gridrun.pipeline import TaskFailure, Value
from gridrun.plan.fingerprint import digest_of
from gridrun.shard._text import NOT_AS_WRITTEN
from gridrun.store.cache import Cache

_SUFFIX = ".stub"
_MARK = "gridrun_stub"


@dataclass(frozen=True)
class Block:
    """A block's tables, or why there are none.

    Args:
        values: Its parameter values.
        artifact: Digest by which units name it; empty where it failed.
        checksum: SHA-256 of the file.
        size: Bytes of the file.
        kind: Kind of failure, or empty.
        message: The failure's message.
    """

    values: Mapping[str, Value]
    artifact: str = ""
    checksum: str = ""
    size: int = 0
    kind: str = ""
    message: str = ""


@dataclass(frozen=True)
class ReadingReport:
    """What a job has read and made.

    Args:
        order: Digest of the order.
        inputs: Role to SHA-256 of the file; empty where reading stopped.
        notes: What was worth saying.
        faults: Why reading stopped; none where it did not.
        blocks: One for each block of the order.
        stamps: Role to what the storage says of the file (etag, size, MD5), by which a change is
            noticed; none of a report of earlier versions.
        of_machine: Whether what stopped reading is no fault of the files: of the storage, say.
    """

    order: str
    inputs: Mapping[str, str]
    notes: tuple[Fault, ...]
    faults: tuple[Fault, ...]
    blocks: tuple[Block, ...] = ()
    stamps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    of_machine: bool = False

    def error(self) -> GridrunError:
        """What stopped reading, as what ends the command."""
        if not self.of_machine:
            return InputError(self.faults)
        fault = self.faults[0]
        where = str(fault.file) if fault.file.name else None
        return EnvironmentFault(fault.message, where=where, todo=fault.todo)

    def text(self) -> str:
        """As JSON, with its checksum."""
        data = asdict(self)
        for fault in (*data["notes"], *data["faults"]):
            fault["file"] = str(fault["file"])
        return json.dumps({"report": data, "checksum": digest_of(data)}, indent=1)


@dataclass(frozen=True)
class ArtifactStub:
    """Stands for a block's tables that are elsewhere.

    Args:
        artifact: Digest by which units name it.
        checksum: SHA-256 of the file.
        size: Bytes of the file.
    """

    artifact: str
    checksum: str
    size: int


def report_from(text: str) -> ReadingReport:
    """The report that ``ReadingReport.text`` wrote.

    Raises:
        EnvironmentFault: It is not whole.
    """
    try:
        whole = json.loads(text)
        data = whole["report"]
        _require(digest_of(data) == whole["checksum"], "its checksum is another one")
        return ReadingReport(
            data["order"],
            data["inputs"],
            tuple(_fault_from(fault) for fault in data["notes"]),
            tuple(_fault_from(fault) for fault in data["faults"]),
            tuple(Block(**block) for block in data["blocks"]),
            data.get("stamps", {}),
            data.get("of_machine", False),
        )
    except NOT_AS_WRITTEN as error:
        raise EnvironmentFault(
            f"the report on the inputs is not whole: {error}",
            todo="the same command has them read again",
        ) from error


def stub_from(content: bytes) -> ArtifactStub | None:
    """The stub that a file is; None where it is a block's tables themselves.

    Raises:
        EnvironmentFault: It begins as a stub, and is none.
    """
    if not content.startswith(b'{"' + _MARK.encode()):
        return None
    try:
        return ArtifactStub(**json.loads(content)[_MARK])
    except NOT_AS_WRITTEN as error:
        raise EnvironmentFault(
            "the file that says where a block's tables are is damaged",
            todo="send the tasks again: cancel the sweep and run the same command",
        ) from error


class BlocksElsewhere:
    """The blocks of a report, as a source; see ``gridrun.pipeline.Source``.

    Args:
        report: What was read and made.
        cache_dir: Takes the stubs.
    """

    def __init__(self, report: ReadingReport, cache_dir: Path) -> None:
        self._report = report
        self._cache = Cache(cache_dir)
        self._blocks = {_key(block.values): block for block in report.blocks}

    def notes(self) -> Sequence[Fault]:
        """What reading found worth saying, and what happened to stubs."""
        return (*self._report.notes, *self._cache.notes)

    def artifact(self, values: Mapping[str, Value]) -> str:
        """Digest of a block's tables, for which a stub is written.

        Raises:
            TaskFailure: The block could not be made.
        """
        block = self._blocks[_key(values)]
        if block.kind:
            raise TaskFailure(block.message, block.kind)
        stub = ArtifactStub(block.artifact, block.checksum, block.size)
        text = json.dumps({_MARK: asdict(stub)})
        self._cache.make(
            f"{block.artifact}-{block.checksum}",
            _SUFFIX,
            lambda path: path.write_text(text, "utf-8"),
        )
        return block.artifact

    def path(self, digest: str) -> Path:
        """File of a block's stub."""
        (block, *_) = (block for block in self._report.blocks if block.artifact == digest)
        return self._cache.path(f"{digest}-{block.checksum}", _SUFFIX)


def _require(condition: bool, text: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not condition:
        raise ValueError(text)


def _key(values: Mapping[str, Value]) -> str:
    return json.dumps(dict(values), sort_keys=True)


def _fault_from(data: Mapping[str, Any]) -> Fault:
    return Fault(**{**data, "file": Path(data["file"])})
