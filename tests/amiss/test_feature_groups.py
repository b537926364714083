"""The key feature_groups of study.yaml: forms, mistakes, and which features combinations have."""

import pytest
from amissstudies import amiss_values, load_made, state_of

from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.groups import groups_of, in_group
from amiss_tasks.protocols import protocol_of
from amiss_tasks.stages.feature_groups import FEATURE_GROUPS, refuse_protocol
from gridrun.errors import InputError
from gridrun.pipeline import Settings

GRID = amiss_values(imputation=["mean_imp"])


def load(directory, groups, *lines, **grid):
    key = None if groups is None else f"{FEATURE_GROUPS}: {groups}"
    return load_made(directory, GRID | grid, key, *lines)


def contexts(study):
    return {context.digest for context in state_of(study).tables.contexts}


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("all", ["all"]),
        ("[all, {without: conservation}]", ["all", "without conservation"]),
        ("[{only: [protein, conservation]}]", ["only protein+conservation"]),
        ("[only protein+conservation, all]", ["only protein+conservation", "all"]),
        ("{without: [frequency, frequency]}", ["without frequency"]),
        ("[all, all]", ["all"]),
    ],
)
def test_groups_become_the_last_axis_of_the_grid(tmp_path, written, values):
    """Every form gives its values as tables show them; a grid that names none has all."""
    study = load(tmp_path, written)
    assert study.grid.names[-1] == FEATURE_GROUPS
    assert study.grid.allowed()[FEATURE_GROUPS] == tuple(values)
    assert [note.message for note in study.notes if "more than once" in note.message] == (
        [f'key "{FEATURE_GROUPS}" has "all" more than once; it is counted once']
        if written == "[all, all]"
        else []
    )


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("[]", ("an empty list", "{without: GROUP}")),
        ("[3]", ("has 3", "{only: [GROUP, GROUP]}")),
        ("[protein]", ('has "protein"', "{without: GROUP}")),
        ("[without]", ('has "without"',)),
        ("[{without: []}]", ("without", "{without: GROUP}")),
        ("[{only: [3]}]", ("only", "{only: [GROUP, GROUP]}")),
        ("[{only: protein, without: meta}]", ("give one of only and without",)),
        ("[{but: protein}]", ('unknown key below feature_groups "but"',)),
        ("[{without: conservaton}]", ('"conservaton"', 'did you mean "conservation"?', "splicing")),
        ("[only consequence]", ('"only consequence" leaves no numeric feature',)),
    ],
)
def test_mistakes_have_a_line_and_advice(tmp_path, written, parts):
    """Each names the line, what is wrong, and the groups that the features have."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, written)
    text = caught.value.text()
    assert "study.yaml:3" in text
    assert [part for part in parts if part not in text] == []


def test_all_mistakes_come_together(tmp_path):
    """An unknown group hides no other fault of the study."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, "[{without: nothing}]", "folds: -1")
    assert len(caught.value.faults) == 2


def test_amiss_s_features_have_one_group_each():
    """Nine groups make up the fifty features; taking one out leaves the others in their order."""
    groups = groups_of(AMISS)
    assert sum(map(len, groups.values())) == len(AMISS.features) == 50
    for group in groups:
        left = in_group(AMISS, f"without {group}").features
        alone = in_group(AMISS, f"only {group}").features
        assert sorted([*left, *alone], key=AMISS.features.index) == list(AMISS.features)
    assert in_group(AMISS, "only protein+meta").numeric == (
        *("SIFT_score", "MutationTaster_score", "MutationAssessor_score", "FATHMM_score"),
        *("PROVEAN_score", "MutPred_score", "fathmm.MKL_coding_score"),
    )
    assert in_group(AMISS, "all") is AMISS


def test_upstream_s_protocol_is_refused():
    """Its rows depend on the features that are drawn, so groups would not be compared."""
    options = {FEATURE_GROUPS: {"file": "study.yaml", "values": [["all", 4]]}}
    refuse_protocol(options, protocol_of(Settings({}, "corrected", 1)))
    with pytest.raises(InputError, match="own \\(D6\\)\n  set protocol: corrected") as caught:
        refuse_protocol(options, protocol_of(Settings({}, "amiss", 1)))
    assert caught.value.faults[0].line == 4


def test_contexts_hold_what_groups_stand_for(tmp_path):
    """Another value leaves what is done alone; a tag that moves a feature does not."""
    features = (
        "- {{name: A, source: {{vep: A}}, type: numeric, tags: [a{}]}}\n"
        "- {{name: B, source: {{vep: B}}, type: numeric, tags: [b]}}\n"
    )
    found = []
    for number, (tag, groups) in enumerate(
        [("", "[all, without a]"), ("", "[all, without a, without b]"), (", b", "[all, without a]")]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        (directory / "f.yaml").write_text(features.format(tag))
        found.append(contexts(load(directory, groups, "features: f.yaml")))
        if number == 0:
            plain = contexts(load(directory, None, "features: f.yaml"))
    assert found[0] == found[1]
    assert found[0].isdisjoint(found[2])
    assert found[0].isdisjoint(plain)
