"""What a child of a sweep starts with. Needs Python only; the work is `gridrun worker`'s.

It lies beside shards.zip in the child's directory, under another name. Outcomes go to
``outputs``, which Azure keeps; its own log says what it does.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

OUT = Path("outputs")
SEGMENT = re.compile(r"outputs/segment-[\w-]+\.jsonl")


def main(arguments: list[str]) -> int:
    """Run the shard that the arguments name; exit as the worker did."""
    number = arguments[arguments.index("--shard") + 1]
    bring_earlier_outcomes()
    command = [sys.executable, "-m", "gridrun", "worker", "shards.zip", "--shard", number]
    place = {"GRIDRUN_PLACE": os.environ.get("AZUREML_RUN_ID", "")}  # who did it, in every attempt
    worker = subprocess.Popen(  # noqa: S603 - gridrun itself
        [*command, "--out", str(OUT)], env={**os.environ, **place}
    )
    # a node that is about to be taken away says so first: outcomes can still be written
    signal.signal(signal.SIGTERM, lambda *_: worker.send_signal(signal.SIGTERM))
    code = worker.wait()
    if code < 0:
        say(f"the worker was killed by signal {-code}")
        return 1
    return code


def bring_earlier_outcomes() -> None:
    """After a pre-emption the directory may be empty: what was uploaded before is fetched.

    Only where the SDK is in the image; without it those tasks run once more.
    """
    OUT.mkdir(exist_ok=True)
    if any(path.name.startswith("segment-") for path in OUT.iterdir()):
        return
    if "AZUREML_RUN_ID" not in os.environ:
        return
    try:
        from azureml.core import Run

        run = Run.get_context(allow_offline=False)
        names = [name for name in run.get_file_names() if SEGMENT.fullmatch(name)]
        for name in names:
            run.download_file(name, name)
    except ImportError:
        say("azureml is not in the image: outcomes of an earlier start are not looked up")
    except Exception as error:  # noqa: BLE001 - the work goes on without them
        say(f"outcomes of an earlier start cannot be looked up: {type(error).__name__}")
    else:
        say(f"outcomes of an earlier start: {len(names)} segments")


def say(text: str) -> None:
    """A line in the child's log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
