"""study.yaml: what its keys mean, what they default to, what is said when they are wrong."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from grids import FULL, ONE, write_json, yaml_lines

from amiss_tasks.parameters import PARAMETERS
from amiss_tasks.stages import stages_of
from amiss_tasks.study.start import INPUTS as INPUT_ROLES
from gridrun.errors import InputError
from gridrun.pipeline.comparison import Score
from gridrun.plan.limits import Limit, Limits
from gridrun.study import load_study

PIPELINE = SimpleNamespace(
    parameters=PARAMETERS,
    protocols={"amiss": "upstream's numbers"},
    classifiers=("rf", "lr"),
    stages=stages_of(),
    study_keys={},
    inputs=INPUT_ROLES,
    most_folds=None,
    most_folds_reason="",
    method_parameter="imputation",
    reference_method="mean_imp",
    scores={"MCC": Score(-1.0, 1.0), "AUC": Score(0.0, 1.0)},
    class_counts={},
    test_share=lambda _: 0.3,
)
PIPELINE.of_study = lambda _: PIPELINE

INPUTS = "inputs: {vcf: a.vcf, cadd_snv: s.tsv.gz, cadd_indel: i.tsv.gz}\n"
GRID = "grid:\n" + yaml_lines(ONE, "  ")


def write(directory: Path, text: str) -> Path:
    path = directory / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load(directory: Path, text: str):
    write(directory, text)
    return load_study(directory, PIPELINE)


def faults(directory: Path, text: str):
    write(directory, text)
    with pytest.raises(InputError) as caught:
        load_study(directory, PIPELINE)
    return caught.value.faults


def test_a_study_of_inputs_and_grid_gets_the_documented_defaults(tmp_path):
    """Ten folds, seed 1, protocol amiss, every classifier that runs, no limit, no sample."""
    study = load(tmp_path, INPUTS + GRID)
    assert (study.folds, study.seed, study.protocol) == (10, 1, "amiss")
    assert study.classifiers == ("rf", "lr")
    assert study.limits == Limits()
    assert (study.sample, study.rows, study.notes, study.grid_file) == (None, None, (), None)
    assert study.grid.combination(0) == ONE


def test_every_key(tmp_path):
    """What is given is what the study has, classifiers in the pipeline's order."""
    text = (
        INPUTS
        + GRID
        + "folds: 3\nseed: 0\nprotocol: amiss\nclassifiers: [lr, rf]\n"
        + "limits: {task_seconds: 90, read: {memory: 2.5 GB}}\nsample: 20\nrows: 500\n"
    )
    study = load(tmp_path, text)
    assert (study.folds, study.seed, study.sample, study.rows) == (3, 0, 20, 500)
    assert study.classifiers == ("rf", "lr")
    assert study.limits == Limits(Limit(90.0), read_bytes=2_500_000_000)
    assert study.limits.longest == 90, "no value has a limit of its own"


def test_limits_by_task_stage_and_value(tmp_path):
    """One shape for all; sizes have a unit, by tens or by two to the tenth."""
    text = """\
limits:
  task: {seconds: 60, memory: 1.5 GB}
  read: {memory: 2.5 GB}
  impute: {seconds: 5}
  train: {memory: 500MiB}
  imputation=zero_imp: {seconds: 7}
  classifier=rf: {memory: 2 TB}
  training_data_sampling_percentage=0.66: {seconds: 8}
"""
    limits = load(tmp_path, INPUTS + GRID + text).limits
    assert limits.task == Limit(60.0, 1_500_000_000)
    assert limits.stages == {"impute": Limit(5.0), "train": Limit(memory=500 << 20)}
    assert limits.values == {
        "imputation=zero_imp": Limit(7.0),
        "classifier=rf": Limit(memory=2 * 10**12),
        "training_data_sampling_percentage=0.66": Limit(8.0),
    }
    assert limits.longest == 60.0
    assert limits.read_bytes == 2_500_000_000
    assert Limits.from_data(json.loads(json.dumps(asdict(limits)))) == limits


