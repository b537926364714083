"""What is declared and the files that lie in its folder agree, or no study is opened."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gridrun.errors import EnvironmentFault


def refuse_undeclared_files(
    folder: Path, declared: Iterable[str], there: Iterable[str], table: str
) -> None:
    """Stop where a declared file is missing, or a file is not declared.

    Args:
        folder: Where the files lie.
        declared: Their names, as the table has them.
        there: Names of the files that have to be declared.
        table: Where they are declared, for the message.

    Raises:
        EnvironmentFault: A file is missing, or is not declared.
    """
    declared = tuple(declared)
    lacking = [name for name in declared if not (folder / name).is_file()]
    if lacking:
        raise EnvironmentFault(
            f"{table} declares {lacking[0]}, which does not exist",
            where=str(folder),
            todo="add the file, or take its row out of the table",
        )
    unknown = sorted(set(there) - set(declared))
    if unknown:
        raise EnvironmentFault(
            f"{unknown[0]} exists, and {table} does not declare it",
            where=str(folder),
            todo="add its row to the table, or take the file away",
        )
