"""scripts/audit: what it found, or that nothing was checked; pip-audit is a stand-in here."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "audit"
STAND_IN = """#!/bin/bash
if grep -q '^jinja2==3.1.2$' "${!#}"; then echo "%s"; exit 1; fi
grep -q '^numpy' "${!#}" && echo "%s"; exit %d
"""
CLEAN, FOUND = "No known vulnerabilities found", "Found 1 known vulnerability"
ANSWERS = "jinja2 3.1.2 CVE-2024-22195 3.1.3"


@pytest.mark.parametrize(
    ("stand_in", "code", "said"),
    [
        (None, 3, "nothing was checked: there is no pip-audit here"),
        # a database that knows of nothing would know the version that is asked first
        (STAND_IN % (CLEAN, CLEAN, 0), 3, "nothing was checked: no database"),
        (STAND_IN % (ANSWERS, CLEAN, 0), 0, CLEAN),
        (STAND_IN % (ANSWERS, FOUND, 1), 1, FOUND),
    ],
)
def test_silence_is_no_clean_bill(tmp_path, stand_in, code, said):
    """0 and 1 are the database's answers; where none is reached it is 3, and said."""
    for name in ("scripts", "bin"):
        (tmp_path / name).mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    (tmp_path / "constraints.txt").write_text("numpy==1.0\n")
    if stand_in is not None:
        (tmp_path / "bin" / "pip-audit").write_text(stand_in)
        (tmp_path / "bin" / "pip-audit").chmod(0o755)
    ran = subprocess.run(
        [tmp_path / "scripts" / "audit"],
        check=False,
        env={**os.environ, "PATH": f"{tmp_path}/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    output = ran.stdout + ran.stderr
    assert (ran.returncode, said in output) == (code, True), output
