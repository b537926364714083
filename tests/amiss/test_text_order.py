"""Text is sorted as R sorts it for upstream, by ICU, whatever locales a machine has."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from amiss_tasks.models._r import ModelCalls
from amiss_tasks.protocols import CORRECTED, Protocol
from amiss_tasks.r import session as r_session
from amiss_tasks.r.collation import text_key
from amiss_tasks.stages.encoding import levels_of
from amiss_tasks.stages.read._join import _as_merge_sorts
from amiss_tasks.tasks.r_stages import RStages

SIGNS = "_- .,;:!?'\"()[]{}@*/\\&#%`^+<=>|~$019aAbBzZéÉèñÑüöÄ"
REAL = ["NONCODING_CHANGE", "NON_SYNONYMOUS", "STOP_GAINED", "SYNONYMOUS"]
ORDERS = [
    REAL[1::-1] + REAL[2:],
    ["CANONICAL_SPLICE", "SPLICE_SITE", "STOP_GAINED", "STOP_LOST", "SYNONYMOUS"],
    ["3PRIME_UTR", "5PRIME_UTR", "DOWNSTREAM", "INFRAME", "INTRONIC"],
    ["a", "A", "b", "B"],
    ["deleterious", "Deleterious", "neutral", "Neutral"],
    ["a_b", "a-b", "a+b", "a1", "ab"],
    ["1", "10", "2", "A1", "a2"],
    ["D", "D_T", "D-T", "d&T", "D+T", "DT"],
    ["E", "é", "etage", "étage", "f"],
]


@pytest.fixture(scope="module")
def stages() -> RStages:
    return RStages()


@pytest.fixture(scope="module")
def call(stages):
    """Call a function of the tests' own R file, beside those of models."""
    session = r_session.start()
    environment = session.environment(ModelCalls(stages)._models)
    session.source_text(Path(__file__).with_name("helpers.R").read_text(), environment)
    return lambda name, *args: session.call(environment, name, *args).value.python()


def test_python_sorts_text_as_r_does(call):
    """Texts of every ASCII sign and of letters with accents, some of them alike but for these."""
    random = np.random.default_rng(3)
    signs = list(SIGNS)
    texts = ["".join(random.choice(signs, random.integers(1, 6))) for _ in range(1500)]
    texts = list(dict.fromkeys([*texts, *REAL, *(t.swapcase() for t in texts[:500])]))
    assert sorted(texts, key=text_key) == call("sorted_text", texts)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order[0])
def test_codes_of_text_are_in_that_order(call, order):
    """What reaches the forest (D3) and a model that was kept counts levels as upstream does."""
    given = order[::-1] + order[:1]
    found = call("codes_of", given)
    wanted = [order.index(text) + 1 for text in given]
    assert (list(found["codes"]), found["levels"]) == (wanted, order)
    assert list(found["model"]) == wanted


def test_another_order_does_not_outlive_a_call(call):
    """A task that sets another collation leaves no trace in the next."""
    assert call("spoil_order") == REAL[:2]
    assert call("sorted_text", REAL) == ORDERS[0]


@pytest.mark.parametrize("locale", ["C", "xx_YY.UTF-8"])
def test_no_locale_has_a_say(locale):
    """A bare machine, one without the locale that it is told to use, and others sort alike."""
    code = (
        "from amiss_tasks.r import session\n"
        "s = session.start()\n"
        "s.source_text('f <- function(x) levels(factor(x))', s.shared)\n"
        f"print(s.call(s.shared, 'f', {REAL!r}).value.python())"
    )
    environment = {**os.environ, "LC_ALL": locale, "LANG": locale, "R_ICU_LOCALE": "da"}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert ran.stdout.strip().splitlines()[-1] == repr(ORDERS[0])


def test_joined_rows_are_in_the_order_of_r_s_merge(call):
    """The rows that the split draws from: contigs and transcripts of any spelling."""
    random = np.random.default_rng(5)
    chromosomes = ["1", "10", "2", "X", "1_random", "chr1", "Chr1", "chr1_KI", "chr10", "GL-1.1"]
    names = ["NM_01.1", "NM_01.10", "XM_2", "id-XM_2", "rna-NM_01", "ENST01", "NA", "enst01"]
    every = [
        [str(random.choice(values)) for _ in range(400)]
        for values in (chromosomes, ["9", "10", "100"], ["A", "a", "AT"], ["G", "g"], names)
    ]
    rows = list(dict.fromkeys(zip(*every, strict=True)))
    columns = [list(column) for column in zip(*rows, strict=True)]
    found = _as_merge_sorts([pa.chunked_array([pa.array(column)]) for column in columns])
    assert (found + 1).tolist() == call("merge_order", *columns).tolist()
    # were it the order of code points, some row would stand elsewhere
    assert found.tolist() != sorted(range(len(rows)), key=lambda row: rows[row])


def test_the_level_without_a_dummy_is_the_first_in_that_order():
    """D12: alphabetically, so "a" before "B" and "N_" before "NA"."""
    corrected = Protocol(toggled={"dummies": CORRECTED})
    for values, first in ((["B", "a", "c"], "a"), (REAL[:2], REAL[1]), (["B", None, "N_"], "B")):
        levels = levels_of({"train": {"f": values}}, "train", corrected)["f"]
        assert set(values) - set(levels) == {first}
