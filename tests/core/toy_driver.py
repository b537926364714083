"""Runs a toy study in a process of its own, to be killed. Arguments: directory, options, moment.

The moment, if not empty, is ``insert:N:K``: the process kills itself in the
N-th group commit after K thousand steps of SQLite, inside the transaction.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from toystudies import open_toy

from gridrun.store.ledger import Ledger


def kill_inside_commit(nth: int, steps: int) -> None:
    plain = Ledger._insert
    seen = {"commits": 0, "steps": 0}

    def insert(self, buffer):
        seen["commits"] += 1
        if seen["commits"] == nth:

            def step() -> int:
                seen["steps"] += 1
                if seen["steps"] >= steps:
                    os.kill(os.getpid(), signal.SIGKILL)
                return 0

            self.db.set_progress_handler(step, 50)
        plain(self, buffer)
        if seen["commits"] == nth:
            # fewer steps than asked for: still inside the transaction
            os.kill(os.getpid(), signal.SIGKILL)

    Ledger._insert = insert


def main() -> None:
    directory, options, moment = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    if moment:
        _, nth, steps = moment.split(":")
        kill_inside_commit(int(nth), int(steps))
    backend = options.pop("backend", "inprocess")
    report = open_toy(Path(directory), **options).run(backend=backend)
    sys.exit(report.exit_code)


if __name__ == "__main__":
    main()
