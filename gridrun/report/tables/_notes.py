"""Notes beside the tables: what a run said of the inputs, and the caveats of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gridrun.errors import WARNING, Fault
from gridrun.report.tables._written import CAVEATS, NOTES
from gridrun.store.cache import replacing
from gridrun.store.paths import StudyPaths
from gridrun.study.state import StudyState


def notes_with_caveats(
    study_state: StudyState,
    previous: Mapping[str, Any],
    notes: Sequence[Fault | str] | None,
    standing: Sequence[str],
) -> list[str] | None:
    """Notes of this run, or of the last one, between the study's caveats and standing notes.

    Args:
        study_state: The study as it is now.
        previous: What was kept of the tables that are there.
        notes: Of this run, or None where it did not read the inputs.
        standing: Notes that are kept whether the inputs were read or not.

    Returns:
        All of them, each once; None where the last run's are not known and none stands.
    """
    texts = previous.get(NOTES) if notes is None else texts_of(notes)
    if texts is None and not standing:
        return None
    caveats = texts_of(study_state.caveat_notes)
    said = {*caveats, *previous.get(CAVEATS, ())}
    others = [text for text in texts or () if text not in said]
    return list(dict.fromkeys([*caveats, *others, *standing]))


def write_notes(paths: StudyPaths, texts: Sequence[str] | None) -> None:
    """Write the notes, unless the file has them."""
    if not is_other(paths.notes_txt, texts):
        return
    if texts:
        with replacing(paths.notes_txt) as aside:
            aside.write_text(_note_text(texts), "utf-8")
    else:
        paths.notes_txt.unlink()


def is_other(file: Path, texts: Sequence[str] | None) -> bool:
    """Whether the notes are not those of the file; they never are where nobody knows them."""
    try:
        found = file.read_text("utf-8", "replace")
    except OSError:
        found = ""
    return texts is not None and found != _note_text(texts)


def warnings_of(study_state: StudyState) -> tuple[str, ...]:
    """Caveats, and the warnings among the notes that the last run kept, without the advice below.

    Caveats are there whether or not a run has left notes.
    """
    try:
        lines = study_state.study.paths.notes_txt.read_text("utf-8").splitlines()
    except OSError:
        lines = []
    lines = [*"\n".join(texts_of(study_state.caveat_notes)).splitlines(), *lines]
    return tuple(dict.fromkeys(line for line in lines if f": {WARNING}" in line))


def texts_of(notes: Sequence[Fault | str]) -> list[str]:
    """Notes as they are kept."""
    return [note if isinstance(note, str) else note.text() for note in notes]


def _note_text(texts: Sequence[str]) -> str:
    return "".join(f"{text}\n" for text in texts)
