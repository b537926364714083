"""Grid files: both of upstream's kinds, JSON and YAML, and what can be wrong with them."""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from grids import FULL, ONE, ROOT, write_json, yaml_lines
from toystudies import SMALL_GRID, TOY, write_study

from amiss_tasks.parameters import MODEL_BASED_METHODS, PARAMETERS, SINGLE_VALUE_METHODS
from gridrun.documents._jsontree import _syntax
from gridrun.documents.textfile import MOST_BYTES
from gridrun.errors import InputError
from gridrun.pipeline import Parameter, load_pipeline
from gridrun.study import load_study
from gridrun.study.grid_file import read_grid
from gridrun.study.template import study_text

COLOURS = (
    Parameter(
        "colour",
        ("red", "green", "blue"),
        "",
        shorthands={"warm": ("red", "green")},
    ),
    Parameter("size", (1, 2, 10), ""),
)


def faults(path, parameters=PARAMETERS):
    with pytest.raises(InputError) as caught:
        read_grid(path, parameters)
    return caught.value.faults


def test_upstreams_grid_file(tmp_path):
    """Upstream's lists give 72,576 combinations in upstream's order."""
    grid = read_grid(write_json(tmp_path / "parameter_grid.json", FULL), PARAMETERS).grid
    assert len(grid) == 72_576
    assert grid.names == tuple(FULL)
    assert grid.combination(0) == ONE
    assert grid.combination(1) == {**ONE, "feature_sampling_percentage": 0.66}


def test_upstreams_combination_file(tmp_path):
    """Upstream's scalars give the one combination they are."""
    grid = read_grid(write_json(tmp_path / "combination_1.json", ONE), PARAMETERS).grid
    assert [grid.combination(i) for i in range(len(grid))] == [ONE]


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml", ".JSON"])
def test_order_of_keys_does_not_matter(tmp_path, suffix):
    """Shuffled keys give the very same grid, in JSON and YAML."""
    names = list(FULL)
    random.Random(3).shuffle(names)
    shuffled = {name: FULL[name] for name in names}
    path = tmp_path / f"grid{suffix}"
    path.write_text(json.dumps(shuffled) if "j" in suffix.lower() else yaml_lines(shuffled))
    straight = read_grid(write_json(tmp_path / "straight.json", FULL), PARAMETERS)
    assert read_grid(path, PARAMETERS).grid == straight.grid


def test_order_of_values_is_the_files(tmp_path):
    """Values stay in the order given."""
    path = write_json(tmp_path / "g.json", {**ONE, "quality": ["onestar", "clingen"]})
    assert read_grid(path, PARAMETERS).grid.allowed()["quality"] == ("onestar", "clingen")


def test_json_indented_with_tabs_and_windows_line_ends(tmp_path):
    """Layout that JSON allows is read, and lines are still counted right."""
    text = json.dumps({**ONE, "quality": "best"}, indent="\t").replace("\n", "\r\n")
    path = tmp_path / "g.json"
    path.write_bytes(text.encode())
    (fault,) = faults(path)
    assert fault.line == 3


def test_all_faults_of_a_file_are_listed_by_line(tmp_path):
    """Five faults, five messages, in the order of the lines, missing parameters last."""
    grid = {
        **ONE,
        "transcript": "canonicall",
        "quality": ["clingen", "gold"],
        "downsampling": True,
        "training_data_sampling_percentage": "66 %",
        "seed": 4,
    }
    del grid["restriction"]
    found = faults(write_json(tmp_path / "g.json", grid))
    texts = [fault.text() for fault in found]
    assert [fault.line for fault in found] == [2, 5, 10, 14, 16, None]
    assert 'did you mean "canonical"?' in texts[0]
    assert 'unknown value "gold"' in texts[1]
    assert 'did you mean "on"?' in texts[2]
    assert "did you mean 0.66, without quotes?" in texts[3]
    assert 'unknown parameter "seed"' in texts[4]
    assert 'parameter "restriction" is missing' in texts[5]


def test_a_misspelt_parameter_is_not_missing_as_well(tmp_path):
    """One mistake gets one message."""
    grid = {name.replace("quality", "qualty"): value for name, value in ONE.items()}
    (fault,) = faults(write_json(tmp_path / "g.json", grid))
    assert fault.message == 'unknown parameter "qualty"'


def test_many_missing_parameters_are_one_fault(tmp_path):
    """A nearly empty grid gets one message that names all that is missing."""
    (fault,) = faults(write_json(tmp_path / "g.json", {"quality": "clingen"}))
    assert fault.message.startswith("11 parameters are missing")
    assert all(f'"{name}"' in fault.message for name in FULL if name != "quality")


