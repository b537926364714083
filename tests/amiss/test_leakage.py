"""Studies whose results are optimistic on noise say so (D9); others have tables as upstream's."""

from dataclasses import replace

import pytest
from amissstudies import golden_study

import gridrun
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.study.leakage import frequency_notes
from amiss_tasks.testing import GRID
from gridrun.pipeline import Settings

SAID = "D9: variants in training and test"


def caveats(protocol: str, *transcripts: str, **switches: str):
    settings = Settings({}, protocol, 1, options={"switches": switches})
    return PIPELINE.caveats(settings, {"transcript": transcripts})


@pytest.mark.parametrize(
    ("protocol", "switches", "leaks"),
    [
        ("amiss", {}, True),
        ("amiss", {"split_by": "corrected"}, False),
        ("amiss", {"fold_shares": "corrected"}, True),
        ("corrected", {}, False),
        ("corrected", {"split_by": "amiss"}, True),
    ],
)
def test_what_splits_rows_of_all_transcripts_leaks(protocol, switches, leaks):
    """By the switch of D9 and by keep_all, whatever the protocol is called."""
    for transcripts in (("keep_all",), ("canonical", "keep_all")):
        assert bool(caveats(protocol, *transcripts, **switches)) is leaks
    assert not caveats(protocol, "canonical", **switches)


def test_the_column_names_the_combinations_with_all_transcripts():
    """Canonical rows of the same study have an empty cell; the note gives the AUC of noise."""
    (caveat,) = caveats("amiss", "canonical", "keep_all")
    assert caveat.of({**GRID, "transcript": "keep_all"}) == SAID
    assert caveat.of({**GRID, "transcript": "canonical"}) == ""
    assert "0.77" in caveat.message
    assert "switches: {split_by: corrected}" in caveat.todo


@pytest.mark.parametrize("transcript", ["canonical", "keep_all"])
def test_only_tables_of_such_a_study_have_the_column(transcript, tmp_path):
    """A study whose grid has keep_all has it, and its plan says so; another has neither."""
    study = gridrun.open_study(
        golden_study(tmp_path / "study", {**GRID, "transcript": transcript}, "protocol: amiss")
    )
    leaks = transcript == "keep_all"
    assert [caveat.column for caveat in study.state().caveats] == ["leakage"] * leaks
    assert any("warning: " in str(n) for n in study.plan(check=False).notes) is leaks


def leaking(leak):
    """Features of amiss, the second of gnomAD's frequencies with this key."""
    return replace(
        AMISS,
        features=tuple(
            replace(f, leak=leak) if f.name == "gnomAD_genomes_AF" else f for f in AMISS.features
        ),
    )


def test_amiss_s_frequencies_are_noted_and_no_more():
    """Tables of amiss's own features stay as they are; a note says what frequencies know."""
    assert not caveats("corrected", "canonical")
    (note,) = frequency_notes(AMISS)
    assert note.message.startswith("gnomAD_exomes_AF, gnomAD_genomes_AF are allele frequencies")
    assert "leak: true" in note.todo
    (note,) = frequency_notes(leaking(leak=False))
    assert note.message.startswith("gnomAD_exomes_AF is an allele frequency")


def test_a_declared_leak_concerns_the_groups_that_have_it():
    """Without groups all combinations; with them those that keep the feature."""
    options = {"features": leaking(leak="by submitters").plain()}
    settings = Settings({}, "corrected", 1, options=options)
    (plain,) = PIPELINE.caveats(settings, {"transcript": ("canonical",)})
    assert plain.of({**GRID}) == "features that leak"
    assert "gnomAD_genomes_AF (by submitters)" in plain.message
    groups = ("all", "without frequency", "only protein")
    (some,) = PIPELINE.caveats(settings, {"transcript": (), "feature_groups": groups})
    assert [bool(some.of({**GRID, "feature_groups": group})) for group in groups] == [
        True,
        False,
        False,
    ]
    assert not PIPELINE.caveats(settings, {"transcript": (), "feature_groups": groups[1:]})
