"""Time to collect 1,000 finished HyperDrive children; the budget is 60 s on loopback.

    python benchmarks/bench_azure_collect.py [--children N] [--small]

The real SDK against the service of tests/azure. Children write what a worker would write
(segments and a manifest) without starting a process, so that only collecting is measured.
Needs the extra azure.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from _command import ROOT, command, exit_code

sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "azure")]

from service import Proxy, Service  # noqa: E402 - found by the line above
from standin import many_children, write_outcomes  # noqa: E402
from toys import azure_study, drive, finish  # noqa: E402

BUDGET_SECONDS = 60.0


def main():
    """Submit, wait until all have ended, collect with a clock."""
    parser = command(__doc__)
    parser.add_argument("--children", type=int, default=1000)
    options = parser.parse_args()
    children = 12 if options.small else options.children
    proxy = Proxy()
    service = Service(proxy)
    try:
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            service.settings.stand_in = write_outcomes
            grid, settings, folds = many_children(children)
            study = azure_study(service, place / "study", grid=grid, settings=settings, folds=folds)
            code, _, err = finish(drive(service, study, "submit", home=place), 600)
            assert code == 0, err
            service.wait_until(
                lambda: all(sweep.run.is_over for sweep in service.sweeps), timeout_s=900
            )
            count = sum(len(sweep.children) for sweep in service.sweeps)
            before = len(service.journal)
            began = time.monotonic()
            code, out, err = finish(drive(service, study, "collect", home=place), 600)
            took = time.monotonic() - began
            assert code == 1, err
            assert json.loads(out)["held"] == 0
            print(
                f"{count:,} children in {len(service.sweeps)} sweeps: collected in {took:.1f} s, "
                f"{len(service.journal) - before:,} requests, "
                f"{json.loads(out)['done']:,} outcomes; {took * 1000 / count:.1f} s per 1,000"
            )
            return exit_code(options, missed=took > BUDGET_SECONDS * count / 1000)
    finally:
        service.close()
        proxy.close()


if __name__ == "__main__":
    sys.exit(main())
