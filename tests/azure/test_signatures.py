"""The storage refuses what Azure has signed: it has expired, or a clock is wrong. No role lacks."""

import json

import pytest
from sweeps_v2 import needs_sdk_2
from toys import SUBMIT, azure_study, drive, finish, local_table, table

pytestmark = pytest.mark.azure

UPSTREAM_DEFECTS = 1
"""Exit code when all that can be run is done: what upstream cannot run counts as failed."""

READS = r"(GET|HEAD) /azureml(/ExperimentRun/.*)?$"
"""What asks the storage for files of runs, or for a list of them."""


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return local_table(tmp_path_factory.mktemp("local") / "study")


def test_signatures_that_expire_are_asked_for_anew(azure_service, tmp_path, expected):
    """Three in a row, and those of the upload of the code: one sweep, and no word of a role."""
    reads = azure_service.fault(READS, status=403, count=3)
    code = azure_service.fault("PUT /(?!subscriptions)", status=403, count=3)
    directory = azure_study(azure_service, tmp_path / "study")
    ended, _, err = finish(drive(azure_service, directory, home=tmp_path))
    assert ended == UPSTREAM_DEFECTS, err
    assert (reads.hits, code.hits) == (3, 3)
    assert len(azure_service.sweeps) == 1
    assert "permission" not in err
    assert table(directory) == expected


@needs_sdk_2
@pytest.mark.slow
def test_signatures_that_are_never_taken_are_said(azure_service, tmp_path, expected):
    """Exit 3, what is wrong and what to do; nothing counts as lost, and comes afterwards.

    SDK v1 asks by the same address for two minutes each time.
    """
    directory = azure_study(azure_service, tmp_path / "study")
    code, _, err = finish(drive(azure_service, directory, "submit", home=tmp_path))
    assert code == 0, err
    azure_service.wait_until(lambda: azure_service.sweeps[0].run.is_over, timeout_s=90)
    azure_service.fault(READS, status=403, count=None)
    code, _, err = finish(drive(azure_service, directory, "collect", home=tmp_path))
    assert code == 3, err
    assert "the storage does not take the signature" in err
    assert "clock" in err
    assert "role" not in err
    azure_service.clear_faults()
    code, out, err = finish(drive(azure_service, directory, "collect", home=tmp_path))
    assert code == UPSTREAM_DEFECTS, err
    assert json.loads(out)["held"] == 0
    assert len(azure_service.requests(SUBMIT)) == 1
    assert table(directory) == expected
