"""The process that talks to Azure, which may hang or die; see ``gridrun.worker.ChildProcess``.

The SDK may block for minutes, prints where it likes, changes the warnings module and
leaves threads behind. Here it can do so: the parent gives it up when its time is over
and starts another.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

from backends.azureml.sdk._errors import trouble_of
from backends.azureml.sdk._sdk1 import SdkV1
from backends.azureml.sdk._sdk2 import SdkV2
from backends.azureml.sdk.versions import version_of
from gridrun.worker import Channel

_ADAPTERS: Mapping[str, type[SdkV1 | SdkV2]] = {"v1": SdkV1, "v2": SdkV2}
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
    adapter: SdkV1 | SdkV2 | None = None
    for name, positional, named in channel.requests():
        try:
            if adapter is None:  # the first request is to sign in, with the settings
                adapter = _ADAPTERS[version_of(positional[0].sdk)]()
            answer: tuple[bool, Any] = (True, getattr(adapter, name)(*positional, **named))
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent decides
            answer = (False, trouble_of(error))
        channel.reply(answer)
