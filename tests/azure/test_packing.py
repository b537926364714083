"""Units into shards, shards into sweeps: within Azure's caps, balanced, nothing lost."""

import dataclasses

import pytest

from backends.azureml import _about
from backends.azureml._pack import MOST_SHARDS, Sizing, cores_of, pack, shard_count
from gridrun.study import AzureSettings
from gridrun.testing.units import toy_units

(ONE,) = toy_units(1, 1)


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
    quote = _about.quote(settings, units(6000, seconds=300.0))
    work = 6000 * 300 / 16 / 3600
    starts = quote.shards * _about.START_SECONDS / 3600
    assert quote.node_hours == pytest.approx(work + starts)
    assert quote.cost == pytest.approx(0.5 * quote.node_hours)
    assert quote.wall_hours == pytest.approx(quote.node_hours / 10)
    assert (quote.tasks, quote.units, quote.sweeps, quote.cores) == (6000, 6000, 1, 16)
