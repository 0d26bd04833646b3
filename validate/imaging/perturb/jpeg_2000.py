"""JPEG 2000 at a fidelity: wavelets cut off, with ringing and blur instead of blocks.

The code stream is cut where the image has this peak signal-to-noise ratio, 20·log10(peak/RMS error) (ISO/IEC 15444-1). Ratios of 5 to 15,
which societies allow for radiographs and CT, leave some 45 to 55 dB.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from validate.imaging.perturb.coded import recoded
from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

LEVELS = 4096


class Jpeg2000(Strength):
    """psnr : of the coded image, dB."""

    psnr: Annotated[int, Field(ge=10, le=100)]


def compressed(stack: Stack, options: Jpeg2000, _draw: Draw) -> Stack:
    """12 bits of grey or 8 of each colour, irreversible wavelets."""
    from imagecodecs import jpeg2k_decode, jpeg2k_encode

    def coder(plane: np.ndarray) -> np.ndarray:
        raw = 12 if plane.ndim == 2 else 8
        return np.asarray(jpeg2k_decode(jpeg2k_encode(plane, level=options.psnr, reversible=False, bitspersample=raw)))

    return recoded(stack, LEVELS if stack.voxels.shape[-1] != 3 else 256, coder)


PERTURBATION = Perturbation(
    title="JPEG 2000",
    suites=frozenset({"any"}),
    OPTIONS=Jpeg2000,
    severities=tuple({"psnr": psnr} for psnr in (50, 44, 38, 33, 28)),
    anchor="50 and 44 dB (archives), 38 dB (beyond what societies allow), 33 and 28 dB (previews)",
    strength="psnr",
    unit="dB",
    validity="Irreversible wavelets of the displayed range, by fidelity and not by size.",
    source="ISO/IEC 15444-1; RCR 2008, The adoption of lossy image data compression for the purpose of clinical interpretation",
    change=compressed,
)  # fmt: skip
