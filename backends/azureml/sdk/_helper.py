"""The process that talks to Azure: ``python -m backends.azureml.sdk._helper``.

The SDK may block for minutes, prints where it likes, changes the warnings module and
leaves threads behind. Here it can do so: the parent gives it up when its time is over
and starts another.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import warnings
from typing import Any, BinaryIO

from backends.azureml.sdk._errors import trouble_of
from backends.azureml.sdk._sdk1 import SdkV1
from gridrun.worker import die_with_parent

LENGTH = struct.Struct("=Q")


def write_frame(stream: BinaryIO, data: Any) -> None:
    """One pickle behind its length."""
    body = pickle.dumps(data, pickle.HIGHEST_PROTOCOL)
    stream.write(LENGTH.pack(len(body)) + body)
    stream.flush()


def read_frame(stream: BinaryIO) -> Any:
    """What ``write_frame`` wrote.

    Raises:
        EOFError: The other side is gone.
    """
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    (size,) = LENGTH.unpack(head)
    body = stream.read(size)
    if len(body) < size:
        raise EOFError
    return pickle.loads(body)  # noqa: S301 - our own parent or helper wrote it


def main(arguments: list[str]) -> int:
    """Answer requests until the parent is gone.

    Args:
        arguments: Process id of the parent, descriptors of requests and of answers.

    Returns:
        Exit code.
    """
    parent, requests, answers = (int(text) for text in arguments)
    die_with_parent(parent)
    warnings.simplefilter("ignore")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    adapter = SdkV1()
    with os.fdopen(requests, "rb") as incoming, os.fdopen(answers, "wb") as outgoing:
        while True:
            try:
                name, positional, named = read_frame(incoming)
            except EOFError:
                # threads of the SDK must not keep the process
                os._exit(0)
            try:
                answer: tuple[bool, Any] = (True, getattr(adapter, name)(*positional, **named))
            except Exception as error:  # noqa: BLE001 - whatever it is, the parent decides
                answer = (False, trouble_of(error))
            write_frame(outgoing, answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
