"""Every attempt and outcome, in SQLite, by one writer; for all above.

An outcome, its result rows and the change of state are one transaction;
transactions are committed in groups within half a second, so that a killed
run repeats at most what its last half second recorded.
"""

from gridrun.store.faults import cannot_write
from gridrun.store.ledger._examine import faults_of, mend_indexes
from gridrun.store.ledger._open import examined
from gridrun.store.ledger._read import LedgerView
from gridrun.store.ledger._stored import Ended, ReadResult, StoredResult, decoded
from gridrun.store.ledger._sweeps import AttemptKey, StoredSweep, StoredUnit
from gridrun.store.ledger._timings import Timed, Timings
from gridrun.store.ledger._write import Ledger

__all__ = [
    "AttemptKey",
    "Ended",
    "Ledger",
    "LedgerView",
    "ReadResult",
    "StoredResult",
    "StoredSweep",
    "StoredUnit",
    "Timed",
    "Timings",
    "cannot_write",
    "decoded",
    "examined",
    "faults_of",
    "mend_indexes",
]
