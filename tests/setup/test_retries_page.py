"""What the page of results says of retries is what the table of retries has."""

import math
import re
from pathlib import Path

from gridrun.plan.retries import CLUSTER, DISK, HOST_START, RETRIES, SERVICE, STAGE, START, Ends
from gridrun.plan.units import Kind, Loss

PAGE = Path(__file__).parents[2] / "docs" / "results.md"
ROWS = (
    Kind.CRASH,
    STAGE,
    START,
    Loss.WORKER,
    Loss.SWEEP,
    HOST_START,
    Loss.HOST,
    CLUSTER,
    SERVICE,
    DISK,
)
"""In the order of the page."""


def test_each_row_has_the_numbers_of_the_table():
    """Tries, pauses, how long, and what ends."""
    table = PAGE.read_text().partition("| what fails | tries |")[2].partition("\n\n")[0]
    rows = table.strip().splitlines()[2:]
    assert len(rows) == len(ROWS)
    for kind, row in zip(ROWS, rows, strict=True):
        what, tries, pauses, then = (cell.strip() for cell in row.strip("|").split("|"))
        retry = RETRIES[kind]
        assert tries == ("" if math.isinf(retry.more) else str(retry.tries)), what
        first = [f"{retry.pause(n):g}" for n in (1, 2, 3)]
        said = (
            f"{', '.join(first)}, ... up to {retry.longest_pause:g}" if retry.pause(1) else "none"
        )
        assert pauses.removeprefix("none, then ").startswith(said), what
        bounds = [f"{s:,.0f} s" for s in (retry.within, retry.at_most) if not math.isinf(s)]
        assert re.findall(r"[\d,]+ s", what) == bounds
        assert (then == "the run ends") == (retry.ends is Ends.RUN), what


def test_kinds_of_failure_that_are_alike_are_alike():
    """They have one row; errors and upstream's defects are not tried again."""
    assert RETRIES[Kind.CRASH] == RETRIES[Kind.TIMEOUT] == RETRIES[Kind.MEMORY]
    assert RETRIES[Kind.ERROR].tries == RETRIES[Kind.UPSTREAM_DEFECT].tries == 1
