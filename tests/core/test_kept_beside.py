"""What is kept beside result rows: a row over all completions, predictions of every test row."""

from __future__ import annotations

import pandas as pd
import pyarrow.parquet as pq
import pytest

from gridrun.pipeline import TaskResult, TaskSpec
from gridrun.plan.units import Attempt, TaskDone
from gridrun.store.ledger import Ledger

ROWS = 7


def test_pooled_rows_stand_in_a_table_of_their_own(toy_study):
    """One row for each part in the order of the final table, failed and skipped ones included."""
    study = toy_study(misbehave={"smoothing=upper": "error"})
    study.run(backend="inprocess")
    final, paths = study.results(), study.study.paths
    pooled = pd.read_csv(paths.pooled_csv)
    key = ["combination", "classifier", "fold", "state"]
    assert pooled[key].astype(str).to_numpy().tolist() == (
        final[key].astype(str).to_numpy().tolist()
    )
    assert set(pooled["state"]) == {"done", "failed", "skipped"}
    done = pooled[pooled["state"] == "done"]
    assert set(done["tables"]) == {1}
    assert pooled.loc[pooled["state"] != "done", "tables"].isna().all()
    typed = pd.read_parquet(paths.pooled_parquet)
    assert typed["loss"].dropna().tolist() == final["loss"].dropna().tolist()
    assert list(pooled.columns) == list(typed.columns)


def test_predictions_are_written_for_every_done_part(toy_study):
    """A file for each classifier has the rows of all its done parts, with what they belong to."""
    study = toy_study(misbehave={"smoothing=upper": "error"}, predictions=ROWS)
    study.run(backend="inprocess")
    final, folder = study.results(), study.study.paths.predictions
    assert {path.name for path in folder.iterdir()} == {"tree.parquet", "line.parquet"}
    for classifier in ("tree", "line"):
        found = pq.read_table(folder / f"{classifier}.parquet").to_pandas()
        done = final[(final["classifier"] == classifier) & (final["state"] == "done")]
        assert len(found) == ROWS * len(done)
        parts = found[["combination", "fold", "smoothing"]].drop_duplicates()
        wanted = done[["combination", "fold", "smoothing"]]
        assert parts.to_numpy().tolist() == wanted.to_numpy().tolist()
        assert found["row_id"].nunique() == ROWS
        assert found["probability"].between(0, 1).all()
        assert set(found["protocol"]) == {"plain"}


def test_equal_payloads_are_kept_once(toy_study):
    """The names of test rows, equal in all tasks, take the ledger's room once."""
    study = toy_study(predictions=ROWS)
    study.run(backend="inprocess")
    view = study.state().view
    (results,) = view.db.execute("SELECT COUNT(*) FROM result").fetchone()
    (payloads,) = view.db.execute("SELECT COUNT(*) FROM payload").fetchone()
    assert results > 1
    assert payloads == results + 1


def test_files_go_with_the_wish_for_them_and_come_back(toy_study):
    """Without predictions no file of earlier ones is left to be mistaken; the ledger keeps them."""
    study = toy_study(predictions=ROWS)
    study.run(backend="inprocess", combinations="1")
    kept = study.study.paths.predictions / "tree.parquet"
    before = pq.read_table(kept)
    plain = toy_study()
    plain.summary(combinations="1")
    assert not kept.parent.exists()
    study.summary(combinations="1")
    assert pq.read_table(kept).equals(before)


def test_a_torn_payload_is_not_passed_over(tmp_path):
    """A digest without bytes raises rather than coming to an empty table."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        task = TaskSpec(1, 1, 1, "tree", {})
        result = TaskResult(rows=[{}], payloads={"rows": b"\x00\xff"})
        ledger.record(TaskDone(task, Attempt("u", 1, "here", 1.0, 1.0), result))
        ledger.commit()
        digests = ledger.db.execute("SELECT digest FROM payload").fetchall()
        assert [ledger.payload(digest) for (digest,) in digests] == [b"\x00\xff"]
        with pytest.raises(LookupError):
            ledger.payload("none")
