"""The JSON Schema of study.yaml, held against the reader by a validator that is not ours."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML
from toystudies import SMALL_GRID, TOY
from typer.testing import CliRunner

from amiss_tasks.pipeline import PIPELINE
from gridrun.cli import app
from gridrun.errors import InputError
from gridrun.pipeline import load_pipeline
from gridrun.study import KEYS, load_study
from gridrun.study.backend_keys import backend_keys
from gridrun.study.schema import study_schema
from gridrun.study.template import study_text

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(ROOT.glob("examples/*/study.yaml"))
SCHEMA = study_schema(PIPELINE)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def plain(text):
    """YAML 1.2 as plain data, as an editor has it."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


def is_valid(data):
    return VALIDATOR.is_valid(data)


def wrong(data):
    return [error.message for error in VALIDATOR.iter_errors(data)]


GRID = {
    "transcript": "canonical",
    "quality": ["clingen", "onestar"],
    "restriction": "missense",
    "vus_inclusion": "exclude",
    "categorical": "dummy",
    "imputation": ["zero_imp", "mean_imp"],
    "downsampling": "off",
    "hyperparameter_search_type": "grid",
    "nonzero_variance_check": "on",
    "correlation_check": "off",
    "training_data_sampling_percentage": 1,
    "feature_sampling_percentage": [0.33, 1.0],
}
INPUTS = {"vcf": "v.vcf.gz", "cadd_snv": "s.tsv.gz", "cadd_indel": "i.tsv.gz"}
STUDY = {"inputs": INPUTS, "grid": GRID}
CORRECTED = {"protocol": "corrected"}
AZURE = {"workspace": "config.json", "compute": "cpu", "image": "r/g:1"}


def study(grid=None, without=(), **keys):
    """The study above with other keys; ``grid`` has changes of parameters."""
    changed = copy.deepcopy(STUDY) | keys
    if grid is not None:
        changed["grid"] = changed["grid"] | grid
    return {name: value for name, value in changed.items() if name not in without}


