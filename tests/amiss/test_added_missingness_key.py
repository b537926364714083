"""The key added_missingness of study.yaml: forms, mistakes, and the grid that it widens."""

import pytest
from amissstudies import amiss_values, load_made, state_of

from amiss_tasks.stages.added_missingness import MECHANISM, OPTION, SHARES
from gridrun.errors import InputError
from gridrun.plan.grid import Grid

GRID = amiss_values(restriction="missense", imputation=["mean_imp", "zero_imp"])


def load(directory, added, **grid):
    key = None if added is None else f"{OPTION}: {added}"
    return load_made(directory, GRID | grid, key)


def faults(directory, added, **grid):
    with pytest.raises(InputError) as caught:
        load(directory, added, **grid)
    return [fault.text() for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("written", "shares"),
    [
        ("[0, 0.5]", [0.0, 0.5]),
        ("[0.5, 0.1]", [0.5, 0.1]),
        ("0.25", [0.25]),
        ("0", [0.0]),
        ("{shares: [0.1, 0.9]}", [0.1, 0.9]),
        ("yes", list(SHARES)),
        ("true", list(SHARES)),
        ("{shares: yes}", list(SHARES)),
        ("[0.1, 0.10]", [0.1]),
        ("{shares: [0.1], mechanisms: [MCAR]}", [0.1]),
        ("{shares: 0.1235, mechanisms: MCAR}", [0.1235]),
    ],
)
def test_shares_become_the_last_axis_of_the_grid(tmp_path, written, shares):
    """Every form gives its shares in their order; a grid that does not name them has all."""
    study = load(tmp_path, written)
    assert study.options == {OPTION: shares}
    assert study.grid.names[-1] == OPTION
    assert study.grid.allowed()[OPTION] == tuple(shares)
    assert len(study.grid) == 2 * len(shares)


@pytest.mark.parametrize(
    ("written", "mechanisms"),
    [
        ("[MCAR, MAR, MNAR]", ["MCAR", "MAR", "MNAR"]),
        ("[MNAR, MCAR]", ["MNAR", "MCAR"]),
        ("MAR", ["MAR"]),
        ("[MAR, MAR]", ["MAR"]),
    ],
)
def test_mechanisms_become_an_axis_behind_the_shares(tmp_path, written, mechanisms):
    """Where there is another than MCAR, the grid has all of them, each with every share."""
    study = load(tmp_path, f"{{shares: [0, 0.5], mechanisms: {written}}}")
    assert study.options == {OPTION: {"shares": [0.0, 0.5], "mechanisms": mechanisms}}
    assert study.grid.names[-2:] == (OPTION, MECHANISM)
    assert study.grid.allowed()[MECHANISM] == tuple(mechanisms)
    assert len(study.grid) == 2 * 2 * len(mechanisms)


def test_a_grid_may_take_some_of_the_mechanisms(tmp_path):
    """The grid's own list narrows that of the key, and may not go beyond."""
    both = "{shares: [0.5], mechanisms: [MCAR, MAR]}"
    found = load(tmp_path / "a", both, **{MECHANISM: ["MAR"]}).grid.allowed()[MECHANISM]
    assert found == ("MAR",)
    (fault,) = faults(tmp_path / "b", both, **{MECHANISM: ["MNAR"]})
    assert f'parameter "{MECHANISM}" has unknown value "MNAR"' in fault


def test_what_stands_for_more_or_less_than_is_written_is_told(tmp_path):
    """A yes is spelt out, a share that is given twice is counted once."""
    assert "stands for 9 shares: 0.1, 0.2" in load(tmp_path / "a", "yes").notes[0].message
    (note,) = load(tmp_path / "b", "[0.1, 0.1]").notes
    assert "has 0.1 more than once" in note.message
    (note,) = load(tmp_path / "c", "{shares: [0.1], mechanisms: [MAR, MAR]}").notes
    assert "mechanisms has MAR more than once" in note.message


