"""Whether boosted trees are what xgboost wrote: its reader follows each number without a look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amiss_tasks.models._plain import json_of

_NO_PARENT = 2**31 - 1
_PER_NODE = (
    "left_children",
    "right_children",
    "parents",
    "split_indices",
    "split_type",
    "default_left",
    "split_conditions",
    "base_weights",
    "loss_changes",
    "sum_hessian",
)
_NO_CATEGORIES = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
_LEAF = -1


def check_boosted(content: bytes, columns: int) -> None:
    """Stop at trees that lead out of their arrays, or nowhere for ever.

    Args:
        content: The JSON of a model of xgboost's.
        columns: Number of columns that it is given.

    Raises:
        ValueError: They are none of a binary classifier on so many columns.
    """
    try:
        learner = json_of(content, "a boosted model")["learner"]
        parameters, booster = learner["learner_model_param"], learner["gradient_booster"]
        model = booster["model"]
        trees = model["trees"]
        is_ours = (
            booster["name"] == "gbtree"
            and learner["objective"]["name"] == "binary:logistic"
            and int(parameters["num_feature"]) == columns
            and int(parameters["num_class"]) == 0
            and int(parameters["num_target"]) == 1
            and int(model["gbtree_model_param"]["num_trees"]) == len(trees)
            and int(model["gbtree_model_param"]["num_parallel_tree"]) == 1
            and model["tree_info"] == [0] * len(trees)
            and model["iteration_indptr"] == list(range(len(trees) + 1))
            and not any(model.get("cats", {}).values())
        )
        sound = is_ours and all(_leads_down(tree, columns) for tree in trees)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"a boosted model lacks something, or has it elsewhere: {error}") from None
    if not sound:
        raise ValueError("a boosted model is none that xgboost grew on this many columns")


def _leads_down(tree: Mapping[str, Any], columns: int) -> bool:
    """Whether each node that the root leads to has a column and two children, or is a leaf."""
    left, right, parents = (tree[name] for name in _PER_NODE[:3])
    size = int(tree["tree_param"]["num_nodes"])
    if any(len(tree[name]) != size for name in _PER_NODE) or any(tree[n] for n in _NO_CATEGORIES):
        return False
    whole = [*left, *right, *parents, *tree["split_indices"]]
    if any(type(number) is not int for number in whole) or any(tree["split_type"]):
        return False
    waiting, seen = [(0, _NO_PARENT)], 0
    while waiting:
        node, parent = waiting.pop()
        seen += 1
        # a node that is reached twice is one that has two parents, or is its own
        if not 0 <= node < size or parents[node] != parent or seen > size:
            return False
        if left[node] == right[node] == _LEAF:
            continue
        if not 0 <= tree["split_indices"][node] < columns or left[node] == right[node]:
            return False
        waiting += [(left[node], node), (right[node], node)]
    return int(tree["tree_param"]["size_leaf_vector"]) in (0, 1)
