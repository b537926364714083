"""What a wheel has beside its packages: the first study and the pages, from outside of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACES = {
    "examples/quickstart/study.yaml": "amiss_tasks/quickstart",
    "examples/quickstart/data/*.gz": "amiss_tasks/quickstart/data",
    "docs/*.md": "gridrun/docs",
}
"""Files of the repository to where they lie in a wheel."""


class Beside(BuildHookInterface):
    """Adds them; the worker image is built without, and has none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files, for a wheel that is not a link to the repository."""
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        for pattern, place in PLACES.items():
            for path in root.glob(pattern):
                build_data["force_include"][str(path)] = f"{place}/{path.name}"
