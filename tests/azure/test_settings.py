"""The key azure of study.yaml: what it may hold, and what is said when it does not."""

import json

import pytest
from toystudies import SMALL_GRID, TOY, write_study

import gridrun
from amiss_tasks.parameters import PARAMETERS
from gridrun.errors import InputError
from gridrun.pipeline import load_pipeline
from gridrun.study import load_study

WORKSPACE = "workspace: {subscription: s, resource_group: g, name: w}"
GOOD = f"{{{WORKSPACE}, compute: cpu, image: 'registry.example/worker:1'}}"

DATA = "{datastore: d, table: in/a.txt.gz, labels: in/b.txt.gz}"


def load(directory, text):
    study = load_study(write_study(directory, SMALL_GRID, azure=text), load_pipeline(TOY))
    return study.backend_options["azureml"]


def with_setting(setting):
    return f"{GOOD[:-1]}, {setting}}}"


def test_names_are_enough(tmp_path):
    """Workspace, compute and image: everything else has a default that costs nothing when idle."""
    settings = load(tmp_path, GOOD)
    assert (settings.subscription, settings.resource_group, settings.workspace) == ("s", "g", "w")
    assert (settings.compute, settings.image) == ("cpu", "registry.example/worker:1")
    assert (settings.min_nodes, settings.low_priority, settings.policy) == (0, False, None)
    assert (settings.shard_hours, settings.sweep_hours) == (24, 168)