def test_a_grid_may_take_some_of_the_shares(tmp_path):
    """The grid's own list of shares narrows those of the key, and may not go beyond."""
    assert load(tmp_path / "a", "[0, 0.1, 0.5]", **{OPTION: [0, 0.5]}).grid.allowed()[OPTION] == (
        0.0,
        0.5,
    )
    (fault,) = faults(tmp_path / "b", "[0.1, 0.5]", **{OPTION: [0.2]})
    assert f'parameter "{OPTION}" has unknown value 0.2' in fault


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("[10, 0.2]", ["the number 10, which is not a share", "did you mean 0.1?"]),
        ("['0.2']", ['the text "0.2"', "did you mean 0.2?"]),
        ("50%", ['the text "50%"', "did you mean 0.5?"]),
        ("['1%']", ["did you mean 0.01?"]),
        ("[1.5]", ["the number 1.5, which is not a share\n  give shares"]),
        ("[1]", ["nothing would be left"]),
        ("1", ["nothing would be left"]),
        ("[-0.1]", ["the number -0.1", "give shares from 0"]),
        ("[.nan]", ["which is not a share", "give shares"]),
        ("[[0.1]]", ["a list, which is not a share"]),
        ("[]", ["empty list"]),
        ("no", ["remove the key"]),
        ("null", ["remove the key"]),
        ("{share: [0.1]}", ['unknown key below added_missingness "share"', '"shares"']),
        ("{}", ["has no shares"]),
        ("{shares: [0.1], mechanisms: [mar]}", ['unknown value "mar"', 'did you mean "MAR"?']),
        ("{shares: [0.1], mechanisms: [NMAR]}", ["known values: MCAR, MAR, MNAR"]),
        ("{shares: [0.1], mechanisms: []}", ["mechanisms has an empty list"]),
        ("{shares: [0.1], mechanisms: [3]}", ["the number 3, expected a name"]),
        ("{mechanisms: [MAR]}", ["has no shares"]),
        (
            "{shares: [0.1235], mechanisms: [MCAR, MAR]}",
            ["takes three decimals for MAR", "give 0.123"],
        ),
        (str([n / 100 for n in range(16)]), ["at most 15"]),
    ],
)
def test_mistakes_are_told_with_line_and_advice(tmp_path, written, words):
    """Each fault names the study file's line, what is wrong and what could be meant."""
    text = "\n".join(faults(tmp_path, written))
    assert f"{tmp_path}/study.yaml:3: " in text
    assert [word for word in words if word not in text] == []


def test_the_key_below_grid_is_shown_where_to_go(tmp_path):
    """Shares below grid without the key are no parameter; the message says where they go."""
    (fault,) = faults(tmp_path, None, **{OPTION: [0.1]})
    assert f'"{OPTION}" is a key of the study, not a parameter of the grid' in fault
    assert "beside the key grid" in fault


def test_tasks_of_a_study_with_the_key_are_not_those_without(tmp_path):
    """Codes of thirteen parameters mean others than those of twelve, so contexts differ."""
    spaces = [state_of(load(tmp_path / str(n), added)) for n, added in enumerate((None, "[0]"))]
    plain, added = ({c.digest for c in space.tables.contexts} for space in spaces)
    assert plain.isdisjoint(added)


def test_tasks_with_mechanisms_are_not_those_of_shares_alone(tmp_path):
    """A parameter more makes other codes; MCAR alone is no parameter, and the same tasks."""
    added = ("[0.5]", "{shares: 0.5, mechanisms: MCAR}", "{shares: 0.5, mechanisms: [MCAR, MAR]}")
    spaces = [state_of(load(tmp_path / str(n), data)) for n, data in enumerate(added)]
    shares, mcar, mar = ({c.digest for c in space.tables.contexts} for space in spaces)
    assert shares == mcar
    assert shares.isdisjoint(mar)


def test_another_share_leaves_what_is_done_alone(tmp_path):
    """Contexts and codes of the shares that there were stay when one is added behind them."""
    few = state_of(load(tmp_path / "a", "[0, 0.1]"))
    more = state_of(load(tmp_path / "b", "[0, 0.1, 0.2]"))
    assert_grown(few, more)


def test_another_mechanism_leaves_what_is_done_alone(tmp_path):
    """Contexts and codes of the mechanisms that there were stay when one is added behind them."""
    few = state_of(load(tmp_path / "a", "{shares: [0, 0.1], mechanisms: [MAR, MNAR]}"))
    more = state_of(load(tmp_path / "b", "{shares: [0, 0.1], mechanisms: [MAR, MNAR, MCAR]}"))
    assert_grown(few, more)


def assert_grown(few, more):
    """One study's tasks are a part of the other's."""
    assert {c.digest for c in few.tables.contexts} == {c.digest for c in more.tables.contexts}
    for before, after in zip(few.tables.tables, more.tables.tables, strict=True):
        assert set(before.codes.tolist()) < set(after.codes.tolist())


def test_fourteen_methods_and_more_fit_beside_the_shares(tmp_path):
    """A thirteenth parameter leaves imputation room for a thousand methods of the user's own."""
    space = state_of(load(tmp_path, "yes", imputation="all"))
    grid, book = space.study.grid, space.book
    own = tuple(f"own_{number}" for number in range(1000))
    values = [own if name == "imputation" else held for name, held in grid.allowed().items()]
    book.learn(Grid(grid.names, tuple(values)))
    assert book.mask(["imputation"]).bit_count() == 10
    assert book.mask(grid.names) < 2**63
