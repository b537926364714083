"""Which combinations of a grid are meant: some values, a list, a drawn sample.

The three narrow one another in this order: ``only``, then the list, then the
sample. Everything is a function of its arguments; nothing is read from disk but
a list given as ``@file``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial

import numpy as np

from gridrun.errors import UserError, counted, did_you_mean
from gridrun.pipeline import Value
from gridrun.plan.grid import Grid
from gridrun.plan.selection._blocks import Blocks
from gridrun.plan.selection._coverage import Coverage, coverage_of
from gridrun.plan.selection._numbers import read_numbers
from gridrun.plan.selection._sample import RANDOM, Sample, SampleSize
from gridrun.plan.task_encoding import IntArray


class Selection:
    """Combinations of a grid, in ascending order.

    Args:
        grid: The grid.
        chosen: Their indices (from 0), ascending, none twice; None: all of
            them, without holding them.
        sample: What was drawn, to be kept so that later runs draw the same.
        coverage: What a drawn sample has, counted when somebody asks.
        notes: What is worth telling about the selection.
    """

    def __init__(
        self,
        grid: Grid,
        chosen: IntArray | None = None,
        *,
        sample: Sample | None = None,
        coverage: Callable[[], Coverage] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.grid = grid
        self._chosen = chosen
        self.sample = sample if sample is not None else Sample()
        self._coverage = coverage
        self.notes = tuple(notes)

    @classmethod
    def of(
        cls,
        grid: Grid,
        *,
        compared: Sequence[str] = (),
        only: Sequence[str] = (),
        combinations: str | None = None,
        sample: int | SampleSize | None = None,
        design: str = RANDOM,
        blocks: bool = True,
        seed: int = 1,
        stored: str | None = None,
    ) -> Selection:
        """Choose combinations.

        Args:
            grid: The study's grid.
            compared: Parameters whose values stay together in a block.
            only: ``PARAMETER=VALUE[,VALUE...]`` each. Values of one parameter
                add up; different parameters must all be met.
            combinations: ``1,5,10-20`` counted from 1, or ``@file`` of such.
            sample: Draw blocks until this many combinations, or blocks, are reached.
            design: One of ``DESIGNS``: how they are drawn.
            blocks: False: draw single combinations.
            seed: Decides the draws.
            stored: What ``to_json`` gave after an earlier draw, or None.

        Raises:
            UserError: Something does not fit the grid, or nothing is left.
        """
        chosen = None if not only else _only(grid, only)
        if combinations is not None:
            listed = read_numbers(combinations, len(grid))
            chosen = listed if chosen is None else np.intersect1d(chosen, listed)
        if chosen is not None and not len(chosen):
            raise UserError(
                "no combination is selected",
                where=f"--combinations {combinations}",
                todo="none of the listed combinations has the values that --only asks for",
            )
        if sample is None:
            return cls(grid, chosen, sample=Sample.from_json(stored))
        size = sample if isinstance(sample, SampleSize) else SampleSize(sample)
        if size.asked < 1:
            raise UserError(f"--sample {size.asked} draws no combination: give 1 or more")
        pool = Blocks(grid, compared if blocks else (), chosen)
        earlier = Sample.from_json(stored)
        drawn, numbers = pool.draw(size, seed, earlier, design)
        indices = pool.members(numbers)
        return cls(
            grid,
            indices,
            sample=drawn,
            coverage=partial(coverage_of, pool, numbers, design),
            notes=_drawn_notes(pool, size, design, len(numbers), len(indices)),
        )

    @cached_property
    def coverage(self) -> Coverage | None:
        """What the sample has of what it was drawn from, and what can be concluded from it.

        None where no sample was asked for.
        """
        return self._coverage() if self._coverage is not None else None

    def __len__(self) -> int:
        return len(self.grid) if self._chosen is None else len(self._chosen)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.grid)) if self._chosen is None else self._chosen.tolist())

    def __contains__(self, index: object) -> bool:
        return index in (range(len(self.grid)) if self._chosen is None else self._chosen)

    def indices(self) -> IntArray:
        """Indices of the combinations, from 0, ascending; shape ``(len(self),)``."""
        if self._chosen is None:
            return np.arange(len(self.grid), dtype=np.int64)
        return self._chosen.copy()

    def to_json(self) -> str:
        """What was drawn, for keeping; hand it to ``of`` as ``stored``."""
        return self.sample.to_json()


def _drawn_notes(
    pool: Blocks, size: SampleSize, design: str, drawn: int, combinations: int
) -> list[str]:
    how = "drawn" if design == RANDOM else f"drawn, {design}"
    if pool.compared:
        note = (
            f"{drawn:,} of {counted(len(pool), 'block')} {how}, "
            f"{counted(combinations, 'combination')}: "
            f"all selected values of {', '.join(pool.compared)} in each"
        )
    else:
        note = f"{combinations:,} of {counted(pool.combinations, 'combination')} {how}"
    there = pool.combinations if size.blocks is None else len(pool)
    if size.asked <= there:
        return [note]
    unit = "combination" if size.blocks is None else "block"
    only = f"the sample asks for {counted(size.asked, unit)} and there are {there:,}"
    return [note, f"{only}: all of them are drawn, and nothing is left out"]


def _only(grid: Grid, expressions: Sequence[str]) -> IntArray:
    """Indices of the combinations that have the values asked for."""
    positions = positions_of(grid.allowed(), expressions, "--only")
    # Axis after axis, so that only what is selected is ever held: the whole grid may be too large.
    # The result is ascending, since each axis is.
    axes = [
        sorted(positions.get(name, range(size)))
        for name, size in zip(grid.names, grid.sizes, strict=True)
    ]
    return np.ravel_multi_index(np.ix_(*axes), grid.sizes).ravel()


def positions_of(
    allowed: Mapping[str, Sequence[Value]], expressions: Sequence[str], option: str
) -> dict[str, set[int]]:
    """Read ``PARAMETER=VALUE[,VALUE...]`` expressions; values of one parameter add up.

    Args:
        allowed: Parameter to its values.
        expressions: As they were written.
        option: What they were given to, for messages.

    Returns:
        Parameter to the positions of the values that are meant.

    Raises:
        UserError: An expression has another form, or names what there is not.
    """
    positions: dict[str, set[int]] = {}
    for expression in expressions:
        name, found = _parse(allowed, expression, option)
        positions.setdefault(name, set()).update(found)
    return positions


def _parse(
    allowed: Mapping[str, Sequence[Value]], expression: str, option: str
) -> tuple[str, list[int]]:
    """Parameter and positions of the values of one expression."""
    where = f"{option} {expression}"
    name, equals, texts = (part.strip() for part in expression.partition("="))
    if not equals or not name or not texts:
        raise UserError(
            "does not select values",
            where=where,
            todo=f"write {option} PARAMETER=VALUE[,VALUE...]",
        )
    if name not in allowed:
        near = did_you_mean(name, allowed)
        raise UserError(
            f'unknown parameter "{name}"',
            where=where,
            todo=near or f"known parameters: {', '.join(allowed)}",
        )
    return name, [_position(where, name, allowed[name], text.strip()) for text in texts.split(",")]


def _position(where: str, name: str, values: Sequence[Value], text: str) -> int:
    for position, value in enumerate(values):
        if isinstance(value, str):
            if value == text:
                return position
        elif _number(text) == float(value):
            return position
    known = [str(value) for value in values]
    near = did_you_mean(text, known)
    raise UserError(
        f'the study\'s grid has no value "{text}" of parameter "{name}"',
        where=where,
        todo=f"{near} values in the grid: {', '.join(known)}".strip(),
    )


def _number(text: str) -> float | None:
    with suppress(ValueError):
        return float(text)
    return None
