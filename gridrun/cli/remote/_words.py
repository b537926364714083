"""A detachable backend as its commands describe it to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gridrun.cli._parameters import Parameter


@dataclass(frozen=True)
class Remote:
    """A backend, its key and its commands.

    Args:
        key: Its key of studies.
        command: Name of the command that sends.
        place: Where it sends to, as in "nothing was sent to the cluster yet".
        costs: What sending costs, as in "sending costs money"; people are asked first. Empty where
            it costs nothing.
        reads_inputs: Whether it may have inputs read where they are.
        options: Options of every command, by the backend's own name for each.
        sending_options: Further options of the commands that send.
    """

    key: str
    command: str
    place: str
    costs: str = ""
    reads_inputs: bool = False
    options: Mapping[str, Parameter] = field(default_factory=dict)
    sending_options: Mapping[str, Parameter] = field(default_factory=dict)
