"""Studies with own features from file to table, R included."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from amissstudies import amiss_values
from inputs import Cells, edit_csq, lines_of, write_lines

import gridrun
from amiss_tasks.features.amiss import AMISS

ROOT = Path(__file__).parents[2]
DATA = ROOT / "examples" / "quickstart" / "data"
EXAMPLE = ROOT / "examples" / "features" / "dbnsfp4_cadd16.yaml"

GRID = amiss_values(
    categorical=["dummy", "factor"],
    imputation=["mean_imp", "missingness_indicators"],
    downsampling="on",
    correlation_check="on",
    feature_sampling_percentage=0.33,
)

SPLICE = ("SpliceAI-acc-gain", "SpliceAI-acc-loss", "SpliceAI-don-gain", "SpliceAI-don-loss")


def same(block: Cells) -> Cells:
    return block


def newer_block(block: Cells) -> Cells:
    """A block as dbNSFP 4.2 has it: alignments of 30 mammals, and SIFT4G."""
    renamed = {name.replace("20way_mammalian", "30way_mammalian"): c for name, c in block.items()}
    return {**renamed, "SIFT4G_score": block["SIFT_score"]}


def newer_columns(lines: list[str]) -> list[str]:
    """A table as CADD v1.6 has it: SpliceAI columns, mostly missing, at the end."""
    out = [lines[0], "\t".join([lines[1], *SPLICE])]
    for number, line in enumerate(lines[2:]):
        splice = [f"0.{number % 10}" if number % 3 == 0 else "NA"] * len(SPLICE)
        out.append("\t".join([line, *splice]))
    return out


def make(
    directory: Path,
    features: str | Path | None = None,
    *,
    block: Callable[[Cells], Cells] = same,
    columns: Callable[[list[str]], list[str]] | None = None,
) -> gridrun.api.OpenStudy:
    """A study on the quickstart's data, with a features file and changed columns."""
    directory.mkdir()
    inputs = {"vcf": "clinvar.vep.vcf", "cadd_snv": "cadd_snv.tsv", "cadd_indel": "cadd_indel.tsv"}
    for role, name in inputs.items():
        lines = lines_of(str(DATA / f"{name}.gz"))
        if role == "vcf":
            lines = edit_csq(lines, block)
        elif columns is not None:
            lines = columns(lines)
        write_lines(directory / name, lines)
    study = {"inputs": inputs, "grid": GRID, "folds": 1, "classifiers": ["rf", "lr"]}
    if isinstance(features, Path):
        shutil.copy(features, directory / "features.yaml")
    elif features is not None:
        (directory / "features.yaml").write_text(features)
    if features is not None:
        study["features"] = "features.yaml"
    # JSON is YAML
    (directory / "study.yaml").write_text(json.dumps(study))
    return gridrun.open_study(directory)


def rows(study: gridrun.api.OpenStudy) -> list[dict[str, str]]:
    """Rows of the final table, without the columns that measure time."""
    report = study.run(backend="inprocess")
    assert report.tally.failed == 0
    with study.study.paths.results_csv.open(newline="") as stream:
        return [
            {name: cell for name, cell in row.items() if not name.endswith("_time")}
            for row in csv.DictReader(stream)
        ]


@pytest.fixture(scope="module")
def amiss(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Rows by amiss's own features."""
    return rows(make(tmp_path_factory.mktemp("amiss") / "study"))


def test_renamed_columns_change_no_number(amiss, tmp_path):
    """The same values under another release's names come to the same table, cell by cell."""

    def renamed(block: Cells) -> Cells:
        return {name.replace("20way", "30way"): cell for name, cell in block.items()}

    features = "extends: amiss\nchange:\n" + "".join(
        f"  - {{name: {name}, source: {{vep: [{name}, {name.replace('20way', '30way')}]}}}}\n"
        for name in ("phyloP20way_mammalian", "phastCons20way_mammalian")
    )
    study = make(tmp_path / "study", features, block=renamed)
    assert rows(study) == amiss
    notes = study.study.paths.notes_txt.read_text()
    assert "47 numeric and 3 categorical features of features.yaml" in notes
    assert "is read from CSQ field phyloP30way_mammalian" in notes


def test_a_short_list_changes_every_number(amiss, tmp_path):
    """Seven features of amiss's fifty run as these do, and come to other probabilities."""
    kept = ("GERP.._RS", "phyloP100way_vertebrate", "GC", "CpG", "minDistTSS", "Length")
    dropped = [f.name for f in AMISS.features if f.name not in {*kept, "Consequence.x"}]
    study = make(tmp_path / "study", f"extends: amiss\ndrop: [{', '.join(dropped)}]\n")
    found = rows(study)
    assert [row["state"] for row in found] == [row["state"] for row in amiss]
    done = [pair for pair in zip(amiss, found, strict=True) if pair[0]["state"] == "done"]
    assert len(done) == 6
    assert all(old["Brier"] != new["Brier"] for old, new in done)


def test_the_example_runs_on_its_release_s_columns(tmp_path):
    """The features file for dbNSFP 4 and CADD v1.6 runs on data with their names."""
    study = make(tmp_path / "study", EXAMPLE, block=newer_block, columns=newer_columns)
    found = rows(study)
    assert {row["state"] for row in found} == {"done", "skipped"}
    notes = study.study.paths.notes_txt.read_text()
    assert "52 numeric and 3 categorical features" in notes
    assert "phyloP_mammalian is read from CSQ field phyloP30way_mammalian" in notes


def test_a_changed_list_is_said_to_be_why(tmp_path):
    """Nothing is to run again until the list is another; then `features` is the reason."""
    study = make(tmp_path / "study", "extends: amiss\n")
    rows(study)
    path = tmp_path / "study" / "features.yaml"
    path.write_text("# the same list\nextends: amiss\n")
    assert gridrun.open_study(tmp_path / "study").plan().pending == 0
    path.write_text("extends: amiss\ndrop: [GC]\n")
    plan = gridrun.open_study(tmp_path / "study").plan()
    assert plan.pending == plan.tasks
    assert {reason.text for reason in plan.why} == {"changed since: features"}


def test_a_faulty_file_ends_with_exit_code_2(tmp_path):
    """Faults of features and clnsig stand together, with lines; nothing is written."""
    directory = tmp_path / "study"
    make(directory, "extends: amiss\n")
    text = (directory / "study.yaml").read_text()
    (directory / "study.yaml").write_text(text[:-1] + ', "clnsig": {"Benign": "positive"}}')
    (directory / "features.yaml").write_text(
        "extends: amiss\nadd:\n- name: A\n  source: {vep: A}\n  type: text\n"
    )
    before = sorted(path.name for path in directory.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", "from gridrun.cli import main; main()", "plan", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert 'features.yaml:5: feature "A": type is "text"' in done.stderr
    assert (
        'study.yaml:1: CLNSIG "Benign" is negative in amiss, it cannot be positive' in done.stderr
    )
    assert sorted(path.name for path in directory.iterdir()) == before
