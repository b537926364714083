"""A real Slurm on one machine, from Debian's packages: munged, slurmctld, slurmd of its own.

It has one node, or several that are daemons of this machine, and accounting where it is asked
for. Everything lies below one directory, ports are free ones, and nothing of the machine's own
Slurm is touched; each daemon is ended by its process id.
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

from accounting import Accounting, find, free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
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


def missing(programs=PROGRAMS):
    """Programs that are not there."""
    return [program for program in programs if find(program) is None]


class OneNode:
    """Slurm, as long as it is not closed.

    Args:
        directory: Its own; the name of the socket in it must be short.
        cpus: Processors that each node is said to have.
        nodes: How many nodes there are, ``node0`` and so on.
        accounting: Whether jobs are kept in a database, for which ``sacct`` asks.
        partitions: Lines of further partitions, without their nodes.
        cgroup: Settings of cgroup.conf, for plugins that want it.
        settings: Further settings of slurm.conf.
    """

    def __init__(
        self, directory, *, cpus=2, nodes=1, accounting=False, partitions=(), cgroup=(), **settings
    ):
        self.directory = directory
        self.nodes = tuple(f"node{number}" for number in range(nodes))
        self._files = Path(tempfile.mkdtemp(prefix="slurm-", dir=directory))
        self.conf = self._files / "slurm.conf"
        self._cpus = cpus
        self._partitions = partitions
        self._cgroup = dict(cgroup)
        self.settings = {**_PLAIN, **settings}
        self.accounting = Accounting(self._files) if accounting else None
        if self.accounting is not None:
            self.settings.update(self.accounting.settings)
        self.processes = {}
        self.env = {"SLURM_CONF": str(self.conf)}

    def start(self):
        """Start them all, and wait until each node can run jobs."""
        self._write()
        self._munge()
        if self.accounting is not None:
            self.accounting.start(self)
        self.start_controller()
        for node in self.nodes:
            self.start_node(node=node)
        self.wait_until(self.is_idle)

    def is_idle(self):
        """Whether all nodes are there, and run nothing."""
        states = self.ask("sinfo", "-h", "-N", "-o", "%N %t").splitlines()  # once a partition
        return {state.strip() for state in states} == {f"{node} idle" for node in self.nodes}

    def start_controller(self):
        self.daemon("slurmctld", "slurmctld", "-D", "-f", str(self.conf))

    def start_node(self, *before, node="node0"):
        words = ("-D", "-N", node, "-f", str(self.conf))
        self.daemon(node, "slurmd", *words, before=before)

    def end(self, name, number=signal.SIGTERM):
        """End one of the daemons, and wait for it."""
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(30)

    def close(self):
        """Cancel what is left, end the daemons, remove their files."""
        if "slurmctld" in self.processes:
            self.clear()
        for name in (*self.nodes, "slurmctld", "slurmdbd", "mariadbd", "munged"):
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
        self.daemon("slurmctld", "slurmctld", "-D", "-c", "-f", str(self.conf))
        self.wait_until(self.is_idle)

    def limit(self, what, name, **limits):
        """Set limits of a user, an account or a QOS; -1 for none."""
        words = [f"{limit}={value}" for limit, value in limits.items()]
        self.accounting.manage(self, "modify", what, name, "set", *words)

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

    def daemon(self, name, program, *options, before=(), **env):
        """Start a daemon that goes by a name."""
        log = (self._files / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [*before, find(program), *options],
            env={**os.environ, **self.env, **env},
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
        self.daemon("munged", "munged", "--foreground", "--force", *options)
        self.wait_until((files / "munge").exists, 10)

    def _write(self):
        files = self._files
        user = pwd.getpwuid(os.geteuid()).pw_name
        host = socket.gethostname().split(".")[0]
        about = {
            "ClusterName": "one",
            "SlurmctldHost": f"{host}(127.0.0.1)",
            "SlurmUser": user,
            "SlurmdUser": user,
            "AuthInfo": f"socket={files / 'munge'}",
            "StateSaveLocation": files / "state",
            "SlurmdSpoolDir": files / "spool-%n",
            "SlurmctldPidFile": files / "slurmctld.pid",
            "SlurmdPidFile": files / "slurmd-%n.pid",
            "SlurmctldPort": free_port(),
            **self.settings,
        }
        (files / "state").mkdir()
        alike = f"NodeAddr=127.0.0.1 CPUs={self._cpus} RealMemory=8000 State=UNKNOWN"
        of_nodes = f"Nodes={','.join(self.nodes)} State=UP"
        lines = [f"{name}={value}" for name, value in about.items()]
        lines += [
            f"NodeName={node} NodeHostname={host} Port={free_port()} {alike}" for node in self.nodes
        ]
        lines += [f"PartitionName=main {of_nodes} Default=YES MaxTime=INFINITE"]
        lines += [f"{line} {of_nodes}" for line in self._partitions]
        self.conf.write_text("\n".join(lines) + "\n")
        groups = "".join(f"{name}={value}\n" for name, value in self._cgroup.items())
        (files / "cgroup.conf").write_text(groups)
