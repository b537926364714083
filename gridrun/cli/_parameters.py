"""Commands with parameters that are known at run time only."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

Parameter = tuple[Any, Any]
"""Type of a command's parameter, annotated for typer, and what it is when not given."""


def with_parameters(
    command: Callable[..., None], text: str, parameters: Mapping[str, Parameter]
) -> Callable[..., None]:
    """A command that takes keywords, with the signature that typer reads them from.

    Args:
        command: Called with a keyword for each parameter.
        text: Its help.
        parameters: Name to type and default.
    """
    keyword = inspect.Parameter.KEYWORD_ONLY
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, keyword, default=default, annotation=annotation)
            for name, (annotation, default) in parameters.items()
        ]
    )
    command.__annotations__ = {name: parameters[name][0] for name in parameters}
    command.__doc__ = inspect.cleandoc(text)
    return command
