#!/bin/bash
# Set gridrun up on Debian 12 or 13 and run the quickstart, or the tests.
# See usage below. Needs Python >= 3.11; anything else is installed, or named.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: ./setup.sh run | test | test-azure | test-azure-v2

  run            install what running needs, then: gridrun local examples/quickstart
  test           install what testing needs as well, then: scripts/check (linters and tests)
  test-azure     the same with Azure's SDK v1, then: the tests of tests/azure, some 20 minutes
  test-azure-v2  the same with Azure's SDK v2

All say what they install and why, and install only what is missing. Debian
packages (docker/packages.txt) need root or sudo; without either, the missing ones
are named and the script stops with exit code 3. Python packages go into .venv
beside this script, in the versions of constraints.txt; with Azure's SDK v1, which needs
older ones of some, into .venv-azure, in those of constraints-azure.txt. Set PYTHON to
choose the interpreter.
TEXT
}

stop() {  # stop EXIT_CODE WHAT [ADVICE]: print an error and leave
    printf 'error: %s\n' "$2" >&2
    if [ $# -gt 2 ]; then printf '  %s\n' "$3" >&2; fi
    exit "$1"
}

if [ $# -ne 1 ]; then usage >&2; exit 2; fi
case $1 in
    run|test|test-azure|test-azure-v2) goal=$1 ;;
    -h|--help) usage; exit 0 ;;
    *) usage >&2; stop 2 "there is no goal \"$1\"" "known goals: run, test, test-azure, test-azure-v2" ;;
esac

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

candidates=(python3 python3.13 python3.12 python3.11)
if [ -n "${PYTHON:-}" ]; then candidates=("$PYTHON"); fi

find_python() {
    local candidate
    for candidate in "${candidates[@]}"; do
        if command -v "$candidate" >/dev/null && is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

python=$(find_python) || stop 3 \
    "no Python of version 3.11 or later was found (tried: ${candidates[*]})" \
    "install one (Debian 12 and 13: package python3), or name it: PYTHON=/path/to/python ./setup.sh $goal"

# Debian packages ------------------------------------------------------------------

# Lines "package shown-by why" of the sections that the goal needs.
wanted_packages() {
    awk -v goal="${goal%%-azure*}" '
        /^\[/ { section = substr($1, 2, length($1) - 2); next }
        /^[[:space:]]*(#|$)/ { next }
        section == "run" || section == goal { sub(/#[[:space:]]*/, ""); print }
    ' docker/packages.txt
}

is_there() {  # is_there SHOWN_BY; its standard input is not the list's
    local name=${1#*:}
    case $1 in
        command:*) command -v "$name" >/dev/null ;;
        R:*) command -v Rscript >/dev/null &&
            Rscript --vanilla -e "quit(status = !nzchar(system.file(package = '$name')))" >/dev/null 2>&1 ;;
        python:*) "$python" -c "import $name" 2>/dev/null ;;
        *) stop 3 "docker/packages.txt: \"$1\" is not command:NAME, R:NAME or python:NAME" ;;
    esac
}

missing=()
reasons=()
pip_waits=no
while read -r package shown_by why; do
    if ! is_there "$shown_by" </dev/null; then
        missing+=("$package")
        case $shown_by in python:* | command:make) pip_waits=yes ;; esac
        reasons+=("$(printf '  %-20s %s' "$package" "$why")")
    fi
done < <(wanted_packages)

can_sudo() { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }

install_packages() {
    local as_root=(env DEBIAN_FRONTEND=noninteractive)
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo "${as_root[@]}"); fi
    # dpkg's account of hundreds of files is left out, its errors are not
    "${as_root[@]}" apt-get -qq update &&
        "${as_root[@]}" apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

apt_failed() { stop 3 "apt-get could not install: ${missing[*]} (its own message stands above)"; }

apt=""  # its process, where it is at work beside pip

if [ ${#missing[@]} -eq 0 ]; then
    echo "Debian packages: all there."
elif ! command -v apt-get >/dev/null || { [ "$(id -u)" -ne 0 ] && ! can_sudo; }; then
    {
        echo "error: these Debian packages are missing, and installing them takes apt-get and root or sudo:"
        printf '%s\n' "${reasons[@]}"
        echo "  ask an administrator for: apt-get install --no-install-recommends ${missing[*]}"
        echo "  or, with conda and without root (untested): conda env create -f environment.yml"
    } >&2
    exit 3
else
    echo "Debian packages to install (without recommended ones):"
    printf '%s\n' "${reasons[@]}"
    # R and its packages take as long as Python's, which do not ask for them: both at once, where
    # nobody has to give a password
    if [ "$pip_waits" = yes ] || [ "$(id -u)" -ne 0 ]; then
        install_packages || apt_failed
    else
        install_packages &
        apt=$!
        trap wait EXIT  # apt-get is not left running, whatever happens
    fi
fi

# Python packages ------------------------------------------------------------------

venv=.venv
constraints=constraints.txt
extras=""
case $goal in
    test) extras="[dev]" ;;
    test-azure) extras="[dev,azure]" venv=.venv-azure constraints=constraints-azure.txt ;;
    test-azure-v2) extras="[dev,azure-v2]" ;;
