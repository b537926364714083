"""Streaming readers for CADD tables (``inclAnno``) and for other tables that a study names.

CADD's line 1 is a comment that begins with ``##``, its line 2 holds the column names, beginning
with ``#Chrom``. In others, lines that begin with ``#`` may stand above the column names, whose own
line may begin so too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import KEYS
from amiss_tasks.stages.files.digests import Taking
from amiss_tasks.stages.files.lines import Chunk
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.files.tsv import TsvReader
from amiss_tasks.stages.files.vcf_header import genome_build
from gridrun.documents.tree import known_list

CADD_KEYS = ("#Chrom", "Pos", "Ref", "Alt", "FeatureID")
"""Key columns in the spelling of a CADD file."""

KEY_NAMES: dict[str, tuple[str, ...]] = dict(
    zip(
        KEYS,
        (
            ("chrom", "chr", "chromosome"),
            ("pos", "position", "pos(1-based)"),
            ("ref", "reference", "ref_allele"),
            ("alt", "alternate", "alt_allele"),
            (
                *("transcript", "transcript_id", "transcriptid", "feature", "featureid", "enst"),
                *("ensembl_transcriptid", "ensembl_transcript_id"),
            ),
        ),
        strict=True,
    )
)
"""Key column of the join to its usual names, without a leading ``#`` and in lower case.

Source: the heads of AlphaMissense's, dbNSFP's, CADD's and VEP's own tables.
"""

TRANSCRIPT = KEYS[-1]
"""The key column that a table may lack; values are then those of all transcripts."""

_HEADER_LINE = 2
_RELEASE = re.compile(r"v(\d+(?:\.\d+)*)")
_MOST_COMMENTS = 10_000
_MOST_NAMES = 60


class CaddReader(TsvReader):
    """A CADD table; see :class:`TsvReader`.

    Args:
        path: A regular file.
        report: Where faults and notes go; a new one when None.
        used: Columns beside the keys that are looked for.
        taking: As :class:`LineSource` has it.
    """

    def __init__(
        self,
        path: Path | str,
        report: FileReport | None = None,
        used: Collection[str] = AMISS.cadd_columns,
        taking: Taking | None = None,
    ) -> None:
        super().__init__(path, report, used, taking)

    def _read_header(self) -> Chunk | None:
        self.keys = dict(zip(KEYS, CADD_KEYS, strict=True))
        self.header_line = _HEADER_LINE
        chunk = next(self._chunks, None)
        if chunk is None:
            self.report.broken = True
            return None
        lines = chunk.lines
        while len(lines) < _HEADER_LINE and (more := next(self._chunks, None)) is not None:
            chunk = chunk._replace(lines=[*lines, *more.lines], is_utf8=more.is_utf8)
            lines = chunk.lines
        if lines[0].startswith("##fileformat=VCF"):
            self.report.stop(
                "looks like a VCF, not a CADD table",
                line=1,
                todo="name the table of CADD annotations (inclAnno) in the study",
            )
            return None
        if not lines[0].startswith("##"):
            self.report.stop(
                "expected ##, then #Chrom on the line below: "
                "amiss skips line 1, whatever stands there",
                line=1,
                todo="put CADD's comment line back, for example: ## CADD GRCh38-v1.5",
            )
            return None
        self.build = genome_build(lines[0])
        release = _RELEASE.search(lines[0])
        self.release = f"CADD {release.group(1)}" if release else ""
        if len(lines) < _HEADER_LINE or not lines[1].startswith("#Chrom\t"):
            self.report.stop(
                "expected the column names, beginning with #Chrom and a tab",
                line=_HEADER_LINE,
                todo="put CADD's line of column names back",
            )
            return None
        self.names = tuple(lines[1].split("\t"))
        self._refuse_repeated(
            self.names, "one of the two has a wrong name; compare with CADD's own file"
        )
        return Chunk(chunk.first + _HEADER_LINE, lines[_HEADER_LINE:], chunk.is_utf8)


class TableReader(TsvReader):
    """A table of annotations; see :class:`TsvReader`.

    ``keys`` has no transcript where the table has no such column.
    """

    def _read_header(self) -> Chunk | None:
        for chunk in self._chunks:
            for number, line in enumerate(chunk.lines, chunk.first):
                is_comment = line.startswith("#") and not set(KEYS[:-1]) <= _found(line).keys()
                if is_comment or not line.strip():
                    self._take_comment(line, number)
                    if number < _MOST_COMMENTS and not self.report.broken:
                        continue
                    return None
                self.header_line = number
                self.names = tuple(line.split("\t"))
                self._take_keys(line)
                at = number - chunk.first + 1
                return chunk._replace(first=number + 1, lines=chunk.lines[at:])
        if not self.report.broken:
            self.report.stop(
                "there is no line of column names", todo="is this the right file, and whole?"
            )
        return None

    def _take_comment(self, line: str, number: int) -> None:
        if line.startswith("##fileformat=VCF"):
            self.report.stop(
                "is a VCF, not a table",
                line=number,
                todo="write its columns by tabs, with the column names above: bcftools query -H",
            )
        elif number == _MOST_COMMENTS:
            self.report.stop(
                f"every line down to line {number:,} begins with #", todo="is this the right file?"
            )
        elif self.build is None and (build := genome_build(line)):
            self.build, self.build_line = build, number

    def _take_keys(self, line: str) -> None:
        found = _found(line)
        here = f"columns that are there: {known_list(self.names, _MOST_NAMES)}"
        if "\t" not in line:
            self.report.stop(
                "expected column names with tabs between them",
                line=self.header_line,
                todo="write the table with tabs, for example: sed 's/,/\\t/g'",
            )
            return
        for key in KEYS:
            names = found.get(key, [])
            if not names and key != TRANSCRIPT:
                self.report.stop(
                    f"no column for {key.removeprefix('X.')}: none is called "
                    f"{' or '.join(KEY_NAMES[key])}, in upper or lower case",
                    line=self.header_line,
                    todo=f"name it so; {here}",
                )
            if len(names) > 1:
                self.report.fault(
                    f"more than one column could be the key {key.removeprefix('X.')}: "
                    f"{', '.join(names)}",
                    line=self.header_line,
                    todo="give all but one another name",
                )
        self.keys = {key: names[0] for key, names in found.items()}
        self._refuse_repeated(set(self.names), "give one of the two another name")


def _found(line: str) -> dict[str, list[str]]:
    """Key column of the join to the columns of a line that may be it."""
    found: dict[str, list[str]] = {}
    names: Sequence[str] = line.split("\t")
    for key, known in KEY_NAMES.items():
        alike = [name for name in names if name.removeprefix("#").strip().lower() in known]
        if alike:
            found[key] = alike
    return found
