"""What a child of a sweep starts with. Needs Python only; the work is `gridrun worker`'s.

It lies beside shards.zip in the child's directory, under another name. Outcomes go to
``outputs``, which Azure keeps; its own log says what it does.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OUT = Path("outputs")
AXES = Path("axes.json")
STORE = Path("store.json")
METRIC = Path("metric.json")
ORDER = Path("order.json")
ARCHIVE = Path("shards.zip")
SEGMENT = re.compile(r"outputs/segment-[\w-]+\.jsonl")


def main(arguments: list[str]) -> int:
    """Run the shard that the arguments name, and exit as the worker did; or read inputs."""
    if ORDER.exists():
        from backends.azureml.node._read_inputs import read_inputs

        return read_inputs(arguments, ORDER, STORE, OUT, say)
    axes = json.loads(AXES.read_text("utf-8"))
    number = shard_number(arguments, axes)
    bring_earlier_outcomes()
    # the child's directory may be a mount of the workspace's storage: tables that may not go
    # there are put on the node's own disk
    with tempfile.TemporaryDirectory(prefix="gridrun-blocks-") as name:
        archive = bring_blocks(arguments, number, Path(name)) if STORE.exists() else ARCHIVE
        code = run_worker(archive, number)
    if code < 0:
        say(f"the worker was killed by signal {-code}")
        return 1
    if code == 0 and "--shard" not in axes:
        log_metric()
    return code


def run_worker(archive: Path, number: int) -> int:
    """Run a shard; the worker's exit code, or minus the signal that killed it."""
    command = [sys.executable, "-m", "gridrun", "worker", str(archive), "--shard", str(number)]
    place = {"GRIDRUN_PLACE": os.environ.get("AZUREML_RUN_ID", "")}  # who did it, in every attempt
    worker = subprocess.Popen(  # noqa: S603 - gridrun itself
        [*command, "--out", str(OUT)], env={**os.environ, **place}
    )
    # a node that is about to be taken away says so first: outcomes can still be written
    signal.signal(signal.SIGTERM, lambda *_: worker.send_signal(signal.SIGTERM))
    return worker.wait()


def shard_number(arguments: list[str], axes: dict[str, list[Any]]) -> int:
    """Position of the arguments' values in the product of the axes, the last one fastest."""
    number = 0
    for name, values in axes.items():
        given = arguments[arguments.index(name) + 1]
        number = number * len(values) + next(i for i, v in enumerate(values) if same(given, v))
    return number


def same(given: str, value: Any) -> bool:
    """Whether an argument is a value; numbers may be written in several ways."""
    return given == value if isinstance(value, str) else float(given) == float(value)


def bring_blocks(arguments: list[str], number: int, place: Path) -> Path:
    """The tables that a shard needs, from the datastore; the archive to run it from."""
    from backends.azureml.node._data import bring_blocks, data_of

    count = bring_blocks(data_of(STORE), arguments, ARCHIVE, number, place)
    say(f"blocks whose tables come from the datastore: {count}")
    return place / ARCHIVE.name


def bring_earlier_outcomes() -> None:
    """After a pre-emption the directory may be empty: what was uploaded before is fetched.

    Where that is not possible those tasks run once more.
    """
    OUT.mkdir(exist_ok=True)
    if any(path.name.startswith("segment-") for path in OUT.iterdir()):
        return
    if "AZUREML_RUN_ID" not in os.environ:
        return
    try:
        try:
            run = this_run()
            names = [name for name in run.get_file_names() if SEGMENT.fullmatch(name)]
            for name in names:
                run.download_file(name, name)
            count = len(names)
        except ImportError:
            from backends.azureml.node import _plain

            count = _plain.bring_outcomes(SEGMENT)
    except Exception as error:  # noqa: BLE001 - the work goes on without them
        say(f"outcomes of an earlier start cannot be looked up: {type(error).__name__}")
    else:
        say(f"segments of outcomes of an earlier start: {count}")


def log_metric() -> None:
    """The pipeline's leading metric, for people who look at the sweep's page."""
    metric = json.loads(METRIC.read_text("utf-8"))
    value = largest_mean(metric["column"], metric["classifiers"])
    say(f"{metric['name']}: {value}")
    try:
        try:
            run = this_run()
            run.log(metric["name"], value)
            run.flush()
        except ImportError:
            from backends.azureml.node import _plain

            _plain.log_metric(metric["name"], value)
    except Exception as error:  # noqa: BLE001 - a decoration: the outcomes are in the files
        say(f"the metric cannot be logged: {type(error).__name__}")


def largest_mean(column: str, classifiers: list[str]) -> float:
    """Largest of the classifiers' means of a column; NaN where one of them lacks a value."""
    found: dict[str, list[float]] = {name: [] for name in classifiers}
    for path in sorted(OUT.glob("segment-*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            event = json.loads(line)
            classifier = event["task"][3] if "task" in event else ""
            if event.get("event") == "TaskDone" and classifier in found:
                for row in event["result"]["rows"]:
                    value = row.get(column)
                    found[classifier].append(math.nan if value is None else value)
    means = [sum(values) / len(values) for values in found.values() if values]
    return math.nan if not means or any(map(math.isnan, means)) else max(means)


def this_run() -> Any:
    """The run this is, by the SDK v1 of the image.

    Raises:
        ImportError: The image has none.
    """
    from azureml.core import Run

    return Run.get_context(allow_offline=False)


def say(text: str) -> None:
    """A line in the child's log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
