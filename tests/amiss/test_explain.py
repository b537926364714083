"""The R script of a fold reaches gridrun's numbers in a plain R session."""

import re
import subprocess
from pathlib import Path

import pytest
from amissstudies import amiss_values

from amiss_tasks.models._r import ModelCalls
from amiss_tasks.models.explain import explain
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.pipeline import Settings
from gridrun.pipeline.models import Chosen, Recorded

TASKS = Path(__file__).parents[2] / "amiss_tasks"
DATA = Path(__file__).parents[2] / "examples" / "quickstart" / "data"
INPUTS = {
    "vcf": str(DATA / "clinvar.vep.vcf.gz"),
    "cadd_snv": str(DATA / "cadd_snv.tsv.gz"),
    "cadd_indel": str(DATA / "cadd_indel.tsv.gz"),
}
VALUES = amiss_values(
    downsampling="on",
    nonzero_variance_check="on",
    correlation_check="on",
    training_data_sampling_percentage=0.66,
    feature_sampling_percentage=0.33,
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def chosen_of(cache, protocol, classifier, switches=None, evaluate="cv", **changes) -> Chosen:
    values = VALUES | changes
    options = {"evaluate": evaluate} | ({"switches": switches} if switches else {})
    return Chosen(
        Settings(INPUTS, protocol, 1, options=options),
        {name: (value,) for name, value in values.items()},
        1,
        values,
        classifier,
        cache,
        Path("quickstart") / "study.yaml",
    )


def run(script: Path) -> subprocess.CompletedProcess[str]:
    """Run a script from another directory, in an R without this project."""
    return subprocess.run(
        ["Rscript", "--vanilla", str(script)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd="/",
    )


def holds(cache, folder, *what, fold=1, **changes) -> str:
    """Explain a fold, run its script, and hand back what it printed."""
    script = folder / "fold.R"
    explain(PIPELINE, chosen_of(cache, *what, **changes), fold, script, None)
    text = script.read_text("utf-8")
    assert "@" not in re.sub(r"#.*", "", text)
    assert "gridrun" not in re.sub(r'#.*|cat\(.*|"[^"]*"', "", text)
    ran = run(script)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


CASES = [
    ("amiss", "rf", {}),
    ("amiss", "lr", {"feature_sampling_percentage": 1.0}),
    ("amiss", "lr", {"imputation": "knnImputation"}),
    ("amiss", "lr", {"imputation": "missingness_indicators"}),
    ("amiss", "rf", {"categorical": "factor"}),
    ("corrected", "lr", {}),
    ("corrected", "rf", {"hyperparameter_search_type": "random"}),
    ("corrected", "lr", {"imputation": "gower_knn"}),
    ("amiss", "lr", {"evaluate": "hold-out"}),
]
SLOW = [
    ("corrected", "lr", {"imputation": "mean_imp", "indicators": "on"}),
    ("corrected", "pattern_lr", {"imputation": "none"}),
    *(("amiss", "lr", {"imputation": name}) for name in ("max_imp", "min_imp", "mean_imp")),
    *(("amiss", "lr", {"imputation": name}) for name in ("median_imp", "outlier_imp", "bpca")),
    *(("amiss", "lr", {"imputation": name}) for name in ("norm", "pmm", "rf")),
    # in fold 2 mice leaves gaps, so that there are no numbers to be reached
    ("amiss", "lr", {"imputation": "norm.predict", "fold": 1}),
    ("amiss", "rf", {"imputation": "pmm"}),
    ("amiss", "lr", {"imputation": "pmm", "switches": {"mice_hyperparameters": "corrected"}}),
    ("corrected", "lr", {"imputation": "pmm"}),
    ("corrected", "lr", {"imputation": "bpca"}),
    ("amiss", "lr", {"evaluate": "hold-out", "imputation": "bpca"}),
    ("corrected", "lr", {"imputation": "norm"}),
    ("corrected", "rf", {"imputation": "pmm"}),
    ("corrected", "rf", {"imputation": "rf"}),
    *(("corrected", "lr", {"imputation": name}) for name in ("missForest_ranger", "midastouch")),
    *(("corrected", "lr", {"imputation": name}) for name in ("cart", "lasso.norm")),
    ("corrected", "rf", {"categorical": "factor", "feature_sampling_percentage": 1.0}),
]


@pytest.mark.parametrize(("protocol", "classifier", "changes"), CASES)
def test_the_script_reaches_the_numbers(cache, tmp_path, protocol, classifier, changes):
    """Counts, MCC and AUC come out of the script as they do of the stages."""
    printed = holds(cache, tmp_path, protocol, classifier, **changes)
    assert printed.endswith("equal to gridrun's numbers\n")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("protocol", "classifier", "changes"), SLOW)
def test_the_scripts_of_other_methods_reach_the_numbers(
    cache, tmp_path, protocol, classifier, changes
):
    """So they do for the methods that take longer."""
    printed = holds(cache, tmp_path, protocol, classifier, **{"fold": 2, **changes})
    assert printed.endswith("equal to gridrun's numbers\n")


def test_boosted_trees_are_explained_up_to_their_matrix(cache, tmp_path):
    """Debian's R has no xgboost: the script ends with the training matrix, and says so."""
    printed = holds(cache, tmp_path, "amiss", "xgboost", training_data_sampling_percentage=0.33)
    assert re.fullmatch(r"the training matrix of \d+ rows and \d+ columns is gridrun's\n", printed)
    assert "Debian has no package of R's" in (tmp_path / "fold.R").read_text()


def test_a_script_stops_where_the_numbers_differ(cache, tmp_path):
    """Held to another number, as of a ledger from elsewhere, the script stops, and is announced."""
    chosen = chosen_of(cache, "amiss", "lr")
    script = tmp_path / "fold.R"
    first = explain(PIPELINE, chosen, 1, script, None)
    assert "the ledger has no result" in first.warnings[0]
    rows = [{**row, "MCC": row["MCC"] + 1e-6} for row in first.facts["rows"]]
    second = explain(PIPELINE, chosen, 1, script, Recorded(rows))
    assert any(note.startswith("MCC of imp_1 is ") for note in second.warnings)
    ran = run(script)
    assert ran.returncode != 0
    assert "found$MCC, expected$MCC" in ran.stderr
    third = explain(PIPELINE, chosen, 1, script, Recorded(first.facts["rows"]))
    assert third.warnings == []
    assert run(script).returncode == 0


def test_the_head_says_what_happened(cache, tmp_path):
    """Rows, dropped features, tried rows of hyperparameters and the model are in words."""
    script = tmp_path / "fold.R"
    report = explain(PIPELINE, chosen_of(cache, "amiss", "lr", imputation="bpca"), 1, script, None)
    head = [line[2:] for line in script.read_text().splitlines() if line.startswith("# ")]
    text = " ".join(" ".join(head).split())
    facts = report.facts
    assert f"after downsampling and row sampling {facts['n_rows']} rows are trained on" in text
    assert f"{len(facts['features'])} left" in text
    assert text.count("tried nPcs=") == 8
    assert text.count(", chosen") == 1
    assert "feature_sampling_percentage=0.33" in text
    assert "pcaMethods:" in text


def test_functions_are_taken_with_what_they_need():
    """A function comes with its comment and with what it refers to, and nothing else."""
    text = (
        "# Head of the file.\n\n# One.\n# More.\none <- function() two() + .N\n\n"
        "two <- function(n = .M) n\n\n# Not needed.\nthree <- function() one()\n\n"
        ".N <- 3L\n.M <- 2\n"
    )
    runner = AmissRunner(Settings({}, "amiss", 1), lambda *_: None)
    found = ModelCalls(runner.chain.r).functions_of([text], ["one"])
    assert found == [
        "# One.\n# More.\none <- function() two() + .N",
        "two <- function(n = .M) n",
        ".N <- 3L",
        ".M <- 2",
    ]


def test_a_script_may_not_replace_its_tables(cache, tmp_path):
    """A script that is named as its tables would be is refused."""
    from gridrun.errors import UserError

    with pytest.raises(UserError, match="another name"):
        explain(PIPELINE, chosen_of(cache, "amiss", "lr"), 1, tmp_path / "fold.rds", None)


def test_a_script_has_the_functions_of_the_files(cache, tmp_path):
    """Every function of a script is there as it is in a file of the package, comments too."""
    script = tmp_path / "fold.R"
    chosen = chosen_of(cache, "corrected", "lr", imputation="missingness_indicators")
    explain(PIPELINE, chosen, 1, script, None)
    source = "\n".join(path.read_text("utf-8") for path in TASKS.rglob("*.R"))
    frame = r"\n(?:.*<- new\.env\(\)\nlocal\(\{|\}, envir = \w+\))\n"
    text = re.sub(frame, "\n\n", script.read_text("utf-8"))
    is_function = re.compile(r"^([.\w]+) <- function\(", re.MULTILINE)
    blocks = [block.strip() for block in text.split("\n\n") if is_function.search(block)]
    names = {is_function.search(block)[1] for block in blocks}
    assert {
        "draw_sample",
        "complete_training",
        "train",
        "indicator_columns",
        ".held_out_classes",
    } <= names
    assert {"fit", "impute_test", "complete_test", "predict_rows"} <= names
    assert "draw_settings" not in names
    assert [block for block in blocks if block not in source] == []
