"""What children of the tests do: functions that a ChildProcess serves."""

import subprocess
import sys
import time

_SLEEPS = [sys.executable, "-c", "import time; time.sleep(3600)"]


def echo(channel):
    """Give every request back."""
    for request in channel.requests():
        channel.reply(request)


def starts_others(channel):
    """Start one process in this group, one in a group and one in a session of its own."""
    ways = ({}, {"process_group": 0}, {"start_new_session": True})
    channel.reply([subprocess.Popen(_SLEEPS, **way).pid for way in ways])
    for request in channel.requests():
        if request == "die":
            raise RuntimeError("as asked")
    time.sleep(3600)
