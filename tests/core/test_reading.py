"""Reading inputs where they are: order there, report back, tickets in place of tables."""

import dataclasses
from pathlib import Path

import pytest
from toystudies import SMALL_GRID

from gridrun.errors import EnvironmentFault, Fault, UserError
from gridrun.pipeline import Settings, TaskFailure
from gridrun.plan.fingerprint import digest_of_file
from gridrun.plan.limits import Limit, Limits
from gridrun.plan.units import Job
from gridrun.shard.remote_inputs import (
    ArtifactStub,
    BlocksElsewhere,
    ReadingReport,
    make_blocks,
    order_from,
    order_of,
    report_from,
    stub_from,
)
from gridrun.testing.toy import PIPELINE, toy_pipeline

PLACES = {"table": "datastore d: a.txt"}
VALUES = {name: tuple(values) for name, values in SMALL_GRID.items()}


def order(pipeline=PIPELINE, limits=None, values=VALUES, **options):
    settings = Settings({"table": "/here/a.txt"}, "plain", 1, None, options)
    return order_of(pipeline, Job(PIPELINE.name, settings, limits or Limits()), values, PLACES)


def made(tmp_path, asked):
    (tmp_path / "a.txt").write_text("content")
    return make_blocks(asked.text(), {"table": tmp_path / "a.txt"}, tmp_path / "blocks")


def test_an_order_asks_for_every_block_and_holds_no_path():
    """Two origins x two codings; where the inputs lie on this machine stays here."""
    asked = order()
    assert len(asked.blocks) == 4
    assert set(asked.code) == {"read", "filter", "preprocess"}
    assert "/here" not in asked.text()
    again, pipeline = order_from(asked.text())
    assert again.digest == asked.digest
    assert pipeline.name == PIPELINE.name


def test_another_order_has_another_digest():
    """Values, options and code change it; how long a task may take does not."""
    digests = [
        order().digest,
        order(values={**VALUES, "grade": ("high",)}).digest,
        order(inert=["grade"]).digest,
        order(toy_pipeline(code_version="2")).digest,
    ]
    assert len(set(digests)) == 4
    assert order(limits=Limits(Limit(5))).digest == digests[0]


def test_tables_stay_and_tickets_stand_for_them(tmp_path):
    """The report survives its text; a block is known by digest, checksum and size."""
    report = report_from(made(tmp_path, order()).text())
    assert report.inputs == {"table": digest_of_file(tmp_path / "a.txt")}
    assert len(report.blocks) == 4
    source = BlocksElsewhere(report, tmp_path / "cache")
    for block in report.blocks:
        digest = source.artifact(block.values)
        table = tmp_path / "blocks" / digest
        ticket = stub_from(source.path(digest).read_bytes())
        assert ticket == ArtifactStub(digest, digest_of_file(table), table.stat().st_size)
        assert stub_from(table.read_bytes()) is None


def test_a_block_that_cannot_be_made_fails_here_as_there(tmp_path):
    """Its message and kind come back; the other blocks are made."""
    asked = order(refuse_blocks=["origin=every,coding=columns"])
    report = made(tmp_path, asked)
    (bad,) = [block for block in report.blocks if not block.artifact]
    with pytest.raises(TaskFailure, match="the toy refuses the block"):
        BlocksElsewhere(report, tmp_path / "cache").artifact(bad.values)
    assert len(list((tmp_path / "blocks").iterdir())) == 3


def test_missing_inputs_are_faults_under_the_users_names(tmp_path):
    """Faults are for the user: they name the place in the datastore, not the node's copy."""
    report = make_blocks(order().text(), {"table": tmp_path / "none"}, tmp_path / "blocks")
    (fault,) = report.faults
    assert fault == Fault(Path("datastore d: a.txt"), "no such file")
    assert report.inputs == {}


def test_other_code_there_is_refused(tmp_path):
    """An image of another version would make other tables: nothing is made."""
    asked = dataclasses.replace(order(), code={**order().code, "filter": "other"})
    with pytest.raises(EnvironmentFault, match="not the code that the order was made for: filter"):
        made(tmp_path, asked)


@pytest.mark.parametrize("text", ["", "{}", '{"report": {}, "checksum": "x"}'])
def test_a_torn_report_is_not_believed(text):
    """Neither a part nor another content passes for a report."""
    with pytest.raises(EnvironmentFault, match="not whole"):
        report_from(text)
    good = ReadingReport("o", {"table": "1"}, (), ()).text()
    assert report_from(good).order == "o"
    with pytest.raises(EnvironmentFault, match="its checksum is another one"):
        report_from(good.replace('"1"', '"2"'))


@pytest.mark.parametrize("text", ["", "[]", '{"gridrun_reading": 99}'])
def test_what_is_no_order_is_the_users_mistake(text):
    """Exit code 2, and what writes orders."""
    with pytest.raises(UserError):
        order_from(text)
