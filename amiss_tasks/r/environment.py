"""What R finds around it when it starts: nothing that a user has set up for other sessions of R.

Kept are the variables that say where R and its packages are, for they may be needed; what they
lead to is looked at instead, see libraries.R.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from gridrun.errors import EnvironmentFault

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
)
LIBRARIES = ("R_LIBS", "R_LIBS_USER", "R_LIBS_SITE")
"""Variables that name libraries of packages, in the order in which R looks."""

_KEPT = ("R_HOME", *LIBRARIES)
_OF_R = ("R_", "_R_")
"""How the names begin of variables that change what R does."""

_START_FILES = ("R_ENVIRON_USER", "R_PROFILE", "R_PROFILE_USER")
"""Variables that name a file which R, or an Rscript started from it, reads first; without them
it takes one of the working or the home directory."""

_DIRECTORY = re.compile(r"^(R_(?:HOME|SHARE_DIR|INCLUDE_DIR|DOC_DIR))=(.+)$", re.MULTILINE)
"""Variables that R's script sets for R, which an R in another process has to be given."""

_LOCALES = ("C.UTF-8", "C.utf8", "en_US.UTF-8")
_CHARACTERS_ONLY = 1


def settle(environment: MutableMapping[str, str]) -> None:
    """Change the environment to the one that R is started in.

    Raises:
        EnvironmentFault: ``R_HOME`` names a directory without R.
    """
    _check_home(environment)
    for name in [name for name in environment if name.startswith(_OF_R) and name not in _KEPT]:
        del environment[name]
    environment.update(dict.fromkeys(_START_FILES, os.devnull))
    environment.update(dict.fromkeys(_ONE_THREAD, "1"))
    environment["TZ"] = "UTC"
    # text is read and messages are written in one way, whatever the user's language is
    environment["LANGUAGE"] = "en"
    locale = next((name for name in _LOCALES if _is_there(name)), None)
    if locale is not None:
        environment["LC_ALL"] = locale


def directories() -> Mapping[str, str]:
    """Where the parts of R are, as R's script says, which starts no R for that.

    Returns:
        Variable to directory.

    Raises:
        OSError: There is no R on the search path.
        subprocess.CalledProcessError: Its script does not work.
    """
    home = os.environ.get("R_HOME")
    script = str(Path(home, "bin", "R")) if home else "R"
    said = subprocess.run(  # noqa: S603 - the R that is to be loaded
        [script, "CMD", "env"], stdout=subprocess.PIPE, text=True, errors="replace", check=True
    ).stdout
    return dict(_DIRECTORY.findall(said))


def _check_home(environment: MutableMapping[str, str]) -> None:
    home = environment.get("R_HOME")
    if home == "":
        del environment["R_HOME"]  # as good as unset, to R's own scripts
    elif home is not None and not (Path(home) / "bin" / "R").is_file():
        raise EnvironmentFault(
            f"the environment variable R_HOME names {home}, where there is no R "
            f"({Path(home) / 'bin' / 'R'} is missing)",
            todo="unset R_HOME to use the R of the search path, or set it to what `R RHOME` prints",
        )


def _is_there(locale: str) -> bool:
    libc = ctypes.CDLL(None)
    libc.newlocale.restype = ctypes.c_void_p
    found = libc.newlocale(_CHARACTERS_ONLY, locale.encode(), None)
    if not found:
        return False
    libc.freelocale(ctypes.c_void_p(found))
    return True
