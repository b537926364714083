"""A model that is exported, read back and used predicts what the pipeline itself would."""

import json
import zipfile
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from amissstudies import amiss_values
from golden_tables import golden_table
from test_learnt_on_training import FEW as ROWS
from test_null import few_trees

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature_set import FeatureSet
from amiss_tasks.models._file import ModelFile, read_model, write_model
from amiss_tasks.models._model import Model
from amiss_tasks.models._recipe import Recipe
from amiss_tasks.models._train import tables_without_test, train
from amiss_tasks.models.export import model_of
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.stages.block_tables import BlockTables
from amiss_tasks.stages.fold import rows_of_fold
from amiss_tasks.stages.label import label
from amiss_tasks.stages.preprocess import whole
from amiss_tasks.stages.row_ids import row_names
from amiss_tasks.stages.table import VariantTable
from amiss_tasks.tasks.fold_tables import fold_tables, tables_of
from amiss_tasks.tasks.runner import AmissRunner
from gridrun.errors import UserError
from gridrun.pipeline import Settings
from gridrun.pipeline.models import Chosen, FoldScores

BLOCK = ("canonical", "clingen", "missense")
VALUES = amiss_values(
    restriction="missense",
    nonzero_variance_check="on",
    training_data_sampling_percentage=0.66,
    feature_sampling_percentage=0.33,
)
PAIRS = [
    ("zero_imp", "rf"),
    ("missingness_indicators", "lr"),
    ("knnImputation", "lr"),
    ("gower_knn", "lr"),
    pytest.param("bpca", "lr", marks=pytest.mark.slow),
    pytest.param("missForest_ranger", "lr", marks=pytest.mark.slow),
    ("median_imp", "xgboost"),
    ("none", "xgboost"),
    ("none", "pattern_lr"),
]


FEW = FeatureSet(AMISS.features[:6])
"""Features few enough for mice, which is asked for many completions."""


@cache
def worker(protocol: str = "amiss", features: FeatureSet = AMISS) -> AmissRunner:
    options = {"features": features.plain()}
    return AmissRunner(Settings({}, protocol, 1, options=options), lambda *_: None)


def chosen_of(runner_settings: Settings, values, classifier: str) -> Chosen:
    place = Path("study") / "study.yaml"
    return Chosen(runner_settings, {}, 1, values, classifier, Path("cache"), place)


class Exported:
    """A model on all labelled rows of the golden block, with what it was made of."""

    def __init__(self, values, classifier, file, features):
        self.classifier = classifier
        self.features = features
        self.runner = worker(features=features)
        self.chain = self.runner.chain
        table = golden_table(*BLOCK)
        categorical = values["categorical"]
        self.rows = whole(label(table, "exclude", categorical, features), features)
        self.found = train(
            self.chain, tables_without_test(self.chain, self.rows.table), values, classifier
        )
        settings = Settings({}, "amiss", 1, options={"features": features.plain()})
        chosen = chosen_of(settings, values, classifier)
        write_model(file, model_of(PIPELINE, chosen, self.runner, self.rows, self.found))
        self.file = read_model(file)
        self.model = Model(self.file, self.runner)
        ids = [*row_names(table).ids]
        self.positions = [ids.index(row_id) for row_id in self.rows.table.row_ids]

    def predict(self, rows):
        """What the model that was read back says of rows of the golden table."""
        return self.model.predict(taken(rows), self.features)

    def in_process(self, rows) -> np.ndarray:
        """What the stages predict for these labelled rows, completed together."""
        chain, found = self.chain, self.found
        data = chain.r.table(self.rows.table)
        data = chain.r.cut(data, np.asarray(rows), found.cell.prepared.features)
        done = chain.r.impute_test(
            found.cell.method, data, found.state, learnt=True, fold=found.cell.fold.number
        )
        total = np.zeros(len(rows))
        for number in range(done.count):
            model = found.trained.models.at(0)
            arguments = (self.classifier, model, done.tables.at(number), None, found.cell.method)
            total = total + chain.r.predict(*arguments)[0].probability
        return total / done.count


def taken(rows) -> VariantTable:
    """These rows of the golden table, without their labels."""
    table = golden_table(*BLOCK)
    text = {name: [values[row] for row in rows] for name, values in table.text.items()}
    text["CLNSIG"] = text["CLNREVSTAT"] = [None] * len(rows)
    return VariantTable(
        text, {name: values[rows] for name, values in table.numeric.items()}, len(rows)
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory, two_completions):
    """Exported models, each made once; boosted trees are chosen from few settings."""
    del two_completions

    @cache
    def make(imputation, classifier, features=AMISS, **changes):
        name = "-".join((imputation, classifier, *map(str, changes.values())))
        file = tmp_path_factory.mktemp("models") / name
        with pytest.MonkeyPatch.context() as patch:
            few_trees(patch)
            if imputation == "pmm":
                patch.setattr("amiss_tasks.tasks.fold_tables.Cell.rows", ROWS["pmm"])
            values = VALUES | {"imputation": imputation} | changes
            return Exported(values, classifier, file, features)

    return make