def test_paths_are_relative_to_the_file_wherever_it_is_loaded_from(tmp_path, monkeypatch):
    """Relative, absolute and home paths are all absolute in the study."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    directory = tmp_path / "study"
    directory.mkdir()
    write(directory, "inputs: {vcf: data/a.vcf, cadd_snv: /s.tsv, cadd_indel: ~/i.tsv}\n" + GRID)
    monkeypatch.chdir(tmp_path)
    for given in (Path("study"), Path("study/study.yaml"), directory):
        study = load_study(given, PIPELINE)
        assert study.path == directory / "study.yaml"
        assert study.inputs == {
            "vcf": directory / "data" / "a.vcf",
            "cadd_snv": Path("/s.tsv"),
            "cadd_indel": tmp_path / "home" / "i.tsv",
        }


def test_paths_below_the_study(tmp_path):
    """What a study keeps is below two directories, beside what its people write for the report."""
    paths = load(tmp_path, INPUTS + GRID).paths
    names = [name for name, value in vars(type(paths)).items() if isinstance(value, property)]
    found = [getattr(paths, name).relative_to(tmp_path).as_posix() for name in names]
    assert len(set(found)) == len(found)
    assert {path.split("/")[0] for path in found} == {".gridrun", "results", "report.md"}
    assert {
        ".gridrun/ledger.sqlite",
        ".gridrun/cache",
        ".gridrun/logs",
        "results/final_cv_results.csv",
        "results/final_cv_results.parquet",
        "results/per_consequence.csv",
        "results/summary.csv",
        "results/notes.txt",
    } <= set(found)


def test_loading_writes_nothing(tmp_path):
    """After loading, the directory holds what it held before."""
    load(tmp_path, INPUTS + GRID)
    assert [entry.name for entry in tmp_path.iterdir()] == ["study.yaml"]


def test_grid_in_a_file_of_its_own(tmp_path):
    """A path behind the key grid is read relative to the study; its notes are the study's."""
    directory = tmp_path / "grids"
    directory.mkdir()
    write_json(directory / "parameter_grid.json", {**FULL, "quality": ["onestar", "onestar"]})
    study = load(tmp_path, INPUTS + "grid: grids/parameter_grid.json\n")
    assert study.grid_file == directory / "parameter_grid.json"
    assert len(study.grid) == 72_576 // 3
    (note,) = study.notes
    assert note.file == study.grid_file
    assert "counted once" in note.message


def test_faults_of_study_and_grid_file_are_listed_together(tmp_path):
    """The study's faults come first, by line, then those of the grid's own file."""
    grid = write_json(tmp_path / "g.json", {**ONE, "quality": "gold", "imputation": "mean"})
    found = faults(tmp_path, "folds: many\n" + INPUTS + "grid: g.json\nprotocoll: amiss\n")
    assert [(fault.file, fault.line) for fault in found] == [
        (tmp_path / "study.yaml", 1),
        (tmp_path / "study.yaml", 4),
        (grid, 3),
        (grid, 7),
    ]
    assert 'did you mean "protocol"?' in found[1].text()


