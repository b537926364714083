"""Seeded damages to the file of a ledger, and what may come of them."""

from __future__ import annotations

import random
from pathlib import Path

from toystudies import SMALL_GRID, open_toy, table, write_study

from gridrun.errors import GridrunError

KINDS = ("flipped bytes", "flipped bit", "cut", "zeroed page", "garbage", "moved page", "emptied")
CALLS = ("plan", "status", "logs", "summary", "run", "sweeps")


def finished_study(directory: Path, **options):
    """A study that was run, with failed tasks and predictions; its table is returned as well."""
    grid = {**SMALL_GRID, "origin": ["first"], "coding": ["columns"], "constant_check": ["on"]}
    write_study(directory, grid, folds=2)
    options = {
        "misbehave": {"smoothing=upper": "error"},
        "predictions": 3,
        "null_models": True,
        **options,
    }
    study = open_toy(directory, **options)
    study.run(backend="inprocess")
    return study, table(directory)


def damage(path: Path, seed: int) -> str:
    """Damage a file; the same seed, the same damage. Returns what was done to it."""
    draw = random.Random(seed)
    data = bytearray(path.read_bytes())
    kind = KINDS[seed % len(KINDS)]
    page = 4096
    pages = len(data) // page
    match kind:
        case "flipped bytes":
            for _ in range(draw.choice([1, 3, 20, 200])):
                data[draw.randrange(len(data))] = draw.randrange(256)
        case "flipped bit":
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        case "cut":
            del data[draw.randrange(1, len(data)) :]
        case "zeroed page":
            at = draw.randrange(pages) * page
            data[at : at + page] = bytes(page)
        case "garbage":
            at = draw.randrange(len(data) - 100)
            size = draw.choice([8, 100, page])
            data[at : at + size] = draw.randbytes(min(size, len(data) - at))
        case "moved page":
            one, other = draw.randrange(pages) * page, draw.randrange(pages) * page
            data[one : one + page] = data[other : other + page]
        case _:
            data = bytearray(draw.choice([0, 1, 100]))
    path.write_bytes(data)
    return kind


def outcome_of(study, call: str) -> str:
    """``fine``, or the text of the error; anything but an error that says what to do is raised."""
    opened = open_toy(study.study.directory, **study.study.options)
    try:
        if call == "run":
            opened.run(backend="inprocess")
        else:
            getattr(opened, call)()
    except GridrunError as error:
        if not (error.todo and str(study.study.paths.ledger) in error.text()):
            raise AssertionError(error.text()) from error
        if error.exit_code not in (2, 3):
            raise AssertionError(error.exit_code) from error
        return error.text()
    return "fine"
