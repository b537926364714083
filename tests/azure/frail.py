"""A helper in the place of the one that talks to Azure: it answers, hangs, dies or is stopped."""

import os
import signal
import time

from backends.azureml.sdk.types import AzureTrouble, Trouble


def serve(channel):
    """Answer each request as its name says; any other name is signing in, without an answer."""
    for name, positional, _ in channel.requests():
        match name:
            case "cancel":
                channel.reply((True, (os.getpid(), *positional)))
            case "find":
                channel.reply((False, AzureTrouble(Trouble.MISSING, "no such sweep")))
            case "fetch":
                time.sleep(3600)  # longer than any limit: its caller ends it
            case "submit":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "upload":
                os.kill(os.getpid(), signal.SIGSTOP)
            case _:
                channel.reply((True, None))
