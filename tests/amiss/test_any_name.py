"""Under corrected a feature's name changes no number, whatever characters it has."""

import numpy as np
import pytest

from amiss_tasks.methods import METHODS
from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.stages.block_tables import BlockTable
from amiss_tasks.tasks.r_stages import RStages

ODD = ("Consequence.missense_variant&splice", "GERP++_RS", "M-CAP score", "1000Gp3", "if", "T", "a`b")
RANDOM = np.random.default_rng(8)
A, B = RANDOM.normal(size=(2, 60))
WHOLE = np.array([A, 2 * A + B, A - B, B, A * B, A + 2 * B, B - A * B]).T + RANDOM.normal(0, 0.3, (60, 7))
GAPS = np.where(RANDOM.random(WHOLE.shape) < 0.1, np.nan, WHOLE)


@pytest.fixture(scope="module")
def corrected(two_completions) -> RStages:
    del two_completions
    return RStages(protocol=Protocol(CORRECTED))


def completed(stages, method, names):
    def table(values):
        positive = np.zeros(len(values), dtype=bool)
        return stages.table(BlockTable([], positive, values, names, {}))

    row = method.row(2) if method.axes else {}
    trained = stages.impute_train(method, table(GAPS[:45]), [row], seed=3) if False else stages.impute_train(method, table(GAPS[:45]), [row])
    tested = stages.impute_test(method, table(GAPS[45:]), trained.states.at(0), fold=1)
    return [
        {name: np.asarray(column, float) for name, column in found.python().items()}
        for found in (trained.tables.at(0).at(0), *(tested.tables.at(n) for n in range(tested.count)))
    ]


@pytest.mark.parametrize("name", [m for m in METHODS if m != "none"])
def test_imputed(corrected, name):
    plain = completed(corrected, METHODS[name], tuple("abcdefg"))
    odd = completed(corrected, METHODS[name], ODD)
    for ours, theirs in zip(odd, plain, strict=True):
        assert [n.split("_missing")[0] for n in ours][:7] == list(ODD)
        np.testing.assert_array_equal(list(ours.values()), list(theirs.values()))