@pytest.mark.parametrize(("imputation", "classifier"), PAIRS)
def test_a_model_read_back_predicts_as_the_stages_do(exported, imputation, classifier):
    """The study's own rows get, bit for bit, the stages' probabilities by the same model."""
    model = exported(imputation, classifier)
    found = model.predict(model.positions)
    wanted = model.in_process(range(len(model.positions)))
    assert len(set(wanted)) > 10
    assert not any(found.refused)
    np.testing.assert_array_equal(found.probability, wanted)


def test_rows_completed_by_drawing_are_predicted_as_if_alone(exported):
    """With pmm a row among others gets what it gets from the stages as a table of its own."""
    model = exported("pmm", "lr", FEW, feature_sampling_percentage=1.0)
    first = len(model.positions) - 10
    at = np.array(model.positions)[first:]
    found = model.predict(at)
    assert found.averaged == 2
    lacking = [row for row, names in enumerate(found.missing) if names]
    assert len(lacking) >= 3
    for row in lacking[-2:]:
        assert found.probability[row] == model.in_process([first + row])[0]
    order = np.random.default_rng(1).permutation(len(at))
    shuffled = model.predict(at[order])
    np.testing.assert_array_equal(shuffled.probability, found.probability[order])


@pytest.mark.parametrize(("imputation", "classifier"), PAIRS)
def test_neither_order_nor_company_of_rows_matters(exported, imputation, classifier):
    """Shuffled rows, and a row by itself, get the same probabilities."""
    model = exported(imputation, classifier)
    at = np.array(model.positions)
    together = model.predict(at).probability
    order = np.random.default_rng(1).permutation(len(at))
    shuffled = model.predict(at[order]).probability
    np.testing.assert_array_equal(shuffled, together[order])
    for row in order[:3]:
        alone = model.predict(at[[row]]).probability
        assert alone[0] == together[row]


def test_a_model_with_indicators_adds_them_to_what_it_predicts(exported):
    """Which ones, training has decided: a row by itself gets the columns of all."""
    model = exported("mean_imp", "lr", indicators="on")
    at = np.array(model.positions)
    together = model.predict(at).probability
    np.testing.assert_array_equal(together, model.in_process(range(len(at))))
    alone = [model.predict(at[[row]]).probability[0] for row in range(6)]
    assert alone == together[:6].tolist()
    columns = model.model._in_r.at(0)["columns"].python()
    added = [name for name in columns if name.endswith("_missing")]
    assert added
    assert model.file.recipe.parameters["indicators"] == "on"


def test_a_model_by_patterns_says_that_it_holds_training_rows(exported):
    """Its submodels for patterns that nobody had in training are fitted to them."""
    kept = exported("none", "pattern_lr").file.recipe.holds_training_rows
    assert kept == {"imputation": False, "models": True}


def test_codes_of_text_are_those_of_training(exported):
    """With factor under amiss a row by itself is coded as beside all others (D3)."""
    model = exported("zero_imp", "rf", categorical="factor", feature_sampling_percentage=1.0)
    at = np.array(model.positions)
    together = model.predict(at).probability
    np.testing.assert_array_equal(together, model.in_process(range(len(at))))
    alone = [model.predict(at[[row]]).probability[0] for row in range(6)]
    assert alone == together[:6].tolist()


@pytest.mark.parametrize("protocol", ["amiss", "corrected"])
def test_the_rows_of_a_fold_give_the_model_of_the_fold(protocol, tmp_path):
    """Trained on a fold's training rows, under its number, the model is the fold's."""
    chain = worker(protocol).chain
    labelled = label(golden_table(*BLOCK), "exclude", "dummy", protocol=chain.protocol)
    part = whole(labelled, protocol=chain.protocol).table
    rows = rows_of_fold(part, 2, chain.protocol)
    of_fold = fold_tables(chain.r, BlockTables(part, part), 2, chain.protocol)
    own = tables_without_test(chain, part.take(rows.train), 2)
    theirs = train(chain, of_fold, VALUES, "rf")
    ours = train(chain, own, VALUES, "rf")
    assert ours.cell.fold.digest != theirs.cell.fold.digest
    data = chain.r.cut(of_fold.test, np.arange(len(rows.test)), ours.cell.prepared.features)
    probabilities = []
    for one in (theirs, ours):
        tables = chain.r.impute_test(one.cell.method, data, one.state).tables
        found, _ = chain.r.predict("rf", one.trained.models.at(0), tables.at(0))
        probabilities.append(found.probability)
    assert len(set(probabilities[0])) > 5
    np.testing.assert_array_equal(*probabilities)