esac

# What the environment was made from; equal means there is nothing to do.
recipe() {
    { echo "$1"; "$python" --version; pwd; cat pyproject.toml "$constraints"; } | sha256sum | cut -d' ' -f1
}

is_set_up() {  # an environment with more does for less
    [ -x "$venv/bin/gridrun" ] && [ -f "$venv/gridrun-recipe" ] || return 1
    local made
    made=$(cat "$venv/gridrun-recipe")
    [ "$made" = "$(recipe "$extras")" ] || [ "$made" = "$(recipe "[dev,azure-v2]")" ] ||
        { [ "$goal" = run ] && [ "$made" = "$(recipe "[dev]")" ]; }
}

if is_set_up; then
    echo "Python packages: $venv is up to date."
else
    echo "Python packages: into $venv, in the versions of $constraints (0.7 GB, mostly Ray and"
    echo "  Arrow): gridrun$extras and what it needs to run R (rpy2), spread work (Ray) and write tables."
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear "$venv" || stop 3 "$python could not make the virtual environment $venv"
    fi
    rm -f "$venv/gridrun-recipe"
    # the one that comes with Python 3.11 takes twice as long to look through a large index
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade pip || true
    # Without a compiled bridge the same steps do for machines with and without a compiler. rpy2 asks
    # R nevertheless, which may be half installed by now, so it is shown one that gives no answer.
    mkdir -p "$venv/no-answer"
    printf '#!/bin/sh\nexit 1\n' > "$venv/no-answer/R"
    chmod +x "$venv/no-answer/R"
    PATH="$PWD/$venv/no-answer:$PATH" RPY2_CFFI_MODE=ABI "$venv/bin/python" -m pip install \
        --quiet --disable-pip-version-check --no-compile \
        --constraint "$constraints" --editable ".$extras" ||
        stop 3 "pip could not install the Python packages into $venv (its own message stands above)"
    # pip would do this on one processor, and for files that are not used here, too; a few packages
    # have files of other versions of Python
    unused='/tests?/|/ray/(autoscaler|dashboard|data|llm|rllib|serve|train|tune)/'
    unused+='|/(mypy|mypyc|pip|pkg_resources|setuptools)/|/pygments/lexers/|/scipy/signal/'
    unused+='|/sklearn/(cluster|datasets)/|/statsmodels/(graphics|sandbox|stats|tsa)/'
    "$venv/bin/python" -m compileall -qq -j 0 -x "$unused" "$venv/lib" || true
    recipe "$extras" > "$venv/gridrun-recipe"
fi

if [ -n "$apt" ]; then wait "$apt" || apt_failed; fi

# Tasks run in processes of their own, each of which would compile these files otherwise. Where
# this folder may not be written they run all the same.
"$venv/bin/python" -m compileall -qq gridrun amiss_tasks backends || true

# ----------------------------------------------------------------------------------

if [ "$goal" = test ]; then exec bash scripts/check; fi
if [ "${goal#test-azure}" != "$goal" ]; then exec "$venv/bin/python" -m pytest tests/azure; fi
echo "Running: $venv/bin/gridrun local examples/quickstart"
exec "$venv/bin/gridrun" local examples/quickstart
