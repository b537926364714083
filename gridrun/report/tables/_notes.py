"""Notes beside the tables: what a run said of the inputs, and the caveats of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gridrun.errors import WARNING, Fault
from gridrun.report.tables._written import NOTES, STANDING
from gridrun.store.cache import replacing
from gridrun.store.paths import StudyPaths
from gridrun.study.state import StudyState


def all_notes(
    study_state: StudyState, previous: Mapping[str, Any], notes: Sequence[Fault | str] | None
) -> list[str] | None:
    """Notes of this run, or of the last one, between what the study says of itself.

    Args:
        study_state: The study as it is now: its caveats stand first, what is known of the
            versions behind its results last.
        previous: What was kept of the tables that are there.
        notes: Of this run, or None where it did not read the inputs.

    Returns:
        All of them, each once; None where the last run's are not known and nothing is known of
        versions.
    """
    texts = previous.get(NOTES) if notes is None else texts_of(notes)
    caveats, versions = texts_of(study_state.caveat_notes), study_state.noted_versions()
    if texts is None and not versions:
        return None
    # what was so when the tables were written may be so no longer
    said = {*caveats, *versions, *previous.get(STANDING, ())}
    return [*caveats, *(text for text in texts or () if text not in said), *versions]


def standing_notes(study_state: StudyState) -> list[str]:
    """Those of them that depend on no run."""
    return [*texts_of(study_state.caveat_notes), *study_state.noted_versions()]


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
