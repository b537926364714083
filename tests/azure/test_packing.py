"""Units into shards, shards into sweeps: within Azure's caps, balanced, nothing lost."""

import dataclasses
import json
import math

import pytest

from backends.azureml import _estimates
from backends.azureml._children import Child, Patience
from backends.azureml._combinations import by_combination, shard_of
from backends.azureml._pack import MOST_SHARDS, Sizing, cores_of, pack, shard_count
from backends.azureml.node import _child
from backends.azureml.sdk.types import ChildFacts
from backends.azureml.settings import AzureSettings
from gridrun.errors import UserError
from gridrun.pipeline import TaskSpec, load_pipeline
from gridrun.plan.units import Unit
from gridrun.testing.units import toy_units

(ONE,) = toy_units(1, 1)


@pytest.mark.parametrize("state", ["Running", "NotResponding", "Unknown", "Queued", "Completed"])
def test_a_child_that_has_begun_may_be_silent(state):
    """Also one whose node does not answer; none that waits for a node, or has ended."""
    child = Child(news=0.0)
    child.note(ChildFacts("s_0", state), 0.0, {"--shard": [0]})
    has_begun = state in ("Running", "NotResponding", "Unknown")
    assert child.is_silent(11.0, Patience(1.0, 10.0, 1.0)) == has_begun


def units(count, seconds=60.0, blocks=1):
    return [
        dataclasses.replace(ONE, id=f"u{n}", artifact=f"a{n * blocks // count}", seconds=seconds)
        for n in range(count)
    ]


def ids(sweeps):
    return [unit.id for sweep in sweeps for shard in sweep for unit in shard]


