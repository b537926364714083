"""Each input is read once: its digest is taken by the one pass that reads it."""

from __future__ import annotations

import builtins
import gzip
import io
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from inputs import BASE_INPUT, lines_of, write_lines

import gridrun
from amiss_tasks.stages.files.digests import Digests, ReadKey, Taking
from amiss_tasks.stages.files.lines import HEADER_BYTES, LineSource
from amiss_tasks.stages.files.report import FileReport
from amiss_tasks.stages.read import read_inputs
from amiss_tasks.tasks.source import AmissSource
from amiss_tasks.testing import write_small_study
from gridrun.errors import InputError, UserError
from gridrun.pipeline.models import Report
from gridrun.plan.fingerprint import digest_of_file, digest_of_input
from gridrun.store.beginnings import open_input
from gridrun.store.ledger import Ledger

BLOCK = 4_096
TEXT = b"".join(b"line %d with some text\n" % number for number in range(3_000))


@pytest.fixture
def bytes_read(monkeypatch):
    """Bytes that are read of each file, by its name; files are read in small blocks."""
    counts: Counter[str] = Counter()
    plain = io.open

    class Counted(io.FileIO):
        def readinto(self, buffer):
            size = super().readinto(buffer)
            counts[Path(self.name).name] += size
            return size

        def readall(self):
            data = super().readall()
            counts[Path(self.name).name] += len(data)
            return data

    def opened(file, mode="r", *args, **kwargs):
        if mode == "rb" and not isinstance(file, int):
            return io.BufferedReader(Counted(os.fspath(file)), BLOCK)
        return plain(file, mode, *args, **kwargs)

    monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", BLOCK)
    monkeypatch.setattr("amiss_tasks.stages.files.lines.BEGINNING_BYTES", BLOCK)
    monkeypatch.setattr("gridrun.study._input_digests._BEGINNING_BYTES", BLOCK)
    for module in (io, builtins):
        monkeypatch.setattr(module, "open", opened)
    return counts


@pytest.fixture
def study(tmp_path):
    """A small study, behind whose rows are many of other variants, without a star."""
    found = gridrun.open_study(write_small_study(tmp_path, classifiers=["lr"], folds=1))
    for file in map(Path, found.study.inputs.values()):
        *lines, last = file.read_text().splitlines()
        cells = re.sub("CLNREVSTAT=[^;]*", "CLNREVSTAT=no_assertion_provided", last).split("\t")
        more = ["\t".join([cells[0], str(10**8 + n), *cells[2:]]) for n in range(3_000)]
        write_lines(file, [*lines, last, *more])
        assert file.stat().st_size > 20 * BLOCK
    return found


def test_every_input_is_read_once_and_then_never(study, bytes_read):
    """The first run reads each byte once, what is counted before it too; a second headers alone."""
    files = [Path(file) for file in study.study.inputs.values()]
    header = 2 * BLOCK  # what is behind it in its block, and behind the beginning
    study.plan()
    assert bytes_read[Path(study.study.inputs["vcf"]).name] > 10 * BLOCK  # all records are counted
    study.run(backend="inprocess")
    for file in files:
        size = file.stat().st_size
        assert size <= bytes_read[file.name] <= size + header
    first = bytes_read.copy()
    study.run(backend="inprocess", folds=2)
    study.describe()
    for file in files:
        assert bytes_read[file.name] - first[file.name] <= 8 * BLOCK
    state = study.state()
    assert state.input_digests == {
        role: digest_of_file(Path(file)) for role, file in study.study.inputs.items()
    }


