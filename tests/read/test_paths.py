"""Paths that lead to no readable file, and awkward ones that do."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from inputs import GOLDEN_INPUT, read

from amiss_tasks.stages.read import check_inputs, read_inputs
from gridrun.errors import EnvironmentFault, InputError

ROLES = ("vcf", "cadd_snv", "cadd_indel")


def _refused(role: str, path: Path) -> str:
    """Text of the refusal; both calls refuse alike."""
    inputs = {**GOLDEN_INPUT, role: str(path)}
    with pytest.raises(InputError) as caught:
        check_inputs(inputs, {})
    with pytest.raises(InputError) as again:
        read_inputs(inputs, {}, path.parent / "cache", "test")
    assert again.value.text() == caught.value.text()
    assert not (path.parent / "cache").exists()
    text = caught.value.text()
    assert str(path) in text
    return text


@pytest.mark.parametrize("role", ROLES)
def test_directory(role: str, tmp_path: Path) -> None:
    """A directory in place of a file is named as one."""
    path = tmp_path / "input.d"
    path.mkdir()
    assert "is a directory" in _refused(role, path)


@pytest.mark.parametrize("role", ROLES)
def test_link_loop(role: str, tmp_path: Path) -> None:
    """A symbolic link to itself is named as a loop."""
    path = tmp_path / "loop"
    path.symlink_to("loop")
    assert "symbolic link loop" in _refused(role, path)


def test_dangling_link(tmp_path: Path) -> None:
    """A link to nothing is named with its target."""
    path = tmp_path / "dangling"
    path.symlink_to("nowhere")
    text = _refused("cadd_indel", path)
    assert "nowhere" in text
    assert "does not exist" in text


@pytest.mark.parametrize("role", ROLES)
def test_missing(role: str, tmp_path: Path) -> None:
    """A file that is not there is named."""
    assert "does not exist" in _refused(role, tmp_path / "absent.tsv")


@pytest.mark.parametrize("role", ROLES)
def test_pipe_does_not_hang(role: str, tmp_path: Path) -> None:
    """A pipe that nobody writes to is refused at once."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    started = time.monotonic()
    assert "not a regular file" in _refused(role, path)
    assert time.monotonic() - started < 5


def test_no_permission(tmp_path: Path) -> None:
    """An unprivileged user learns that the file may not be read."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a file and then look at it as user nobody")
    nobody = pwd.getpwnam("nobody")
    folder = Path("/var/tmp") / f"gridrun-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        closed = folder / "closed.vcf"
        shutil.copy(GOLDEN_INPUT["vcf"], closed)
        closed.chmod(0)
        inputs = {"vcf": str(closed)}
        for role in ROLES[1:]:
            inputs[role] = str(shutil.copy(GOLDEN_INPUT[role], folder))
        program = textwrap.dedent(f"""
            import os, sys
            from amiss_tasks.stages.read import check_inputs
            from gridrun.errors import InputError
            os.setgid({nobody.pw_gid}); os.setuid({nobody.pw_uid})
            try:
                check_inputs({inputs!r}, {{}})
            except InputError as error:
                print(error.text())
                sys.exit(error.exit_code)
        """)
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, done.stderr
        assert str(closed) in done.stdout
        assert "permission" in done.stdout
    finally:
        shutil.rmtree(folder)


def test_all_paths_in_one_run(tmp_path: Path) -> None:
    """Faults of all three paths are listed together."""
    inputs = {role: str(tmp_path / f"{role}.gone") for role in ROLES}
    with pytest.raises(InputError) as caught:
        check_inputs(inputs, {})
    assert [str(fault.file) for fault in caught.value.faults] == list(inputs.values())


def test_same_file_by_another_name(tmp_path: Path) -> None:
    """A hard link counts as the same file, and both paths are named."""
    other = tmp_path / "other.tsv.gz"
    copy = tmp_path / "one.tsv.gz"
    shutil.copy(GOLDEN_INPUT["cadd_snv"], copy)
    os.link(copy, other)
    with pytest.raises(InputError) as caught:
        check_inputs({**GOLDEN_INPUT, "cadd_snv": str(copy), "cadd_indel": str(other)}, {})
    text = caught.value.text()
    assert str(copy) in text
    assert str(other) in text
    assert "the same file" in text


@pytest.mark.parametrize("name", ["a b", 'it\'s "q"', "für ü", "two\nlines", "-rf", "*?[x]"])
def test_awkward_names(name: str, tmp_path: Path) -> None:
    """Files with awkward names are read like any other."""
    folder = tmp_path / name
    folder.mkdir()
    inputs = {
        role: str(shutil.copy(path, folder / f"{name}.{role}.gz"))
        for role, path in GOLDEN_INPUT.items()
    }
    result, notes = read(inputs, tmp_path / "cache")
    assert notes == []
    assert result.counts.rows == 3360


def test_full_file_system(tmp_path: Path) -> None:
    """Without room for the table the error names path and cause, and leaves nothing."""
    full = tmp_path / "full"
    full.mkdir()
    mount = shutil.which("mount")
    size = ["-t", "tmpfs", "-o", "size=64k", "none", str(full)]
    if mount is None or os.geteuid() != 0 or subprocess.run([mount, *size], check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        with pytest.raises(EnvironmentFault) as caught:
            read_inputs(GOLDEN_INPUT, {}, full / "cache", "test")
        assert caught.value.exit_code == 3
        assert str(full) in caught.value.text()
        assert "no space" in caught.value.text()
        assert not list(full.iterdir())
    finally:
        subprocess.run(["umount", str(full)], check=True)
