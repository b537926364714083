"""Versions with other numbers than upstream's: the table, where it is said, and why."""

import re
from pathlib import Path

import pytest

from amiss_tasks.methods import METHODS
from amiss_tasks.pipeline import PIPELINE
from amiss_tasks.r import session as r_session
from amiss_tasks.r.versions import OTHER_NUMBERS, version_notes
from gridrun.pipeline import KnowsVersions, Settings
from gridrun.tools import doctor

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
DEBIAN_12 = {
    "R": "R version 4.2.2 Patched (2022-11-10 r83330)",
    "mice": "3.15.0",
    "BLAS": "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0",
    "LAPACK": "3.11.0 /usr/lib/x86_64-linux-gnu/lapack/liblapack.so.3.11.0",
}
DEBIAN_13 = {
    "R": "R version 4.5.0 (2025-04-11)",
    "mice": "3.17.0",
    "BLAS": "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.12.1",
    "LAPACK": "3.12.0 /usr/lib/x86_64-linux-gnu/lapack/liblapack.so.3.12.1",
}
OPENBLAS = {**DEBIAN_12, "BLAS": "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3"}
WITH_NORM = {"imputation": ["zero_imp", "norm"]}


def settings(protocol: str) -> Settings:
    return Settings(inputs={}, protocol=protocol, seed=1)


def test_the_page_has_the_table():
    """docs/methods.md has every row of the table, in its order and its words."""
    text = PAGE.read_text("utf-8")
    section = re.search(r"\n## Versions\n(.*?)\n## ", text, re.DOTALL)
    rows = [line for line in section[1].splitlines() if line.startswith("|")][2:]
    methods = [", ".join(f"`{name}`" for name in row.methods) for row in OTHER_NUMBERS]
    assert rows == [
        f"| {row.component} | {row.versions} | {named} | {row.differs} |"
        for row, named in zip(OTHER_NUMBERS, methods, strict=True)
    ]


def test_rows_speak_of_what_there_is(runner):
    """A component is one that workers name, a method one of amiss's."""
    for row in OTHER_NUMBERS:
        assert row.component in runner.environment()
        assert set(row.methods) <= set(METHODS)


@pytest.mark.parametrize(
    ("environment", "components"),
    [
        (DEBIAN_12, []),
        (DEBIAN_13, ["LAPACK"]),
        ({**DEBIAN_12, "LAPACK": "3.100.0"}, ["LAPACK"]),
        ({**DEBIAN_12, "LAPACK": "4.0.0"}, ["LAPACK"]),
        ({**DEBIAN_12, "LAPACK": "3.9.0"}, []),
        (OPENBLAS, ["BLAS"]),
        ({}, []),
    ],
    ids=["Debian 12", "Debian 13", "3.100", "4", "3.9", "OpenBLAS", "unknown"],
)
def test_what_is_known_of_versions(environment, components):
    """With Debian 12's nothing is said; of newer LAPACK and of other BLAS, what differs and why."""
    notes = version_notes(environment)
    assert list(notes) == components
    for component, note in notes.items():
        version = environment[component].split()[0]
        assert note.startswith(f"with {component} {version} protocol amiss may not give upstream's")
        assert "pmm, norm, norm.predict, rf: " in note


def test_only_what_a_study_has_is_said():
    """A study is told of its own methods, under protocol amiss alone."""
    assert isinstance(PIPELINE, KnowsVersions)
    (note,) = PIPELINE.version_notes(DEBIAN_13, settings("amiss"), WITH_NORM).values()
    assert "upstream's numbers of norm: " in note
    cheap = {"imputation": ["zero_imp", "knnImputation", "bpca"]}
    assert not PIPELINE.version_notes(DEBIAN_13, settings("amiss"), cheap)
    assert not PIPELINE.version_notes(DEBIAN_13, settings("corrected"), WITH_NORM)


def test_doctor_says_it(monkeypatch):
    """The line of the component is a note with the sentence below; a run can start all the same."""
    monkeypatch.setattr(doctor, "worker_environment", lambda pipeline, needs: DEBIAN_13)
    found = {finding.what: finding for finding in doctor.examine()}
    assert found["LAPACK"].verdict == "note"
    assert "upstream's numbers of pmm, norm" in found["LAPACK"].todo
    assert found["LAPACK"].exit_code == 0
    assert found["mice"].verdict == found["BLAS"].verdict == "ok"


SEEDS = (23, 29, 36, 44)
LEFT_OUT = {"LAPACK 3.11": "NUDD", "LAPACK 3.12": "UDUN"}
"""The dummies that mice leaves out, whatever its version and R's, above the reference BLAS."""


def test_between_equal_loadings_lapack_decides(runner):
    """Of three tied dummies the same one is left out by mice 3.15 and 3.17, on one LAPACK."""
    session = r_session.start()
    helpers = session.environment(session.shared)
    session.source_text(Path(__file__).with_name("helpers.R").read_text(), helpers)
    found = "".join(
        name for seed in SEEDS for name in session.call(helpers, "left_out", seed).value.python()
    )
    known = version_notes(runner.environment(), ["norm"])
    if "BLAS" in known:
        assert set(found) <= set("UND")
        return
    assert found == LEFT_OUT["LAPACK 3.12" if "LAPACK" in known else "LAPACK 3.11"]
