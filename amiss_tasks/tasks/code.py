"""Which code a task's result depends on, and whether a process still runs that code.

Python modules are found by following imports from where tasks and blocks are made; what is
left out is named in ``NOT_IN_TASKS``, each with its reason. R files are those that are sourced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from amiss_tasks.classifiers import IN_PYTHON
from amiss_tasks.methods import Method
from amiss_tasks.r.own_file import OwnFile
from amiss_tasks.tasks._kept_digests import keep_digests, kept_digests
from amiss_tasks.tasks.r_calls import GUARD_R, OWN_R, SHARED_R
from gridrun.errors import EnvironmentFault
from gridrun.plan.fingerprint import digest_of, python_code, r_code

_PACKAGE = "amiss_tasks"
_HERE = Path(__file__).parents[1]

NOT_IN_TASKS: Mapping[str, str] = {
    f"{_PACKAGE}.describe": "describes the inputs; no task has anything of it",
    f"{_PACKAGE}.models": "trains, predicts and explains outside of the study's tasks",
    f"{_PACKAGE}.own.checks": "tries a file on a toy; no task has anything of it",
    f"{_PACKAGE}.study.comparison": "says how tables compare methods, and makes no number",
    f"{_PACKAGE}.study.costs": "says how long tasks take, and makes no number of theirs",
    f"{_PACKAGE}.study.keys": "makes the options, which contexts hold by content",
    f"{_PACKAGE}.study.leakage": "makes sentences for tables, and no number",
    f"{_PACKAGE}.study.report_data": "makes sections of a report, after all numbers",
    f"{_PACKAGE}.tasks._kept_digests": "keeps these digests, and makes no number",
    f"{_PACKAGE}.tasks.code": "makes these digests, and no number",
    f"{_PACKAGE}.testing": "makes data for tests",
}
"""Modules and packages whose change leaves results valid, each with the reason."""

_PRUNE = tuple(NOT_IN_TASKS)
_READ, _FILTER = f"{_PACKAGE}.stages.read", f"{_PACKAGE}.stages.filter"
_SOURCE, _RUNNER = f"{_PACKAGE}.tasks.source", f"{_PACKAGE}.tasks.runner"
_PIPELINE = f"{_PACKAGE}.pipeline"
_CLASSIFIERS = f"{_PACKAGE}.classifiers"

_PARTS: Mapping[str, tuple[str, ...]] = {
    _READ: (),
    _FILTER: (),
    _SOURCE: (_READ, _FILTER),
    _RUNNER: (),
    _PIPELINE: (_SOURCE, _RUNNER),
    **{f"{_CLASSIFIERS}.{name}": () for name in IN_PYTHON},
}
"""Modules that have a digest, with what they import, and which of the others are not in it."""


def code_digests(
    method: Method, classifier: str, own_classifiers: Mapping[str, OwnFile]
) -> Mapping[str, str]:
    """Digest of the code of each stage that a leaf task passes through.

    ``pipeline`` stands for what says which values a task and its block are given, and
    ``preprocess`` has beside its own stage what calls the stages before the folds.
    """
    shared_r = [name for name in SHARED_R if name not in OWN_R]
    return {
        **_method_code(method),
        **_classifier_code(classifier, own_classifiers),
        "read": _python(_READ),
        "filter": _python(_FILTER),
        "preprocess": _python(_SOURCE),
        "prepare": digest_of([_python(_RUNNER), *_r_codes(GUARD_R, *shared_r)]),
        "pipeline": _python(_PIPELINE),
    }


def read_code() -> str:
    """Digest of the code that reads and joins the inputs."""
    return _python(_READ)


def block_code() -> list[str]:
    """Digests of the code that makes a block's tables of what was read."""
    return [_python(_FILTER), _python(_SOURCE)]