def test_records_are_counted_by_the_first_run_for_all_who_come_after(study, monkeypatch):
    """What plans and status say of times and disk is kept; another table of classes counts anew."""
    before = study.plan()
    study.run(backend="inprocess")
    counted = []
    monkeypatch.setattr("amiss_tasks.study._row_counts._counted", {})  # as in another process
    monkeypatch.setattr(
        "amiss_tasks.study._row_counts.open_input",
        lambda path, holding: (counted.append(path), open_input(path, holding))[1],
    )
    plans = [study.plan(folds=2) for _ in range(2)]
    study.status()
    assert not counted
    assert plans[0].time == plans[1].time
    assert plans[0].time.assumes == before.time.assumes
    study.study.options["clnsig"] = {"Something": "drop"}
    study.plan(folds=2)
    assert len(counted) == 1
    rewritten(Path(study.study.inputs["vcf"]))
    for _ in range(2):
        monkeypatch.setattr("amiss_tasks.study._row_counts._counted", {})
        study.plan(folds=2)
        assert len(counted) == 2
    dated(Path(study.study.inputs["vcf"]), 1)  # no digest of it is taken, yet counts are kept
    for _ in range(2):
        monkeypatch.setattr("amiss_tasks.study._row_counts._counted", {})
        study.plan(folds=2)
        assert len(counted) == 3


def test_headers_are_read_in_small_pieces(tmp_path, monkeypatch):
    """Of a packed file, too, whose next piece is unpacked meanwhile."""
    text = b"##fileformat=VCFv4.2\n" + TEXT * 200
    opened = []
    monkeypatch.setattr(
        "amiss_tasks.stages.files.lines.open_input",
        lambda path, holding: opened.append(open_input(path, holding)) or opened[-1],
    )
    for name, content in (("a.vcf", text), ("a.vcf.gz", gzip.compress(text, 0))):
        file = tmp_path / name
        file.write_bytes(content)
        source = LineSource(file, FileReport(file))
        next(source.blocks())
        assert opened[-1].raw.tell() < 6 * HEADER_BYTES < len(text) / 5
        source.close()


def test_a_description_reads_them_once_for_the_run_as_well(study, bytes_read):
    """Whoever is first leaves the digests, and what was read, to the others."""
    study.describe()
    study.run(backend="inprocess")
    for file in map(Path, study.study.inputs.values()):
        assert bytes_read[file.name] <= 1.5 * file.stat().st_size


def rewritten(file: Path) -> None:
    """Write a file anew, with a record less."""
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))


def test_a_file_that_changed_under_a_ledger_is_read_once(study, bytes_read):
    """New by its size, it is not read for its digest first."""
    study.run(backend="inprocess")
    vcf = Path(study.study.inputs["vcf"])
    rewritten(vcf)
    bytes_read.clear()
    ended = study.run(backend="inprocess")
    assert (ended.tally.total, ended.tally.before, ended.tally.done) == (1, 0, 1)
    assert bytes_read[vcf.name] <= vcf.stat().st_size + 16 * BLOCK
    assert study.state().input_digests["vcf"] == digest_of_file(vcf)
    assert study.plan().pending == 0


def test_a_plan_knows_what_changed(study):
    """It reads the file for its digest, as it may have been packed anew alone."""
    study.run(backend="inprocess")
    rewritten(Path(study.study.inputs["vcf"]))
    planned = study.plan()
    assert (planned.done, planned.pending) == (0, 1)
    assert [each.text for each in planned.why] == ["changed since: input vcf"]


def dated(file: Path, day: int) -> None:
    """Write a VCF as of another day: its header says so, and one of its records has moved."""
    first, *lines = file.read_bytes().splitlines(keepends=True)
    lines = [line for line in lines if not line.startswith(b"##fileDate=")]
    lines[-1] = re.sub(rb"\t1000\d{5}\t", b"\t1000%05d\t" % (50_000 + day), lines[-1])
    file.write_bytes(b"".join([first, b"##fileDate=2026-11-%02d\n" % day, *lines]))


