"""Working shards off: a worker takes the next free one until none is left."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gridrun.errors import GridrunError, UserError, counted
from gridrun.shard._file import open_shard
from gridrun.shard._read_inputs import carry_out
from gridrun.shard._run import ShardReport, run_shard
from gridrun.shard.queue import Claim, ShardQueue, queues_in
from gridrun.store.faults import disk_fault

LOG = "worker.log"
"""File among a shard's outcomes that holds what its workers said."""

ERROR = "error.txt"
"""File among them that says why the last worker could not run it."""

_POLL_SECONDS = 0.5
_PLACE = "GRIDRUN_PLACE"


@dataclass(frozen=True)
class WorkReport:
    """How working off ended.

    Args:
        shards: Shards that were run to their end.
        done: Tasks done.
        failed: Tasks failed; they are outcomes, not faults.
        stopped: Whether it was asked to end.
    """

    shards: int
    done: int
    failed: int
    stopped: bool


def work_off(
    folder: Path,
    *,
    workers: int | None = None,
    idle_seconds: float = 0.0,
    say: Callable[[str], None] = lambda _: None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> WorkReport:
    """Run the shards of a folder that are free, one after the other.

    Args:
        folder: Holds sweeps, or is one; see ``gridrun.shard.queue``.
        workers: How many units run at once; None for one per processor.
        idle_seconds: How long to wait for another shard before ending.
        say: Called with a line of progress now and then.
        is_stopping: Asked often; once true, tasks that run are given up.

    Raises:
        EnvironmentFault: This machine can run nothing of a shard, for example since its
            code is another one; the shard is free again.
        UserError: Files are not shards; the others were run.
    """
    ended: list[ShardReport] = []
    refused: dict[Path, UserError] = {}
    idle_since = time.monotonic()
    while not is_stopping():
        claim = _next_claim(folder, refused)
        if claim is None:
            if time.monotonic() - idle_since >= idle_seconds:
                break
            time.sleep(_POLL_SECONDS)
            continue
        try:
            ended.append(_run(claim, workers, say, is_stopping))
        except UserError as error:
            refused[claim.queue.file(claim.shard)] = error
            say(f"error: {error.text()}")
        idle_since = time.monotonic()
    if refused:
        raise next(iter(refused.values()))
    through = [report for report in ended if not report.stopped]
    done, failed = (sum(getattr(r, name) for r in ended) for name in ("done", "failed"))
    return WorkReport(len(through), done, failed, is_stopping())


def work_on(
    queue: ShardQueue,
    shard: str,
    *,
    workers: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    is_stopping: Callable[[], bool] = lambda: False,
    is_ending: Callable[[], bool] = lambda: False,
) -> ShardReport | None:
    """Run one shard of a queue; while somebody else has it, wait for that to end.

    Args:
        queue: Where it lies.
        shard: Its name.
        workers: How many units run at once; None for one per processor.
        say: Called with a line of progress now and then.
        is_stopping: Asked often; once true, tasks that run are given up.
        is_ending: Asked often; once true, tasks that run may end, and no other is begun.

    Returns:
        How it ended; None where there was nothing to run: it is done, or nobody is to go on.

    Raises:
        GridrunError: It cannot be run here; it is free again.
    """
    others = [name for name in queue.shards() if name != shard]
    while not (is_stopping() or is_ending() or queue.is_cancelled):
        if queue.state(shard).state == "done":
            return None
        claim = queue.claim(leave_out=others)
        if claim is not None:
            return _run(claim, workers, say, is_stopping, is_ending)
        time.sleep(_POLL_SECONDS)
    return None


def _next_claim(folder: Path, refused: dict[Path, UserError]) -> Claim | None:
    for queue in queues_in(folder):
        own = {path.stem for path in refused if path.parent == queue.directory}
        claim = queue.claim(leave_out=own)
        if claim is not None:
            return claim
    return None


def _run(
    claim: Claim,
    workers: int | None,
    say: Callable[[str], None],
    is_stopping: Callable[[], bool],
    is_ending: Callable[[], bool] = lambda: False,
) -> ShardReport:
    queue = claim.queue
    out = queue.out(claim.shard)
    out.mkdir(parents=True, exist_ok=True)

    def tell(text: str) -> None:
        say(f"{queue.name}: {text}")
        with contextlib.suppress(OSError), (out / LOG).open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")

    tell(f"{claim.shard} is run by process {os.getpid()} on {os.uname().nodename}")
    try:
        order = queue.order(claim.shard)
        if order is not None:
            carry_out(order.read_text("utf-8"), queue.blocks, out, tell)
            return ShardReport(0, 0, 0, 0, stopped=False)
        with _place(queue, claim.shard):
            shard = open_shard(queue.file(claim.shard))
            shard.require_own_code(queue.file(claim.shard))
            report = run_shard(
                shard,
                queue.directory,
                out,
                blocks=queue.blocks,
                workers=workers,
                say=tell,
                is_stopping=lambda: is_stopping() or not claim.holds(),
                is_ending=is_ending,
            )
    except (GridrunError, OSError) as caught:
        error = disk_fault(caught) if isinstance(caught, OSError) else caught
        if error is not None:
            tell(f"error: {error.text()}")
            with contextlib.suppress(OSError):
                (out / ERROR).write_text(error.text(), "utf-8")
        claim.release()
        if error is caught or error is None:
            raise
        raise error from caught
    (out / ERROR).unlink(missing_ok=True)
    tell(
        f"{shard.name}: {counted(report.done, 'task')} done, {report.failed:,} failed, "
        f"{report.before:,} finished before{'; given back' if report.stopped else ''}"
    )
    if report.stopped:
        claim.release()
    return report


@contextlib.contextmanager
def _place(queue: ShardQueue, shard: str) -> Iterator[None]:
    """Have attempts say which shard of which sweep they come from, as every backend does."""
    before = os.environ.get(_PLACE)
    os.environ[_PLACE] = queue.part(shard)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PLACE]
        else:
            os.environ[_PLACE] = before
