"""What is packed and comes from elsewhere has bounds: a sentence, and no more memory than that."""

import zlib

import pytest

from gridrun.errors import EnvironmentFault
from gridrun.pipeline import packed
from gridrun.pipeline.packed import unpacked


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (zlib.compress(bytes(10_000)), "it takes more than 1 kB"),
        (zlib.compress(bytes(range(100)))[:-1], "it is cut short"),
        (b"", "it is cut short"),
        (b"no such thing", "incorrect header check"),
    ],
)
def test_a_part_of_a_result_that_gridrun_does_not_write(monkeypatch, data, why):
    """It is no traceback, and takes no memory; who can have made it is to be found out."""
    monkeypatch.setattr(packed, "MOST_BYTES", 1_000)
    with pytest.raises(EnvironmentFault, match="cannot be unpacked") as caught:
        unpacked(data)
    assert why in caught.value.what
    assert unpacked(zlib.compress(bytes(900))) == bytes(900)