def code_in_use(r_files: Mapping[str, str] | None = None) -> dict[str, str]:
    """What this process runs: its Python modules as loaded, and R files.

    Args:
        r_files: Name of each R file, below the package, to the digest of what R is given;
            None for the files as they are now.
    """
    if r_files is None:
        r_files = {path.relative_to(_HERE).as_posix(): r_code(path) for path in _HERE.rglob("*.R")}
    return {"Python modules": _LOADED, **r_files}


def refuse_other_code(planned: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Stop a worker whose code is not that which its tasks were planned for.

    Args:
        planned: ``Settings.code``; nothing is compared where it is empty.
        here: What the worker runs.

    Raises:
        EnvironmentFault: They differ, so that results would go by another code's digest.
    """
    names = [name for name in sorted({*planned, *here}) if planned.get(name) != here.get(name)]
    if planned and names:
        raise EnvironmentFault(
            f"the code of {_PACKAGE} changed after this run was planned: {', '.join(names)}",
            todo="run it again, in a new Python process: what was committed is kept, and "
            "`gridrun plan --why` says what the change concerns",
        )


def _method_code(method: Method) -> Mapping[str, str]:
    """Of stage impute; a file of the user's own is named, so that its change is."""
    if method.own is not None:
        own = digest_of(_r_codes("own/load.R", "own/method.R", *_python_r(method.own)))
        return {"impute": own, f"own method {method.name}": method.own.code}
    files = (*method.helpers, f"{method.name}.R")
    return {"impute": digest_of(_r_codes(*(f"imputation/{file}" for file in files)))}


def _classifier_code(classifier: str, own_classifiers: Mapping[str, OwnFile]) -> Mapping[str, str]:
    """Of stage train, in the same way."""
    model = _r_codes(*(f"classifiers/{p.name}" for p in sorted(_HERE.glob("classifiers/_*.R"))))
    if classifier in own_classifiers:
        own = _r_codes("own/load.R", "own/classifier.R", *_python_r(own_classifiers[classifier]))
        code = own_classifiers[classifier].code
        return {"train": digest_of([*model, *own]), f"own classifier {classifier}": code}
    if classifier in IN_PYTHON:
        model.append(_python(f"{_CLASSIFIERS}.{classifier}"))
    else:
        model += _r_codes(f"classifiers/{classifier}.R")
    return {"train": digest_of(model)}


def _python_r(own: OwnFile) -> tuple[str, ...]:
    return ("own/python.R",) if own.is_python else ()


def _r_codes(*names: str) -> list[str]:
    return [r_code(_HERE / name) for name in names]


def refuse_changed_python() -> None:
    """Stop a process that loads modules later than it has taken digests of them.

    Raises:
        EnvironmentFault: A file has changed since, so that nobody knows which code is loaded.
    """
    if _python_text() != _LOADED:
        raise EnvironmentFault(
            f"Python files of {_PACKAGE} changed after this process had loaded them",
            todo="start Python again",
        )


def _python(module: str) -> str:
    """Digest of a module with what it imports, as this process has loaded them or will.

    Raises:
        EnvironmentFault: A file has changed since, so that its digest is unknown.
    """
    return _python_digests()[module]


@cache
def _python_digests() -> Mapping[str, str]:
    """Digest of each of ``_PARTS``; one that was kept is of the very bytes that are loaded."""
    refuse_changed_python()
    code = digest_of([_LOADED, _PRUNE, *map(list, _PARTS.items())])
    found = kept_digests(code)
    if found.keys() != _PARTS.keys():
        found = {m: python_code(m, _PACKAGE, _PRUNE, beside) for m, beside in _PARTS.items()}
        refuse_changed_python()  # a file that changed meanwhile was parsed as another
        keep_digests(code, found)
    return found


def _python_text() -> str:
    """Digest of all Python files that results may depend on, as they stand."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(_HERE.rglob("*.py")):
        name = ".".join((_PACKAGE, *path.relative_to(_HERE).with_suffix("").parts))
        if not any(f"{name}.".startswith(f"{other}.") for other in _PRUNE):
            digest.update(name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


_LOADED = _python_text()
"""The files as they were when this process loaded them: modules of a process do not change."""
