"""The core knows no cloud: a backend brings its keys, commands and words, and can be left out."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("gridrun", "backends", "amiss_tasks")
CLOUD = Path("backends", "azureml")


def test_the_core_names_no_cloud():
    """No file of gridrun/ has the words, in code, messages, comments or names."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "gridrun").rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
        for number, line in enumerate([path.name, *path.read_text("utf-8").splitlines()])
        if re.search("azure|hyperdrive", line, re.IGNORECASE)
    ]
    assert found == []


def entry_points(*, without: str) -> str:
    """The entry points of the package, without those of a module."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = []
    for group, entries in groups.items():
        lines.append(f"[{group}]")
        lines += [f"{n} = {v}" for n, v in entries.items() if not v.startswith(without)]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """A copy of the three packages without the cloud's backend and its entry points."""
    root = tmp_path_factory.mktemp("bare")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, root / name)
    shutil.rmtree(root / CLOUD)
    # the first package of a name on the path is the one whose entry points count
    about = root / "gridrun-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gridrun\nVersion: 0\n")
    (about / "entry_points.txt").write_text(entry_points(without="backends.azureml"))
    shutil.copytree(ROOT / "tests" / "folder", root / "tests" / "folder")
    for name in ("toystudies.py", "commands.py", "imported.py"):
        shutil.copyfile(ROOT / "tests" / name, root / "tests" / name)
    return root


def run(root: Path, *command: object, exit_code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'tests'}", "COLUMNS": "200"},
        check=False,
        timeout=200,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def test_every_module_can_be_imported_without_it(bare):
    """Nothing that is left asks for it."""
    code = """
import importlib, pkgutil, sys
for top in ("gridrun", "backends"):
    package = importlib.import_module(top)
    for found in pkgutil.walk_packages(package.__path__, f"{top}."):
        if not found.name.endswith(("__main__", ".worker.child")):
            importlib.import_module(found.name)
print(sys.modules["gridrun"].__file__)
"""
    assert str(bare) in run(bare, "-c", code)


def test_commands_and_a_study_work_without_it(bare, tmp_path):
    """The help lists what is there; a study runs here and through a folder, with one table."""
    shown = run(bare, "-m", "gridrun", "--help")
    assert "shards" in shown
    assert "azure" not in shown.lower()
    code = f"""
import sys
sys.path[:0] = [{str(bare / "tests")!r}, {str(bare / "tests" / "folder")!r}]
from pathlib import Path
import walks
study = walks.study(Path({str(tmp_path / "study")!r}))
walks.run(study, send=True)
walks.work(study / "shards")
walks.run(study)
assert walks.table(study) == walks.local_table(study)
"""
    run(bare, "-c", code)


def test_its_key_is_refused_with_what_brings_keys(bare, tmp_path):
    """The key is unknown; it is said that keys come with packages, and which are installed."""
    (tmp_path / "study.yaml").write_text("azure: {}\ngrid: {}\n")
    said = run(bare, "-m", "gridrun", "plan", tmp_path, exit_code=2)
    assert 'study.yaml:1: unknown key "azure"' in said
    assert "keys of backends come with their package; installed: folder (gridrun)" in said


def test_a_package_that_cannot_be_loaded_is_named(bare, tmp_path):
    """Its key and its command say which package; the other commands do not mind."""
    about = bare / "gridrun_pbs-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gridrun-pbs\nVersion: 1\n")
    text = "[gridrun.study_keys]\npbs = not_there:KEY\n[gridrun.commands]\npbs = not_there:app\n"
    (about / "entry_points.txt").write_text(text)
    try:
        (tmp_path / "study.yaml").write_text("pbs: {}\ngrid: {}\n")
        said = run(bare, "-m", "gridrun", "plan", tmp_path, exit_code=3)
        assert 'the key "pbs" of studies is brought by the package gridrun-pbs' in said
        said = run(bare, "-m", "gridrun", "pbs", tmp_path, "--now", exit_code=3)
        assert "its package gridrun-pbs is not whole" in said
        assert "cannot be loaded" in run(bare, "-m", "gridrun", "--help")
        (about / "entry_points.txt").write_text("[gridrun.study_keys]\nseed = not_there:KEY\n")
        said = run(bare, "-m", "gridrun", "plan", tmp_path, exit_code=3)
        assert 'the package gridrun-pbs brings the key "seed"' in said
    finally:
        shutil.rmtree(about)


def defined_and_used(root: Path) -> tuple[set[str], set[str]]:
    """Names that the core defines, and names that any of the packages uses."""
    defined: set[str] = set()
    used: set[str] = set()
    for path in (path for name in PACKAGES for path in (root / name).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        # a clone's own directory may be called gridrun
        is_core = root / "gridrun" in path.parents
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and is_core:
                defined.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used.add(node.id)
            elif isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                used.add(node.arg)
    return defined, used


def test_nothing_of_the_core_is_there_for_it_alone(bare):
    """Whatever the core defines and somebody uses is used without the cloud's backend, too."""
    defined, used = defined_and_used(ROOT)
    _, used_without = defined_and_used(bare)
    assert sorted(defined & used - used_without) == []


def test_the_detached_half_is_used_by_a_backend_that_stays():
    """What the core has for work that is sent away, the folder imports."""
    text = "".join(path.read_text() for path in (ROOT / "backends" / "folder").glob("*.py"))
    for name in ("shard.queue", "shard.packing", "shard.contexts"):
        assert f"from gridrun.{name} import" in text
    for name in ("QueueBackend", "QueueWatch"):
        assert re.search(rf"^class \w+\({name}\):", text, re.MULTILINE), name
    assert "from gridrun.cli.remote import" in text
