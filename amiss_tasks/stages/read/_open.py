"""The inputs of a study, opened: which there are, and what is wrong with paths and headers."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from amiss_tasks.features.feature_set import CADD, TABLES, VEP, FeatureSet
from amiss_tasks.features.sources import locate
from amiss_tasks.r.names import positions
from amiss_tasks.stages.files.digests import Digests, Taking
from amiss_tasks.stages.files.in_step import Shared
from amiss_tasks.stages.files.report import FileReport, raise_faults
from amiss_tasks.stages.read._column_lookup import check_table_header, check_tables, say_located
from amiss_tasks.stages.read._header_checks import (
    check_builds,
    check_cadd_header,
    check_same_columns,
    check_vcf_header,
)
from amiss_tasks.stages.read.tables import CaddReader, TableReader
from amiss_tasks.stages.read.vcf import USED_INFO, VcfReader
from gridrun.errors import Fault
from gridrun.pipeline import Value
from gridrun.store.faults import disk_fault
from gridrun.store.patience import patiently

CADD_ROLES = ("cadd_snv", "cadd_indel")
"""The two CADD tables, which a study has both or none of."""

ROLES = ("vcf", *CADD_ROLES)
"""Inputs of amiss, in the order its functions take them."""


@dataclass
class Opened:
    """The inputs that could be opened, at their first record.

    Args:
        reports: A report for each input by its role, and ``features``, which takes what is
            wrong with the features as to the inputs.
        features: The study's features; once ``locate`` was called, as they are read.
        kept: Once ``locate`` was called, the study's features that the inputs have.
        vcf: The VCF.
        cadd: Role to CADD table.
        tables: Role to further table, for those that some feature is read from.
    """

    reports: dict[str, FileReport]
    features: FeatureSet
    kept: FeatureSet
    vcf: VcfReader | None = None
    cadd: dict[str, CaddReader] = field(default_factory=dict)
    tables: dict[str, TableReader] = field(default_factory=dict)

    def faulty(self, *roles: str) -> bool:
        """Whether some input of these roles, or of any, has a fault."""
        return any(self.reports[role].faults for role in roles or self.reports)

    def locate(self, files: Collection[str]) -> None:
        """Choose the source of each feature by the headers; say what was passed over.

        Args:
            files: Roles of the study's inputs.
        """
        there = {role: table.at for role, table in self.tables.items()}
        if self.cadd:
            there[CADD] = next(iter(self.cadd.values())).at
        if self.vcf is not None:
            there[VEP] = positions(self.vcf.header.csq_fields, self.features.csq_fields)
        located = locate(self.features, there)
        self.features, self.kept = located.features, located.kept
        for role in [role for role in self.tables if role not in self.features.tables]:
            self.tables.pop(role).close()
        if not any(report.broken for report in self.reports.values()):
            say_located(located, _given(files), self.reports["features"])

    def raise_faults(self) -> None:
        """Raise all faults of all inputs as one error, if there are any."""
        raise_faults(list(self.reports.values()))

    def give_digests(self, digests: Digests) -> None:
        """Give away the digests of the inputs that were read whole.

        Raises:
            InputError: One has changed since its digest was taken before.
        """
        for reader in filter(None, (self.vcf, *self.cadd.values(), *self.tables.values())):
            if reader.source.digest is not None:
                digests.take(reader.report.file, reader.source.digest)


def files_of(inputs: Mapping[str, str]) -> dict[str, Path]:
    """The files that the study has, by role, in the order in which they are read."""
    tables = [role for role in inputs if role.startswith(f"{TABLES}.")]
    return {role: Path(inputs[role]) for role in (*ROLES, *tables) if role in inputs}


def reports_of(inputs: Mapping[str, str], features: FeatureSet) -> dict[str, FileReport]:
    """Reports as :class:`Opened` has them."""
    features_report = FileReport(features.origin or Path("features"))
    files = {role: FileReport(path) for role, path in files_of(inputs).items()}
    return {"features": features_report, **files}


def notes_of(reports: Mapping[str, FileReport]) -> tuple[Fault, ...]:
    """The notes of all reports."""
    return tuple(note for report in reports.values() for note in report.notes)


def open_inputs(
    inputs: Mapping[str, str],
    grid_values: Mapping[str, Sequence[Value]],
    features: FeatureSet,
    stack: ExitStack,
    *,
    labelled: bool = True,
    with_digests: bool = False,
    shared: Shared | None = None,
) -> Opened:
    """Check paths and headers of all inputs.

    Args:
        inputs: Role to path.
        grid_values: Parameter to the values of the grid.
        features: The study's features.
        stack: Closes the files.
        labelled: Whether ClinVar's labels are needed.
        with_digests: Whether digests are taken of what is read.
        shared: Who reads the tables as well; None for nobody.
    """

    def taking(shared: Shared | None = shared) -> Taking | None:
        return Taking(shared) if with_digests else None

    opened = Opened(reports_of(inputs, features), features, features)
    files = {role: report for role, report in opened.reports.items() if role in inputs}
    readable = {role: report for role, report in files.items() if check_path(role, report)}
    check_same_files(files)
    for role, report in readable.items():
        if role == "vcf":
            used = USED_INFO | ({features.cut.field} if features.cut else set())
            opened.vcf = stack.enter_context(
                VcfReader(report.file, report, used, features.csq_fields, taking(None))
            )
        elif role in CADD_ROLES:
            cadd = CaddReader(report.file, report, features.cadd_columns, taking())
            opened.cadd[role] = stack.enter_context(cadd)
        elif role in features.tables:
            table = TableReader(report.file, report, features.columns_of(role), taking())
            opened.tables[role] = stack.enter_context(table)
    opened.locate(files)
    _check_headers(opened, grid_values, files, labelled=labelled)
    for role, report in readable.items():
        if role not in (*ROLES, *opened.tables):
            report.note("no feature is read from this table")
    return opened


def _check_headers(
    opened: Opened,
    grid_values: Mapping[str, Sequence[Value]],
    files: Collection[str],
    *,
    labelled: bool,
) -> None:
    """Say what the headers lack, and where they do not fit together."""
    features, features_report = opened.features, opened.reports["features"]
    if opened.vcf is not None and not opened.vcf.report.broken:
        check_vcf_header(
            opened.vcf.header,
            opened.vcf.report,
            grid_values,
            features,
            features_report,
            labelled=labelled,
        )
    check_tables(features, _given(files), features_report)
    for cadd in opened.cadd.values():
        check_cadd_header(cadd, features, features_report)
    for role, table in opened.tables.items():
        check_table_header(table, role, features, features_report)
    if len(opened.cadd) == len(CADD_ROLES):
        check_same_columns(opened.cadd["cadd_snv"], opened.cadd["cadd_indel"])
    if opened.vcf:
        check_builds(opened.vcf.header, [*opened.cadd.values(), *opened.tables.values()])


def _given(files: Collection[str]) -> list[str]:
    """Files that features can be read from, as ``Feature.file`` has them."""
    return [VEP, *([CADD] if set(CADD_ROLES) & set(files) else []), *files]


def check_path(role: str, report: FileReport) -> bool:
    """Say what is wrong with a path.

    Args:
        role: ``vcf``, ``cadd_snv``, ``cadd_indel`` or ``annotations.NAME``.
        report: The file's report, which knows the path.

    Returns:
        Whether the path leads to a regular file that may be read.

    Raises:
        EnvironmentFault: The disk has not answered for a minute.
    """
    path = report.file
    key = f"inputs.{role} in the study names it"
    try:
        mode = patiently(path.stat).st_mode
    except ValueError:
        report.stop("is not a path: it has a NUL byte", todo=f"{key}; name the right file")
        return False
    except OSError as error:
        if error.errno == errno.ELOOP:
            report.stop("symbolic link loop", todo=f"{key}; name a file")
        elif error.errno in (errno.ENOENT, errno.ENOTDIR):
            target = f" (a symbolic link to {path.readlink()})" if path.is_symlink() else ""
            report.stop(f"does not exist{target}", todo=f"{key}; name the right file")
        elif error.errno == errno.EACCES:
            report.stop("no permission to read its directory", todo=key)
        elif (fault := disk_fault(error, path)) is not None:
            raise fault from error
        else:
            report.stop(f"cannot be examined: {error.strerror}", todo=key)
        return False
    if stat.S_ISDIR(mode):
        report.stop("is a directory", todo=f"{key}; name a file in it")
        return False
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"
        report.stop(
            f"is not a regular file ({kind})",
            todo=f"{key}; save the data to a file first: it is read more than once",
        )
        return False
    if not os.access(path, os.R_OK):
        report.stop("no permission to read it", todo=f"{key}; chmod u+r, or ask its owner")
        return False
    return True


def check_same_files(reports: Mapping[str, FileReport]) -> None:
    """Say which of the readable inputs are one and the same file."""
    seen: dict[tuple[int, int], str] = {}
    for role, report in reports.items():
        if report.broken:
            continue
        status = report.file.stat()
        identity = (status.st_dev, status.st_ino)
        other = seen.setdefault(identity, role)
        if other != role:
            report.fault(
                f"{role} is the same file as {other} ({reports[other].file})",
                todo=f"name different files for {other} and {role}",
            )
