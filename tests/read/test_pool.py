"""Blocks of lines that several processes read give what one process gives, in the same order."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from inputs import BASE_INPUT, GOLDEN_INPUT, lines_of, write_lines

from amiss_tasks.stages.files import pool as pools
from amiss_tasks.stages.files.lines import Block
from amiss_tasks.stages.files.memory import BASE_BYTES
from amiss_tasks.stages.files.pool import CHILD_BYTES, Pool, processes_for
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.files.scratch import scratch_directory
from amiss_tasks.stages.read import _study, read_inputs
from amiss_tasks.stages.read._joined import join_all
from gridrun.errors import EnvironmentFault, InputError
from gridrun.worker import ChildProcess


@pytest.fixture
def read_by(tmp_path, monkeypatch):
    """Reads by so many processes, in blocks of some lines; gives table, notes and counts."""

    def read(count, inputs, grid, size=20_000):
        monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", size)
        monkeypatch.setattr("amiss_tasks.stages.files.pool.WORTH_BYTES", 0)
        monkeypatch.setattr("amiss_tasks.stages.files.memory.processes_for", lambda *_: count)
        try:
            found = read_inputs(inputs, grid, tmp_path / str(count), "x", most_bytes=1 << 40)
        except InputError as error:
            return error.text()
        return str(found.table.to_pydict()), found.notes, found.counts

    return read


@pytest.mark.parametrize(
    "grid", [{}, {"transcript": ("canonical",), "restriction": ("missense",)}], ids=["all", "few"]
)
def test_several_processes_give_the_same(read_by, grid):
    """Rows, notes and counts, of a grid that uses all rows and one that uses few."""
    size = 500_000
    assert read_by(2, GOLDEN_INPUT, grid, size) == read_by(1, GOLDEN_INPUT, grid, size)


def test_several_processes_say_the_same(read_by, tmp_path):
    """Of damage all over the files: what, on which lines, how often, and in which order."""
    draws = random.Random(1)
    inputs = {}
    for role, path in BASE_INPUT.items():
        head, *lines = (lines_of(path), *lines_of(path))
        rows = [line for line in lines if not line.startswith("#")]
        damaged = [line for line in head if line.startswith("#")]
        for number in range(400):
            cells = draws.choice(rows).split("\t")
            cells[1] = str(1_000 + number)
            match draws.randrange(12):
                case 0:
                    cells[draws.randrange(len(cells))] = "x;CSQ=|;"
                case 1:
                    cells.append("one more")
                case 2:
                    cells[-1] = cells[-1].replace("|", "||", 1) + "\r"
            damaged.append("\t".join(cells))
        inputs[role] = write_lines(tmp_path / f"{role}.txt", damaged)
    one = read_by(1, inputs, {})
    assert one.count("\n") > 10
    assert read_by(3, inputs, {}) == one


def test_processes_have_ended_before_rows_are_joined(read_by, monkeypatch):
    """What they hold is not beside what the join takes; and variants reach them in files."""
    children, works, alive = [], [], []

    class Watched(ChildProcess):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            children.append(self)

        def send(self, request):
            if not isinstance(request, tuple):
                works.append(request)
            super().send(request)

    def joined(*arguments):
        alive.append([each.pid for each in children if Path(f"/proc/{each.pid}").exists()])
        return join_all(*arguments)

    monkeypatch.setattr(pools, "ChildProcess", Watched)
    monkeypatch.setattr(_study, "join_all", joined)
    read_by(2, GOLDEN_INPUT, {}, 500_000)
    assert len(children) == 2
    assert alive == [[]]
    variants = [work.variants for work in works if hasattr(work, "variants")]
    assert variants
    # there are a thousand of them
    assert all(len(pickle.dumps(each)) < 1_000 for each in variants)


class Dies:
    """Ends the process that reads."""

    def read(self, block: Block) -> int:
        if block.data == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        return len(block.data)


def test_a_process_that_dies_stops_the_reading():
    """With how it ended, and nothing of what stands behind; nobody of them is left."""
    blocks = [Block(1, b"a"), Block(2, b"die"), Block(3, b"b"), Block(4, b"c")]
    with Pool(2) as pool:
        results = pool.results(Dies(), blocks)
        assert next(results) == 1
        with pytest.raises(EnvironmentFault, match=r"a process that read the inputs .*SIGKILL"):
            list(results)
        pids = [child.pid for child in pool._children]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_a_killed_process_left_is_cleared_by_the_next(tmp_path, monkeypatch):
    """And nothing of one that still reads; nor is anything left of one that ended."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    begin = (
        "import sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from amiss_tasks.stages.files.scratch import scratch_directory\n"
        "with scratch_directory() as place:\n"
        "    print(place, flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", begin, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as other:
        reads = Path(other.stdout.readline().decode().strip())
        with scratch_directory() as own:
            assert {*tmp_path.iterdir()} == {reads, own}
        other.kill()
    assert [*tmp_path.iterdir()] == [reads]
    with scratch_directory() as own:
        assert [*tmp_path.iterdir()] == [own]
    assert not [*tmp_path.iterdir()]


def test_processes_are_as_many_as_processors_and_memory_have_room_for(monkeypatch):
    """Half of the memory is for rows."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(16), raising=False)
    assert processes_for(None, BASE_BYTES) == 16
    assert processes_for(3 << 29, BASE_BYTES) == 4
    assert processes_for(2 * (BASE_BYTES + CHILD_BYTES), BASE_BYTES) == 1
    assert processes_for(BASE_BYTES, BASE_BYTES) == 1


def test_small_files_are_read_by_one_process(tmp_path):
    """To start another would take longer."""
    small = tmp_path / "small"
    small.write_bytes(b"x")
    assert not Pool(8).is_worth(small)
    with small.open("wb") as stream:
        stream.truncate(pools.WORTH_BYTES)
    assert Pool(2).is_worth(small)
    assert not Pool(1).is_worth(small)


def test_reports_of_parts_add_up_to_that_of_the_whole(tmp_path):
    """Counts, the first lines, and the order in which kinds of fault were met."""
    whole, first, later = (FileReport(tmp_path / "x") for _ in range(3))
    for part, lines in ((first, range(1, 5)), (later, range(5, 60))):
        for line in lines:
            for report in (whole, part):
                report.fault(f"kind {line % 3}", line=line, noun="line")
                report.note(f"note {line % 7}", line=line)
                report.note(f"note {line % 7}", line=line)
    first.add(later)
    assert (first.faults, first.notes, first.said) == (whole.faults, whole.notes, whole.said)
