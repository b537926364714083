"""Values of CLNSIG that amiss does not know: refused with what to add, or mapped by the study."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest
from amissstudies import preprocess
from inputs import GOLDEN_INPUT, lines_of, write_lines
from ruamel.yaml import YAML

from amiss_tasks.stages.filter import filter_table
from amiss_tasks.stages.filter_mask import filter_mask
from amiss_tasks.stages.read import ReadResult, read_inputs
from amiss_tasks.stages.significance import Significance
from gridrun.errors import InputError

NEW = {
    "Pathogenic": "Pathogenic|risk_factor",
    "Benign": 'Benign|a_new: "word"',
    "Likely_benign": "Conflicting_classifications_of_pathogenicity|other|risk_factor|and_so_on",
}
"""Known value to the unknown one that takes its place in every record."""

MAPPED = dict(zip(NEW.values(), ("positive", "negative", "negative"), strict=True))


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The golden input with three values of CLNSIG in a new spelling."""

    def respell(line: str) -> str:
        return re.sub(
            "(?<=;CLNSIG=)([^;]*)", lambda match: NEW.get(match[1], match[1]), line, count=1
        )

    lines = [respell(line) for line in lines_of(GOLDEN_INPUT["vcf"])]
    path = tmp_path_factory.mktemp("newer") / "clinvar.vcf"
    return {**GOLDEN_INPUT, "vcf": write_lines(path, lines)}


def read(inputs: Mapping[str, str], cache: Path, mapped: Mapping[str, str]) -> ReadResult:
    return read_inputs(inputs, {}, cache, "test", significance=Significance(mapped))


def test_the_message_shows_the_lines_to_add(newer, tmp_path):
    """Each unknown value has count and first line; the lines shown, filled in, are a mapping."""
    with pytest.raises(InputError) as caught:
        read(newer, tmp_path, {})
    faults = caught.value.faults
    assert len(faults) == len(NEW)
    text = caught.value.text()
    records = [line for line in lines_of(newer["vcf"]) if not line.startswith("#")]
    first = len(lines_of(newer["vcf"])) - len(records) + 1
    starred = ("criteria_provided,_s", "criteria_provided,_m", "reviewed", "practice")
    shown = text[text.index("clnsig:") :]
    for value in NEW.values():
        at = [
            number
            for number, line in enumerate(records, first)
            if f";CLNSIG={value};" in f"{line};"
            and any(f"CLNREVSTAT={star}" in line for star in starred)
        ]
        # a variant without a row in CADD is none that the grid can use
        (line,) = (line for line in shown.splitlines() if f"first on line {at[0]}" in line)
        count = int(re.search(r"# (\d+) variants", line)[1])
        assert 0.9 * len(at) < count <= len(at)
    pasted = re.sub(r":(?=  # )", ": drop", shown)
    assert YAML(typ="safe", pure=True).load(pasted) == {
        "clnsig": dict.fromkeys(NEW.values(), "drop")
    }
    assert "positive, negative, uncertain, drop" in text


def test_every_value_is_shown_however_many_there_are(newer, tmp_path):
    """Of sixty unknown values twenty have a fault of their own, and all sixty a line to add."""
    lines = lines_of(newer["vcf"])
    number = 0
    for at, line in enumerate(lines):
        if "single_submitter" in line and number < 60:
            lines[at] = re.sub("(?<=;CLNSIG=)[^;]*", f"new_{number}_", line, count=1)
            number += 1
    inputs = {**newer, "vcf": write_lines(tmp_path / "a.vcf", lines)}
    with pytest.raises(InputError) as caught:
        read(inputs, tmp_path, MAPPED)
    shown = caught.value.text().partition("clnsig:")[2]
    assert caught.value.text().count("is in none of amiss's classes") == 20
    missing = [value for value in range(60) if f'"new_{value}_":  # ' not in shown]
    assert len(missing) < 5, "only those without a row in CADD"
    assert len(missing) + shown.count('"new_') == 60


def test_mapped_values_count_as_what_they_are_mapped_to(newer, tmp_path):
    """With the new spellings mapped, the block is the one of the old spellings."""
    old = read_inputs(GOLDEN_INPUT, {}, tmp_path, "old")
    found = read(newer, tmp_path / "new", MAPPED)
    blocks = [
        preprocess(
            filter_table(result, "canonical", "onestar", "all", significance),
            "exclude",
            "dummy",
            significance=significance,
        )
        for result, significance in ((old, Significance()), (found, Significance(MAPPED)))
    ]
    expected, got = blocks
    for part in ("train", "test"):
        assert getattr(got, part).row_ids == getattr(expected, part).row_ids
        assert getattr(got, part).positive.tolist() == getattr(expected, part).positive.tolist()


def test_notes_say_how_many_rows_are_mapped(newer, tmp_path):
    """Rows per class and value, and values that no row has, are noted, from the cache too."""
    mapping = {**MAPPED, "no_such_value": "drop"}
    values = read(newer, tmp_path, mapping).table["CLNSIG"].to_pylist()
    for _ in range(2):
        result = read(newer, tmp_path, mapping)
        notes = [note.message for note in result.notes]
        pathogenic = values.count(NEW["Pathogenic"])
        other = [values.count(NEW[name]) for name in ("Benign", "Likely_benign")]
        assert notes == [
            _mapped(pathogenic, "positive", f'"Pathogenic|risk_factor" {pathogenic}'),
            _mapped(
                sum(other),
                "negative",
                f'"Benign|a_new: \\"word\\"" {other[0]}, "{NEW["Likely_benign"]}" {other[1]}',
            ),
            'mapped values of CLNSIG that no row has which the grid can use: "no_such_value"',
        ]


def _mapped(rows: int, meant: str, each: str) -> str:
    return f"{rows:,} rows counted as {meant} because the study maps their CLNSIG: {each}"


def test_dropped_and_uncertain_values(newer, tmp_path):
    """Rows of ``drop`` leave with the filter; those of ``uncertain`` follow vus_inclusion."""
    mapped = {**MAPPED, NEW["Likely_benign"]: "drop", NEW["Benign"]: "uncertain"}
    significance = Significance(mapped)
    result = read(newer, tmp_path, mapped)
    dropped = result.table["CLNSIG"].to_pylist().count(NEW["Likely_benign"])
    table = filter_table(result, "keep_all", "onestar", "all", significance)
    assert dropped > 100
    assert table.rows == 3360 - dropped
    assert NEW["Likely_benign"] not in table.text["CLNSIG"]
    assert f"{dropped:,} rows left out because the study maps their CLNSIG" in "\n".join(
        note.message for note in result.notes
    )
    sizes = {
        vus: sum(
            part.rows
            for part in vars(preprocess(table, vus, "factor", significance=significance)).values()
        )
        for vus in ("benign", "exclude")
    }
    assert sizes["benign"] - sizes["exclude"] > table.text["CLNSIG"].count(NEW["Benign"]) * 0.8


def test_a_row_without_clnsig_is_in_no_block():
    """Reading drops such records with a star already; the filter would, whoever made the table."""
    table = pa.table(
        {
            "CLNREVSTAT": ["reviewed_by_expert_panel"] * 3,
            "CLNSIG": pa.array(["Pathogenic", None, "drug_response"], pa.string()),
        }
    )
    mask = filter_mask(table, "keep_all", "clingen", "all")
    assert mask.to_pylist() == [True, False, False]
