"""Digests of code and data."""

from __future__ import annotations

import bz2
import gzip
import sys

import pytest

from gridrun.plan import fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that can be rewritten and asked for its digest."""
    home = tmp_path / "pkg"
    home.mkdir()
    (home / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest(**files: str) -> str:
        for name, text in files.items():
            (home / f"{name}.py").write_text(text)
        for cached in (
            fingerprint._parsed,
            fingerprint._file,
            fingerprint.python_code,
        ):
            cached.cache_clear()
        for name in [name for name in sys.modules if name.split(".")[0] == "pkg"]:
            del sys.modules[name]
        return fingerprint.python_code("pkg.a", "pkg")

    return digest


def test_comments_docstrings_and_layout_do_not_change_a_code_digest(package):
    """Only what runs counts."""
    plain = package(a="def f(x):\n    return x + 1\n")
    dressed = package(
        a='"""Doc."""\n\n\ndef f(x):\n    """Adds."""\n    # more\n    return (x\n        + 1)\n'
    )
    assert plain == dressed


def test_a_change_in_an_imported_module_changes_the_digest(package):
    """Modules of the package are followed, recursively."""
    first = package(a="from pkg.b import g\n", b="import pkg.c\n", c="X = 1\n")
    second = package(c="X = 2\n")
    assert first != second


def test_a_module_that_is_not_imported_does_not_count(package):
    """A neighbour may change freely."""
    first = package(a="X = 1\n", d="Y = 1\n")
    assert package(d="Y = 2\n") == first


def test_no_module_is_run_to_find_its_code(package, tmp_path):
    """A plan waits for no library that a task will need, in a package of a package either."""
    inner = tmp_path / "pkg" / "inner"
    inner.mkdir()
    runs = "raise SystemExit(__name__)\n"
    (inner / "__init__.py").write_text(runs)
    (inner / "e.py").write_text(f"from pkg.b import NAME\n{runs}")
    first = package(a="from pkg.inner.e import NAME\nfrom pkg.inner import e\n", b=runs)
    assert {"pkg.inner.e", "pkg.b"} <= fingerprint.python_modules("pkg.a", "pkg")
    assert not [name for name in sys.modules if name.split(".")[0] == "pkg"]
    assert package(b=f"{runs}X = 1\n") != first


def test_r_comments_do_not_change_a_code_digest(tmp_path):
    """Whole-line comments, blank lines and trailing blanks are left out."""
    plain, dressed = tmp_path / "a.R", tmp_path / "b.R"
    plain.write_text("f <- function(x) {\n  x + 1\n}\n")
    dressed.write_text("# adds one\n\nf <- function(x) {   \n  # here\n  x + 1\n}\n")
    assert fingerprint.r_code(plain) == fingerprint.r_code(dressed)
    other = tmp_path / "c.R"
    other.write_text("f <- function(x) {\n  x + 2\n}\n")
    assert fingerprint.r_code(plain) != fingerprint.r_code(other)


def test_differing_names_what_changed():
    """Components that were added, changed or removed are named."""
    assert fingerprint.differing({"a": 1, "b": 2}, {"b": 3, "c": 4}) == ["a", "b", "c"]
    assert fingerprint.differing({"a": 1}, {"a": 1}) == []


def test_an_input_s_digest_is_of_what_is_packed(tmp_path):
    """Text, gzip of any level or name, and several members count as one; damage does not."""
    text = b"one\ntwo\n" * 1000
    ways = {
        "plain.txt": text,
        "named": gzip.compress(text, mtime=1),
        "fast.gz": gzip.compress(text, 1),
        "members.gz": gzip.compress(text[:100]) + gzip.compress(text[100:]),
    }
    others = {
        "cut.gz": gzip.compress(text)[:-4],
        "flipped.gz": gzip.compress(text)[:-8] + b"12345678",
        "changed.txt": text.replace(b"two", b"Two", 1),
        "bzip2": bz2.compress(text),
        "empty": b"",
    }
    digests = {}
    for name, content in (ways | others).items():
        (tmp_path / name).write_bytes(content)
        digests[name] = fingerprint.digest_of_input(tmp_path / name)
    assert len({digests[name] for name in ways}) == 1
    assert len(set(digests.values())) == 1 + len(others)
