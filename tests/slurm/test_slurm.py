"""Studies on a real Slurm of one node: sent, run, brought in, whatever happens between."""

from __future__ import annotations

import sqlite3
from collections import Counter

import clusterstudies as it
from toystudies import table


def require_complete(directory):
    """The table is that of a run in one process, and nothing was counted twice."""
    assert table(directory) == it.local_table(directory)
    db = sqlite3.connect(directory / ".gridrun" / "ledger.sqlite")
    try:
        tries = db.execute("SELECT context, fold, code FROM attempt WHERE final = 1").fetchall()
    finally:
        db.close()
    assert max(Counter(tries).values()) == 1


def test_a_study_on_slurm_has_the_table_of_a_local_run(cluster, tmp_path):
    """Sent, waited for, brought in: an array of several tasks, and nothing stays behind."""
    study = it.study(tmp_path / "study", slurm={"shard_minutes": 0.2})
    quoted = it.drive(study, "slurm", "--dry-run")
    assert "72 tasks" in quoted.stdout
    refused = it.drive(study, "slurm", exit_code=2)
    assert "needs confirmation" in refused.stderr
    it.wake(study)
    sent = it.drive(study, "slurm", "--yes", exit_code=1)  # the toy refuses some, as upstream does
    assert "5 shards" in quoted.stdout
    assert "72 tasks" in sent.stdout
    require_complete(study)
    assert not it.sweeps(study)
    assert not cluster.ask("squeue", "-h")
