"""What the scheduler is told of amiss: stages, counts, cost."""

import gzip
from pathlib import Path

import pytest
from amissstudies import golden_study

import gridrun
from amiss_tasks.methods import BEYOND_AMISS, METHODS, Dependence
from amiss_tasks.parameters import MODEL_BASED_METHODS, PARAMETERS, SINGLE_VALUE_METHODS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.testing import write_small_study
from gridrun.errors import UserError
from gridrun.plan import fingerprint


def planned(
    directory: Path, methods, sample: int | None = None, protocol: str = "amiss"
) -> dict[str, int]:
    """Tasks of each stage for the whole grid with these imputations."""
    grid = {p.name: list(p.under("amiss")) for p in PARAMETERS} | {"imputation": methods}
    lines = [f"protocol: {protocol}", "folds: 10", *([f"sample: {sample}"] if sample else [])]
    golden_study(directory, grid, *lines)
    plan = gridrun.open_study(directory).plan()
    return {count.stage: count.tasks for count in plan.stages}


def test_methods_and_values_are_the_same():
    """Every value of parameter imputation is a method, in the same order, with a file."""
    (values,) = [p.values for p in PARAMETERS if p.name == "imputation"]
    upstream = (*SINGLE_VALUE_METHODS, *MODEL_BASED_METHODS)
    assert values == tuple(METHODS) == (*upstream, *BEYOND_AMISS)
    for name in values:
        assert PIPELINE.code_digests("rf", {"imputation": name})["impute"]


def test_prepared_tables_differ_by_what_is_drawn_before_them(tmp_path):
    """Seven or ten methods share each prepared table; each of four that draw first has its own."""
    seven = planned(tmp_path / "seven", list(SINGLE_VALUE_METHODS))
    assert (seven["prepare"], seven["impute"]) == (5_184, 36_288)
    every = planned(tmp_path / "every", "all")
    assert (every["prepare"], every["impute"]) == (5 * 5_184, 72_576)
    assert every["preprocess"] == 72


def test_prepared_tables_of_a_sample_are_counted_alike(tmp_path):
    """A drawn block of fourteen methods has five prepared tables."""
    counts = planned(tmp_path / "study", ["all"], sample=14)
    assert (counts["prepare"], counts["impute"]) == (5, 14)


def test_corrected_methods_share_prepared_tables(tmp_path):
    """With a seed for each step (D6) what a method draws first leaves rows and features alone."""
    counts = planned(tmp_path / "study", "all", protocol="corrected")
    assert (counts["prepare"], counts["impute"]) == (5_184, 72_576)


def test_costly_methods_are_estimated_so():
    """The estimate grows with the completed tables to train on and with their making."""
    seconds = {name: PIPELINE.estimate_seconds("rf", {"imputation": name}) for name in METHODS}
    cheap = {seconds[name] for name in SINGLE_VALUE_METHODS}
    assert len(cheap) == 1
    assert all(seconds[name] > max(cheap) for name in MODEL_BASED_METHODS)
    assert max(seconds, key=seconds.get) == "missForest"


@pytest.mark.parametrize("name", METHODS)
def test_code_of_a_method_is_its_own_file_and_what_it_shares(name):
    """A change of one method's file leaves the fingerprints of the others alone."""
    digests = {n: PIPELINE.code_digests("lr", {"imputation": n})["impute"] for n in METHODS}
    assert [n for n, digest in digests.items() if digest == digests[name]] == [name]


def test_only_single_value_methods_use_what_training_estimated():
    """Under protocol amiss its other methods complete test tables by themselves (D7)."""
    reading = {
        name for name, method in METHODS.items() if method.test_depends_on is Dependence.ESTIMATES
    }
    assert reading == {*SINGLE_VALUE_METHODS, *BEYOND_AMISS}


def test_no_input_is_read_for_its_digest_alone(tmp_path, monkeypatch):
    """Whoever reads it takes its digest, for tasks and source; a second run takes none."""
    hashed: list[str] = []
    plain = fingerprint.digest_of_input

    def counting(path: Path) -> str:
        hashed.append(path.name)
        return plain(path)

    for module in ("gridrun.study._input_digests", "amiss_tasks.stages.files.digests"):
        monkeypatch.setattr(f"{module}.digest_of_input", counting)
    study = gridrun.open_study(write_small_study(tmp_path, classifiers=["lr"], folds=1))
    study.run(backend="inprocess")
    study.run(backend="inprocess", folds=2)
    study.describe()
    assert not hashed


def test_an_input_packed_anew_is_the_same_input(tmp_path):
    """Gzip in place of text, of another level, or unpacked again: nothing is to be run."""
    study = write_small_study(tmp_path, classifiers=["lr"], folds=1)
    gridrun.open_study(study).run(backend="inprocess")
    vcf, snv = (next(tmp_path.rglob(name)) for name in ("variants.vcf", "cadd_snv.tsv"))
    text = vcf.read_bytes()
    for packed in (gzip.compress(text), gzip.compress(text, 1), text):
        vcf.write_bytes(packed)
        assert gridrun.open_study(study).plan().pending == 0
    snv.write_bytes(gzip.compress(snv.read_bytes()))
    assert gridrun.open_study(study).plan().pending == 0
    vcf.write_bytes(gzip.compress(text.replace(b"Pathogenic", b"Benign", 1)))
    assert gridrun.open_study(study).plan().pending == 1


def test_inputs_are_those_that_reading_takes():
    """Every role has a sentence for `gridrun init`, an example, and one for `gridrun predict`."""
    from amiss_tasks.features.feature_set import TABLES
    from amiss_tasks.stages.read._open import ROLES
    from amiss_tasks.stages.splits.split_by import NEWER_KEY

    assert tuple(PIPELINE.inputs) == (*ROLES, TABLES, NEWER_KEY)
    assert all(role.description and role.example for role in PIPELINE.inputs.values())
    # nothing is predicted with the file that a study tests on
    assert [name for name, role in PIPELINE.inputs.items() if not role.predicted] == [NEWER_KEY]


def test_predictions_take_inputs_by_position_or_by_role(monkeypatch, tmp_path):
    """As before roles were the pipeline's: model, VCF, tables, file; or each by its name."""
    from gridrun import api, predict_variants

    asked = []
    monkeypatch.setattr(api, "predict", lambda *arguments, **_: asked.append(arguments))
    file = tmp_path / "p.csv"
    predict_variants("m", "a.vcf", "s.tsv", "i.tsv", str(file))
    predict_variants("m", vcf="a.vcf", cadd_snv="s.tsv", cadd_indel="i.tsv", file=file)
    predict_variants("m", "a.vcf", "s.tsv", cadd_indel="i.tsv", file=file)
    assert asked == [asked[0]] * 3
    _, model, inputs, target = asked[0]
    assert (str(model), target) == ("m", file)
    assert inputs == {"vcf": "a.vcf", "cadd_snv": "s.tsv", "cadd_indel": "i.tsv"}
    predict_variants("m", "a.vcf", file=file)
    assert asked[-1][2] == {"vcf": "a.vcf"}
    for given, named in (
        (("a.vcf", "s.tsv"), {}),
        ((), {"cadd_snv": "s", "cadd_indel": "i"}),
        (("a.vcf", "s.tsv", "i.tsv", "p", "more"), {}),
        ((), {"vcf": "a", "cadd_snv": "s", "cadd_indel": "i", "cad": "x"}),
        (("a", "s", "i"), {"vcf": "a"}),
    ):
        with pytest.raises(UserError, match="predictions need vcf, cadd_snv, cadd_indel"):
            predict_variants("m", *given, **named)
