"""Features files: what they may say, what it comes to, and what is refused where."""

import json
from pathlib import Path

import pytest

from amiss_tasks.features import feature_set, features_file
from amiss_tasks.features.amiss import AMISS
from amiss_tasks.features.feature import Combination, Source
from amiss_tasks.features.feature_set import Feature, FeatureSet
from amiss_tasks.features.features_file import read_features
from amiss_tasks.r import session as r_session
from amiss_tasks.r.names import r_name
from amiss_tasks.study.keys import STUDY_KEYS
from gridrun.documents import read_document
from gridrun.errors import InputError

EXAMPLE = Path(__file__).parents[2] / "examples" / "features" / "dbnsfp4_cadd16.yaml"

WHOLE = """\
- name: GERP++_RS
  source: {vep: [GERP++_RS, GERP_91_mammals]}
  type: numeric
- name: SIFT_pred
  source:
    vep: SIFT_pred
  type: categorical
  per_transcript: true
  a_priori: none
- {name: Length, source: {cadd: Length}, type: numeric, a_priori: -1}
"""


def features(directory: Path, text: str, name: str = "f.yaml") -> FeatureSet:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return read_features(path).features


def faults(directory: Path, text: str):
    with pytest.raises(InputError) as caught:
        features(directory, text)
    assert caught.value.exit_code == 2
    assert {fault.file for fault in caught.value.faults} == {directory / "f.yaml"}
    return caught.value.faults


def one(name: str = "A", **keys: str) -> str:
    """A list of one numeric feature, and of one more with these keys."""
    keys = {"source": "{cadd: A}", "type": "numeric", **keys}
    text = "".join(f"  {key}: {value}\n" for key, value in keys.items() if value)
    return f"- {{name: Z, source: {{vep: Z}}, type: numeric}}\n- name: {name}\n{text}"


def test_a_whole_list(tmp_path):
    """Each feature has what its keys say, under R's name, in the order of the file."""
    found = features(tmp_path, WHOLE)
    assert found.features == (
        Feature("GERP.._RS", "vep", ("GERP++_RS", "GERP_91_mammals")),
        Feature("SIFT_pred", "vep", ("SIFT_pred",), "categorical", "none", per_transcript=True),
        Feature("Length", "cadd", ("Length",), a_priori=-1.0),
    )
    assert [feature.line for feature in found.features] == [1, 4, 10]
    assert (found.numeric, found.categorical) == (("GERP.._RS", "Length"), ("SIFT_pred",))
    assert (found.beside, found.demanded, found.origin) == ((), (), tmp_path / "f.yaml")


def test_json_says_the_same(tmp_path):
    """The same list as JSON is the same set with the same digest."""
    text = json.dumps(
        [
            {
                "name": "GERP++_RS",
                "source": {"vep": ["GERP++_RS", "GERP_91_mammals"]},
                "type": "numeric",
            },
            {
                "name": "SIFT_pred",
                "source": {"vep": "SIFT_pred"},
                "type": "categorical",
                "per_transcript": True,
                "a_priori": "none",
            },
            {"name": "Length", "source": {"cadd": "Length"}, "type": "numeric", "a_priori": -1},
        ]
    )
    yaml, as_json = features(tmp_path, WHOLE), features(tmp_path, text, "f.json")
    assert as_json == yaml
    assert as_json.digest == yaml.digest


def test_extending_without_a_difference_is_amiss(tmp_path):
    """The list that is extended comes out as it is, with amiss's digest, demanding less."""
    found = features(tmp_path, "extends: amiss\n")
    assert found.features == AMISS.features
    assert found.digest == AMISS.digest
    assert (found.beside, found.demanded) == ((), ())


def test_what_is_different_is_different_and_nothing_else(tmp_path):
    """Dropped features are gone, changed ones keep their place and other keys, added ones end."""
    found = features(
        tmp_path,
        "extends: amiss\n"
        "drop: [LRT_pred, GERP++_NR]\n"
        "change:\n"
        "  - {name: gnomAD_exomes_AF, a_priori: }\n"
        "  - {name: SIFT_score, source: {vep: [SIFT4G_score, SIFT_score]}}\n"
        "  - {name: Dst2SplType, a_priori: none}\n"
        "add:\n"
        "  - {name: REVEL, source: {vep: REVEL_score}, type: numeric}\n",
    )
    kept = [f for f in AMISS.features if f.name not in {"LRT_pred", "GERP.._NR"}]
    assert [f.name for f in found.features] == [*(f.name for f in kept), "REVEL"]
    changed = {new.name: new for new, old in zip(found.features, kept, strict=False) if new != old}
    assert changed == {
        "gnomAD_exomes_AF": Feature("gnomAD_exomes_AF", "vep", ("gnomAD_exomes_AF",)),
        "SIFT_score": Feature(
            "SIFT_score", "vep", ("SIFT4G_score", "SIFT_score"), per_transcript=True
        ),
        "Dst2SplType": Feature("Dst2SplType", "cadd", ("Dst2SplType",), "categorical", "none"),
    }
    assert found.numeric[-1] == "REVEL"


def test_a_source_in_another_file_takes_per_transcript_off(tmp_path):
    """A feature moved to CADD is no list by transcript any more, and keeps its name and place."""
    found = features(
        tmp_path, "extends: amiss\nchange: [{name: SIFT_score, source: {cadd: SIFTval}}]\n"
    )
    assert found.features[0] == Feature("SIFT_score", "cadd", ("SIFTval",))


def test_the_example_reads_columns_that_dbnsfp_4_and_cadd_have(tmp_path):
    """The file in examples/ is sound; no source of the releases that it replaces is left."""
    found = read_features(EXAMPLE).features
    sources = {source for feature in found.features for source in feature.sources}
    assert not {source for source in sources if "20way" in source}
    assert {"phyloP30way_mammalian", "SIFT4G_score", "SpliceAI-don-loss"} <= sources
    assert len(found.features) == len(AMISS.features) - 2 + 7


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("just text\n", 1, ("expected features", "extends: amiss")),
        ("features: []\n", 1, ('without the key "features"', "begins with: - name:")),
        ("feature: []\nextends: amiss\n", 1, ('unknown key "feature"',)),
        ("drop: [SIFT_score]\n", 1, ('key "extends" is missing',)),
        ("extends: amis\n", 1, ('"amis"', "known lists: amiss")),
        ("- SIFT_score\n", 1, ("the text", "expected a feature", "source: {vep:")),
        ("- {source: {vep: A}, type: numeric}\n", 1, ('without the key "name"',)),
        (one(source=""), 2, ('feature "A" has no key "source"',)),
        (one(type=""), 2, ('feature "A" has no key "type"',)),
        (one(name="''"), 2, ('key "name" has the text ""',)),
        (one(name="3"), 2, ('key "name" has the number 3',)),
        (one(source="A"), 3, ('source is "A"', "{vep: CSQ_FIELD}")),
        (one(source="{cad: A}"), 3, ('unknown key "cad"', 'did you mean "cadd"?')),
        (one(source="{vep: A, cadd: A}"), 3, ("needs one of vep, cadd",)),
        (one(source="{}"), 3, ("needs one of vep, cadd",)),
        (one(source="{vep: []}"), 3, ("vep has []",)),
        (one(source="{vep: [A, A]}"), 3, ("column twice",)),
        (one(source="{vep: [A, {B: C}]}"), 3, ("expected columns",)),
        (one(type="number"), 4, ('type is "number"', "numeric, categorical")),
        (one(type="Numeric"), 4, ('did you mean "numeric"?',)),
        (one(a_priori="high"), 5, ('a_priori is "high"', "give a number")),
        (one(a_priori=".inf"), 5, ("a_priori is .inf", "give a number")),
        (one(type="categorical", a_priori="0"), 5, ("a_priori is 0", "in quotes")),
        (one(type="categorical", a_priori="NA"), 5, ('a_priori is "NA"',)),
        (one(per_transcript="yes"), 5, ('per_transcript is "yes"', "true or false")),
        (one(per_transcript="true"), 5, ("CADD has a row for each transcript",)),
        (one(apriori="0"), 5, ('unknown key "apriori"', 'did you mean "a_priori"?')),
        (one(name="Z"), 2, ("occurs twice: lines 1 and 2",)),
        (one(name="CLNSIG"), 2, ("a column that amiss reads anyway",)),
        (one(name="Consequence"), 2, ("CADD's consequence is: name: Consequence.x",)),
        (one(name="Consequence.x"), 2, ("CADD's consequence is",)),
        (one(name="Z_missing"), 2, ("missingness_indicators", '"Z"')),
        ("- {name: Z, source: {vep: Z}, type: categorical}\n", None, ("no numeric feature",)),
        ("[]\n", None, ("no numeric feature",)),
        (one(source="[]"), 3, ("source is an empty list", "[{vep: FIELD}, {cadd: COLUMN}]")),
        (one(source="[{vep: A}, {vep: B}]"), 3, ("names vep more than once", "[FIRST, SECOND]")),
        (one(source="[{vep: A}, B]"), 3, ('source is "B"',)),
        (one(combine="{by: max, of: [{vep: A}, {vep: B}]}"), 5, ("has source and combine",)),
        (one(source="", combine="max"), 4, ("combine has the text", "{by: max, of:")),
        (one(source="", combine="{by: max}"), 4, ('combine has no key "of"',)),
        (one(source="", combine="{by: most, of: [{vep: A}, {vep: B}]}"), 4, ("known ways:",)),
        (one(source="", combine="{by: ratio, of: [{vep: A}]}"), 4, ("of 1 column", "expected two")),
        (
            one(source="", combine="{by: difference, of: [{vep: A}, {vep: B}, {vep: C}]}"),
            4,
            ("difference of 3 columns, expected two",),
        ),
        (one(source="", combine="{by: max, of: [{vep: A}, {vep: A}]}"), 4, ("one column twice",)),
        (
            one(source="", type="categorical", combine="{by: max, of: [{vep: A}, {vep: B}]}"),
            4,
            ("is categorical, combine gives a number",),
        ),
        (one(list="most"), 5, ('list is "most"', "transcript, max, min, first")),
        (one(list="[]"), 5, ("list is empty",)),
        (one(list="[max, min]"), 5, ("the later can never be meant",)),
        (one(list="[transcript, transcript]"), 5, ("the later can never be meant",)),
        (one(list="max", type="categorical"), 5, ("text has no order",)),
        (one(list="transcript"), 5, ("list: transcript is for CSQ fields",)),
        (
            one(source="{vep: A}", per_transcript="true", list="max"),
            6,
            ("per_transcript and list",),
        ),
        (one(**{"as": "position"}), 5, ("as is", "relative_position")),
        (one(type="categorical", **{"as": "relative_position"}), 5, ("is categorical",)),
        (one(tags="[conservation, a+b]"), 5, ('"a+b" is not the name of a group',)),
        (one(tags="all"), 5, ('"all" is not the name of a group',)),
        (one(tags="[3]"), 5, ("3 is not the name of a group",)),
        (one(applies_to="missense"), 5, ('"missense", which is no consequence', "missense_v")),
        (one(leak="3"), 5, ("leak has the number 3", "the reason as text")),
        ("extends: amiss\ndrop: [Sift_score]\n", 2, ('did you mean "SIFT_score"?',)),
        ("extends: amiss\ndrop: [GC, GC]\n", 2, ('"GC" is not, or no longer,',)),
        ("extends: amiss\ndrop: GC\n", 2, ('key "drop" has the text "GC"',)),
        ("extends: amiss\ndrop: [GC]\nchange: [{name: GC}]\n", 3, ("no longer",)),
        ("extends: amiss\nchange: [{name: GC}, {name: GC}]\n", 2, ("changed twice",)),
        (
            "extends: amiss\nadd: [{name: GC, source: {cadd: GC}, type: numeric}]\n",
            2,
            ("is in the list that is extended", "below change"),
        ),
    ],
)
def test_refusals(tmp_path, text, line, parts):
    """What is wrong is said once, at its line, with what to do about it."""
    (fault,) = faults(tmp_path, text)
    assert fault.line == line
    for part in parts:
        assert part in fault.text()


NEWER = """\
- name: REVEL
  source: [{vep: [REVEL_score, REVEL]}, {annotations: {revel: REVEL}}]
  type: numeric
  list: [transcript, max]
  tags: [meta, protein]
  applies_to: [missense_variant]
  leak: trained on ClinVar's labels
- name: SpliceAI
  combine: {by: max, of: [{vep: DS_AG}, [{vep: DS_AL}, {cadd: acc}]]}
  type: numeric
  leak: true
- {name: P, source: {vep: Protein_position}, type: numeric, as: relative_position, leak: false}
"""


def test_what_a_list_can_say_since(tmp_path):
    """Several sources, lists, combinations, positions, groups, consequences and leaks are kept."""
    found = features(tmp_path, NEWER)
    revel, splice, position = found.features
    assert revel.places == (
        Source("vep", ("REVEL_score", "REVEL")),
        Source("annotations.revel", ("REVEL",)),
    )
    assert (revel.lists, revel.tags) == (("transcript", "max"), ("meta", "protein"))
    assert (revel.applies_to, revel.leak) == (("missense_variant",), "trained on ClinVar's labels")
    acc = (Source("vep", ("DS_AL",)), Source("cadd", ("acc",)))
    assert splice.combination == Combination("max", ((Source("vep", ("DS_AG",)),), acc))
    assert (splice.leak, position.leak) == ("no reason is given", False)
    assert position.stands_for == "relative_position"
    assert found.columns_of("vep") == ("REVEL_score", "REVEL", "DS_AG", "DS_AL", "Protein_position")
    assert (found.cadd_columns, found.tables) == (("Consequence", "acc"), ("annotations.revel",))
    back = FeatureSet.from_plain(json.loads(json.dumps(found.plain())))
    assert back == found
    assert back.plain() == found.plain()


def test_tags_consequences_and_leaks_change_no_digest(tmp_path):
    """No result depends on them, so that nothing runs again; every other key changes it."""
    plain = one(source="{vep: A}")
    digest = features(tmp_path, plain).digest
    for more in ({"tags": "[a]"}, {"applies_to": "[missense_variant]"}, {"leak": "true"}):
        assert features(tmp_path, one(source="{vep: A}", **more)).digest == digest
    others = {
        features(tmp_path, text).digest
        for text in (
            plain,
            one(source="[{vep: A}, {cadd: A}]"),
            one(source="{vep: A}", list="max"),
            one(source="{vep: A}", list="min"),
            one(source="{vep: A}", list="[transcript, min]"),
            one(source="{vep: A}", **{"as": "relative_position"}),
            one(source="", combine="{by: max, of: [{vep: A}, {vep: B}]}"),
            one(source="", combine="{by: min, of: [{vep: A}, {vep: B}]}"),
            one(source="", combine="{by: min, of: [{vep: B}, {vep: A}]}"),
        )
    }
    assert len(others) == 9


def test_what_is_known_of_a_feature_survives_a_change(tmp_path, monkeypatch):
    """A set that comes with gridrun is found by name and extended; change names what differs."""
    sets = tmp_path / "sets"
    sets.mkdir()
    for module in (feature_set, features_file):
        monkeypatch.setattr(module, "SETS", sets)
    (sets / "mine.yaml").write_text(NEWER)
    found = features(
        tmp_path,
        "extends: mine\nchange:\n"
        "  - {name: REVEL, source: {vep: REVEL}}\n"
        "  - {name: P, list: first, tags: , leak: true}\n"
        "  - {name: SpliceAI, source: {vep: DS}}\n",
    )
    revel, splice, position = found.features
    assert revel == Feature("REVEL", "vep", ("REVEL",), lists=("transcript", "max"))
    assert (revel.tags, revel.leak) == (("meta", "protein"), "trained on ClinVar's labels")
    assert splice == Feature("SpliceAI", "vep", ("DS",))
    assert (position.lists, position.tags, bool(position.leak)) == (("first",), (), True)
    (fault,) = faults(tmp_path, "extends: other\n")
    assert "known lists: amiss, mine" in fault.text()
    # one that extends itself would have no end
    (sets / "mine.yaml").write_text("extends: mine\n")
    with pytest.raises(InputError, match="known lists: amiss"):
        features_file.features_of_set("mine")


def _key(directory: Path, text: str):
    file = directory / "study.yaml"
    file.write_text(f"features: {text}\n")
    return STUDY_KEYS["features"].read(read_document(file).root.pairs[0][1], file)


