"""The long form of the chaos suite: ``python tests/chaos KIND --from SEED --count N --to FILE``.

Each seed becomes one line of the file, as JSON; seeds that stand there are not tried again, so the
same command goes on where it was ended. A failure is repeated by its seed, with ``--count 1``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def _trials() -> dict[str, Callable[[int, Path], object]]:
    import attacks
    import ledger_machine
    import models
    import real
    import writes

    return {
        "ledger": ledger_machine.try_seed,
        "writes": writes.try_seed,
        "attacks": attacks.try_seed,
        "models": models.try_seed,
        "real": real.try_seed,
    }


def main() -> int:
    """Try seeds; 1 if one failed."""
    trials = _trials()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=trials)
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED")
    parser.add_argument("--count", type=int, default=1, metavar="N")
    parser.add_argument("--to", type=Path, metavar="FILE")
    asked = parser.parse_args()
    lines = asked.to.read_text().splitlines() if asked.to and asked.to.exists() else []
    known = {(line["kind"], line["seed"]): line for line in map(json.loads, lines)}
    failed = 0
    with tempfile.TemporaryDirectory(prefix="gridrun-chaos-") as scratch:
        for seed in range(asked.first, asked.first + asked.count):
            if (asked.kind, seed) in known:
                failed += known[asked.kind, seed]["failure"] != ""
                continue
            began, failure, what = time.monotonic(), "", None
            try:
                what = trials[asked.kind](seed, Path(scratch))
            except Exception:  # noqa: BLE001 - a failure is a line, and the next seed is tried
                failure = traceback.format_exc()
                failed += 1
            seconds = round(time.monotonic() - began, 1)
            line = {"kind": asked.kind, "seed": seed, "seconds": seconds, "what": what}
            text = json.dumps({**line, "failure": failure})
            if asked.to:
                with asked.to.open("a") as file:
                    file.write(f"{text}\n")
            sys.stdout.write(
                f"{asked.kind} {seed} {'FAILED' if failure else 'ok'} {what}\n{failure}"
            )
            sys.stdout.flush()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
