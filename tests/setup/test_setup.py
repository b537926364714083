"""setup.sh, the package list and the pinned versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ("constraints.txt", "constraints-azure.txt")
TOOLS = ("bash", "dirname", "readlink", "awk", "cat", "env", "sha256sum", "cut", "rm")


def packages() -> dict[str, list[tuple[str, str, str]]]:
    """Section to (package, shown by, why)."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    section = ""
    for line in (ROOT / "docker" / "packages.txt").read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            found[section] = []
        elif line.strip() and not line.startswith("#"):
            entry, _, why = line.partition("#")
            package, shown_by = entry.split()
            found[section].append((package, shown_by, why.strip()))
    return found


class Machine:
    """A PATH with what setup.sh calls and nothing else, and a clone to run it in.

    Args:
        directory: Empty; the clone and the commands go there.
        user_id: What `id -u` says.
    """

    def __init__(self, directory: Path, user_id: int) -> None:
        self.commands = directory / "bin"
        self.clone = directory / "a clone"
        self.log = directory / "calls"
        self.commands.mkdir()
        self.clone.mkdir()
        for tool in TOOLS:
            (self.commands / tool).symlink_to(shutil.which(tool))
        for name in ("setup.sh", "pyproject.toml", *CONSTRAINTS):
            shutil.copy(ROOT / name, self.clone / name)
        (self.clone / "docker").mkdir()
        shutil.copy(ROOT / "docker" / "packages.txt", self.clone / "docker")
        self.add("id", f"echo {user_id}")
        # New enough, without ensurepip, as Debian's python3 is by itself.
        self.add("python3", 'case "$*" in *ensurepip* | *venv*) exit 1 ;; *) exit 0 ;; esac')

    def add(self, name: str, script: str) -> None:
        command = self.commands / name
        command.write_text(f"#!/bin/bash\n{script}\n")
        command.chmod(0o755)

    def setup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.commands / "bash", self.clone / "setup.sh", *arguments],
            env={"PATH": str(self.commands)},
            stdin=subprocess.DEVNULL,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path):
    """Makes a :class:`Machine` for a user id."""
    return lambda user_id: Machine(tmp_path, user_id)


@pytest.mark.parametrize(
    ("goal", "sections"),
    [
        ("run", ("run",)),
        ("test", ("run", "test")),
        ("test-azure", ("run", "test")),
        ("test-azure-v2", ("run", "test")),
    ],
)
def test_without_root_the_missing_packages_are_named(machine, goal, sections):
    """Exit code 3, every package of the goal with its reason, and the command to install them."""
    bare = machine(1000)
    done = bare.setup(goal)
    assert done.returncode == 3
    listed = [entry for section in sections for entry in packages()[section]]
    for package, _, why in listed:
        assert re.search(rf"^  {package} +{re.escape(why)}$", done.stderr, re.MULTILINE)
    names = " ".join(package for package, _, _ in listed)
    assert f"apt-get install --no-install-recommends {names}\n" in done.stderr


def test_packages_that_are_there_are_not_listed(machine):
    """A command found on the PATH and an R package found by R are not asked for."""
    some = machine(1000)
    for name in ("make", "R"):
        some.add(name, "exit 0")
    some.add("Rscript", 'case "$*" in *randomForest*) exit 0 ;; *) exit 1 ;; esac')
    some.add("apt-get", f'echo "$*" >> {some.log}')
    done = some.setup("test")
    assert done.returncode == 3
    there = ("command:make", "command:R", "R:randomForest")
    listed = [entry for section in ("run", "test") for entry in packages()[section]]
    names = " ".join(package for package, shown_by, _ in listed if shown_by not in there)
    assert f"--no-install-recommends {names}\n" in done.stderr
    assert not some.calls()