def test_faults_of_an_inline_grid_have_the_lines_of_the_study(tmp_path):
    """A wrong value in an inline grid is found where it stands."""
    text = INPUTS + GRID.replace('"mean_imp"', '"x"').replace('"clingen"', "[clingen, gold]")
    (fault,) = faults(tmp_path, text)
    assert fault.text().startswith(
        f'{tmp_path}/study.yaml:4: parameter "quality" has unknown value "gold"'
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("folds: 0", ['key "folds" has the number 0', "at least 1"]),
        ("folds: 10.0", ["did you mean 10?"]),
        ('folds: "10"', ['the text "10"', "did you mean 10?"]),
        ("folds: true", ["has true", "a whole number"]),
        ("folds: 1000000", ["at most 10,000"]),
        ("folds: 1e999", ["too large for a number"]),
        ("seed: -1", ['key "seed" has the number -1', "at least 0"]),
        ("seed: 2147483648", ["at most 2,147,483,647"]),
        ("seed: [1]", ["has a list"]),
        ("sample: 0", ['key "sample"', "at least 1"]),
        ("rows:", ['key "rows" has null', "a whole number"]),
        ("protocol: amis", ['unknown value "amis"', 'did you mean "amiss"?']),
        ("protocol: 3", ["the number 3, expected a name"]),
        ("classifiers: forest", ['unknown value "forest"', "known values: rf, lr"]),
        ("classifiers: RF", ['did you mean "rf"?']),
        ("classifiers: []", ["empty list", "without the key all of them run"]),
        ("limits: 5", ['key "limits" has the number 5', "task: {seconds: SECONDS"]),
        ("limits: {task_seconds: 0}", ['limit "task_seconds" has the number 0', "above 0"]),
        ("limits: {task_seconds: .inf}", ["task_seconds", "above 0"]),
        ("limits: {mem_mb: 4000}", ['unknown limit "mem_mb"', "known limits: task, read, fold"]),
        ("limits: {filter: {seconds: 4}}", ['unknown limit "filter"']),
        ("limits: {imputation=mean: {seconds: 4}}", ["imputation=mean", '"imputation=mean_imp"?']),
        ("limits: {classifier=svm: {seconds: 4}}", ['unknown limit "classifier=svm"']),
        ("limits: {task: {}}", ['limit "task" limits nothing', "give seconds: NUMBER"]),
        ("limits: {task: 60}", ['limit "task" has the number 60', "give seconds: NUMBER"]),
        ("limits: {task: {second: 60}}", ['unknown limit of task "second"', '"seconds"?']),
        ("limits: {train: {seconds: -1}}", ['limit of train "seconds"', "above 0"]),
        ("limits: {task: {memory: 4}}", ['limit of task "memory"', "a unit (MB, GB"]),
        ("limits: {task: {memory: 4 gb}}", ['the text "4 gb"', "a unit (MB, GB"]),
        ("limits: {task: {memory: 0 GB}}", ['the text "0 GB"', "a unit (MB, GB"]),
        ("limits: {task: {memory: -1 GB}}", ['the text "-1 GB"', "a unit (MB, GB"]),
        (
            "limits: {task_seconds: 60, task: {seconds: 60}}",
            ['"task_seconds" is short for the seconds of "task"', "keep one of the two"],
        ),
        ("limits: {read: 4 GB}", ['limit "read" has the text "4 GB"', "give memory: SIZE"]),
        ("limits: {read: {memory: 4}}", ['"memory" has the number 4', "as 1.5 GB"]),
        ("limits: {read: {memory: 100 MB}}", ['"memory" has the text', "at least 500 MB"]),
        ("limits: {read: {seconds: 4}}", ['unknown limit of read "seconds"']),
        ("limits: {task_second: 4}", ['unknown limit "task_second"', '"task_seconds"?']),
        ("report: mean_imp", ['key "report" has the text', "a mapping"]),
        ("report: {reference: zero_im}", ["no value of imputation", 'did you mean "zero_imp"?']),
        ("report: {reference: max_imp}", ["grid does not have", "that is there: zero_imp"]),
        ("report: {reference: [1]}", ["has a list, expected a value of imputation"]),
        ("report: {equivalence: 0}", ['key of report "equivalence"', "at most 0.5"]),
        ("report: {equivalence: 1}", ["has the number 1", "does not matter"]),
        ("report: {text: none.md}", ["there is no file none.md", "correct the path"]),
        ("report: {txt: none.md}", ['unknown key of report "txt"', 'did you mean "text"?']),
        ("fold: 3", ['unknown key "fold"', 'did you mean "folds"?']),
        ("quality: clingen", ["parameters of the grid are among", "below the key grid"]),
        ("seed: 1\nseed: 2", ['key "seed" is given more than once: lines 15 and 16']),
        ("7: 1", ["the key 7 is not text"]),
    ],
)
def test_a_wrong_key_is_one_fault_with_its_line(tmp_path, line, words):
    """Each wrong line gives one message with line, key and what is allowed."""
    (fault,) = faults(tmp_path, INPUTS + GRID + line + "\n")
    assert fault.line == 15 + line.count("\n")
    for word in words:
        assert word in fault.text()


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ("inputs: a.vcf\n", 'key "inputs" has the text "a.vcf", expected paths'),
        ("inputs: {vcf: a, cadd_snv: b}\n", 'input "cadd_indel" is missing'),
        ("inputs: {vcf: a, cadd_snv: b, cadd_indel: }\n", 'input "cadd_indel" has null'),
        ("inputs: {vcf: a, cadd_snv: 3, cadd_indel: c}\n", 'input "cadd_snv" has the number 3'),
        ("inputs: {vcf: ~nobody9/a, cadd_snv: b, cadd_indel: c}\n", "no such user"),
    ],
)
def test_wrong_inputs(tmp_path, inputs, words):
    """Inputs that are no paths, or too few, are named."""
    (fault,) = faults(tmp_path, inputs + GRID)
    assert words in fault.message
    assert fault.line == 1


def test_inputs_of_a_group_may_be_left_out_together(tmp_path):
    """A study without both CADD tables is one; with one of them alone both ways out are said."""
    assert set(load(tmp_path, "inputs: {vcf: a}\n" + GRID).inputs) == {"vcf"}
    (fault,) = faults(tmp_path, "inputs: {vcf: a, cadd_indel: b}\n" + GRID)
    assert fault.message == 'input "cadd_snv" is missing below "inputs"'
    assert fault.todo == "add cadd_snv: PATH, or leave cadd_indel out too"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "folder: {inputs: {%s}}\n",
        (
            "azure: {workspace: {config: c.json}, compute: {name: c}, image: i, "
            "data: {datastore: d, %s}}\n"
        ),
    ],
)
def test_so_may_inputs_that_stay_elsewhere(tmp_path, elsewhere):
    """Places of inputs that only workers see keep to the same rule."""
    study = load(tmp_path, elsewhere % "vcf: a" + GRID)
    assert set(study.inputs_elsewhere) == {"vcf"}
    (fault,) = faults(tmp_path, elsewhere % "vcf: a, cadd_snv: b" + GRID)
    assert "lacks cadd_indel" in fault.message


