"""A study and the backend that it is sent to, as the commands ask them."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gridrun.cli import _options as opt
from gridrun.cli.remote._words import Remote

if TYPE_CHECKING:
    from gridrun.run.backend import DetachableBackend
    from gridrun.store.ledger import StoredSweep


class RemoteStudy:
    """A study whose tasks are sent away.

    Args:
        remote: The backend.
        study: The study's place, as it was typed.
        pipeline: Name of its pipeline.
        options: Options of the command, by the backend's own name for each.

    Raises:
        UserError: The study lacks settings that the backend requires.
    """

    def __init__(
        self, remote: Remote, study: Path, pipeline: str, options: Mapping[str, Any]
    ) -> None:
        from gridrun.api import open_study

        self.remote = remote
        self.typed = study
        self.opened = open_study(study, pipeline=pipeline)
        self.backend_name, self._settings = self.opened.backend_settings(remote.key)
        self._options = options

    @property
    def place(self) -> str:
        """The study's place as commands in messages name it."""
        return shlex.quote(str(self.typed)) + opt.said(self.opened.pipeline_name)

    def backend(self, **mode: Any) -> DetachableBackend:
        """The backend as the study's settings want it; to be closed."""
        from gridrun.run.backend import load_backend

        made = load_backend(self.backend_name, settings=self._settings, **self._options, **mode)
        return cast("DetachableBackend", made)

    @contextlib.contextmanager
    def asking(self, **mode: Any) -> Iterator[DetachableBackend]:
        """A backend for a few questions."""
        with contextlib.closing(self.backend(**mode)) as backend:
            yield backend

    def sweeps(self) -> list[StoredSweep]:
        """What was ever sent by the backend, oldest first."""
        return [sweep for sweep in self.opened.sweeps() if sweep.backend == self.backend_name]
