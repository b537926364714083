"""What the backend needs of an Azure SDK: a small interface, one implementation per SDK."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from backends.azureml.sdk.types import (
    ChildFacts,
    Cluster,
    ClusterFacts,
    Fetched,
    Place,
    RunFacts,
    Submission,
    WorkspaceFacts,
)


class Adapter(Protocol):
    """The few things the backend needs of Azure; one implementation per SDK.

    Every method raises ``AzureTrouble`` and nothing else that can be helped.
    """

    def sign_in(self, place: Place) -> WorkspaceFacts:
        """Sign in without asking anybody, and look whether the workspace answers."""
        ...

    def cluster(self, wanted: Cluster, *, create: bool) -> ClusterFacts:
        """Look at a cluster; create it where there is none and that is wanted."""
        ...

    def submit(self, submission: Submission) -> RunFacts:
        """Submit a sweep; one of the same id that is there already is ``CONFLICT``."""
        ...

    def find(self, run_id: str) -> RunFacts:
        """Look at a sweep."""
        ...

    def children(self, run_id: str) -> list[ChildFacts]:
        """All children of a sweep; may repeat some, in any order."""
        ...

    def fetch(
        self, wanted: Sequence[tuple[str, str, frozenset[str] | None]], pattern: str, prefix: str
    ) -> list[Fetched]:
        """Bring files of some children.

        Args:
            wanted: Child's id, directory for its files, names that are there already;
                None where nothing is, and nothing will be added: it can be brought at once.
            pattern: What the names have to match.
            prefix: Taken off the names.
        """
        ...

    def text(self, run_id: str, pattern: str) -> str:
        """Content of the first file whose name matches; empty if there is none."""
        ...

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a sweep or a child."""
        ...

    def upload(self, run_id: str, name: str, path: Path) -> None:
        """Put a file among those of a run."""
        ...