def test_the_schema_is_one():
    """It is a valid schema of draft 7 itself, and says of every key in a sentence what it is."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert all(key["description"].strip() for key in SCHEMA["properties"].values())


def test_the_schema_has_every_key_of_a_study():
    """Its keys are those that the reader knows and docs/study.md lists, each with a rule."""
    page = (ROOT / "docs" / "study.md").read_text("utf-8").partition("## inputs")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert set(SCHEMA["properties"]) == listed == {*KEYS, *PIPELINE.study_keys, *backend_keys()}
    rules = {name: set(key) - {"description"} for name, key in SCHEMA["properties"].items()}
    assert [name for name, words in rules.items() if not words] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_examples_are_valid(path):
    """Every example study of the repository fits the schema."""
    assert wrong(plain(path.read_text("utf-8"))) == []


def test_a_new_study_is_valid():
    """What `gridrun init` writes fits the schema."""
    assert wrong(plain(study_text(PIPELINE, {}, None))) == []
    assert wrong(plain(study_text(PIPELINE, {}, "parameter_grid.json"))) == []


def fragments():
    """Keys of studies that pages show."""
    fenced = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    for page in [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md"]:
        for block in fenced.findall(page.read_text("utf-8")):
            found = plain(block)
            if isinstance(found, dict) and found.keys() <= SCHEMA["properties"].keys():
                yield found


def test_keys_that_pages_show_are_valid():
    """Each part of a study.yaml in the pages fits the schema, beside what it leaves out."""
    shown = [*fragments()]
    assert len(shown) > 10
    for keys in shown:
        whole = STUDY | CORRECTED | keys
        for name, rest in (("grid", GRID), ("azure", AZURE)):
            if isinstance(keys.get(name), dict):
                whole[name] = rest | keys[name]
        assert wrong(whole) == [], keys


def mechanisms(*names):
    return {"shares": [0, 0.5], "mechanisms": [*names]}


def cases():
    """Studies, good and bad: what of them a reader of the file alone can tell."""
    yield from (
        study(),
        study(grid={"imputation": "all"}),
        study(grid={"imputation": ["gower_knn"]}),
        study(grid={"imputation": ["gower_knn"]}, **CORRECTED),
        study(grid={"imputation": "mean"}),
        study(grid={"imputation": []}),
        study(grid={"imputation": {"a": 1}}),
        study(grid={"imputation": [["zero_imp"]]}),
        study(grid={"transcript": ["mane", "canonical"]}),
        study(grid={"transcript": "mane"}, **CORRECTED),
        study(grid={"downsampling": True}),
        study(grid={"training_data_sampling_percentage": 0.5}),
        study(grid={"training_data_sampling_percentage": "0.33"}),
        study(grid={"unknown": 1}),
        study(grid={"folds": 3}),
        study(grid={"added_missingness": [0]}),
        study(grid={"added_missingness": [0]}, added_missingness=[0, 0.1]),
        study(grid={"indicators": "on"}),
        study(without=["grid"]),
        study(without=["inputs"]),
        study(without=["inputs"], folder={"inputs": INPUTS}),
        study(without=["inputs"], azure=AZURE | {"data": {"datastore": "d"} | INPUTS}),
        study(without=["inputs"], folder={"workers": 4}),
        study(inputs={"vcf": "v.vcf"}, features="meta2026"),
        study(inputs={"vcf": "v.vcf", "cadd_snv": "s.tsv"}),
        study(inputs={"cadd_snv": "s.tsv", "cadd_indel": "i.tsv"}),
        study(inputs=INPUTS | {"annotations": {"am": "a.tsv"}}),
        study(inputs=INPUTS | {"annotations": {"a.m": "a.tsv"}}),
        study(inputs=INPUTS | {"annotations": {}}),
        study(inputs=INPUTS | {"annotations": "a.tsv"}),
        study(inputs=INPUTS | {"bam": "a.bam"}),
        study(inputs=INPUTS | {"vcf": ["v.vcf"]}),
        study(inputs="v.vcf"),
        study(folds=0),
        study(folds=10),
        study(folds="10"),
        study(folds=10_001),
        study(seed=-1),
        study(seed=2**31 - 1),
        study(seed=2**31),
        study(protocol="amis"),
        study(protocol=None),
        study(classifiers=["rf", "lr"]),
        study(classifiers="rf"),
        study(classifiers=[]),
        study(classifiers=["svm"]),
        study(classifiers=["pattern_lr"]),
        study(classifiers=["pattern_lr"], **CORRECTED),
        study(limits={"task_seconds": 60}),
        study(limits={"read": {"memory": "1.5 GB"}}),
        study(limits={"task_seconds": 0}),
        study(limits={"task": {"seconds": 60, "memory": "1.5 GB"}, "impute": {"seconds": 5}}),
        study(limits={"imputation=zero_imp": {"seconds": 5}, "classifier=rf": {"memory": "1GiB"}}),
        study(limits={"task": {}}),
        study(limits={"task": {"memory": 4}}),
        study(limits={"task": {"memory": "4"}}),
        study(limits={"read_all": {"seconds": 5}}),
        study(limits={"filter": {"seconds": 5}}),
        study(limits={"seconds": 60}),
        study(limits={"read": {"memory": 2}}),
        study(limits={"read": {"memory": "2 GiB"}}),
        study(limits={"read": "2 GB"}),
        study(limits=60),
        study(sample=10),
        study(sample=0),
        study(sample={"design": "balanced", "blocks": 20}),
        study(sample={"design": "random", "combinations": 20}),
        study(sample={"blocks": 20}),
        study(sample={"design": "balanced"}),
        study(sample={"design": "best", "blocks": 20}),
        study(sample={"blocks": 0}),
        study(sample={"blocks": 20, "combinations": 20}),
        study(sample={"block": 20}),
        study(sample={}),
        study(sample=[20]),
        study(report={"reference": "zero_imp", "equivalence": 0.02}),
        study(report={"equivalence": 0}),
        study(report={"equivalence": 0.6}),
        study(report={"reference": ["zero_imp"]}),
        study(report={"references": "zero_imp"}),
        study(report="zero_imp"),
        study(report={}),
        study(sample={"design": "balanced", "blocks": 20}),
        study(sample={"combinations": 20}),
        study(sample={"design": "balanced"}),
        study(sample={"design": "even", "blocks": 20}),
        study(sample={"blocks": 20, "combinations": 140}),
        study(sample={"blocks": 0}),
        study(sample={"block": 20}),
        study(rows=1.5),
        study(fold=3),
        study(imputation="zero_imp"),
        study(csq_of_other_alleles="leave_out"),
        study(csq_of_other_alleles="leave out"),
        study(evaluate="hold-out", folds=1),
        study(evaluate="holdout"),
        study(predictions="yes"),
        study(predictions=False),
        study(predictions=1),
        study(predictions="maybe"),
        study(switches={"D7": "corrected", "d6": "amiss", "dummy_columns": "corrected"}),
        study(switches={"D7": "on"}),
        study(switches={"D99": "amiss"}),
        study(switches={"D18": "amiss"}),
        study(clnsig="clinvar2026"),
        study(clnsig="clinvar"),
        study(clnsig={"use": "clinvar2026", "Uncertain_risk_allele": "uncertain"}),
        study(clnsig={"Uncertain_risk_allele": "maybe"}),
        study(clnsig={"use": "amiss"}),
        study(clnsig={}),
        study(added_missingness=[0, 0.1, 0.5]),
        study(added_missingness="yes"),
        study(added_missingness=0.3),
        study(added_missingness=[10, 20]),
        study(added_missingness=1),
        study(added_missingness=0),
        study(added_missingness=True),
        study(added_missingness=False),
        study(added_missingness=[]),
        study(added_missingness=mechanisms("MCAR", "MNAR")),
        study(added_missingness=mechanisms("MCR")),
        study(added_missingness={"mechanisms": ["MAR"]}),
        study(feature_groups=["all", {"without": "conservation"}], **CORRECTED),
        study(feature_groups=[{"only": ["conservation", "protein"]}], **CORRECTED),
        study(feature_groups=["all", "without conservation"], **CORRECTED),
        study(feature_groups=[{"only": "protein", "without": "meta"}], **CORRECTED),
        study(feature_groups=["some"], **CORRECTED),
        study(feature_groups=[], **CORRECTED),
        study(indicators=["off", "on"], **CORRECTED),
        study(indicators="both", **CORRECTED),
        study(split_by="gene", **CORRECTED),
        study(split_by=["variant", {"gene": "Gene"}], **CORRECTED),
        study(split_by={"gene": "SYMBOL"}, **CORRECTED),
        study(split_by={"gene": "HGNC"}, **CORRECTED),
        study(split_by={}, **CORRECTED),
        study(split_by="row", **CORRECTED),
        study(own_methods={"my": "my.R"}, grid={"imputation": ["my", "zero_imp"]}),
        study(own_methods={"my": {"file": "my.R", "hyperparameters": {"k": [1, 5]}}}),
        study(own_methods={"1my": "my.R"}),
        study(own_methods={"my": {"hyperparameters": {"k": 1}}}),
        study(own_methods={"my": {"file": "my.R", "parameters": {"k": 1}}}),
        study(own_methods=["my.R"]),
        study(own_classifiers={"mine": "mine.R"}, classifiers=["mine"]),
        study(own_classifiers={"mine": {"file": "mine.R", "accepts_missing": True}}),
        study(own_classifiers={"mine": {"file": "mine.R", "accepts_missing": "yes"}}),
        study(folder={"path": "p", "workers": 3, "shard_minutes": 5, "lease_seconds": 60}),
        study(folder={"workers": 0}),
        study(folder={"worker": 3}),
        study(folder="p"),
        study(slurm={"partition": "short", "cpus": 4, "hours": 2, "memory": "8 GB"}),
        study(slurm={"hours": {"least": 1, "most": 12}, "memory": {"most": "8 GB"}}),
        study(slurm={"options": "--constraint=avx2", "setup": "module load R\nulimit -c 0"}),
        study(slurm={"hours": "2:00:00"}),
        study(slurm={"hours": {"lest": 1}}),
        study(slurm={"cpus": 0}),
        study(slurm={"memory": 8}),
        study(slurm={"options": ""}),
        study(azure=AZURE),
        study(azure=AZURE | {"dockerfile": "Dockerfile"}),
        study(azure={"workspace": "config.json", "compute": "cpu"}),
        study(azure=AZURE | {"compute": {"name": "cpu", "vm_size": "D16", "low_priority": True}}),
        study(azure=AZURE | {"compute": {"vm_size": "D16"}}),
        study(azure=AZURE | {"compute": {"name": "cpu", "low_priority": "yes"}}),
        study(azure=AZURE | {"workspace": {"subscription": "s", "name": "w"}}),
        study(azure=AZURE | {"max_concurrent": 101}),
        study(azure=AZURE | {"max_concurrent": 101, "sdk": "v2"}),
        study(azure=AZURE | {"max_concurrent": 1001, "sdk": "v2"}),
        study(azure=AZURE | {"sdk": "v3"}),
        study(azure=AZURE | {"compute": "serverless", "sdk": "v1"}),
        study(azure=AZURE | {"compute": {"name": "serverless", "vm_size": "D16"}, "sdk": "v1"}),
        study(azure=AZURE | {"compute": {"name": "serverless", "vm_size": "D16"}, "sdk": "v2"}),
        study(azure=AZURE | {"sign_in": "password"}),
        study(azure=AZURE | {"tags": {"who": "me", "n": 3}}),
        study(azure=AZURE | {"policy": {"name": "bandit", "slack_factor": 0.1}}),
        study(azure=AZURE | {"policy": {"name": "median_stopping", "slack_factor": 0.1}}),
        study(azure=AZURE | {"sweep_hours": 721}),
    )


IDENTITY = "impute_train <- function(data, params, seed) data\n"


def test_schema_and_reader_agree(tmp_path, monkeypatch):
    """What the reader refuses in a study file, the schema refuses, and takes all else."""
    # installed packages are asked once, not for each study
    brought = backend_keys()
    monkeypatch.setattr("gridrun.study._study.backend_keys", lambda _=(): brought)
    (tmp_path / "my.R").write_text(IDENTITY)
    (tmp_path / "mine.R").write_text("fit <- function(x, y) list()\n")
    file = tmp_path / "study.yaml"
    disagreed, refused = [], 0
    for case in cases():
        file.write_text(json.dumps(case))
        try:
            load_study(file, PIPELINE)
            said = []
        except InputError as error:
            said = [fault.message for fault in error.faults]
            refused += 1
        if is_valid(case) == bool(said):
            differing = {key: case.get(key) for key in case if case[key] != STUDY.get(key)}
            disagreed.append((differing, said, wrong(case)))
    assert disagreed == []
    assert refused > 50


def test_another_pipeline_has_its_own_schema():
    """Keys, inputs, values and classifiers of the schema are the pipeline's that is named."""
    ran = CliRunner().invoke(app, ["params", "--schema", "--pipeline", TOY])
    assert ran.exit_code == 0, ran.output
    schema = json.loads(ran.output)
    assert schema == json.loads(json.dumps(study_schema(load_pipeline(TOY))))
    validator = jsonschema.Draft7Validator(schema)
    toy = {"inputs": {"table": "a.txt", "labels": "b.txt"}, "grid": SMALL_GRID}
    assert validator.is_valid(toy)
    assert not validator.is_valid(toy | {"features": "meta2026"})
    assert not validator.is_valid(toy | {"inputs": {"vcf": "a.vcf"}})
    assert "features" not in schema["properties"]
