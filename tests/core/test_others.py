"""What others than the user could change of a study's state: closed, said or refused by a run."""

import os
import stat
from pathlib import Path

import pytest
from toystudies import SMALL_GRID, open_toy, write_study

from gridrun.errors import UserError
from gridrun.run import Silent, _others
from gridrun.run._others import closed_to_others

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have another's directory")


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "study", SMALL_GRID)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def made(study, mode, *, linked=False):
    """A `.gridrun` with a mode that was made by hand; with ``linked`` what it leads to has it."""
    place = study / ".gridrun"
    if linked:
        place.symlink_to("../elsewhere")
        place = study.parent / "elsewhere"
    place.mkdir()
    place.chmod(mode)
    return place


class Heard(Silent):
    """Keeps what is said."""

    def __init__(self):
        self.texts = []

    def note(self, fault):
        self.texts.append(fault if isinstance(fault, str) else fault.text())


def said(study):
    """What a run says."""
    heard = Heard()
    report = open_toy(study).run(backend="inprocess", progress=heard)
    assert report.tally.before + report.tally.done == report.tally.total
    # a note on this machine is none on the results
    assert not [note for note in report.notes if str(study) in str(note)]
    return heard.texts


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o2770, 0o770])
def test_a_state_directory_that_others_can_change_is_closed(study, mode, linked):
    """Before anything is written to it, wherever it is; it is said, with the mode that it had."""
    place = made(study, mode, linked=linked)
    (told,) = said(study)
    assert told.startswith(f"{study}: others than you could change .gridrun (mode {mode:04o}), whi")
    assert mode_of(place) == 0o700
    assert said(study) == []


def test_a_ledger_that_others_can_change_is_closed(study):
    """One that was copied, say, in a directory that others may read; what they may read stays."""
    place = made(study, 0o755)
    said(study)
    (place / "ledger.sqlite").chmod(0o666)
    (place / "cache").chmod(0o750)
    (told,) = said(study)
    assert "others than you could change .gridrun/ledger.sqlite (mode 0666)" in told
    assert mode_of(place / "ledger.sqlite") == 0o600
    assert (mode_of(place), mode_of(place / "cache")) == (0o755, 0o750)


@as_root
@pytest.mark.parametrize("linked", [False, True])
def test_what_belongs_to_another_user_is_refused(study, linked):
    """Whatever its mode, its owner can change it; nothing is written to it."""
    place = made(study, 0o700, linked=linked)
    os.chown(place, NOBODY, NOBODY)
    with pytest.raises(UserError, match=r"\.gridrun: this belongs to another user \(uid 65534\)"):
        said(study)
    assert list(place.iterdir()) == []
    # who owns the study's directory could put another one there anyway
    os.chown(study, NOBODY, NOBODY)
    assert said(study) == []


@as_root
def test_what_a_server_gives_to_another_user_is_ours(study, monkeypatch):
    """NFS makes root's files those of nobody: a run is resumed there."""
    os.chown(made(study, 0o700), NOBODY, NOBODY)
    monkeypatch.setattr(_others, "_uid_there", lambda _: NOBODY)
    assert said(study) == []


def test_a_directory_above_that_all_can_change_is_said(study):
    """Nothing is changed there: it may be theirs."""
    place = made(study, 0o700, linked=True)
    above = place.parent
    for mode, is_said in ((0o777, True), (0o1777, False), (0o775, False)):
        above.chmod(mode)
        told = [note.text() for note in closed_to_others(open_toy(study).study.paths)]
        assert [text.startswith(f"{above}: every user of this machine") for text in told] == (
            [True] if is_said else []
        )
    assert mode_of(above) == 0o775


def test_what_cannot_be_closed_is_said(study, monkeypatch):
    """As on a file system that keeps no modes: a run goes on."""
    place = made(study, 0o777)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    (told,) = said(study)
    assert "others than you can change .gridrun (mode 0777), and that cannot be taken" in told
    assert mode_of(place) == 0o777


@pytest.mark.parametrize("what", ["file", "link"])
def test_what_is_in_the_place_of_the_state_directory_is_named(study, what):
    """Neither is made a directory of, and nobody is told to change modes."""
    place = study / ".gridrun"
    place.touch() if what == "file" else place.symlink_to("nowhere")
    with pytest.raises(UserError) as caught:
        said(study)
    assert str(place) in caught.value.where
    assert "a file, or a link that leads nowhere" in caught.value.todo
