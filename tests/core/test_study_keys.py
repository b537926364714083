"""Keys of study.yaml that a pipeline adds: read, told of, sent on, fingerprinted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toystudies import write_study

from gridrun.documents.tree import Leaf, Node
from gridrun.errors import Fault, InputError
from gridrun.pipeline import Pipeline
from gridrun.pipeline.study_keys import KeyValue, StudyKey
from gridrun.plan.run_options import RunOptions
from gridrun.study import load_study
from gridrun.study.state import StudyState
from gridrun.testing.toy import PARAMETERS, toy_pipeline

GRID = {parameter.name: [parameter.values[0]] for parameter in PARAMETERS}


def read(node: Node, file: Path) -> KeyValue:
    """Text as its letters; a note for each that is upper case, a fault for each digit."""
    assert isinstance(node, Leaf)
    text = str(node.value)
    faults = [Fault(file, f"{letter} is a digit", node.line) for letter in text if letter.isdigit()]
    if faults:
        raise InputError(faults)
    notes = [
        Fault(file, f"{letter} is upper case", node.line) for letter in text if letter.isupper()
    ]
    return KeyValue(list(text), tuple(notes))


def pipeline() -> Pipeline:
    made = toy_pipeline()
    made.study_keys = {
        "colour": StudyKey("Letters.", read, lambda data: "".join(data or "none")),
        "unseen": StudyKey("Letters that nothing depends on.", read, lambda _: None),
    }
    return made


def load(directory: Path, **keys: Any):
    return load_study(write_study(directory, GRID, **keys), pipeline())


def contexts(directory: Path, **keys: Any) -> list[dict[str, str]]:
    workspace = StudyState(load(directory, **keys), pipeline(), RunOptions(), "toy")
    return [dict(context.components) for context in workspace.tables.contexts]


def test_data_and_notes_come_with_the_study(tmp_path):
    """What a key comes to is in the options under its name, its notes among the study's."""
    study = load(tmp_path, colour="rEd")
    assert study.options == {"colour": ["r", "E", "d"]}
    assert [(note.message, note.line) for note in study.notes] == [("E is upper case", 4)]
    assert StudyState(study, pipeline(), RunOptions(), "toy").settings.options == study.options
    assert load(tmp_path / "without").options == {}


def test_faults_stand_among_the_core_s_own(tmp_path):
    """Faults of both keys and of the core are told together, in the order of the file."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, colour="r3d", unseen="a1b2", sample="'none'")
    said = [(fault.line, fault.message) for fault in caught.value.faults]
    assert said == [
        (4, "3 is a digit"),
        (5, "1 is a digit"),
        (5, "2 is a digit"),
        (6, 'key "sample" has the text "none"'),
    ]


def test_unknown_keys_are_held_against_those_too(tmp_path):
    """A misspelt key of the pipeline gets it as advice; without the pipeline it is unknown."""
    with pytest.raises(InputError, match='did you mean "colour"'):
        load(tmp_path, color="red")
    with pytest.raises(InputError, match='unknown key "colour"'):
        load_study(write_study(tmp_path, GRID, colour="red"), toy_pipeline())


def test_fingerprint_says_what_results_depend_on(tmp_path):
    """A key enters every context under its name, absent or not, unless nothing depends on it."""
    without, red, blue, unseen = (
        contexts(tmp_path / name, **keys)
        for name, keys in (
            ("a", {}),
            ("b", {"colour": "red"}),
            ("c", {"colour": "blue"}),
            ("d", {"unseen": "red"}),
        )
    )
    assert {each["colour"] for each in without} == {"none"}
    assert {each["colour"] for each in red} == {"red"}
    assert [{**each, "colour": "blue"} for each in red] == blue
    assert unseen == without
    assert "unseen" not in without[0]
