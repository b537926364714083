"""The shape of the code: few entries, no deep folders, faces that are true, private modules."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
TOPS = ("gridrun", "backends", "amiss_tasks")
MOST_ENTRIES = {"gridrun": 14, "amiss_tasks": 18}
MOST_MODULES = 25
DEEPEST = 3
NOT_COUNTED = {"__init__.py", "__main__.py", "_version.py", "py.typed", "__pycache__"}

OUTSIDE = {"pipelines": "amiss_tasks", "backends": "backends", "commands": "cli", "the API": "api"}
"""Words of a face for importers that do not lie beside it."""

OWN_TESTS = {
    "tests/amiss": "amiss_tasks",
    "tests/read": "amiss_tasks.stages.read",
    "tests/azure": "backends.azureml",
    "tests/backends": "backends",
    "tests/slurm": "backends.slurm",
    "tests/cli": "gridrun.cli",
    "tests/core": "gridrun",
    "tests/study": "gridrun",
    "tests/worker": "gridrun.worker",
}
"""Folder of tests to the package whose private modules they may import."""

PACKAGES = sorted(path.parent for top in TOPS for path in (ROOT / top).rglob("__init__.py"))


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*TOPS)


def _name(folder: Path) -> str:
    return ".".join(folder.relative_to(ROOT).parts)


def _face(folder: Path) -> str:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    return text.splitlines()[0] if text else ""


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in {".py", ".R"}]


@pytest.mark.parametrize(("top", "most"), MOST_ENTRIES.items())
def test_a_folder_that_people_open_first_shows_few_entries(top, most):
    """Gridrun shows at most 14 modules and packages, amiss_tasks at most 18."""
    shown = {path.name for path in (ROOT / top).iterdir()} - NOT_COUNTED
    assert len(shown) <= most, sorted(shown)


@pytest.mark.parametrize("folder", PACKAGES, ids=_name)
def test_a_package_has_few_modules_and_does_not_lie_deep(folder):
    """No folder has more than 25 modules, and none lies deeper than three."""
    assert len(folder.relative_to(ROOT).parts) <= DEEPEST
    assert len(_files(folder)) <= MOST_MODULES, sorted(path.name for path in _files(folder))


def test_every_folder_with_code_is_a_package_or_one_of_r_files_alone():
    """No module lies in a folder without a face."""
    folders = {path.parent for top in TOPS for path in (ROOT / top).rglob("*.py")}
    assert folders == set(PACKAGES)


@pytest.mark.parametrize("folder", PACKAGES, ids=_name)
def test_a_package_does_more_than_pass_on(folder):
    """A package has code of its own in its face, or at least two modules or packages."""
    tree = ast.parse((folder / "__init__.py").read_text("utf-8"))
    has_code = any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)
    inside = [path for path in _files(folder) if path.name != "__init__.py"]
    inside += [path for path in folder.iterdir() if path in PACKAGES]
    assert has_code or len(inside) > 1, f"{_name(folder)} only passes on {inside}"


def _importers(package: str) -> set[str]:
    """What imports from a package: packages beside it, or the whole other tree."""
    graph = _graph()
    parent = package.rpartition(".")[0]
    found = set()
    for module in {package, *graph.find_descendants(package)}:
        for importer in graph.find_modules_that_directly_import(module):
            top, *rest = importer.split(".")
            if importer == package or importer.startswith(f"{package}."):
                continue
            if parent.count(".") and (importer == parent or importer.startswith(f"{parent}.")):
                continue  # a package inside of another is its own affair
            found.add(rest[0] if top == package.split(".", maxsplit=1)[0] and rest else top)
    return found


@pytest.mark.parametrize("folder", [path for path in PACKAGES if path.parent != ROOT], ids=_name)
def test_a_face_says_what_a_package_is_for_and_who_imports_it(folder):
    """The first sentence ends in ``; for A, B and C.``, and these are what imports it."""
    face = _face(folder)
    said = re.fullmatch(r"(?P<what>.{15,}); for (?P<whom>.+)\.", face)
    assert said, f"{_name(folder)}: {face!r}"
    named = {OUTSIDE.get(word, word) for word in re.split(r", | and ", said["whom"])}
    importers = _importers(_name(folder))
    if named == {"all above"}:
        assert len(importers) > _MOST_NAMED, importers
    elif not importers and _name(folder).count(".") > 1:
        assert named == {folder.parent.name}  # for the package it lies in alone
    else:
        assert importers - {"__main__"} == named - _NOT_IMPORTING


_MOST_NAMED = 4
"""A package that more than these import says ``all above``; the layers say which these are."""

_NOT_IMPORTING = {"entry points", "tests"}
"""Whom a face may name that no import shows."""


def _private(module: str) -> str | None:
    """The package that owns a module, if it or a package of it is private."""
    parts = module.split(".")
    for position, part in enumerate(parts):
        if part.startswith("_") and part not in {"_version", "__main__"}:
            return ".".join(parts[:position])
    return None


def test_private_modules_are_imported_by_their_own_package_alone():
    """A module whose name begins with ``_`` is no business of other packages."""
    graph = _graph()
    strangers = [
        f"{importer} imports {module}"
        for module in graph.modules
        if (owner := _private(module)) is not None
        for importer in graph.find_modules_that_directly_import(module)
        if importer != owner and not importer.startswith(f"{owner}.")
    ]
    assert strangers == []


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name in _graph().modules}


def test_private_modules_are_imported_by_their_own_tests_alone():
    """The tests of one package do not reach into another."""
    strangers = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        folder = "/".join(path.relative_to(ROOT).parts[:2])
        allowed = OWN_TESTS.get(folder, "none")
        for module in sorted(_imported(path)):
            owner = _private(module)
            if owner is None or owner == allowed or owner.startswith(f"{allowed}."):
                continue
            strangers.append(f"{path.relative_to(ROOT)} imports {module}")
    assert strangers == []


def test_nothing_but_the_types_of_a_runtime_circle_hides_behind_type_checking():
    """A module imports for types what it may import at run time, so that no circle hides."""
    # grimp sees imports below TYPE_CHECKING as well; the contract "no circle" holds them
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    assert "exclude_type_checking_imports" not in settings
    assert 'type = "acyclic_siblings"' in settings


def test_the_map_has_every_package():
    """docs/design.md has one line for each package, and it is the package's own first sentence."""
    page = (ROOT / "docs" / "design.md").read_text("utf-8")
    lines = dict(
        re.findall(
            r"^\| `((?:gridrun|backends|amiss_tasks)/[\w/]*)` \| (.+) \|$", page, re.MULTILINE
        )
    )
    assert sorted(lines) == sorted(f"{path.relative_to(ROOT)}/" for path in PACKAGES)
    inner = [path for path in PACKAGES if path.parent != ROOT]
    said = {f"{path.relative_to(ROOT)}/": _face(path).replace("``", "`") for path in inner}
    assert {name: line for name, line in lines.items() if name in said} == said


def test_a_file_of_tests_has_a_name_that_no_other_one_has():
    """Pytest imports them by their names alone, and collects the second of two not at all."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []
