"""JPEG 2000 at a fidelity: wavelets made coarse, with ringing and blur instead of blocks.

Wavelets are rounded so far that the image has this peak signal-to-noise ratio, 20·log10(peak/RMS error) (ISO/IEC 15444-1;
wavelet_code.py). Ratios of 5 to 15, which societies allow for radiographs and CT, leave some 45 to 55 dB.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack
from validate.imaging.perturb.wavelet_code import Code
from validate.imaging.perturb.wavelet_kernel import mixed, settled

GREY, COLOUR = 12, 8  # bits of a sample
# ISO/IEC 15444-1 annex G.3, the irreversible transform of components, and its way back
INTO = np.array([[0.299, 0.587, 0.114], [-0.16875, -0.33126, 0.5], [0.5, -0.41869, -0.08131]], np.float32)
BACK = np.array([[1.0, 0.0, 1.402], [1.0, -0.34413, -0.71414], [1.0, 1.772, 0.0]], np.float32)
COLOUR_ENERGY = tuple(float(energy) for energy in (BACK**2).sum(axis=0))
ROUNDING = 1 / 12  # the mean square of what rounding to whole numbers adds to an error that is larger
CLOSE, ROUNDS = 0.2, 3  # dB from the wanted fidelity


class Jpeg2000(Strength):
    """psnr : of the coded image, dB."""

    psnr: Annotated[int, Field(ge=10, le=100)]


def compressed(stack: Stack, options: Jpeg2000, _draw: Draw) -> Stack:
    """12 bits of grey or 8 of each colour; what lies outside of the display is cut off, as an export does. Runs on the CPU."""
    bits = COLOUR if stack.voxels.shape[-1] == 3 else GREY
    peak = (1 << bits) - 1
    samples = stack.into_grey().clamp_(0, 1).mul_(peak).round_()
    planes = samples.movedim(-1, 2).cpu().contiguous()
    for place in np.ndindex(*planes.shape[:2]):
        some = planes[place].numpy()
        for one in [some] if len(some) == 3 else some[:, None]:
            one[:] = decoded(one, bits, options.psnr)
    return stack.shown(planes.movedim(2, -1).to(samples.device).div_(peak))


def decoded(samples: NDArray[np.float32], bits: int, psnr: float) -> NDArray[np.float32]:
    """(1 or 3, y, x) whole numbers → what comes back of them.

    The energies of the wavelets foretell the error to a fifth of a decibel in most images; where they don't, once more.
    """
    peak, middle = np.float32((1 << bits) - 1), np.float32(1 << (bits - 1))
    wanted = float(peak * 10 ** (-psnr / 20)) ** 2
    aim = wanted - ROUNDING if wanted > 2 * ROUNDING else wanted
    colour = len(samples) == 3
    given = samples - middle
    code = Code(_mixed(INTO, given), COLOUR_ENERGY) if colour else Code(given, (1.0,))
    best: tuple[float, NDArray[np.float32]] | None = None
    for _ in range(ROUNDS):
        found = np.empty_like(samples)
        code.back(aim, found)
        found = _mixed(BACK, found) if colour else found
        left = settled(found, samples, middle, peak)
        off = abs(math.log10(max(left, wanted / 1e3) / wanted)) * 10
        if best is None or off < best[0]:
            best = off, found
        if off <= CLOSE or left == 0:
            break
        aim *= wanted / left
    assert best is not None
    return best[1]


def _mixed(matrix: NDArray[np.float32], planes: NDArray[np.float32]) -> NDArray[np.float32]:
    found = np.empty_like(planes)
    mixed(planes, matrix, found)
    return found


PERTURBATION = Perturbation(
    title="JPEG 2000",
    suites=frozenset({"any"}),
    OPTIONS=Jpeg2000,
    severities=tuple({"psnr": psnr} for psnr in (50, 44, 38, 33, 28)),
    anchor="50 and 44 dB (archives), 38 dB (beyond what societies allow), 33 and 28 dB (previews)",
    strength="psnr",
    unit="dB",
    validity="Irreversible wavelets of the displayed range in 12 bits (colour: 8), by fidelity and not by size; no stream is written.",
    source="ISO/IEC 15444-1; RCR 2008, The adoption of lossy image data compression for the purpose of clinical interpretation",
    change=compressed,
)  # fmt: skip
