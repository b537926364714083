"""What this machine's kernel may lack, in one that has it: the tests that it makes possible."""

from __future__ import annotations

import os
import re
import sys

import own_kernel
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

TESTS = {
    "a memory controller of version 2": ("tests/backends/test_control_group.py", 6000, 1),
    "XFS with quotas": ("tests/core/test_disk_faults.py -k xfs", 2000, 3),
    "a network disk": ("tests/core/test_network_disk.py", 2000, 2),
}


@pytest.mark.parametrize("what", TESTS)
def test_what_this_kernel_lacks(what):
    """They pass there, and none is left out."""
    if os.geteuid() != 0 or own_kernel.lacking():
        pytest.skip(f"needs to be root, and apt-get install {own_kernel.PACKAGES}")
    tests, megabytes, count = TESTS[what]
    words = f'-m pytest -n 0 -p no:cacheprovider -m slow --basetemp="$TMPDIR/tests" {tests}'
    said = own_kernel.run(f"{sys.executable} {words}", megabytes=megabytes, seconds=3000)
    assert re.search(rf"= {count} passed(, \d+ deselected)? in ", said), said