def test_a_value_that_training_has_not_is_missing_and_noted(exported):
    """An unseen level of a final feature is read as missing, as in a study, and said."""
    model = exported("zero_imp", "rf", feature_sampling_percentage=1.0)
    table = taken(model.positions[:2])
    words = {**table.text, "LRT_pred": ["never seen", None]}
    found = model.model.predict(replace(table, text=words), AMISS)
    assert found.notes[0] == ["LRT_pred is never seen, which did not occur in training"]
    assert found.notes[1] == []
    missing = replace(table, text={**table.text, "LRT_pred": [None, None]})
    plain = model.model.predict(missing, AMISS)
    np.testing.assert_array_equal(found.probability, plain.probability)


def test_the_file_has_training_rows_only_where_they_are_needed(exported):
    """The states of pmm hold them and the recipe says so; forests and zero_imp do not."""
    with_rows = exported(
        "pmm", "lr", FEW, feature_sampling_percentage=1.0
    ).file.recipe.holds_training_rows
    assert with_rows == {"imputation": True, "models": False}
    lean = exported("zero_imp", "rf")
    assert lean.file.recipe.holds_training_rows == {"imputation": False, "models": False}
    ours = lean.found.trained.models
    assert set(ours.at(0)["fit"].sexp.names) >= {"y", "votes", "predicted"}
    kept = lean.model._models.at(0)["fit"]
    assert not {"y", "votes", "predicted", "oob.times", "call"} & set(kept.sexp.names)


def test_the_recipe_says_what_was_done(exported, tmp_path):
    """Rows, features by what became of them, settings, seeds and versions are in it."""
    model = exported("zero_imp", "rf")
    recipe = model.file.recipe
    assert recipe.rows["labelled"] == model.rows.table.rows
    assert recipe.rows["trained_on"] == int(0.66 * model.rows.table.rows)
    every = [name for names in recipe.features.values() for name in names]
    assert sorted(every) == sorted(model.rows.table.columns)
    assert recipe.classifier["models"][0]["mtry"] in {7, 15, 23, 31, 39}
    assert recipe.seeds["train rf"] == 42
    assert recipe.environment["randomForest"] == worker().environment()["randomForest"]
    assert recipe.levels["Consequence.x"]
    assert recipe.options["features"]["features"][0]["sources"] == ["SIFT_score"]


def test_a_recipe_has_the_folds_of_the_study_and_older_ones_are_read(exported):
    """What the folds say is kept and said again; a file of a version without it says nothing."""
    recipe = exported("zero_imp", "rf").file.recipe
    scores = FoldScores(2, 1, 0, {"MCC": [0.5, 0.25]})
    kept = Recipe.from_text(replace(recipe, folds=asdict(scores)).text().encode())
    said = "in the folds of study: MCC 0.375 ± 0.177 (mean ± SD over 2 of 3 folds, 1 failed)"
    assert kept.folds_said() == [said]
    data = json.loads(recipe.text())
    assert data.pop("folds") is None
    old = Recipe.from_text(json.dumps(data).encode())
    assert old == recipe
    assert old.folds_said() == []


def test_equal_models_have_equal_bytes(exported, tmp_path):
    """A model written twice is the same file."""
    content = exported("zero_imp", "rf").file
    write_model(tmp_path / "a", content)
    write_model(tmp_path / "b", content)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def _changed(file: Path, target: Path, **changes: bytes) -> Path:
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, changes.get(name, source.read(name)))
    return target


def test_a_file_that_is_no_model_is_refused(exported, tmp_path):
    """Other files, other formats and damaged parts are named, and nothing is read from them."""
    good = tmp_path / "good"
    content: ModelFile = exported("zero_imp", "rf").file
    write_model(good, content)
    text = tmp_path / "text"
    text.write_text("no model")
    recipe = json.loads(content.recipe.text()) | {"format": 99}
    cases = {
        "wrote": text,
        "format is 99": _changed(
            good, tmp_path / "other", **{"recipe.json": json.dumps(recipe).encode()}
        ),
        "objects.json is damaged": _changed(good, tmp_path / "damaged", **{"objects.json": b"x"}),
        "No such file": tmp_path / "absent",
    }
    for message, file in cases.items():
        with pytest.raises(UserError, match=message):
            read_model(file)


def test_tables_of_a_fold_know_their_rows():
    """A table without test rows has no test row, and the same training table."""
    chain = worker().chain
    part = whole(label(golden_table(*BLOCK), "exclude", "dummy")).table
    alone = tables_without_test(chain, part)
    both = tables_of(chain.r, BlockTables(part, part), 0)
    assert len(alone.test_positive) == 0
    assert len(both.test_positive) == part.rows
    assert alone.train_variants == both.train_variants


def test_a_device_is_no_model():
    """It may have no end, so it is not read."""
    with pytest.raises(UserError, match="no regular file"):
        read_model(Path("/dev/zero"))