def test_as_root_exactly_the_missing_packages_are_installed(machine):
    """Root installs what is missing, without recommended packages, after saying so."""
    bare = machine(0)
    bare.add("make", "exit 0")
    bare.add("apt-get", f'echo "$*" >> {bare.log}')
    done = bare.setup("run")
    names = " ".join(package for package, _, _ in packages()["run"] if package != "make")
    assert bare.calls() == [
        "-qq update",
        f"-qq install -y --no-install-recommends {names}",
    ]
    assert "Debian packages to install" in done.stdout
    # This machine's Python cannot make an environment, which is reported as such.
    assert done.returncode == 3
    assert "could not make the virtual environment .venv" in done.stderr


def test_a_failing_apt_is_reported(machine):
    """When apt-get fails, the exit code is 3 and the packages are named."""
    bare = machine(0)
    bare.add("apt-get", "exit 100")
    done = bare.setup("run")
    assert done.returncode == 3
    assert "apt-get could not install: r-base-core make" in done.stderr


def test_python_packages_are_installed_while_apt_is_at_work(machine):
    """Where pip needs nothing that is missing it does not wait, and a failing apt is reported."""
    bare = machine(0)
    bare.add("make", "exit 0")
    python = (
        'if [ "$2" = venv ]; then mkdir -p "$4/bin"; '
        'printf \'#!/bin/bash\\necho "$2" >> "%s"\\n\' "$LOG" > "$4/bin/python"; '
        'chmod +x "$4/bin/python"; fi'
    )
    bare.add("python3", f"LOG='{bare.log}'\n{python}")
    for tool in ("mkdir", "chmod", "sleep"):
        (bare.commands / tool).symlink_to(shutil.which(tool))
    # it ends when pip has begun, and would wait for ever if pip waited for it
    seen = f'case "$(cat "{bare.log}")" in *pip*) exit 100 ;; esac'
    bare.add("apt-get", f"while :; do {seen}; sleep 0.05; done")
    done = bare.setup("run")
    assert done.returncode == 3
    assert "apt-get could not install: r-base-core" in done.stderr


def test_azure_has_an_environment_of_its_own(machine):
    """Its SDK wants older versions than the rest, so it goes into another directory."""
    bare = machine(0)
    bare.add("apt-get", "exit 0")
    done = bare.setup("test-azure")
    assert done.returncode == 3
    assert "into .venv-azure, in the versions of constraints-azure.txt" in done.stdout
    assert "could not make the virtual environment .venv-azure" in done.stderr


def test_the_newer_sdk_of_azure_needs_no_environment_of_its_own(machine):
    """It goes beside everything else."""
    bare = machine(0)
    bare.add("apt-get", "exit 0")
    done = bare.setup("test-azure-v2")
    assert done.returncode == 3
    assert "into .venv, in the versions of constraints.txt" in done.stdout
    assert "gridrun[dev,azure-v2]" in done.stdout


def test_an_old_python_is_refused(machine):
    """Python before 3.11 is an environment fault that says what to do."""
    old = machine(0)
    old.add("python3", "exit 1")
    done = old.setup("run")
    assert done.returncode == 3
    assert "no Python of version 3.11 or later" in done.stderr
    assert "PYTHON=" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("walk",), ("run", "test")])
def test_a_wrong_goal_is_the_users_mistake(machine, arguments):
    """Anything but one of the goals gives the usage text and exit code 2."""
    done = machine(0).setup(*arguments)
    assert done.returncode == 2
    assert "usage: ./setup.sh run | test" in done.stderr


def test_every_package_says_how_it_is_found_and_why():
    """Each line has a package, a way to see it, and a reason; no package is listed twice."""
    entries = [entry for section in packages().values() for entry in section]
    assert set(packages()) == {"run", "test"}
    for package, shown_by, why in entries:
        assert re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", package)
        assert re.fullmatch(r"(command|R|python):\w+", shown_by)
        assert why
    assert len({package for package, _, _ in entries}) == len(entries)


def pins(name: str = "constraints.txt") -> dict[str, str]:
    found = {}
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = re.fullmatch(r"([a-z0-9-]+)==([\w.+]+)(?: ; .+)?", line).groups()
            found[name] = version
    return found


