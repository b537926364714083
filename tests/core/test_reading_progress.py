"""How far inputs are read is said while they are, by whoever reads them."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from gridrun.run import Silent, _reading
from gridrun.run._reading import telling
from gridrun.testing import toy


class _Heard(Silent):
    """Takes texts; waits for the first."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.heard = threading.Event()

    def phase(self, text: str) -> None:
        self.texts.append(text)
        if "%" in text:
            self.heard.set()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(_reading, "SECONDS", 0.01)


def test_the_share_of_all_files_is_said_with_the_time_left(tmp_path):
    """Of a file that is not open yet nothing is read; what is gone counts for nothing."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(bytes(10**6))
    heard = _Heard()
    files = [tmp_path / name for name in ("a", "b", "gone")]
    with telling(files, "reading", heard.phase), (tmp_path / "a").open("rb", buffering=0) as file:
        file.read(500_000)
        assert heard.heard.wait(10)
    # how long the quarter took is the machine's
    assert re.match(r"reading: 25% of 2 MB read, about \d+ s left", heard.texts[0])


def test_nothing_is_said_of_files_that_nobody_reads(tmp_path):
    """As where their rows are in the cache."""
    (tmp_path / "a").write_text("text")
    heard = _Heard()
    with telling([tmp_path / "a"], "reading", heard.phase):
        assert not heard.heard.wait(0.1)
    assert threading.active_count() == 1 or "reading" not in {t.name for t in threading.enumerate()}


def test_a_run_says_how_far_its_inputs_are_read(toy_study, monkeypatch):
    """Whatever pipeline reads them, without a word of its own."""
    heard = _Heard()
    study = toy_study()
    table = Path(study.study.inputs["table"])
    plain = toy.ToyPipeline.open_source

    def opened(self, *args):
        with table.open("rb") as file:
            file.read(1)
            assert heard.heard.wait(10)
        return plain(self, *args)

    monkeypatch.setattr(toy.ToyPipeline, "open_source", opened)
    study.run(backend="inprocess", combinations="1", progress=heard)
    assert any(text.startswith("reading the inputs: ") for text in heard.texts)
