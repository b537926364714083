"""Versions with which protocol ``amiss`` is known to give other numbers than upstream's. Data.

Upstream's numbers were recorded with the versions of Debian 12.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_MICE = ("pmm", "norm", "norm.predict", "rf")


@dataclass(frozen=True)
class OtherNumbers:
    """Versions of something with which some methods may give other numbers.

    Args:
        component: Its name in a worker's environment (``AmissRunner.environment``).
        versions: Which versions, for people.
        pattern: Regular expression found in the environment's text of these versions alone.
        methods: Imputation methods that it concerns.
        differs: Where the numbers differ and why, as a clause after a colon.
    """

    component: str
    versions: str
    pattern: str
    methods: tuple[str, ...]
    differs: str

    def concerns(self, environment: Mapping[str, str]) -> bool:
        """Whether an environment has one of these versions."""
        found = environment.get(self.component, "")
        return re.search(self.pattern, found, re.IGNORECASE) is not None


OTHER_NUMBERS = (
    OtherNumbers(
        "LAPACK",
        "3.12 and later, as on Debian 13",
        r"^(3\.(1[2-9]|[2-9]\d|\d{3})|[4-9]\.|\d{2})",
        _MICE,
        "of predictors that are exactly collinear, as the dummies of a feature, mice leaves out "
        "the one with the largest loading; between equal ones the last bit decides, which "
        "LAPACK 3.11 rounded otherwise",
    ),
    OtherNumbers(
        "BLAS",
        "OpenBLAS, MKL, BLIS, ATLAS: all but the reference BLAS",
        "openblas|mkl|blis|atlas",
        _MICE,
        "sums are added up in another order, which changes what is drawn and predicted where "
        "predictors are nearly collinear, and the last digits elsewhere",
    ),
)
"""All that is known, in the order of the table in docs/methods.md."""


def version_notes(
    environment: Mapping[str, str], methods: Collection[str] | None = None
) -> dict[str, str]:
    """Sentences on the versions of an environment.

    Args:
        environment: Components by name, as a worker gives them.
        methods: Methods that matter; None for all.

    Returns:
        Component to a sentence, for each row of the table that concerns the environment.
    """
    notes = {}
    for row in OTHER_NUMBERS:
        named = [name for name in row.methods if methods is None or name in methods]
        if named and row.concerns(environment):
            version = environment[row.component].split()[0]
            notes[row.component] = (
                f"with {row.component} {version} protocol amiss may not give upstream's numbers of "
                f"{', '.join(named)}: {row.differs} (docs/methods.md, section Versions)"
            )
    return notes
