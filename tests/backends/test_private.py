"""What another user of the machine can do to a run: nothing."""

import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from backends.local._environment import rays_environment
from gridrun.errors import EnvironmentFault
from gridrun.worker import ChildProcess, private_directory

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")


BECOME = f"""
import os, socket, sys
if os.environ.get("ASK"):
    from ray._raylet import GcsClient
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
"""


def as_nobody(code, *arguments, **environment):
    """Run Python as another user; what it prints."""
    # this Python may lie where only root can read it: it becomes another user when it is loaded
    ran = subprocess.run(
        [sys.executable, "-P", "-c", f"{BECOME}\n{code}", *map(str, arguments)],
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout + ran.stderr


@pytest.fixture
def shared(tmp_path):
    """A directory that everyone can write to, and in which everyone can rename everything."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o773])
def test_a_directory_that_others_can_change_is_refused(shared, mode):
    """Nothing is run below a directory in which another can rename things: it is named."""
    os.chown(shared, -1, 12345)
    shared.chmod(mode)
    (shared / "mine").mkdir(mode=0o700)
    for place in (shared, shared / "mine"):
        with pytest.raises(EnvironmentFault, match=f"can rename what is in {shared}") as caught:
            private_directory("x-", place)
        assert "TMPDIR" in caught.value.text()
    with pytest.raises(EnvironmentFault, match="can rename"):
        ChildProcess("served:echo", parent_directory=shared)


@as_root
def test_a_directory_of_another_user_is_refused(shared):
    """Whoever owns a directory can replace what is in it; a link to one is no way around."""
    (shared / "link").symlink_to(shared)
    os.chown(shared, NOBODY, -1)
    shared.chmod(0o755)
    for place in (shared, shared / "link"):
        with pytest.raises(EnvironmentFault, match=r"belongs to another user \(uid 65534"):
            private_directory("x-", place)


def test_the_usual_temporary_directory_will_do():
    """A directory with the sticky bit is everyone's, but each one's files are their own."""
    made = private_directory("x-", Path("/tmp"))
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.rmdir()


def test_variables_of_ray_are_our_own():
    """What a user sets for other uses of Ray is gone, but for what lets him into a cluster."""
    users = {"RAY_ADDRESS": "x", "RAY_TMPDIR": "/x", "RAY_AUTH_TOKEN": "t", "HOME": "/h"}
    own = rays_environment(users, "secret", is_own=True)
    assert own["RAY_AUTH_TOKEN"] == "secret"
    assert own["RAY_AUTH_MODE"] == "token"
    joined = rays_environment(users, "secret", is_own=False)
    assert joined["RAY_AUTH_TOKEN"] == "t"
    for found in (own, joined):
        assert found["HOME"] == "/h"
        assert not found.keys() & {"RAY_ADDRESS", "RAY_TMPDIR"}


def family(directory):
    """Processes whose command line or open files lie below a directory."""
    from gridrun.worker.left_behind import users_of

    return list(users_of(directory))


def sockets(pids):
    """Inodes of the sockets that processes have."""
    found = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                match = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
            except OSError:
                continue
            if match:
                found.add(match[1])
    return found


def listening(inodes):
    """Addresses and ports that these sockets listen at, as the kernel writes them."""
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, _, port = fields[1].rpartition(":")
                found.append((address, int(port, 16)))
    return found


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
CONNECT = """
for path in sys.argv[1:]:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(path)
            print("connected to", path)
        except PermissionError:
            pass
"""
ASK = """
try:
    client = GcsClient(address=sys.argv[1])
    print("keys:", client.internal_kv_keys(b"", b"", timeout=10))
except Exception as error:
    print("refused", type(error).__name__, error)
"""
TAKE = """
for path in sys.argv[1:]:
    try:
        os.rename(path, path + "-mine")
        print("renamed", path)
    except OSError:
        pass
    try:
        print("read", os.listdir(path))
    except OSError:
        pass
"""


@pytest.mark.ray
@as_root
def test_ray_is_closed_to_other_users(ray_running, ray_files):
    """Loopback alone; no socket, object or directory is open to others, no question answered."""
    pids = family(ray_files)
    inodes = sockets(pids)
    ports = listening(inodes)
    assert len(ports) >= 3
    assert {address for address, _ in ports} <= LOOPBACK
    paths = [
        fields[7]
        for line in Path("/proc/net/unix").read_text().splitlines()[1:]
        if len(fields := line.split()) > 7 and fields[6] in inodes and fields[7][0] == "/"
    ]
    assert any("plasma" in path for path in paths)
    assert as_nobody(CONNECT, *paths) == ""
    # beside it may lie what tests before this one made
    (top,) = {path.parent for path in ray_files.glob("gridrun-*/r")}
    assert as_nobody(TAKE, top, *top.iterdir(), *top.glob("workers/*")) == ""
    assert not list(Path("/dev/shm").glob("plasma*"))
    assert ray_running.token not in as_nobody("print(os.popen('ps axe').read())")
    said = as_nobody(ASK, ray_running.address, ASK="1")
    assert said.startswith("refused"), said
    said = as_nobody(ASK, ray_running.address, ASK="1", RAY_AUTH_MODE="disabled")
    assert said.startswith("refused"), said
    # the same question with the token is answered
    token = {"ASK": "1", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": ray_running.token}
    assert as_nobody(ASK, ray_running.address, **token).startswith("keys:")
