"""Inputs that only the workers see: one of them reads them, and no variant's row comes here."""

import json

import pytest
import walks

import gridrun
from amiss_tasks.parameters import PARAMETERS
from gridrun.errors import InputError, UserError
from gridrun.run.backend import load_backend
from gridrun.shard.queue import queues_in


def study(directory, **files):
    """A study without inputs of its own; they lie in a directory that only workers know."""
    there = directory.with_name("far-away")
    there.mkdir(exist_ok=True)
    names = {"table": "a.txt", "labels": "b.txt", **files}
    for name in names.values():
        (there / name).write_text(f"content of {name}")
    inputs = {role: str(there / name) for role, name in names.items()}
    walks.study(directory, folder={"inputs": inputs})
    file = directory / "study.yaml"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    return directory, there


def test_a_worker_reads_what_the_driver_cannot(tmp_path):
    """First an order, then shards with tickets; the table is that of a run with inputs here."""
    place, there = study(tmp_path / "study")
    folder = place / "shards"
    dry = walks.drive(place, "shards", "--dry-run")
    assert f"first, a job on one node reads {there / 'a.txt'}" in dry.stdout
    sent = walks.drive(place, "shards")
    assert "the inputs are being read; continue with: gridrun shards" in sent.stderr
    assert f"gridrun worker {folder}" in sent.stderr
    assert "1 waiting" in walks.drive(place, "shards", "status").stdout
    again = walks.drive(place, "shards")
    assert "the inputs are being read" in again.stderr
    assert len(walks.sweeps(place)) == 1, "asked for once"
    assert "reading the inputs" in walks.work(folder)
    assert "sweeps still hold 72 tasks" in walks.drive(place, "shards").stderr
    blocks = list((folder / "blocks").iterdir())
    assert len(blocks) == 4
    tables = {path.read_bytes() for path in blocks}
    (queue,) = queues_in(folder)
    for path in [*(queue.directory / "artifacts").iterdir(), *(place / ".gridrun").rglob("*")]:
        assert not path.is_file() or path.read_bytes() not in tables, "tickets travel, no tables"
    walks.work(folder)
    walks.drive(place, "collect", exit_code=1)
    assert walks.table(place) == walks.local_table(place)
    local = walks.drive(place, "local", "--in-process", "--folds", "3", exit_code=2)
    assert "the inputs are not here" in local.stderr
    assert "gridrun shards" in local.stderr


def read(place, *, wait=False, again=False):
    opened = walks.opened(place)
    name, settings = opened.backend_settings("folder")
    backend = load_backend(name, settings=settings, wait=wait)
    return opened.read_elsewhere(backend, name=name, again=again)


def test_faults_of_the_inputs_come_back_under_their_names(tmp_path):
    """As if the file were here; mended, the same command has them read again."""
    place, there = study(tmp_path / "study")
    (there / "b.txt").unlink()
    assert not read(place)
    walks.work(place / "shards")
    with pytest.raises(InputError) as caught:
        read(place)
    assert f"{there / 'b.txt'}: no such file" in caught.value.text()
    (there / "b.txt").write_text("content")
    assert not read(place)
    walks.work(place / "shards")
    assert read(place)
    assert read(place), "known, so nobody is asked"
    assert not walks.sweeps(place)
    assert not read(place, again=True)
    assert len(walks.sweeps(place)) == 1


def test_an_order_can_be_cancelled(tmp_path):
    """Nothing is lost by it: the next run asks anew."""
    place, _ = study(tmp_path / "study")
    assert not read(place)
    ended = walks.drive(place, "shards", "cancel")
    assert "asked for the end of" in ended.stderr
    assert [sweep.state for sweep in walks.opened(place).sweeps()] == ["cancelled"]
    assert not read(place)
    walks.work(place / "shards")
    assert read(place)


def test_a_changed_table_is_refused_by_the_worker(tmp_path):
    """A block that is not what was made stops its shard, with what to do."""
    place, _ = study(tmp_path / "study")
    assert not read(place)
    walks.work(place / "shards")
    assert read(place)
    walks.run(place, send=True)
    for path in (place / "shards" / "blocks").iterdir():
        path.write_bytes(b"other")
    said = walks.work(place / "shards", exit_code=2)
    assert "the tables of a block are not those that were made" in said
    assert "--read-again" in said


AMISS = f"""
folder: {{inputs: {{vcf: /far/a.vcf.gz, annotations: {{esm: /far/esm.tsv, eve: /far/eve.tsv}}}}}}
features: features.yaml
grid: {json.dumps({parameter.name: parameter.values[0] for parameter in PARAMETERS})}
"""


def test_inputs_with_names_of_the_study_s_own_may_be_there(tmp_path):
    """Each of many files of a role is an input of its own, by its name."""
    (tmp_path / "study.yaml").write_text(AMISS)
    (tmp_path / "features.yaml").write_text(
        "- {name: EVE, source: {annotations: {eve: score}}, type: numeric}\n"
        "- {name: ESM, source: {annotations: {esm: score}}, type: numeric}\n"
    )
    assert gridrun.open_study(tmp_path).study.inputs_elsewhere == {
        "vcf": "/far/a.vcf.gz",
        "annotations.esm": "/far/esm.tsv",
        "annotations.eve": "/far/eve.tsv",
    }


@pytest.mark.parametrize(
    ("inputs", "parts"),
    [
        ({"table": "a.txt"}, ["inputs lacks labels", "labels: PATH"]),
        ("here", ['folder setting "inputs" has the text "here"']),
    ],
)
def test_a_wrong_list_of_inputs_is_named(tmp_path, inputs, parts):
    """What is wrong and what belongs there."""
    walks.study(tmp_path, folder={"inputs": inputs})
    with pytest.raises(InputError) as caught:
        walks.opened(tmp_path)
    for part in [*parts, 'both "inputs" and "folder: inputs"']:
        assert part in caught.value.text()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("5", ['key "folder" has the number 5, expected settings', "known settings: path"]),
        ('{"pat": "x"}', ['unknown folder setting "pat"', '"path"?']),
        ('{"shard_minutes": 0}', ["shard_minutes", "above 0"]),
        ('{"workers": 0}', ["workers", "at least 1"]),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, text, parts):
    """What is wrong, and what would be right."""
    walks.write_study(tmp_path, walks.SMALL_GRID, folder=text)
    (tmp_path / "options.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        walks.opened(tmp_path)
    for part in parts:
        assert part in caught.value.text()


def test_settings_arrive_as_they_were_written(tmp_path):
    """A path is relative to the study; without the key there is a folder beside it."""
    settings = {"path": "there", "shard_minutes": 3, "workers": 40, "lease_seconds": 90}
    walks.write_study(tmp_path, walks.SMALL_GRID, folder=json.dumps(settings))
    (tmp_path / "options.json").write_text("{}")
    name, found = walks.opened(tmp_path).backend_settings("folder")
    assert name == "folder"
    assert found.path == tmp_path / "there"
    assert (found.shard_minutes, found.workers, found.lease_seconds) == (3, 40, 90)
    walks.write_study(tmp_path, walks.SMALL_GRID)
    _, found = walks.opened(tmp_path).backend_settings("folder")
    assert found.path == tmp_path / "shards"