def test_a_misspelt_input(tmp_path):
    """A misspelt role is advised on."""
    text = "inputs: {vcf: a, cadd_snvs: b, cadd_indel: c}\n"
    assert 'did you mean "cadd_snv"?' in faults(tmp_path, text + GRID)[0].todo


def test_inputs_and_grid_are_required(tmp_path):
    """Without them the study says what to give, both at once."""
    found = faults(tmp_path, "folds: 3\n")
    assert [fault.message for fault in found] == [
        'key "inputs" is missing',
        'key "grid" is missing',
    ]
    assert all(fault.todo for fault in found)


def test_a_classifier_given_twice_is_noted(tmp_path):
    """A repeated classifier runs once, and a note says so."""
    study = load(tmp_path, INPUTS + GRID + "classifiers: [rf, rf]\n")
    assert study.classifiers == ("rf",)
    assert "counted once" in study.notes[0].message


def test_a_directory_without_a_study_says_how_to_make_one(tmp_path):
    """The way on is named: init, or the file that is nearly called study.yaml."""
    with pytest.raises(InputError, match=r"without a study.yaml\n  .*gridrun init"):
        load_study(tmp_path, PIPELINE)
    (tmp_path / "study.yml").write_text(INPUTS + GRID)
    with pytest.raises(InputError, match=r'did you mean "study.yml"\?'):
        load_study(tmp_path, PIPELINE)
    assert load_study(tmp_path / "study.yml", PIPELINE).directory == tmp_path


def test_a_study_that_is_not_there(tmp_path):
    """The nearest name in the same directory is advised."""
    (tmp_path / "quickstart").mkdir()
    with pytest.raises(InputError, match=r'does not exist\n  did you mean "quickstart"\?'):
        load_study(tmp_path / "quikstart", PIPELINE)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("parameter_grid.json", "{}", "is a JSON file, not a study"),
        ("study.txt", "x", 'has the ending ".txt"'),
        ("study.yaml", "- a\n", "a list, expected the study's keys"),
        ("study.yaml", "", "is empty"),
        ("study.yaml", "a: 1\n---\n", "a second document"),
    ],
)
def test_what_is_no_study(tmp_path, name, text, words):
    """A file that is no study is refused as what it is."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        load_study(path, PIPELINE)


def test_a_grid_in_place_of_a_study_is_recognised(tmp_path):
    """A grid in YAML given as the study gets one message, not one for each parameter."""
    path = tmp_path / "grid.yaml"
    path.write_text(yaml_lines(FULL))
    with pytest.raises(InputError) as caught:
        load_study(path, PIPELINE)
    assert len(caught.value.faults) == 3
    assert "transcript, quality, restriction, …" in caught.value.faults[0].message


def test_the_quickstart_is_a_study():
    """The study that the README runs first is read without a note by the real pipeline."""
    from gridrun.pipeline import load_pipeline

    study = load_study(Path(__file__).parents[2] / "examples" / "quickstart", load_pipeline())
    assert study.notes == ()
    assert 12 <= len(study.grid) <= 24


@pytest.mark.parametrize(
    ("sample", "read"),
    [
        ("20", ("random", 20, None)),
        ("{design: balanced, blocks: 7}", ("balanced", None, 7)),
        ("{design: balanced, combinations: 70}", ("balanced", 70, None)),
        ("{blocks: 7}", ("random", None, 7)),
    ],
)
def test_a_sample_has_a_design_and_counts_combinations_or_blocks(tmp_path, sample, read):
    """A number alone counts combinations that are drawn at random."""
    study = load(tmp_path, f"{INPUTS}sample: {sample}\n{GRID}")
    assert (study.design, study.sample, study.sample_blocks) == read


@pytest.mark.parametrize(
    ("sample", "parts"),
    [
        ("{design: balancd, blocks: 7}", ['unknown value "balancd"', 'did you mean "balanced"?']),
        ("{design: balanced}", ["has no number", "{design: balanced, blocks: 200}"]),
        ("{blocks: 7, combinations: 9}", ["has both blocks and combinations", "one of the two"]),
        ("{blocks: 0}", ['"blocks" has the number 0', "at least 1"]),
        ("{blocks: 2.5}", ['"blocks" has the number 2.5', "a whole number"]),
        ("{block: 7}", ['unknown key of sample "block"', 'did you mean "blocks"?']),
        ("[20]", ['"sample" has a list', "a whole number"]),
        ("0", ['"sample" has the number 0', "at least 1"]),
        ("balanced", ['"sample" has the text', "{design: balanced, blocks: N}"]),
    ],
)
def test_a_sample_that_cannot_be_drawn_is_refused(tmp_path, sample, parts):
    """Each mistake is named with its line and what is right."""
    found = faults(tmp_path, f"{INPUTS}sample: {sample}\n{GRID}")
    assert {fault.line for fault in found} == {2}
    text = "\n".join(fault.text() for fault in found)
    for part in parts:
        assert part in text
