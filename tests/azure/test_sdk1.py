"""The adapter over SDK v1 where the SDK leaves something out, without the SDK."""

from types import SimpleNamespace

import pytest

from backends.azureml.sdk._sdk1 import SdkV1
from backends.azureml.sdk.types import UNKNOWN, AzureTrouble, Trouble

VALUES = {f"s_{n}": f'{{"--shard": {n}}}' for n in range(4)}
"""What the sweep's tags say of its children."""


@pytest.fixture
def adapter(monkeypatch):
    """A sweep of four children: one listed, without a state; one archived, one gone, one sick."""
    record = SimpleNamespace(data_container_id=None)
    listed = SimpleNamespace(id="s_0", status=None, _client=SimpleNamespace(run_dto=record))
    sweep = SimpleNamespace(
        id="s", get_children=lambda: iter([listed]), get_hyperparameters=lambda: VALUES
    )
    found = {
        "s": sweep,
        "s_1": SimpleNamespace(id="s_1", status="Completed"),
        "s_2": AzureTrouble(Trouble.MISSING, "Run s_2 was not found", 404),
        "s_3": SimpleNamespace(id="s_3", status="Failed"),
    }

    def run(self, run_id):
        del self
        answer = found[run_id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(SdkV1, "_run", run)
    made = SdkV1()
    made.found, made.record = found, record
    return made


def test_children_that_the_sdk_leaves_out_are_asked_for(adapter):
    """Archived ones: the sweep's tags name them; a state or a folder left out has a name."""
    children = adapter.children("s")
    assert [(child.name, child.state) for child in children] == [
        ("s_0", UNKNOWN),
        ("s_1", "Completed"),
        ("s_3", "Failed"),
    ]
    assert [child.values["--shard"] for child in children] == [0, 1, 3]
    assert adapter.record.data_container_id == "dcid.s_0"


def test_children_of_a_sweep_that_is_not_listed_yet_are_none(adapter):
    """Any other trouble is one."""
    adapter.found["s_3"] = AzureTrouble(Trouble.BUSY, "fault", 503)
    with pytest.raises(AzureTrouble, match="fault"):
        adapter.children("s")
    adapter.found["s"] = adapter.found["s_2"]
    assert adapter.children("s") == []