@pytest.mark.parametrize("value", MODEL_BASED_METHODS)
def test_every_method_of_upstream_can_be_asked_for(tmp_path, value):
    """The methods that upstream's published grid leaves out are values like the others."""
    path = write_json(tmp_path / "g.json", {**ONE, "imputation": ["mean_imp", value]})
    read = read_grid(path, PARAMETERS)
    assert read.grid.allowed()["imputation"] == ("mean_imp", value)
    assert read.notes == ()


def test_all_stands_for_the_fourteen_methods(tmp_path):
    """imputation: all gives one combination for each method, and one note says so."""
    read = read_grid(write_json(tmp_path / "g.json", {**ONE, "imputation": "all"}), PARAMETERS)
    methods = (*SINGLE_VALUE_METHODS, *MODEL_BASED_METHODS)
    assert len(methods) == len(read.grid) == 14
    assert read.grid.allowed()["imputation"] == methods
    (note,) = read.notes
    assert '"all" stands for 14 values, one combination each' in note.message


def test_shorthand_stands_for_its_values(tmp_path):
    """A shorthand that can be run is expanded once, and a note says what it stands for."""
    path = write_json(tmp_path / "g.json", {"colour": ["green", "warm"], "size": 1})
    read = read_grid(path, COLOURS)
    assert read.grid.allowed()["colour"] == ("green", "red")
    notes = [note.message for note in read.notes]
    assert any('"warm" stands for 2 values, one combination each: red, green' in n for n in notes)
    assert any('"green" more than once; it is counted once' in note for note in notes)


@pytest.mark.parametrize(
    ("value", "advice"),
    [(33, "did you mean 0.33?"), ("0,66", "did you mean 0.66,"), (0.9, "the nearest is 1.0.")],
)
def test_numbers_get_the_nearest_value(tmp_path, value, advice):
    """Percentages, decimal commas and numbers nearby are told what they may have meant."""
    path = write_json(tmp_path / "g.json", {**ONE, "feature_sampling_percentage": value})
    (fault,) = faults(path)
    assert advice in fault.todo
    assert "known values: 0.33, 0.66, 1.0" in fault.todo


def test_a_boolean_is_no_number(tmp_path):
    """True is not taken for 1.0."""
    path = write_json(tmp_path / "g.json", {**ONE, "feature_sampling_percentage": True})
    (fault,) = faults(path)
    assert "has true" in fault.message


@pytest.mark.parametrize("number", ["9" * 5000, "1" * 400 + ".5", "-1e9999"])
def test_numbers_of_any_length_are_refused_in_one_short_line(tmp_path, number):
    """A number longer than Python converts is a fault of its parameter, shown cut."""
    text = json.dumps({**ONE, "feature_sampling_percentage": 12345}).replace("12345", number)
    path = tmp_path / "g.json"
    path.write_text(text)
    (fault,) = faults(path)
    assert "feature_sampling_percentage" in fault.message
    assert "too large for a number" in fault.message
    assert len(fault.message) < 200


def test_yaml_words_mean_what_yaml_1_2_says(tmp_path):
    """on, off and yes are text, true is not, and .inf is no value."""
    lines = {**FULL, "downsampling": ["on", "off"]}
    text = yaml_lines(lines).replace('["on", "off"]', "[on, off]")
    path = tmp_path / "g.yaml"
    path.write_text(f"%YAML 1.1\n---\n{text}")
    assert read_grid(path, PARAMETERS).grid.allowed()["correlation_check"] == ("on", "off")
    path.write_text(text.replace("[0.33, 0.66, 1.0]", "[.33, 1, .inf]"))
    assert all(".inf" in fault.message for fault in faults(path)[::2])


