"""The package with one file changed, as digests of code see it."""

from __future__ import annotations

import pytest

from amiss_tasks.tasks import code
from gridrun.plan import fingerprint


def change(patch: pytest.MonkeyPatch, name: str) -> None:
    """Add a constant to a module (dotted), or to an R file (below the package)."""
    parsed, r_code = fingerprint._parsed, code.r_code

    def changed_python(module: str) -> fingerprint._Parsed:
        found = parsed(module)
        return found._replace(code=f"{found.code}\nCHANGED = 1") if module == name else found

    def changed_r(path) -> str:
        is_it = path.relative_to(code._HERE).as_posix() == name
        return r_code(path) + ("changed" if is_it else "")

    patch.setattr(fingerprint, "_parsed", changed_python)
    patch.setattr(code, "r_code", changed_r)
    # those that are kept are of the files, which do not change: neither taken nor written over
    patch.setattr(code, "kept_digests", lambda _: {})
    patch.setattr(code, "keep_digests", lambda *_: None)
    # no file is another: to read all of them for each digest took longer than the digests
    patch.setattr(code, "refuse_changed_python", lambda: None)
    forget()


def forget() -> None:
    """Have digests of Python code taken anew."""
    fingerprint.python_code.cache_clear()
    code._python_digests.cache_clear()
