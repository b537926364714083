"""What the tests of grids, studies and selections share."""

from __future__ import annotations

import json
from pathlib import Path

from amiss_tasks.parameters import PARAMETERS, SINGLE_VALUE_METHODS

ROOT = Path(__file__).parents[2]
MALFORMED = ROOT / "tests" / "malformed"

# upstream's published grid
FULL = {parameter.name: list(parameter.under("amiss")) for parameter in PARAMETERS}
FULL["imputation"] = list(SINGLE_VALUE_METHODS)
ONE = {parameter.name: parameter.values[0] for parameter in PARAMETERS}


def write_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


def yaml_lines(grid: dict[str, object], indent: str = "") -> str:
    """A grid as YAML; JSON values are YAML values."""
    return "".join(f"{indent}{name}: {json.dumps(value)}\n" for name, value in grid.items())
