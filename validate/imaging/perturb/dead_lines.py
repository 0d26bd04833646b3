"""Lines of the detector that read nothing: a broken gate or column amplifier whose correction map is out of date.

A line that is not corrected shows a constant; one that is shows the mean of its neighbours. Both occur, and the first is drawn here
(IEC 62220-1-1 asks for images corrected for defects; AAPM Task Group 151, Jones et al. 2015, Med Phys 42:6658-6670, for checks of
them).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class DeadLines(Strength):
    """lines : rows and columns that are lost, drawn over the whole detector      width : of each, pixels"""

    lines: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)] = 1


def broken(stack: Stack, options: DeadLines, draw: Draw) -> Stack:
    """Black lines, about half of them rows."""
    voxels = stack.voxels
    for _ in range(options.lines):
        ways, starts = draw.whole(2), draw.uniform(0, 1, 1)[:, 0].tolist()
        for place, (way, start) in enumerate(zip(ways, starts, strict=True)):
            length = voxels.shape[2 + way]
            first = min(int(start * length), length - 1)
            lost = voxels[place].narrow(1 + way, first, min(options.width, length - first))
            lost.copy_(stack.black[place].expand_as(lost))
    return stack.having(voxels)


PERTURBATION = Perturbation(
    title="Dead lines",
    suites=frozenset({"radiography", "mammography"}),
    OPTIONS=DeadLines,
    severities=tuple({"lines": lines} for lines in (1, 2, 4, 10, 25)),
    anchor="1 line (between two services), 2 and 4 (a bad connector), 10 and 25 (a detector that should be out of use)",
    strength="lines",
    unit="lines",
    validity="Uncorrected lines of one pixel; blocks of lines and drifting offsets are other faults.",
    source="Jones et al. 2015 (AAPM Task Group 151), Med Phys 42:6658-6670",
    change=broken,
)  # fmt: skip
