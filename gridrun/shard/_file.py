"""Shard files: JSON lines, many of them packed in one archive that travels as one file."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gridrun._version import __version__
from gridrun.errors import EnvironmentFault, UserError, counted
from gridrun.pipeline import load_pipeline
from gridrun.plan.fingerprint import digest_of_text
from gridrun.plan.units import ContextFacts, Job, Unit
from gridrun.shard._text import NOT_AS_WRITTEN, dump, job_data, job_from, unit_from, unit_text
from gridrun.store.cache import DAMAGED_ARCHIVE
from gridrun.store.faults import disk_fault

FORMAT = 1

ARTIFACTS = "artifacts"
"""Directory beside a shard file that holds artifacts, named by digest."""

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOST_TIMES_PACKED = 200
_SMALL = 2**24
_FIRST_TIME = (1980, 1, 1, 0, 0, 0)
"""Time stamp of all members, so that equal shards make equal archives."""


@dataclass(frozen=True)
class Shard:
    """Units that are sent somewhere as one.

    Args:
        name: Names the file and the log lines.
        job: What all units have in common.
        contexts: Number, as the tasks have it, to what is known of the context.
        units: In the order they are started.
    """

    name: str
    job: Job
    contexts: Mapping[int, ContextFacts]
    units: tuple[Unit, ...]

    def text(self) -> str:
        """The file's content: a head line with the checksum of all, then one line per unit."""
        used = sorted({task.context for unit in self.units for task in unit.tasks})
        head = {
            "gridrun_shard": FORMAT,
            "name": self.name,
            "version": __version__,
            "job": job_data(self.job),
            "contexts": [asdict(self.contexts[number]) for number in used],
        }
        lines = [unit_text(unit, self.digest_of) for unit in self.units]
        return "\n".join([dump({**head, "checksum": _checksum(head, lines)}), *lines]) + "\n"

    def digest_of(self, context: int) -> str:
        """Digest of a context by the number its tasks have."""
        return self.contexts[context].digest

    def foreign_code(self) -> list[str]:
        """Stages whose code here is not the code the shard was made for."""
        pipeline = load_pipeline(self.job.pipeline).of_study(self.job.settings.options)
        reads = pipeline.context_reads()
        found: set[str] = set()
        seen: set[int] = set()
        for unit in self.units:
            for task in unit.tasks:
                if task.context in seen:
                    continue
                seen.add(task.context)
                facts = self.contexts[task.context]
                values = {name: task.values[name] for name in reads if name in task.values}
                here = pipeline.code_digests(facts.classifier, values) if facts.code else {}
                found.update(stage for stage, code in facts.code.items() if here.get(stage) != code)
        return sorted(found)

    def require_own_code(self, place: Path) -> None:
        """Refuse a shard whose numbers would not be those of the study.

        Args:
            place: Where it lies, for the message.

        Raises:
            EnvironmentFault: The code here is not the code that it was made for.
        """
        foreign = self.foreign_code()
        if foreign:
            raise EnvironmentFault(
                f"the code on this machine is not the code that the shard was made for: "
                f"{', '.join(foreign)}",
                where=str(place),
                todo="its numbers would not be those of the study: build the image from the "
                "client's version of gridrun, or submit with the image's version",
            )


def shard_name(number: int) -> str:
    """Name of the shard of that number."""
    return f"shard-{number:05d}"


def pack_shards(path: Path, shards: Iterable[Shard]) -> None:
    """Write shards into one archive; equal shards give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for shard in shards:
            about = zipfile.ZipInfo(f"{shard.name}.jsonl", _FIRST_TIME)
            about.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(about, shard.text())


def open_shard(path: Path, number: int | None = None) -> Shard:
    """Read a shard from its file, or from an archive of shards.

    Args:
        path: A ``.jsonl`` file, or an archive.
        number: Which shard of an archive.

    Raises:
        UserError: There is none, or this is not a shard of this version.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(
            "this is not a shard: it is no regular file",
            where=str(path),
            todo="name a shard file, an archive of shards, or a folder of them",
        )
    try:
        content = _member(path, number) if path.suffix == ".zip" else path.read_bytes()
        # at LF alone: other line ends are not what was written
        lines = content.decode("utf-8").removesuffix("\n").split("\n")
        head = json.loads(lines[0])
        if head.get("gridrun_shard") != FORMAT:
            raise UserError(
                f"the shard has format {head.get('gridrun_shard')}, this gridrun runs {FORMAT}",
                where=str(path),
                todo="run it with the version of gridrun that made it",
            )
        if head.pop("checksum", None) != _checksum(head, lines[1:]):
            raise ValueError("its content is not what was written")
        return _shard(head, lines[1:])
    except OSError as error:
        raise disk_fault(error, path) or UserError(
            f"the shard cannot be read: {error.strerror}", where=str(path)
        ) from error
    except (*NOT_AS_WRITTEN, *DAMAGED_ARCHIVE) as error:
        raise UserError(
            f"this is not a shard: {error}",
            where=str(path),
            todo="name a shard file, an archive of shards, or a folder of them",
        ) from error


def _checksum(head: Mapping[str, Any], lines: Sequence[str]) -> str:
    return digest_of_text("\n".join([dump(head), *lines]))


def _member(path: Path, number: int | None) -> bytes:
    with zipfile.ZipFile(path) as archive:
        if number is None:
            count = len(archive.namelist())
            raise UserError(
                f"this is an archive of {counted(count, 'shard')}",
                where=str(path),
                todo=f"name one of them: --shard 0 .. --shard {count - 1}",
            )
        found = archive.getinfo(f"{shard_name(number)}.jsonl")
        if found.file_size > _SMALL + _MOST_TIMES_PACKED * found.compress_size:
            raise ValueError("it would be unpacked to far more than a shard takes")
        return archive.read(found)


def _shard(head: Mapping[str, Any], lines: Sequence[str]) -> Shard:
    contexts = {
        number: ContextFacts(facts["digest"], facts["classifier"], dict(facts["code"]))
        for number, facts in enumerate(head["contexts"], 1)
    }
    numbers = {facts.digest: number for number, facts in contexts.items()}
    units = tuple(unit_from(line, numbers.__getitem__) for line in lines)
    for name in (head["name"], *(unit.artifact for unit in units)):
        # both are names of files
        if name and not _FILE_NAME.fullmatch(name):
            raise ValueError(f"it names {name!r}, which is no name of a file in its folder")
    return Shard(head["name"], job_from(head["job"]), contexts, units)