def test_block_style_yaml_with_comments_and_merge_keys(tmp_path):
    """Block lists and comments are read; a merge key is an unknown parameter with its line."""
    path = tmp_path / "g.yaml"
    rest = {name: value for name, value in ONE.items() if name != "quality"}
    text = "# mine\nquality:  # best first\n  - clingen\n  - 'twostar'\n" + yaml_lines(rest)
    path.write_text(text)
    assert read_grid(path, PARAMETERS).grid.allowed()["quality"] == ("clingen", "twostar")
    path.write_text(text + "<<: {a: 1}\n")
    (fault,) = faults(path)
    assert (fault.line, fault.message) == (16, 'unknown parameter "<<"')


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("quality: *best\n", 1, 'the alias "*best" has no anchor'),
        ("quality: &a [*a]\n", 1, "a list inside its list"),
        ("? [a, b]\n: c\n", 1, 'the key ["a", "b"] is not text'),
        ("quality: [clingen\nrestriction: all\n", 2, "is not YAML"),
        ('quality: "clingen\n', 2, "is not complete YAML"),
        ("quality: cling\x07en\n", 1, "U+0007"),
        ("# nothing\n", None, "comments only"),
        ("- " * 200 + "a\n", 1, "nested too deep"),
        ("quality: !!str clingen\n", 1, 'tag "tag:yaml.org,2002:str"'),
    ],
)
def test_yaml_faults(tmp_path, text, line, words):
    """What is wrong with a YAML file is said with its line."""
    path = tmp_path / "g.yaml"
    path.write_text(text)
    first = faults(path)[0]
    assert first.line == line
    assert words in first.message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{"quality": ["clingen",]}', 1, "a comma before ']', line 1 column 24"),
        ("{'quality': 1}", 1, "a single quote, line 1 column 2"),
        ('{"a": 1} {"b": 2}', 1, "Extra data, line 1 column 10"),
        ('{"a": 1, # c\n"b": 2}', 1, "a comment, line 1 column 10"),
        ('{\n"a": "x\n}', 2, "is not JSON"),
        ('{"a": 1\n\n', 1, "unexpected end of the file in line 1"),
    ],
)
def test_json_faults(tmp_path, text, line, words):
    """What is wrong with a JSON file is said with line and column."""
    path = tmp_path / "g.json"
    path.write_text(text)
    (fault,) = faults(path)
    assert fault.line == line
    assert words in fault.message


def test_a_trailing_comma_is_placed_at_the_bracket_whichever_parser_found_it():
    """Newer parsers point at the comma, older ones at the bracket; the message is the same."""
    text = '{"a": 1,\n}'
    found = {
        _syntax(Path("g.json"), text, json.JSONDecodeError("parser's words", text, at))
        for at in (text.index(","), text.index("}"))
    }
    assert [fault.message for fault in found] == [
        "is not JSON: a comma before '}', line 2 column 1"
    ]


def test_terminal_codes_in_a_file_are_shown_not_obeyed(tmp_path):
    """An escape sequence or a lone surrogate in a value comes out as harmless text."""
    path = write_json(tmp_path / "g.json", {**ONE, "quality": "\x1b[31m\ud800\u202e"})
    (fault,) = faults(path)
    assert "\\u001b[31m\\ud800\\u202e" in fault.text()
    assert fault.text().isprintable() or "\n" in fault.text()


def test_thousands_of_faults_are_counted_not_listed(tmp_path):
    """Many unknown parameters and values give a short message in short time."""
    grid = {**ONE, "quality": ["x"] * 9_000, **{f"p{i}": i for i in range(9_000)}}
    path = tmp_path / "g.json"
    path.write_text(json.dumps(grid))
    found = faults(path)
    assert len(found) == 4 + 21
    assert any("8,997 more values" in fault.message for fault in found)
    assert any("8,980 more unknown parameters" in fault.message for fault in found)


def test_a_file_that_cannot_be_a_grid_is_not_read(tmp_path):
    """A file above the bound is refused with its size."""
    path = tmp_path / "g.json"
    path.write_bytes(b" " * (MOST_BYTES + 1))
    (fault,) = faults(path)
    assert "262,145 bytes" in fault.message