def test_every_python_package_is_pinned():
    """All that `gridrun[dev]` brings in here, directly or not, stands in constraints.txt."""
    pinned = pins()
    left = [Requirement(text) for text in requires("gridrun")]
    seen: set[str] = set()
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        markers = [{"extra": "dev"}] if name not in seen else []
        if not any(requirement.marker is None or requirement.marker.evaluate(m) for m in markers):
            continue
        seen.add(name)
        assert name in pinned
        left += [
            nested
            for text in distribution(name).requires or ()
            if (nested := Requirement(text)).marker is None or nested.marker.evaluate({"extra": ""})
        ]
    assert {"numpy", "ray", "pytest", "cffi"} <= seen


def test_azure_pins_differ_only_where_its_sdk_wants_it():
    """A child's numbers are those of a local run: what computes them has one version in both."""
    here, azure = pins(), pins("constraints-azure.txt")
    differing = {name for name in here.keys() & azure.keys() if here[name] != azure[name]}
    assert differing == {"cryptography", "mypy", "packaging", "pathspec", "python-dateutil"}
    run = {"numpy", "pandas", "pyarrow", "ray", "rpy2-rinterface", "rpy2-robjects", "xgboost-cpu"}
    assert run <= here.keys() & azure.keys()
    assert {"azureml-core", "azureml-train-core", "standard-imghdr"} <= azure.keys()
    assert {"azure-ai-ml", "azure-identity"} <= here.keys()


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_no_address_stands_in_the_constraints(name):
    """Where packages come from is the machine's business: no URL, no option, no hash."""
    text = (ROOT / name).read_text()
    body = [line for line in text.splitlines() if not line.startswith("#")]
    assert not re.search(r"://|\.org|\.com|\.io", text)
    assert not any(line.startswith("-") or "--hash" in line or "@" in line for line in body)


PYTHON_OF_CI = """#!/bin/bash
echo "$0 $*" >> calls
case $2 in
    venv) mkdir -p "${@: -1}/bin" && cp "$0" "${@: -1}/bin/python" ;;
    import*) mkdir -p "$(dirname "$0")/../lib" && echo "$(dirname "$0")/../lib" ;;
    pytest) cp .venv-azure-over/lib/below.pth below && exit "$SMOKE" ;;
esac
"""
"""In the place of Python: writes down what it is asked for, and makes a copy of itself."""


@pytest.mark.parametrize(("code", "smoke"), [(0, 0), (1, 0), (0, 2)])
def test_continuous_integration_says_what_it_took(tmp_path, code, smoke):
    """.ci/run asks for the slowest tests, tries both SDKs, ends with the seconds, fails as they."""
    (tmp_path / ".ci").mkdir()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON_OF_CI)
    python.chmod(0o755)
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    (tmp_path / "setup.sh").write_text(f'echo "$1 with $PYTEST_ADDOPTS"\nexit {code}\n')
    ran = subprocess.run(
        [tmp_path / ".ci" / "run"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "SMOKE": str(smoke)},
    )
    assert ran.returncode == (code or smoke)
    first, of_v1, second, of_v2, total = ran.stdout.splitlines()
    assert first.startswith("test with --durations=10")
    assert second == "test-azure-v2 with -m smoke"
    assert re.fullmatch(r"Azure's SDK v1: \d+ s, \d+ MB on disk", of_v1)
    assert re.fullmatch(r"Azure's SDK v2: \d+ s, \d+ MB on disk", of_v2)
    over = ".venv-azure-over"
    *_, installed, tried = (tmp_path / "calls").read_text().splitlines()
    assert f"pip --python {over}/bin/python install" in installed
    assert "--constraint constraints-azure.txt --editable .[azure]" in installed
    assert tried == f"{over}/bin/python -m pytest -m smoke tests/azure"
    below = (tmp_path / "below").read_text()
    assert below == "import site; site.addsitedir('.venv/bin/../lib')\n"
    assert not (tmp_path / over).exists()
    assert re.fullmatch(r"total: \d+ s", total)
