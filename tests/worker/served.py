"""What children of the tests do: functions that a ChildProcess serves."""

import os
import signal
import subprocess
import sys
import time

_SLEEPS = [sys.executable, "-c", "import time; time.sleep(3600)"]
_LEAVE = """\
import subprocess, sys
print(subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, start_new_session=True).pid)
"""
_LEAVES = [sys.executable, "-c", _LEAVE]
"""Starts what follows, and ends."""


def echo(channel):
    """Give every request back."""
    for request in channel.requests():
        channel.reply(request)


def starts_others(channel):
    """Start one in this group, one in a group and one in a session of its own, and a daemon."""
    ways = ({}, {"process_group": 0}, {"start_new_session": True})
    pids = [subprocess.Popen(_SLEEPS, **way).pid for way in ways]
    daemon = subprocess.run([*_LEAVES, *_SLEEPS], stdout=subprocess.PIPE, text=True, check=True)
    channel.reply([*pids, int(daemon.stdout)])
    for request in channel.requests():
        if request == "die":
            raise RuntimeError("as asked")
    time.sleep(3600)  # it is ended from outside


def leaves_a_hidden_daemon(channel):
    """Start a daemon that has nothing of this environment, and live on or die, as asked."""
    for request in channel.requests():
        ran = subprocess.run(
            [*_LEAVES, *_SLEEPS], stdout=subprocess.PIPE, text=True, check=True, env={}
        )
        channel.reply(int(ran.stdout))
        if request == "die":
            os.kill(os.getpid(), signal.SIGKILL)