def test_a_new_release_is_read_by_the_run_alone(study, bytes_read, monkeypatch):
    """Its beginning is none that was known, so that a plan has no need of its digest."""
    monkeypatch.setattr("amiss_tasks.study._row_counts._MOST_BYTES", BLOCK)
    study.run(backend="inprocess")
    vcf = Path(study.study.inputs["vcf"])
    for day in (1, 2):  # the second has the size of the first
        dated(vcf, day)
        bytes_read.clear()
        planned = study.plan()
        assert (planned.done, planned.pending) == (0, 1)
        assert [each.text for each in planned.why] == ["changed since: input vcf"]
        with pytest.raises(UserError, match="changed since the last run: input vcf"):
            study.summary()
        ended = study.run(backend="inprocess")
        assert (ended.tally.before, ended.tally.done) == (0, 1)
        assert vcf.stat().st_size <= bytes_read[vcf.name] <= vcf.stat().st_size + 8 * BLOCK
        assert study.plan().pending == 0


def test_a_file_that_differs_behind_its_beginning_is_read_for_its_digest_once(
    study, bytes_read, monkeypatch
):
    """It may be the known one: a plan reads it, or a run where its size is known; none twice."""
    study.run(backend="inprocess")
    vcf = Path(study.study.inputs["vcf"])
    rewritten(vcf)
    bytes_read.clear()
    for _ in range(2):
        assert study.plan().pending == 1
    size = vcf.stat().st_size
    assert size <= bytes_read[vcf.name] <= size + 8 * BLOCK
    study.run(backend="inprocess")  # what was counted of it is in memory
    assert size <= bytes_read[vcf.name] <= size + 8 * BLOCK
    vcf.write_bytes(vcf.read_bytes().replace(b"\t100002998\t", b"\t100002999\t"))
    monkeypatch.setattr("amiss_tasks.study._row_counts._MOST_BYTES", BLOCK)
    bytes_read.clear()
    study.run(backend="inprocess")
    assert 2 * (size - 2 * BLOCK) <= bytes_read[vcf.name] <= 2 * size


def test_what_an_earlier_version_left_is_held_against_files_as_before(study):
    """It kept no beginnings: a file that may be known is read for its digest."""
    study.run(backend="inprocess")
    paths = study.study.paths
    kept = json.loads(paths.input_digests.read_text())
    stamps = {name: of for name, of in kept.items() if name.startswith("/")}
    assert len(stamps) == len(kept) / 2 == 3
    with Ledger(paths.ledger) as ledger:
        ledger.store_meta("inputs", json.dumps(stamps))
    paths.input_digests.write_text(json.dumps(stamps))
    vcf = Path(study.study.inputs["vcf"])
    vcf.write_bytes(gzip.compress(vcf.read_bytes()))
    assert study.plan().pending == 0
    rewritten(Path(study.study.inputs["cadd_snv"]))
    assert study.plan().pending == 1


def test_a_file_that_was_packed_anew_has_its_results_once_it_is_read(study):
    """Its size is new and its text is not: what was done is not run again."""
    study.run(backend="inprocess")
    table = study.study.paths.results_csv.read_bytes()
    vcf = Path(study.study.inputs["vcf"])
    text = vcf.read_bytes()
    vcf.write_bytes(gzip.compress(text))
    again = study.run(backend="inprocess", folds=2)
    assert (again.tally.total, again.tally.before, again.tally.done) == (2, 1, 1)
    vcf.write_bytes(gzip.compress(text, 1))
    again = study.run(backend="inprocess", folds=1)
    assert (again.state, again.tally.before, again.tally.done) == ("done", 1, 0)
    assert study.study.paths.results_csv.read_bytes() == table


def test_what_only_shows_results_is_right_about_a_file_that_was_packed_anew(study, bytes_read):
    """It reads the file for its digest, once for all commands that follow."""
    study.run(backend="inprocess")
    vcf = Path(study.study.inputs["vcf"])
    vcf.write_bytes(gzip.compress(vcf.read_bytes()))
    assert study.summary().done == 1
    bytes_read.clear()
    assert study.summary().done == 1
    assert not bytes_read[vcf.name]
    assert study.plan().pending == 0


