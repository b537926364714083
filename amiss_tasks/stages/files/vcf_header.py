"""The header of a VCF: declarations with their lines, and the CSQ field list.

Only real INFO declarations are looked at: amiss searches the whole header for
the words INFO and CSQ, and stops on, or misreads, files that are sound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from amiss_tasks.stages.files.report import FileReport

VCF_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
"""The fixed columns of a VCF."""

_ID = re.compile(r"(?:^|,)\s*ID=([^,>]+)")
_DESCRIPTION = re.compile(r'Description="((?:[^"\\]|\\.)*)"?')
_VEP = re.compile(r"##VEP=\W*v?(\d+)")
_BUILD = re.compile(r"GRCh3[78]|hg19|hg38|b37", re.IGNORECASE)
_BUILD_NAMES = {"hg19": "GRCh37", "b37": "GRCh37", "hg38": "GRCh38"}
_BUILD_LINES = ("##reference=", "##contig=", "##VEP=", "##assembly=")


@dataclass(frozen=True)
class Declaration:
    """One ``##INFO`` line.

    Args:
        key: The INFO key.
        line: Its line, counted from 1.
        description: Text between the quotes of ``Description``.
    """

    key: str
    line: int
    description: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Field names after ``Format:``, split at ``|``; empty when there are none."""
        _, found, text = self.description.partition("Format:")
        return tuple(name.strip() for name in text.strip(" '\"").split("|")) if found else ()


@dataclass
class VcfHeader:
    """What the header says.

    Args:
        info: INFO key to its first declaration.
        columns: Names of the column line; empty when there is none.
        build: ``GRCh37`` or ``GRCh38``, where the header names it.
        build_line: The line that names it.
        is_vcf: Line 1 is ``##fileformat=VCF``.
        release: Version of VEP, where the header names it.
    """

    info: dict[str, Declaration] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    build: str | None = None
    build_line: int = 0
    is_vcf: bool = False
    release: str = ""

    @property
    def csq(self) -> Declaration | None:
        """Declaration of CSQ, or None."""
        return self.info.get("CSQ")

    @property
    def csq_fields(self) -> tuple[str, ...]:
        """Field names of a CSQ block, in order; empty when not declared."""
        return self.csq.fields if self.csq else ()


def genome_build(text: str) -> str | None:
    """``GRCh37`` or ``GRCh38`` if the text names one, under any of its names."""
    found = _BUILD.search(text)
    if not found:
        return None
    name = found.group().lower()
    return _BUILD_NAMES.get(name, "GRCh" + name[-2:])


def add_meta_line(header: VcfHeader, line: str, number: int, report: FileReport) -> None:
    """Take in one line that begins with ``##``."""
    if line.startswith("##INFO=<"):
        body = line[len("##INFO=<") :]
        identity = _ID.search(body)
        if not identity:
            report.note("an ##INFO line without ID", line=number, noun="line")
            return
        description = _DESCRIPTION.search(body)
        declaration = Declaration(
            identity.group(1), number, description.group(1) if description else ""
        )
        first = header.info.setdefault(declaration.key, declaration)
        if first is declaration:
            return
        message = f"{first.key} is declared twice, on line {first.line} and again on line {number}"
        if first.key == "CSQ" and first.fields != declaration.fields:
            report.fault(
                f"{message}, with different fields",
                key=(message, number),
                todo="keep the declaration that the records follow",
            )
        else:
            report.note(f"{message}; the first is used", key=(message, number))
    if not header.release and (release := _VEP.match(line)):
        header.release = f"VEP {release.group(1)}"
    if header.build is None and line.startswith(_BUILD_LINES):
        header.build = genome_build(line)
        header.build_line = number


def add_column_line(header: VcfHeader, line: str, number: int, report: FileReport) -> None:
    """Take in the line that begins with ``#CHROM``."""
    header.columns = tuple(line.split("\t"))
    if header.columns[: len(VCF_COLUMNS)] != VCF_COLUMNS:
        todo = f"expected, with tabs between: {' '.join(VCF_COLUMNS)}"
        found = "spaces where tabs are needed" if "\t" not in line else f'"{line[:80]}"'
        report.stop(f"the #CHROM line has {found}", line=number, todo=todo)


def first_line_fault(lines: list[str], report: FileReport) -> None:
    """Say what a file is whose first line is not ``##fileformat=VCF``.

    Args:
        lines: The first lines, at least one.
        report: Where it is said.
    """
    if any(line.startswith("#Chrom\t") for line in lines[:3]) or lines[0].startswith("## CADD"):
        report.stop(
            "looks like a CADD table, not a VCF",
            line=1,
            todo="inputs.vcf in the study names it; name the VEP-annotated VCF",
        )
        return
    report.fault(
        "line 1 is not ##fileformat=VCF…: not a VCF",
        line=1,
        key="fileformat",
        todo="name a VEP-annotated VCF, with its header",
    )
