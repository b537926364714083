"""Whether a recipe, which may be anybody's, says what predictions are made by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from amiss_tasks.classifiers import NAMES
from amiss_tasks.models._recipe import Recipe
from amiss_tasks.protocols import PROTOCOLS
from amiss_tasks.r.own_file import OWN_CLASSIFIERS, own_files
from amiss_tasks.study.options import features_of, methods_of


def check_recipe(recipe: Recipe) -> None:
    """Stop at a recipe with something else than it should have.

    Raises:
        ValueError: With what it is.
    """
    hints = get_type_hints(Recipe)
    wrong = [
        each.name
        for each in fields(Recipe)
        if not _is(getattr(recipe, each.name), hints[each.name])
    ]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} is not what it is in a model")
    # what a model says of itself is shown, and written into tables
    recipe.text().encode()
    try:
        _check_meaning(recipe)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it lacks something, or has it elsewhere: {error}") from None


def _check_meaning(recipe: Recipe) -> None:
    features, method = features_of(recipe.options), recipe.imputation["method"]
    classifier = recipe.classifier["name"]
    final = set(recipe.features["final"])
    coding = recipe.coding
    coded = {
        name: set() if coding.dummies is None else set(coding.dummies[name])
        for name in features.categorical
    }
    known = {
        *features.numeric,
        *(features.categorical if coding.dummies is None else ()),
        *(f"{name}.{'NA' if level is None else level}" for name in coded for level in coded[name]),
    }
    wanted = {
        "protocol": recipe.protocol["name"] in PROTOCOLS
        and isinstance(recipe.protocol["seed"], int),
        "parameters": recipe.parameters["imputation"] == method
        and {"transcript", "restriction"} <= set(recipe.parameters),
        "imputation": method in methods_of(recipe.options),
        "classifier": classifier in {*NAMES, *own_files(recipe.options, OWN_CLASSIFIERS)},
        "features": bool(final) and final <= known,
        "levels": set(features.categorical) <= set(coding.levels),
        "seeds": "test imputation" in recipe.seeds,
        "study": isinstance(recipe.protocol["label"], str),
        "folds": recipe.folds_said() is not None,
    }
    wrong = [name for name, is_so in wanted.items() if not is_so]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} is of no study that this version knows")


def _is(value: Any, kind: Any) -> bool:
    """Whether a value that was read from JSON is of a type."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin in (Union, UnionType):
        return any(_is(value, one) for one in args)
    if origin is Mapping:
        return isinstance(value, dict) and all(_is(one, args[1]) for one in value.values())
    if origin is Sequence:
        return isinstance(value, list) and all(_is(one, args[0]) for one in value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
