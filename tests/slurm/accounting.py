"""Slurm's accounting for tests: Debian's MariaDB and slurmdbd, on loopback, as this user."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

PROGRAMS = ("mariadbd", "slurmdbd", "sacctmgr", "sacct")
PACKAGES = "slurmdbd mariadb-server-core"
_TABLES = Path("/usr/share/mysql/mysql_system_tables.sql")
_SBIN = ("/usr/sbin", "/sbin")


def find(program):
    """Path of a program; administrators' ones are not on everybody's PATH."""
    return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], *_SBIN]))


def free_port():
    """A port of loopback that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Accounting:
    """The database and its daemon; which are processes of the Slurm that they belong to.

    The database asks nobody for a password: it has what jobs of tests are called, and is on
    loopback for some minutes.

    Args:
        files: Directory of that Slurm.
    """

    def __init__(self, files):
        self._files = files
        self._port = free_port()
        self.settings = {
            "AccountingStorageType": "accounting_storage/slurmdbd",
            "AccountingStorageHost": "127.0.0.1",
            "AccountingStoragePort": self._port,
            "AccountingStoragePass": files / "munge",
            "AccountingStorageEnforce": "limits,qos,safe",
            "JobAcctGatherType": "jobacct_gather/linux",
        }

    def start(self, slurm):
        """Start both, and make this user one who may run jobs, for the account ``lab``."""
        user = pwd.getpwuid(os.geteuid()).pw_name
        port, data = free_port(), self._files / "database"
        data.mkdir()
        plain = ("--no-defaults", f"--user={user}", f"--datadir={data}")
        # slurmdbd has procedures in it, and these are kept in one of the system's tables
        made = subprocess.run(
            [find("mariadbd"), *plain, "--bootstrap"],
            input=f"create database mysql;\nuse mysql;\n{_TABLES.read_text()}",
            capture_output=True,
            text=True,
            check=False,
        )
        assert not made.returncode, made.stderr
        slurm.daemon(
            "mariadbd",
            "mariadbd",
            *plain,
            f"--socket={self._files / 'database.socket'}",
            f"--pid-file={self._files / 'database.pid'}",
            *("--bind-address=127.0.0.1", f"--port={port}", "--skip-grant-tables"),
        )
        slurm.wait_until(lambda: _answers(port))
        conf = self._files / "slurmdbd.conf"
        about = {
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={self._files / 'munge'}",
            "DbdHost": "localhost",
            "DbdAddr": "127.0.0.1",
            "DbdPort": self._port,
            "SlurmUser": user,
            "StorageType": "accounting_storage/mysql",
            "StorageHost": "127.0.0.1",
            "StoragePort": port,
            "StorageUser": "slurm",
            "StorageLoc": "accounting",
            "PidFile": self._files / "slurmdbd.pid",
        }
        conf.write_text("".join(f"{name}={value}\n" for name, value in about.items()))
        conf.chmod(0o600)
        self.start_daemon(slurm)
        for words in (
            ("cluster", slurm.settings.get("ClusterName", "one")),
            ("account", "lab"),
            ("user", user, "account=lab"),
            ("qos", "narrow", "MaxSubmitJobsPerUser=3"),
        ):
            self.manage(slurm, "add", *words)
        self.manage(slurm, "modify", "user", user, "set", "DefaultAccount=lab")

    def start_daemon(self, slurm):
        """Start slurmdbd, which looks for its configuration beside that of Slurm."""
        slurm.daemon("slurmdbd", "slurmdbd", "-D")
        slurm.wait_until(lambda: _answers(self._port))

    def manage(self, slurm, *words):
        """One of the commands of ``sacctmgr``, which has to succeed."""
        done = slurm.run("sacctmgr", "--immediate", *words)
        assert not done.returncode, done.stdout + done.stderr


def _answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