def test_a_study_names_a_set(tmp_path, monkeypatch):
    """A bare known name is the set, a path with an ending a file, anything else neither."""
    sets = tmp_path / "sets"
    sets.mkdir()
    for module in (feature_set, features_file):
        monkeypatch.setattr(module, "SETS", sets)
    (sets / "mine.yaml").write_text(NEWER)
    found = _key(tmp_path, "mine")
    assert FeatureSet.from_plain(found.data) == features(sets, NEWER, "mine.yaml")
    (note,) = found.notes
    assert note.message == (
        "3 numeric and 0 categorical features of mine stand in place of amiss's own"
    )
    own = _key(tmp_path, "amiss")
    assert FeatureSet.from_plain(own.data) == AMISS
    assert STUDY_KEYS["features"].fingerprint(own.data) == AMISS.digest
    assert not own.notes
    (tmp_path / "mine").write_text("")
    assert "not the file beside this" in _key(tmp_path, "mine").notes[0].message
    features(tmp_path, WHOLE, "mine.yaml")
    assert len(FeatureSet.from_plain(_key(tmp_path, "mine.yaml").data).categorical) == 1
    with pytest.raises(InputError) as caught:
        _key(tmp_path, "mime")
    assert 'did you mean "mine"? known sets: amiss, mine' in caught.value.text()


def test_names_that_r_makes_equal_are_refused(tmp_path):
    """GERP++_RS and GERP--_RS are one column in R: both lines are named."""
    text = (
        "- {name: GERP++_RS, source: {vep: A}, type: numeric}\n"
        "- {name: GERP--_RS, source: {vep: B}, type: numeric}\n"
    )
    (fault,) = faults(tmp_path, text)
    assert 'feature "GERP.._RS" occurs twice: lines 1 and 2' in fault.message


def test_a_name_that_looks_like_a_level_is_refused(tmp_path):
    """A feature that feature sampling would take for a dummy of another is refused."""
    text = (
        "- {name: SIFT, source: {vep: SIFT_pred}, type: categorical}\n"
        "- {name: SIFT_score, source: {vep: SIFT_score}, type: numeric}\n"
        "- {name: SIFT.score, source: {vep: SIFT_score}, type: numeric}\n"
    )
    (fault,) = faults(tmp_path, text)
    assert fault.line == 3
    assert 'a level of the categorical feature "SIFT"' in fault.message


def test_all_faults_are_named_at_once(tmp_path):
    """Three faults of three kinds come together, in the order of the file."""
    text = one(type="number") + one(name="B", a_priori="x").removeprefix(one().splitlines()[0])
    text += "- {name: CLNSIG, source: {vep: A}, type: numeric}\n"
    assert [fault.line for fault in faults(tmp_path, text)] == [4, 9, 10]


def test_many_faults_are_cut(tmp_path):
    """Of ten thousand faults forty are listed, and how many more there are."""
    found = faults(tmp_path, "- x\n" * 10_000)
    assert len(found) == 41
    assert found[-1].message == "and 9,960 more faults, not listed here"


def test_plain_data_survives_json(tmp_path):
    """A set that went to a worker as JSON is the set that was sent, places included."""
    for sent in (AMISS, features(tmp_path, WHOLE)):
        back = FeatureSet.from_plain(json.loads(json.dumps(sent.plain())))
        assert back == sent
        assert back.origin == sent.origin
        assert [f.line for f in back.features] == [f.line for f in sent.features]
        assert back.digest == sent.digest


def test_digest_is_of_content(tmp_path):
    """Every key changes the digest, place and comments do not."""
    digests = {
        features(tmp_path, text).digest
        for text in (
            one(),
            one(name="B"),
            one(source="{cadd: B}"),
            one(source="{vep: A}"),
            one(source="{cadd: [A, B]}"),
            one(source="{vep: A}", per_transcript="true"),
            one(type="categorical"),
            one(a_priori="0"),
        )
    }
    assert len(digests) == 8
    moved = features(tmp_path, f"# a comment\n\n{one()}", "other.yaml")
    assert moved.digest == features(tmp_path, one()).digest


def test_names_are_those_of_make_names():
    """R itself names columns as r_name does, reserved words and odd beginnings included."""
    names = [
        *("GERP++_NR", "#Chrom", "1000G", "mirSVR-Score", "_a", "-a", ".a", ".1a", "..1", "a b"),
        *("if", "TRUE", "NA", "NA_real_", "in", "function", "a.b_c", "X", "Inf", "T", "", "a/b|c"),
    ]
    session = r_session.start()
    environment = session.environment(session.shared)
    path = Path(__file__).with_name("helpers.R")
    session.source_text(path.read_text(), environment)
    assert session.call(environment, "r_names", names).value.python() == [*map(r_name, names)]
