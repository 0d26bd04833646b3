"""Text in the pixels: a name plate, a scale, the screen of a workstation.

White letters over the image, their height a share of its own (DICOM PS3.3 C.7.6.1, Burned In Annotation). The words name nobody.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.letters import written
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

WORDS = ("PATIENT 0120", "PA 125 L", "RATE 17")


class BurnedInText(Strength):
    """height : of a line, share of the image's rows      lines : how many"""

    height: Annotated[float, Field(gt=0, le=0.3)]
    lines: Annotated[int, Field(ge=1, le=8)] = 2


def lettered(stack: Stack, options: BurnedInText, draw: Draw) -> Stack:
    """From one of the four corners down or up, the same on every slice."""
    voxels = stack.voxels
    height = max(round(options.height * voxels.shape[2]), 7)
    for place, corner in enumerate(draw.whole(4)):
        for line in range(options.lines):
            ink = written(WORDS[line % len(WORDS)], height).to(voxels.device)
            _put(voxels[place], stack.white[place], ink, corner, line)
    return stack.having(voxels)


def _put(image: Any, white: Any, ink: Any, corner: int, line: int) -> None:
    rows, columns = image.shape[1:3]
    high, wide = min(ink.shape[0], rows), min(ink.shape[1], columns)
    step = round(1.5 * ink.shape[0])
    top = step // 2 + line * step if corner < 2 else rows - (line + 1) * step
    left = step // 2 if corner % 2 == 0 else columns - wide - step // 2
    top, left = min(max(top, 0), rows - high), min(max(left, 0), columns - wide)
    region = image[:, top : top + high, left : left + wide]
    shape = ink[:high, :wide, None]
    region.copy_(shape * white.reshape(-1, 1, 1, 1) + (1 - shape) * region)


PERTURBATION = Perturbation(
    title="Burned-in text",
    suites=frozenset({"any"}),
    OPTIONS=BurnedInText,
    severities=tuple(
        {"height": height, "lines": lines} for height, lines in ((0.02, 1), (0.03, 2), (0.045, 3), (0.07, 3), (0.1, 4))
    ),
    anchor="one line of 2% of the height (a time) and two of 3% (a name plate) to four of 10% (a screen copy)",
    strength="height",
    unit="of the image",
    validity="White letters without a box behind them; they may hide a finding.",
    source="DICOM PS3.3 C.7.6.1 (0028,0301)",
    change=lettered,
)  # fmt: skip
