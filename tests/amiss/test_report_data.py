"""What the report shows of missing values, from the counts of ``missingness.csv``."""

from __future__ import annotations

import csv

from amiss_tasks.study.report_data import sections

BLOCK = {"quality": "clingen", "protocol": "corrected"}


def row(feature, consequence, rows, missing, cannot=(0, 0), **more):
    """A row of the table; counts of positive, negative rows."""
    shares = [m / (r - c) if r > c else None for r, m, c in zip(rows, missing, cannot, strict=True)]
    counts = {"rows": rows, "missing": missing, "cannot_exist": cannot}
    return {
        **BLOCK,
        "feature": feature,
        "is_feature": "yes",
        "consequence": consequence,
        **{f"{what}_{name}": of[at] for what, of in counts.items() for at, name in CLASSES},
        **{
            f"missing_share_{name}": "NA" if shares[at] is None else shares[at]
            for at, name in CLASSES
        },
        "correlation": 0.1,
        "leak": "",
        **more,
    }


CLASSES = tuple(enumerate(("positive", "negative")))
ROWS = [
    row("SIFT", "all", (30, 10), (3, 5), (20, 0), correlation=-0.5),
    row("SIFT", "MISSENSE", (10, 6), (3, 1)),
    row("SIFT", "SYNONYMOUS", (20, 4), (0, 4), (20, 0)),
    row("SIFT", "STOP", (0, 0), (0, 0)),
    row("SIFT", "UTR", (0, 3), (0, 0), (0, 3)),
    row("AF", "all", (30, 10), (6, 1), correlation=0.7, leak="submitters classify by it"),
    row("AF", "MISSENSE", (10, 6), (6, 0)),
    row("gnomAD", "all", (30, 10), (1, 1), is_feature="no", correlation=0.9),
]


def written(folder, rows):
    with (folder / "missingness.csv").open("w", newline="") as handle:
        table = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return sections(folder)


def test_features_stand_by_what_their_missingness_says_with_what_cannot_exist_apart(tmp_path):
    """Shares of both classes, the correlation, counts of what cannot exist, and why one leaks."""
    (section,) = written(tmp_path, ROWS)
    by_feature, by_consequence = section.tables
    assert by_feature.caption == "Missing values by feature and class: the only block, 40 rows."
    assert by_feature.rows == (
        ("AF", 0.2, 0.1, 0.7, 0, "submitters classify by it"),
        ("SIFT", 0.3, 0.5, -0.5, 20, ""),
    )
    heads = [name for name, _ in by_consequence.columns]
    assert heads == ["feature", "SYNONYMOUS (24)", "MISSENSE (16)", "UTR (3)"]
    assert by_consequence.rows == (
        ("AF", "-", "0.60 / 0.00", "-"),
        ("SIFT", "cannot exist / 1.00", "0.30 / 0.17", "cannot exist"),
    )
    assert "consequences" not in by_consequence.caption


def test_consequences_are_as_many_as_a_page_is_wide_enough_for(tmp_path):
    """The eight with most rows of eleven are shown, and the caption says how many there are."""
    more = [row("SIFT", f"c{at}", (at, 0), (0, 0)) for at in range(1, 12)]
    (section,) = written(tmp_path, [ROWS[0], *more])
    heads = [name for name, _ in section.tables[1].columns]
    assert heads == ["feature", *(f"c{at} ({at})" for at in range(11, 3, -1))]
    assert section.tables[1].caption.endswith("the only block; 8 of 11 consequences.")


def test_blocks_are_named_by_what_they_differ_in_and_counted_where_not_all_are_shown(tmp_path):
    """Six of eight blocks are shown, each by its quality; the section says so."""
    rows = [{**one, "quality": f"q{at}"} for at in range(8) for one in ROWS]
    (section,) = written(tmp_path, rows)
    assert len(section.tables) == 12
    assert "quality = q5, 40 rows" in section.tables[-2].caption
    assert section.sentences[-1] == "The first 6 of 8 blocks are shown."


def test_there_is_no_section_before_there_are_results(tmp_path):
    """A study without the table has nothing to say of it."""
    assert sections(tmp_path) == ()
