"""Linux as a process of this machine, for what its own kernel does not have.

Debian's ``user-mode-linux`` has control groups of version 2, XFS with quotas and NFS; its root is
that of this machine, so that it has the same programs, R and Python.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGES = "user-mode-linux kmod xfsprogs nfs-kernel-server"
_MODULES = Path("/usr/lib/uml/modules")
_DISK_BYTES = 600 << 20

INIT = """#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONDONTWRITEBYTECODE=1 TMPDIR={place}
exec > {place}/said 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 none /sys/fs/cgroup && echo +memory > /sys/fs/cgroup/cgroup.subtree_control
for at in /tmp /run /mnt /var/lib/nfs; do mount -t tmpfs none $at; done
mkdir -p /dev/shm /dev/pts && mount -t tmpfs none /dev/shm && mount -t devpts devpts /dev/pts
mount --bind {modules} /lib/modules/
for one in loop nfsd nfs nfsv4; do modprobe $one; done
ip link set lo up
cd {root}
{script}
echo "ended with $?"
sync
echo o > /proc/sysrq-trigger
sleep 60
"""


def lacking() -> list[str]:
    """Programs that it takes and that are not there."""
    programs = ("linux.uml", "modprobe", "mkfs.xfs", "rpc.nfsd")
    return [one for one in programs if shutil.which(one, path="/usr/sbin:/usr/bin") is None]


def run(script: str, *, megabytes: int, seconds: float) -> str:
    """Run a shell script as root of a kernel of its own; what it printed, and its exit code.

    Args:
        script: Runs in the repository; ``TMPDIR`` is a directory of this machine's disk, the
            temporary directory of the other kernel is memory. ``/dev/ubda`` is an empty disk.
        megabytes: Memory of that kernel.
        seconds: After so long it is ended.
    """
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory(prefix="kernel-", dir="/var/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        init, disk = place / "init", place / "disk"
        (modules,) = _MODULES.parent.glob(_MODULES.name)
        init.write_text(INIT.format(place=place, root=root, script=script, modules=modules))
        init.chmod(0o755)
        with disk.open("wb") as file:
            file.truncate(_DISK_BYTES)
        command = ["linux.uml", f"mem={megabytes}M", f"ubd0={disk}", "root=/dev/root", "rw"]
        command += ["rootfstype=hostfs", "rootflags=/", f"init={init}", "con=null"]
        with (place / "console").open("wb") as console:
            subprocess.run(
                [*command, f"umid={place.name}"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                timeout=seconds,
                check=False,
                start_new_session=True,
            )
        said = place / "said"
        return said.read_text() if said.exists() else (place / "console").read_text()
