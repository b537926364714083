"""Finding a pipeline by its name."""

from __future__ import annotations

import importlib
from typing import Any, cast

from gridrun.errors import GridrunError, UserError, did_you_mean
from gridrun.pipeline._contract import Pipeline

DEFAULT_PIPELINE = "amiss_tasks:PIPELINE"

_MEMBERS = (
    *Pipeline.__annotations__,
    *(name for name, value in vars(Pipeline).items() if callable(value) and name[0] != "_"),
)
_SHOWN = 5
_ADVICE = (
    "write --pipeline MODULE:ATTRIBUTE, with a module that is installed or in the current directory"
)


def load_pipeline(name: str = DEFAULT_PIPELINE) -> Pipeline:
    """Import a pipeline by ``"module:ATTRIBUTE"``.

    Raises:
        UserError: The module cannot be imported, or what has that name is not a pipeline.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise UserError(f'"{name}" is not the name of a pipeline', todo=_ADVICE)
    try:
        imported = importlib.import_module(module)
    except GridrunError:
        raise
    except (Exception, SystemExit) as error:
        # whatever a file of the user's own raises
        cause = f"{type(error).__name__}: {error}"
        raise UserError(f'pipeline "{name}" cannot be imported: {cause}', todo=_ADVICE) from error
    try:
        found = getattr(imported, attribute)
    except AttributeError:
        near = did_you_mean(attribute, _pipelines_of(imported))
        todo = f"{near} {_ADVICE}".strip()
        raise UserError(f'module "{module}" has no "{attribute}"', todo=todo) from None
    missing = missing_members(found)
    if missing:
        lacks = ", ".join([*missing[:_SHOWN], "…"] if len(missing) > _SHOWN else missing)
        raise UserError(
            f'"{name}" is not a pipeline: it has no {lacks}',
            todo="gridrun.pipeline.Pipeline lists the members of a pipeline; gridrun.testing.toy "
            "is an example",
        )
    return cast("Pipeline", found)


def missing_members(candidate: Any) -> list[str]:
    """What an object lacks to be a pipeline."""
    return [name for name in _MEMBERS if not hasattr(candidate, name)]


def _pipelines_of(module: Any) -> list[str]:
    return [name for name, value in vars(module).items() if not missing_members(value)]