def test_everything_can_be_said(tmp_path):
    """Each setting arrives as it was written."""
    settings = load(
        tmp_path,
        "{workspace: conf/config.json, sign_in: cli, dockerfile: docker/Dockerfile, "
        "compute: {name: big, vm_size: Standard_F16s_v2, min_nodes: 1, max_nodes: 8, "
        "low_priority: true, idle_seconds: 300, cores: 16}, experiment: e, max_concurrent: 6, "
        "shard_minutes: 12.5, shard_hours: 2, sweep_hours: 20, silent_minutes: 90, "
        "poll_seconds: 10, tags: {owner: me}, hourly_rate: 0.7, "
        "policy: {name: truncation_selection, truncation_percentage: 10}, sdk: v2}",
    )
    assert settings.config == tmp_path / "conf" / "config.json"
    assert settings.dockerfile == tmp_path / "docker" / "Dockerfile"
    assert (settings.compute, settings.vm_size, settings.cores) == ("big", "Standard_F16s_v2", 16)
    assert (settings.min_nodes, settings.max_nodes, settings.low_priority) == (1, 8, True)
    assert (settings.shard_minutes, settings.hourly_rate) == (12.5, 0.7)
    assert settings.tags == {"owner": "me"}
    assert settings.sdk == "v2"
    assert settings.policy == {"name": "truncation_selection", "truncation_percentage": 10}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("5", ['key "azure" has the number 5, expected settings', "known settings: workspace"]),
        (with_setting("imag: x"), ['unknown azure setting "imag"', '"image"?']),
        (GOOD.replace(", image: 'registry.example/worker:1'", ""), ['one of "image" and']),
        (with_setting("dockerfile: d"), ['one of "image" and "dockerfile"']),
        (GOOD.replace(WORKSPACE, "tags: {}"), ['"workspace" is missing', "config.json"]),
        (GOOD.replace(", name: w", ""), ["the workspace lacks name"]),
        (GOOD.replace("compute: cpu", "tags: {}"), ['"compute" is missing']),
        (GOOD.replace("compute: cpu", "compute: {nam: cpu, name: x}"), ['"nam"', '"name"?']),
        (GOOD.replace("compute: cpu", "compute: {vm_size: S}"), ['setting "name" is missing']),
        (
            GOOD.replace("compute: cpu", "compute: {name: x, min_nodes: 3, max_nodes: 2}"),
            ["min_nodes 3 is more than max_nodes 2"],
        ),
        (
            GOOD.replace("compute: cpu", "compute: {name: x, low_priority: yess}"),
            ['"low_priority"', "allowed: true, false"],
        ),
        (with_setting("sign_in: client"), ['unknown value "client"', "service_principal"]),
        (with_setting("max_concurrent: 101"), ["101 is more than the 100 of SDK v1", "sdk: v2"]),
        (with_setting("max_concurrent: 1001, sdk: v2"), ["1001", "at most 1,000"]),
        (with_setting("sdk: v3"), ['unknown value "v3"', "v1, v2"]),
        (
            GOOD.replace("compute: cpu", "compute: serverless, sdk: v1"),
            ["SDK v1 has no serverless compute", "sdk: v2"],
        ),
        (with_setting("sweep_hours: 721"), ["721", "at most 720"]),
        (with_setting("shard_minutes: 0"), ["shard_minutes", "above 0"]),
        (with_setting("tags: [a]"), ["tags", "NAME: TEXT"]),
        (with_setting("policy: {name: bandits}"), ['"bandits"', 'did you mean "bandit"?']),
        (
            with_setting("policy: {name: median_stopping, slack_factor: 0.1}"),
            ['policy median_stopping has no setting "slack_factor"', "evaluation_interval"],
        ),
        (with_setting("datastore: d"), ['unknown azure setting "datastore"', '"data"?']),
        (with_setting(f"data: {DATA}"), ['both "inputs" and "azure: data"', "leave one out"]),
    ],
)
def test_a_wrong_setting_is_one_fault_with_its_line(tmp_path, text, parts):
    """What is wrong, where, and what would be right."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    (fault,) = caught.value.faults
    line = 1 if "data:" in text else 4
    assert fault.line == line, "write_study puts inputs first, and the key azure fourth"
    for part in parts:
        assert part in fault.text()


def test_an_early_termination_policy_is_noted(tmp_path):
    """It may end shards before they are through, so it is said."""
    directory = write_study(tmp_path, SMALL_GRID, azure=with_setting("policy: {name: bandit}"))
    study = load_study(directory, load_pipeline(TOY))
    assert any("early termination" in note.text() for note in study.notes)


def load_without_inputs(directory, text):
    study = write_study(directory, SMALL_GRID, azure=with_setting(f"data: {text}"))
    file = study / "study.yaml"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    return load_study(study, load_pipeline(TOY))


def test_inputs_may_stay_in_a_datastore(tmp_path):
    """With data there are no inputs here; people are told where they are."""
    study = load_without_inputs(tmp_path, DATA)
    assert study.inputs == {}
    assert study.inputs_elsewhere["table"] == "datastore d: in/a.txt.gz"
    assert study.backend_options["azureml"].data.folder == "gridrun"


def test_inputs_with_names_of_the_study_s_own_may_stay_there(tmp_path):
    """Each of many files of a role is an input of its own, by its name."""
    data = "{datastore: d, vcf: in/a.vcf.gz, annotations: {esm: in/esm.tsv, eve: in/eve.tsv}}"
    grid = {parameter.name: parameter.values[0] for parameter in PARAMETERS}
    (tmp_path / "study.yaml").write_text(
        f"azure: {with_setting(f'data: {data}')}\nfeatures: f.yaml\ngrid: {json.dumps(grid)}\n"
    )
    (tmp_path / "f.yaml").write_text(
        "- {name: EVE, source: {annotations: {eve: score}}, type: numeric}\n"
        "- {name: ESM, source: {annotations: {esm: score}}, type: numeric}\n"
    )
    assert gridrun.open_study(tmp_path).study.inputs_elsewhere == {
        "vcf": "datastore d: in/a.vcf.gz",
        "annotations.esm": "datastore d: in/esm.tsv",
        "annotations.eve": "datastore d: in/eve.tsv",
    }


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{datastore: d, table: a}", ["data lacks labels", "datastore: NAME"]),
        (DATA.replace("in/a", "/in/a"), ['"table" has "/in/a.txt.gz"', "leading /"]),
        (DATA.replace("in/a", "../a"), ['"table" has "../a.txt.gz"', ".."]),
        (DATA.replace("{", "{folder: 'azureml://x', "), ['"folder" has "azureml://x"']),
        ("here", ['azure setting "data" has']),
    ],
)
def test_a_wrong_place_of_data_is_named(tmp_path, text, parts):
    """What is wrong and what belongs there, on the line of the key."""
    with pytest.raises(InputError) as caught:
        load_without_inputs(tmp_path, text)
    (fault,) = caught.value.faults
    assert fault.line == 3
    for part in parts:
        assert part in fault.text()