@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 2500])
def test_every_unit_is_in_one_shard_and_no_sweep_has_too_many(count):
    """With a shard per unit, 2,500 units are three sweeps of at most 1,000 shards."""
    sweeps = pack(units(count), Sizing(1, 4, shard_seconds=1.0), lambda _: 0)
    assert sorted(ids(sweeps)) == sorted(unit.id for unit in units(count))
    assert all(len(sweep) <= MOST_SHARDS for sweep in sweeps)
    assert len(sweeps) == -(-count // MOST_SHARDS)


def test_shards_are_few_where_work_is_short():
    """A minute of work is one shard, however many nodes there are: a container takes longer."""
    assert shard_count(units(30, seconds=2.0), Sizing(4, 50)) == 1


def test_shards_are_long_where_work_is_long():
    """500 hours on 10 nodes of 16 cores come to shards of at most about an hour, one sweep."""
    work = units(6000, seconds=300.0)
    sweeps = pack(work, Sizing(16, 10), lambda _: 0)
    assert len(sweeps) == 1
    lengths = [sum(unit.seconds for unit in shard) / 16 for shard in sweeps[0]]
    assert 10 * 2 <= len(lengths) <= 60
    assert max(lengths) <= 3700
    assert max(lengths) - min(lengths) <= 300 / 16 + 1


def test_unequal_units_are_balanced():
    """No shard is longer than another by more than its longest unit."""
    work = [
        dataclasses.replace(u, seconds=float(1 + n * 37 % 101)) for n, u in enumerate(units(300))
    ]
    (sweep,) = pack(work, Sizing(1, 4, shard_seconds=1000.0), lambda _: 0)
    lengths = [sum(unit.seconds for unit in shard) for shard in sweep]
    assert max(lengths) - min(lengths) <= 101


def test_artifacts_of_a_sweep_stay_within_the_snapshot():
    """Blocks too large to travel together go in several sweeps, each with few of them."""
    work = units(60, blocks=6)
    sweeps = pack(work, Sizing(1, 4), lambda _: 100, most_bytes=250)
    assert sorted(ids(sweeps)) == sorted(unit.id for unit in work)
    for sweep in sweeps:
        assert len({unit.artifact for shard in sweep for unit in shard}) <= 2


@pytest.mark.parametrize(
    ("size", "cores"),
    [
        ("Standard_D4s_v3", 4),
        ("Standard_F16s_v2", 16),
        ("Standard_E96ads_v5", 96),
        ("Standard_DS3_v2", 4),
        ("Standard_D14_v2", 16),
        ("Standard_NC6", 6),
        ("cpu-cluster", None),
    ],
)
def test_cores_are_read_from_the_name_of_a_size(size, cores):
    """Newer sizes carry the number of processors in their name, the old D series a code."""
    assert cores_of(size) == cores


def test_a_quote_counts_node_hours_and_cost():
    """Cores share the work, each child's start is paid, the price is hours times rate."""
    settings = AzureSettings(
        compute="c", vm_size="Standard_F16s_v2", max_nodes=10, image="i", hourly_rate=0.5
    )
    quote = _estimates.quote(settings, units(6000, seconds=300.0))
    work = 6000 * 300 / 16 / 3600
    starts = quote.shards * _estimates.CHILD_START_SECONDS / 3600
    assert quote.node_hours == pytest.approx(work + starts)
    assert quote.cost == pytest.approx(0.5 * quote.node_hours)
    assert quote.wall_hours == pytest.approx(quote.node_hours / 10)
    assert (quote.tasks, quote.units, quote.sweeps, quote.cores) == (6000, 6000, 1, 16)


def task_units(combinations, classifiers=("rf", "lr"), folds=2):
    """A unit for each task; logistic regression does not read the search type."""
    found = []
    for fold in range(1, folds + 1):
        for values in combinations:
            for name in classifiers:
                own = dict(values)
                if name == "lr":
                    del own["hyperparameter_search_type"]
                task = TaskSpec(1, len(found), fold, name, own)
                found.append(Unit(f"u{len(found)}", "a", (task,), 1.0))
    return found


COMBINATIONS = [
    {"imputation": method, "hyperparameter_search_type": search, "share": share}
    for method in ("zero_imp", "max_imp")
    for search in ("grid", "random")
    for share in (0.33, 1.0)
]


def test_one_child_for_each_combination():
    """Upstream's names are the arguments; each task is in the shard of a combination it serves."""
    units = task_units(COMBINATIONS)
    axes, shards = by_combination(units)
    assert axes == {
        "--imputation": ("zero_imp", "max_imp"),
        "--hyperparameter_search_type": ("grid", "random"),
        "--share": (0.33, 1.0),
    }
    assert len(shards) == len(COMBINATIONS)
    assert sorted(u.id for shard in shards for u in shard) == sorted(u.id for u in units)
    for combination, shard in zip(COMBINATIONS, shards, strict=True):
        for unit in shard:
            assert unit.tasks[0].values.items() <= combination.items()
        assert sum(unit.tasks[0].classifier == "rf" for unit in shard) == 2


def test_a_child_finds_its_shard_however_numbers_are_written():
    """Values come back as text or numbers, 1.0 also as 1; what is no combination is none."""
    axes, _ = by_combination(task_units(COMBINATIONS))
    for number, combination in enumerate(COMBINATIONS):
        given = {f"--{name}": value for name, value in combination.items()}
        assert shard_of(given, axes) == number
        assert shard_of({name: str(value) for name, value in given.items()}, axes) == number
        arguments = [text for name, value in given.items() for text in (name, str(value))]
        assert _child.shard_number(arguments, axes) == number
    given["--share"] = "1"
    assert shard_of(given, axes) == len(COMBINATIONS) - 1
    assert shard_of({**given, "--share": "2"}, axes) is None
    assert shard_of({}, axes) is None


def test_more_than_a_thousand_combinations_are_refused():
    """The count, the cap and what to do instead."""
    many = [
        {"imputation": str(n), "hyperparameter_search_type": "grid", "share": share}
        for n in range(501)
        for share in (0.33, 1.0)
    ]
    with pytest.raises(UserError) as caught:
        by_combination(task_units(many, folds=1))
    for part in ("1,002 combinations", "at most 1,000", "--only"):
        assert part in caught.value.text()


@pytest.mark.parametrize(
    ("rf", "lr", "expected"),
    [
        ([0.2, 0.4], [0.1, 0.1], 0.3),
        ([0.2], [0.6, 0.2], 0.4),
        ([0.2, None], [0.1], math.nan),
        ([0.5], [], 0.5),
        ([], [], math.nan),
    ],
)
def test_the_metric_is_upstreams(tmp_path, monkeypatch, rf, lr, expected):
    """The larger of the two means, with no NA left out; random forest and regression only."""
    lines = [
        json.dumps(
            {
                "event": "TaskDone",
                "task": ["c", 1, 1, name, {}],
                "result": {"rows": [{"MCC": value}]},
            }
        )
        for name, values in (("rf", rf), ("lr", lr), ("xgboost", [0.9]))
        for value in values
    ]
    (tmp_path / "segment-0.jsonl").write_text("\n".join([*lines, '{"rows": 1}']))
    monkeypatch.setattr(_child, "OUT", tmp_path)
    metric = load_pipeline().leading_metric
    assert metric.name == "mcc"
    found = _child.largest_mean(metric.column, list(metric.classifiers))
    assert found == pytest.approx(expected, nan_ok=True)
