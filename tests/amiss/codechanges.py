"""The package with one file changed, as digests of code see it."""

from __future__ import annotations

import pytest

from amiss_tasks.tasks import code
from gridrun.plan import fingerprint


def change(patch: pytest.MonkeyPatch, name: str) -> None:
    """Add a constant to a module (dotted), or to an R file (below the package)."""
    dump, r_code = fingerprint._dump, code.r_code

    def changed_dump(module: str) -> str:
        return dump(module) + ("\nCHANGED = 1" if module == name else "")

    def changed_r(path) -> str:
        is_it = path.relative_to(code._HERE).as_posix() == name
        return r_code(path) + ("changed" if is_it else "")

    patch.setattr(fingerprint, "_dump", changed_dump)
    patch.setattr(code, "r_code", changed_r)
    forget()


def forget() -> None:
    """Have digests of Python code taken anew."""
    fingerprint.python_code.cache_clear()
    code._python.cache_clear()
