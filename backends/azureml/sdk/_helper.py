"""The process that talks to Azure, which may hang or die; see ``gridrun.worker.ChildProcess``.

The SDK may block for minutes, prints where it likes, changes the warnings module and
leaves threads behind. Here it can do so: the parent gives it up when its time is over
and starts another.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

from backends.azureml.sdk._errors import trouble_of
from backends.azureml.sdk._sdk1 import SdkV1
from gridrun.worker import Channel

SERVE = "backends.azureml.sdk._helper:serve"


def serve(channel: Channel) -> None:
    """Answer each request, (name, positional, named), by (whether it is good, answer).

    Args:
        channel: To the parent.
    """
    warnings.simplefilter("ignore")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)  # what the SDK prints may have secrets in it
    adapter = SdkV1()
    for name, positional, named in channel.requests():
        try:
            answer: tuple[bool, Any] = (True, getattr(adapter, name)(*positional, **named))
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent decides
            answer = (False, trouble_of(error))
        channel.reply(answer)