@pytest.mark.parametrize("is_new", [True, False], ids=["before any run", "changed under a ledger"])
@pytest.mark.parametrize("method", ["export_model", "explain"])
def test_models_and_scripts_read_once_for_those_who_come_after(
    study, bytes_read, monkeypatch, method, is_new
):
    """What is called in a process of its own finds the rows that were read, as does a run."""
    if not is_new:
        study.run(backend="inprocess")
        rewritten(Path(study.study.inputs["vcf"]))
    called = []

    def call(pipeline, options, method, arguments, started=None):
        called.append(arguments["chosen"])
        return Report(arguments["file"])

    monkeypatch.setattr("gridrun.tools.models.call_isolated", call)
    bytes_read.clear()
    getattr(study, method)(1, *(["lr"] if method == "export_model" else [1]))
    files = [Path(file) for file in study.study.inputs.values()]
    for file in files if is_new else files[:1]:
        assert file.stat().st_size <= bytes_read[file.name] <= file.stat().st_size + 8 * BLOCK
    first = bytes_read.copy()
    (chosen,) = called
    AmissSource(chosen.settings, chosen.allowed, chosen.cache).labelled(chosen.values)
    assert {file.name: bytes_read[file.name] for file in files}.items() <= first.items()
    study.run(backend="inprocess")
    for file in files:
        assert bytes_read[file.name] - first[file.name] <= 8 * BLOCK


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.rstrip(b"\n"),
        b"\xef\xbb\xbf" + TEXT,
        TEXT.replace(b"\n", b"\r\n"),
        gzip.compress(TEXT),
        gzip.compress(TEXT[:1_000]) + gzip.compress(TEXT[1_000:]),
        gzip.compress(TEXT) + bytes(100),
    ],
    ids=["plain", "no end", "mark", "crlf", "gzip", "members", "zeros"],
)
def test_the_digest_that_is_taken_is_that_of_the_content(tmp_path, monkeypatch, content):
    """Whatever it is packed by; of a file that was read to its end, and of no other."""
    monkeypatch.setattr("amiss_tasks.stages.files.lines.CHUNK_BYTES", BLOCK)
    file = tmp_path / "text"
    file.write_bytes(content)
    source = LineSource(file, FileReport(file), Taking())
    chunks = source.chunks()
    next(chunks)
    assert source.digest is None
    for _ in chunks:
        pass
    assert source.digest == digest_of_input(file)
    begun = LineSource(file, FileReport(file), Taking())
    next(begun.chunks())
    begun.close()
    assert begun.digest is None


def test_what_is_kept_is_under_the_digest_of_what_was_read(tmp_path):
    """A file that changes between its digest and its reading is refused, and nothing is kept."""
    vcf = write_lines(tmp_path / "a.vcf", lines_of(BASE_INPUT["vcf"]))
    inputs = {**BASE_INPUT, "vcf": vcf}
    known = {path: digest_of_input(Path(path)) for path in inputs.values()}
    write_lines(Path(vcf), lines_of(BASE_INPUT["vcf"])[:-1])

    def read(digests: Digests):
        key = ReadKey(digests, lambda found: found["vcf"])
        return read_inputs(inputs, {}, tmp_path / "cache", key)

    with pytest.raises(InputError, match="changed while it was being read"):
        read(Digests(known))
    assert not (tmp_path / "cache").exists()
    assert read(Digests({})).path.name == f"read-{digest_of_input(Path(vcf))}.arrow"


def test_a_table_from_which_nothing_is_read_is_in_the_key(tmp_path):
    """It is read for its digest then, by nobody else."""
    table = write_lines(tmp_path / "more.tsv", ["chrom\tpos\tref\talt\tscore", "1\t1\tA\tC\t1"])
    inputs = {**BASE_INPUT, "annotations.more": table}
    digests = Digests({})
    read_inputs(inputs, {}, tmp_path, ReadKey(digests, lambda found: found["annotations.more"][:8]))
    assert digests.knows(table)
    assert digests.of(table) == digest_of_input(Path(table))
