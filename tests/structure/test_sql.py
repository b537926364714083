"""Values reach SQL bound, and never as a part of a statement."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    path for top in ("gridrun", "backends", "amiss_tasks") for path in (ROOT / top).rglob("*.py")
]
ASKS = {"execute", "executemany", "executescript"}
STARTS = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "PRAGMA ", "CREATE ", "DROP ", "ALTER ")

NO_VALUES = {
    ("_digests.py", "name"),  # of SEALED
    ("_examine.py", "table"),  # of a tuple, or of _FOREIGN
    ("_examine.py", "condition"),  # of _FOREIGN
    ("_examine.py", "column"),  # quoted: of the schema
    ("_examine.py", "marks"),  # of _TYPES
    ("_read.py", "table"),  # of a tuple, or a constant
    ("_write.py", "table"),  # of a tuple
}
"""What statements are put together of beside constants of their module: a file, a name."""


def parts(path: Path) -> Iterator[tuple[int, str]]:
    """Each part of a statement that is no constant: line, expression."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        is_sql = isinstance(node, ast.JoinedStr) and "".join(
            part.value if isinstance(part, ast.Constant) else "X" for part in node.values
        ).startswith(STARTS)
        asks = isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ASKS and node.args
        for one in (node,) if is_sql else (node.args[0],) if asks else ():
            for inner in ast.walk(one):
                if isinstance(inner, ast.FormattedValue):
                    yield inner.lineno, ast.unparse(inner.value)
                elif isinstance(inner, ast.Call | ast.Mod):
                    yield one.lineno, ast.unparse(one)
                elif isinstance(inner, ast.BinOp) and not isinstance(inner.op, ast.Add):
                    yield inner.lineno, ast.unparse(inner)


def faults(path: Path) -> list[str]:
    return [
        f"{path.name}:{line}: {said}"
        for line, said in parts(path)
        if not said.isupper() and (path.name, said) not in NO_VALUES
    ]


def test_no_value_is_a_part_of_a_statement():
    """Statements are constants, joined with names of tables and columns of the code alone."""
    assert [fault for path in FILES for fault in faults(path)] == []


def test_each_exemption_is_used():
    """A name that no statement has any more is no exemption."""
    found = {(path.name, said) for path in FILES for _, said in parts(path)}
    assert NO_VALUES - found == set()


@pytest.mark.parametrize(
    "code",
    [
        "db.execute(f\"SELECT * FROM task WHERE name = '{name}'\")",
        "db.execute(\"DELETE FROM task WHERE name = '%s'\" % name)",
        'db.executemany("DELETE FROM {}".format(name), rows)',
        'text = f"SELECT {name}"',
    ],
)
def test_a_statement_with_a_value_is_found(code, tmp_path):
    """The test itself finds what it names."""
    (tmp_path / "x.py").write_text(code)
    assert faults(tmp_path / "x.py")