def test_directory_pipe_and_links_in_place_of_a_grid(tmp_path):
    """Whatever is no file is named as what it is, and a pipe does not hang the reader."""
    (tmp_path / "d.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "loop.json").symlink_to("loop.json")
    (tmp_path / "dangling.json").symlink_to("nowhere.json")
    (tmp_path / "file").write_text("x")
    wanted = {
        "d.json": "is a directory",
        "pipe.json": "not a regular file",
        "loop.json": "symbolic link loop",
        "dangling.json": 'symbolic link to "nowhere.json", which does not exist',
        "file/g.json": "a part of this path is a file",
        "x" * 300: "cannot be read: File name too long",
    }
    for name, words in wanted.items():
        (fault,) = faults(tmp_path / name)
        assert words in fault.message


def test_a_missing_directory_gets_the_nearest_name(tmp_path):
    """The first part of a path that is not there is the one that is advised on."""
    (tmp_path / "grids").mkdir()
    (fault,) = faults(tmp_path / "grid" / "sub" / "g.json")
    assert fault.message == "does not exist"
    assert 'did you mean "grids"?' in fault.todo


UNPRIVILEGED = """
import os, sys
from pathlib import Path
from amiss_tasks.parameters import PARAMETERS
from gridrun.errors import InputError
from gridrun.study.grid_file import read_grid
import ruamel.yaml
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    read_grid(Path(sys.argv[1]), PARAMETERS)
except InputError as error:
    print(error)
"""


def test_no_permission():
    """An unprivileged user is told that the one file without permission may not be read."""
    # not tmp_path: pytest keeps its directories closed to other users
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        printed = {}
        for name, mode in (("open.json", 0o644), ("closed.json", 0)):
            path = write_json(Path(directory) / name, FULL)
            path.chmod(mode)
            printed[name] = subprocess.run(
                [sys.executable, "-c", UNPRIVILEGED, str(path)],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
                cwd=ROOT,
            ).stdout
    assert printed["open.json"] == ""
    assert "closed.json: may not be read: permission denied" in printed["closed.json"]


def test_a_parameter_with_a_default_may_be_left_out(tmp_path):
    """It then has its default values, in its own place; others are still asked for."""
    share = Parameter("share", (0.1, 0.2), "A share.", default=(0.2, 0.1))
    path = write_json(tmp_path / "grid.json", ONE)
    grid = read_grid(path, (*PARAMETERS, share)).grid
    assert grid.allowed()["share"] == (0.2, 0.1)
    assert grid.names[-1] == "share"
    assert len(grid) == 2
    given = write_json(tmp_path / "given.json", {**ONE, "share": 0.1})
    assert read_grid(given, (*PARAMETERS, share)).grid.allowed()["share"] == (0.1,)
    with pytest.raises(InputError, match='parameter "quality" is missing'):
        read_grid(
            write_json(tmp_path / "few.json", {k: v for k, v in ONE.items() if k != "quality"}),
            (*PARAMETERS, share),
        )


STRIPED = (
    *COLOURS[1:],
    Parameter(
        "pattern",
        ("plain", "striped", "dotted"),
        "",
        shorthands={"all": ("plain",)},
        start=("plain",),
        only_under=dict.fromkeys(("striped", "dotted"), "modern"),
        only_under_reason="none was printed then",
    ),
)


def test_a_value_of_another_protocol_is_refused_with_its_line(tmp_path):
    """A value that one protocol alone runs is refused under another, and says what to do."""
    path = tmp_path / "g.yaml"
    path.write_text("size: 1\npattern:\n  - plain\n  - striped\n")
    with pytest.raises(InputError) as caught:
        read_grid(path, STRIPED, protocol="classic")
    (fault,) = caught.value.faults
    assert fault.text() == (
        f'{path}:4: parameter "pattern" has "striped", which protocol classic does not run: '
        "none was printed then\n"
        '  set protocol: modern in the study file, or take "striped" out of the grid'
    )
    for protocol in ("modern", ""):
        grid = read_grid(path, STRIPED, protocol=protocol).grid
        assert grid.allowed()["pattern"] == ("plain", "striped")


def test_the_study_hands_its_protocol_to_the_grid(tmp_path):
    """Inline or in a file, given or by default: the study's protocol decides."""
    toy = load_pipeline(TOY)
    first, second = *toy.protocols, "modern"
    grade = toy.parameters[1]
    pipeline = copy.copy(toy)
    pipeline.of_study = lambda _: pipeline
    pipeline.protocols = {**toy.protocols, second: ""}
    kept = replace(grade, only_under={"low": second})
    pipeline.parameters = (toy.parameters[0], kept, *toy.parameters[2:])
    inline = write_study(tmp_path / "inline", SMALL_GRID)
    grid = write_json(tmp_path / "grid.json", SMALL_GRID)
    apart = write_study(tmp_path / "apart", SMALL_GRID)
    text = (apart / "study.yaml").read_text()
    (apart / "study.yaml").write_text(text.partition("grid:")[0] + f"grid: {grid}\n")
    for study in (inline, apart):
        with pytest.raises(InputError, match=f'has "low", which protocol {first} does not run'):
            load_study(study, pipeline)
        file = study / "study.yaml"
        file.write_text(f"protocol: {second}\n{file.read_text()}")
        assert load_study(study, pipeline).protocol == second


def test_a_first_grid_keeps_values_of_another_protocol_apart():
    """The grid that init writes names them below their protocol, not among the others."""
    pipeline = copy.copy(load_pipeline(TOY))
    pipeline.parameters = STRIPED
    text = study_text(pipeline, {}, None)
    assert (
        "\n  pattern: plain\n  # pattern under protocol modern also has: striped, dotted\n" in text
    )
