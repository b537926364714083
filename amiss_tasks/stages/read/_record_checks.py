"""What can be odd about one record of a VCF, in words; called for odd records only."""

from __future__ import annotations

from collections.abc import Collection

from amiss_tasks.stages.files.lines import has_bad_bytes
from amiss_tasks.stages.files.report import FileReport, shown
from amiss_tasks.stages.files.vcf_header import VCF_COLUMNS, VcfHeader
from amiss_tasks.stages.values.parsing import plain_position
from gridrun.errors import counted

_INFO = VCF_COLUMNS.index("INFO")
_KEY_COLUMNS = (0, 1, 3, 4)
_NEVER_EMPTY = (0, 3, 4)


class Oddities:
    """Puts what is odd about records into a report.

    Args:
        report: Where faults and notes go.
        header: The file's header.
        used_info: INFO keys whose text is used.
        used_csq: CSQ fields whose text is used.
    """

    def __init__(
        self,
        report: FileReport,
        header: VcfHeader,
        used_info: Collection[str],
        used_csq: Collection[str],
    ) -> None:
        self._report = report
        self._header = header
        self._used_info = used_info
        self._used_csq = used_csq

    def position(self, pos: str, number: int) -> str:
        """A position without leading zeros, or an empty text and a fault."""
        plain = plain_position(pos)
        if plain is not None:
            return plain
        self._report.fault(
            f'POS is "{shown(pos)}", not a position',
            line=number,
            key="POS",
            noun="record",
            todo="POS is a whole number, counted from 1, of at most 10 digits",
        )
        return ""

    def empty(self, cells: list[str], number: int) -> None:
        """Say which of the columns that name a variant is empty."""
        name = next(VCF_COLUMNS[index] for index in _NEVER_EMPTY if not cells[index])
        self._report.fault(
            f"{name} is empty",
            line=number,
            noun="record",
            todo="the record names no variant: take it out, or make the file anew",
        )

    def line(self, line: str, number: int, columns: int) -> None:
        """Say why a line is no record."""
        if not line.strip(" \t"):
            self._report.note("blank line, skipped", line=number, noun="line")
        elif line.startswith("#"):
            self._report.fault(
                "header line among the records; were two files joined?",
                line=number,
                noun="line",
                todo="join VCF files with: bcftools concat",
            )
        elif "\t" not in line:
            self._report.fault(
                "no tabs; columns are separated by tabs, not by spaces",
                line=number,
                noun="record",
                todo="put tabs between the columns",
            )
        else:
            found = line.count("\t") + 1
            self._report.fault(
                f"{counted(found, 'column')}, {columns} expected", line=number, noun="record"
            )

    def info(self, items: list[str], number: int) -> None:
        """Name keys that are empty, doubled or not declared."""
        seen: set[str] = set()
        for item in items:
            key = item.partition("=")[0]
            if item == "." and len(items) == 1:
                return
            if not key:
                where = "empty INFO key" if item else "empty INFO key (a ; too many)"
                self._report.note(f"{where}, skipped", line=number, noun="record")
            elif key in seen:
                message = f"INFO has {shown(key)} twice"
                if key in self._used_info:
                    self._report.fault(
                        message, line=number, noun="record", todo="keep the right one of the two"
                    )
                else:
                    self._report.note(message, line=number, noun="record")
            elif key not in self._header.info and key not in self._used_info:
                # An undeclared key that amiss needs is the header's fault, found elsewhere.
                self._report.note(
                    f"INFO key {shown(key)} is not declared in the header",
                    line=number,
                    noun="record",
                )
            seen.add(key)

    def blocks(self, found: list[int], width: int, number: int) -> None:
        """Say how wide CSQ blocks are that have another width than the header declares."""
        if not width:  # CSQ is not declared, which is said elsewhere
            return
        for cells in found:
            self._report.fault(
                f"CSQ block with {counted(cells, 'field')}, {width} declared",
                line=number,
                noun="block",
                todo="run VEP again, or take the record out",
            )

    def bytes_are_sound(self, cells: list[str], number: int) -> bool:
        """Say where bytes are not UTF-8; True when nothing that is used holds them."""
        todo = "write it in UTF-8, for example: iconv -f LATIN1 -t UTF-8 old > new"
        sound = True
        for index, name in enumerate(VCF_COLUMNS[:_INFO]):
            if has_bad_bytes(cells[index]):
                if index in _KEY_COLUMNS:
                    self._report.fault(
                        f"{name} is not UTF-8", line=number, noun="record", todo=todo
                    )
                    sound = False
                else:
                    self._report.note(f"{name} is not UTF-8", line=number, noun="record")
        for item in cells[_INFO].split(";"):
            if not has_bad_bytes(item):
                continue
            key, _, value = item.partition("=")
            name, used = key, key in self._used_info
            if key == "CSQ":
                fields = {
                    field
                    for block in value.split(",")
                    for field, cell in zip(self._header.csq_fields, block.split("|"), strict=False)
                    if has_bad_bytes(cell)
                }
                used = not fields or not fields.isdisjoint(self._used_csq)
                name = f"CSQ field {', '.join(sorted(fields))}" if fields else key
            if used:
                self._report.fault(f"{name} is not UTF-8", line=number, noun="record", todo=todo)
                sound = False
            else:
                printable = name.encode("ascii", "replace").decode()
                self._report.note(f"{printable} is not UTF-8", line=number, noun="record")
        for cell in cells[_INFO + 1 :]:
            if has_bad_bytes(cell):
                self._report.note("a sample column is not UTF-8", line=number, noun="record")
                break
        return sound
