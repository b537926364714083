"""Becomes a worker of Ray's: a script, run by path in place of Ray's own that does the same.

Ray's script loads Ray to read a runtime environment, which is empty here, and then starts the
worker, which loads Ray again.
"""

from __future__ import annotations

import runpy
import sys

_FOR_SET_UP = ("--serialized-runtime-env-context=", "--language=")
"""Options that the worker's script does not know."""


def main() -> None:
    """Run the script that the first argument names, with the others."""
    if not sys.flags.safe_path:
        del sys.path[0]  # this folder; the worker looks for no module in it
    sys.argv = [word for word in sys.argv[1:] if not word.startswith(_FOR_SET_UP)]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
