"""JPEG at a quality: export to 8 bits, blocks of 8 × 8 and coarse frequencies.

The discrete cosine transform of each block is divided by a table and rounded; quality q scales the standard's table by 5000/q (below 50) or
200 - 2q percent, as libjpeg does (ITU-T T.81; Wallace 1992, doi:10.1109/30.125072).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from validate.imaging.perturb.coded import recoded
from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Jpeg(Strength):
    """quality : of libjpeg, 1 to 100."""

    quality: Annotated[int, Field(ge=1, le=100)]


def compressed(stack: Stack, options: Jpeg, _draw: Draw) -> Stack:
    """8 bits between black and white."""
    from imagecodecs import jpeg8_decode, jpeg8_encode

    def coder(plane: np.ndarray) -> np.ndarray:
        return np.asarray(jpeg8_decode(jpeg8_encode(plane, level=options.quality)))

    return recoded(stack, 256, coder)


PERTURBATION = Perturbation(
    title="JPEG",
    suites=frozenset({"any", "ultrasound", "fundus", "dermoscopy"}),
    OPTIONS=Jpeg,
    severities=tuple({"quality": quality} for quality in (90, 70, 50, 25, 10)),
    anchor="quality 90 (careful export), 70 and 50 (slides, messengers), 25 and 10 (thumbnails)",
    strength="quality",
    unit="quality",
    validity="Baseline JPEG of the displayed range in 8 bits. It includes what 8 bits cost.",
    source="ITU-T T.81; Wallace 1992, doi:10.1109/30.125072",
    change=compressed,
)  # fmt: skip
