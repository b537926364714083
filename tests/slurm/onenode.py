"""A real Slurm of one node, from Debian's packages: munged, slurmctld and slurmd of its own.

Everything lies below one directory, ports are free ones, and nothing of the machine's own Slurm
is touched; each daemon is ended by its process id.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
_SBIN = ("/usr/sbin", "/sbin")
PACKAGES = "slurmctld slurmd slurm-client munge"

_PLAIN = {
    "AuthType": "auth/munge",
    "ProctrackType": "proctrack/linuxproc",
    "TaskPlugin": "task/none",
    "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_Core_Memory",
    "ReturnToService": "2",
    "MpiDefault": "none",
    "JobAcctGatherType": "jobacct_gather/none",
    "AccountingStorageType": "accounting_storage/none",
    "MaxArraySize": "50",
    "SchedulerParameters": "batch_sched_delay=0,sched_interval=1,sched_min_interval=0",
    "KillWait": "5",
}


def find(program):
    """Path of a program; administrators' ones are not on everybody's PATH."""
    return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], *_SBIN]))


def missing():
    """Programs that are not there."""
    return [program for program in PROGRAMS if find(program) is None]


class OneNode:
    """Slurm, as long as it is not closed.

    Args:
        directory: Its own; the name of the socket in it must be short.
        cpus: Processors that the node is said to have.
        partitions: Lines of further partitions, without their nodes.
        settings: Further settings of slurm.conf.
    """

    def __init__(self, directory, *, cpus=2, partitions=(), **settings):
        self.directory = directory
        self._files = Path(tempfile.mkdtemp(prefix="slurm-", dir=directory))
        self.conf = self._files / "slurm.conf"
        self._cpus = cpus
        self._partitions = partitions
        self.settings = {**_PLAIN, **settings}
        self.processes = {}
        self.env = {"SLURM_CONF": str(self.conf)}

    def start(self):
        """Start all three, and wait until the node can run jobs."""
        self._write()
        self._munge()
        self.start_controller()
        self.start_node()
        self.wait_until(lambda: self.ask("sinfo", "-h", "-o", "%t") == "idle")

    def start_controller(self):
        self._daemon("slurmctld", "-D", "-f", str(self.conf))

    def start_node(self, *before):
        self._daemon("slurmd", "-D", "-f", str(self.conf), before=before)

    def end(self, name, number=signal.SIGTERM):
        """End one of the daemons, and wait for it."""
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(30)

    def close(self):
        """Cancel what is left, end the daemons, remove their files."""
        if "slurmctld" in self.processes:
            self.clear()
        for name in ("slurmd", "slurmctld", "munged"):
            if name in self.processes:
                self.end(name)
        shutil.rmtree(self._files, ignore_errors=True)

    def clear(self):
        """Cancel all jobs, and wait until none is left."""
        self.run("scancel", "--user", pwd.getpwuid(os.geteuid()).pw_name)
        self.wait_until(lambda: not self.ask("squeue", "-h"))

    def forget(self):
        """Have the controller forget all jobs, as it does some minutes after their end."""
        self.end("slurmctld")
        self._daemon("slurmctld", "-D", "-c", "-f", str(self.conf))
        self.wait_until(lambda: self.ask("sinfo", "-h", "-o", "%t") == "idle")

    def run(self, *command):
        """One of Slurm's commands."""
        return subprocess.run(
            [find(command[0]), *map(str, command[1:])],
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def ask(self, *command):
        """What one of Slurm's commands prints."""
        return self.run(*command).stdout.strip()

    def wait_until(self, what, seconds=60):
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, self.account()
            time.sleep(0.1)  # between two looks

    def account(self):
        """What the daemons and the queue say, for a test that fails."""
        logs = [path.read_text(errors="replace")[-3000:] for path in self._files.glob("*.log")]
        return "\n".join([self.ask("squeue", "--states=all"), self.ask("sinfo", "-R"), *logs])

    def _daemon(self, name, *options, before=()):
        log = (self._files / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [*before, find(name), *options],
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()

    def _munge(self):
        files = self._files
        (files / "munge.key").write_bytes(os.urandom(1024))
        (files / "munge.key").chmod(0o400)
        words = {
            "key-file": "munge.key",
            "socket": "munge",
            "pid-file": "munged.pid",
            "log-file": "munged.log",
            "seed-file": "munge.seed",
        }
        options = [f"--{name}={files / file}" for name, file in words.items()]
        self._daemon("munged", "--foreground", "--force", *options)
        self.wait_until((files / "munge").exists, 10)

    def _write(self):
        files = self._files
        user = pwd.getpwuid(os.geteuid()).pw_name
        host = socket.gethostname().split(".")[0]
        ports = [_free_port() for _ in range(2)]
        about = {
            "ClusterName": "one",
            "SlurmctldHost": f"{host}(127.0.0.1)",
            "SlurmUser": user,
            "SlurmdUser": user,
            "AuthInfo": f"socket={files / 'munge'}",
            "StateSaveLocation": files / "state",
            "SlurmdSpoolDir": files / "spool",
            "SlurmctldPidFile": files / "slurmctld.pid",
            "SlurmdPidFile": files / "slurmd.pid",
            "SlurmctldPort": ports[0],
            "SlurmdPort": ports[1],
            **self.settings,
        }
        for name in ("state", "spool"):
            (files / name).mkdir()
        node = f"NodeName={host} NodeAddr=127.0.0.1 CPUs={self._cpus} RealMemory=8000 State=UNKNOWN"
        of_node = f"Nodes={host} State=UP"
        lines = [f"{name}={value}" for name, value in about.items()]
        lines += [node, f"PartitionName=main {of_node} Default=YES MaxTime=INFINITE"]
        lines += [f"{line} {of_node}" for line in self._partitions]
        self.conf.write_text("\n".join(lines) + "\n")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
