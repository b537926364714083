"""What is drawn of a study's grid: the study's key ``sample`` and the options of a run together."""

from __future__ import annotations

from dataclasses import dataclass

from gridrun.errors import UserError, counted, did_you_mean
from gridrun.plan.run_options import RunOptions
from gridrun.plan.selection import DESIGNS, RANDOM, SampleSize
from gridrun.study._study import Study


@dataclass(frozen=True)
class Drawing:
    """What is drawn, and how.

    Args:
        size: How many combinations or blocks, or None for all.
        design: How they are drawn, one of ``DESIGNS``.
        whole_blocks: Whether blocks are drawn, or single combinations.
    """

    size: SampleSize | None
    design: str
    whole_blocks: bool

    @property
    def label(self) -> str:
        """As reports name it; empty where nothing is drawn."""
        if self.size is None:
            return ""
        blocks = self.size.blocks
        size = f"{self.size.asked}" if blocks is None else counted(blocks, "block")
        return size if self.design == RANDOM else f"{size}, {self.design}"

    @property
    def unit(self) -> str:
        """What is drawn: draws of one unit by one seed contain one another."""
        unit = "blocks" if self.whole_blocks else "combinations"
        return unit if self.design == RANDOM else f"{self.design} {unit}"


def drawing_of(study: Study, request: RunOptions) -> Drawing:
    """What a request draws; an option takes the place of what the study says.

    Args:
        study: The study.
        request: The options.

    Raises:
        UserError: There is no such design, or an option has nothing to work on.
    """
    size = None
    if request.sample is not None:
        size = SampleSize(request.sample)
    elif study.sample is not None or study.sample_blocks is not None:
        size = SampleSize(study.sample or 0, study.sample_blocks)
    design = request.design or study.design
    if design not in DESIGNS:
        raise UserError(
            f'there is no design "{design}"',
            where=f"--design {design}",
            todo=f"{did_you_mean(design, DESIGNS)} known designs: {', '.join(DESIGNS)}".strip(),
        )
    for option, given in (("--no-blocks", not request.blocks), ("--design", request.design)):
        if given and size is None:
            raise UserError(
                f"{option} requires --sample",
                todo=f"give --sample N with {option}, or leave {option} out",
            )
    if size is not None and not request.blocks and (design != RANDOM or size.blocks is not None):
        whole = f"the design {design}" if design != RANDOM else "sample: {blocks: N}"
        raise UserError(
            f"whole blocks are drawn by {whole}, and --no-blocks asks for single combinations",
            todo="leave --no-blocks out, or draw a number of combinations at random: "
            "--sample N --design random --no-blocks",
        )
    return Drawing(size, design, request.blocks)
