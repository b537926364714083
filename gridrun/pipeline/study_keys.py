"""Keys of ``study.yaml`` that a pipeline adds to the core's own.

A pipeline declares them in ``study_keys``, by name. The core reads the file and
calls ``read`` for each that is there, before it reads the grid; what comes back
becomes ``Settings.options[name]``, travels with the settings to every worker, and
enters fingerprints as ``fingerprint`` says. The core knows nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridrun.errors import Fault

if TYPE_CHECKING:
    from gridrun.documents.tree import Node


@dataclass(frozen=True)
class KeyValue:
    """The value of a study's key, as read.

    Args:
        data: Plain data that JSON can hold: dicts by text, lists, text, numbers.
        notes: What was accepted but is worth saying.
    """

    data: Any
    notes: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class StudyKey:
    """One key.

    Args:
        description: One sentence on what the key says.
        read: Called with the node behind the key and the study file, as the user
            named it: for messages, and for paths (``documents.path_behind``).
            Raises ``InputError`` with every fault; they are
            listed with those of the core's own keys. Opens no input of the study;
            ``Pipeline.check`` looks at these later.
        fingerprint: Called with the data, or None where a study has not got the
            key. The text stands for it among what determines results, under the
            key's name in ``gridrun plan --why``; equal texts mean equal results.
            None leaves the key out: nothing depends on it, or only some tasks
            do, whose ``code_digests`` then say so.
        schema: JSON Schema of what ``read`` accepts, for editors; empty for anything.
        opens: What has more values where a study has the key: names of parameters, or
            ``classifiers``. Parameters that a grid has with the key alone are among them.
    """

    description: str
    read: Callable[[Node, Path], KeyValue]
    fingerprint: Callable[[Any], str | None]
    schema: Mapping[str, Any] = field(default_factory=dict)
    opens: tuple[str, ...] = ()
