"""Fewer quanta at the detector: the noise of a lower exposure, added to the image of a higher one.

A presented radiograph is, up to its processing, affine in log10 of the detector's signal: grey t in [0, 1] (bright: little
exposure) stands for the exposure K · 10^(L·(1/2 - t)), L the decades from black to white. Quanta a pixel are
q = K · 30,174 /mm²/µGy · area · DQE · 10^(L·(1/2 - t)) (IEC 62220-1:2003, table 2, RQA 5), and the variance of ln(signal) is 1/q. An
exposure at the fraction f has 1/(f·q), so noise of variance (1/f - 1)/q is added to ln(signal): Båth et al. 2005,
"Method of simulating dose reduction for digital radiographic systems", Radiat Prot Dosimetry 114:253-259.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

QUANTA = 30174.0  # per mm² and µGy, RQA 5


class QuantumNoise(Strength):
    """fraction : of the exposure that the image was made with      air_kerma : at the detector behind the middle grey, µGy
    decades : of exposure from black to white      dqe : detective quantum efficiency at low frequency
    """

    fraction: Annotated[float, Field(gt=0, le=1)]
    air_kerma: Annotated[float, Field(gt=0)] = 2.5
    decades: Annotated[float, Field(gt=0)] = 1.5
    dqe: Annotated[float, Field(gt=0, le=1)] = 0.6


def noisier(stack: Stack, options: QuantumNoise, draw: Draw) -> Stack:
    """Noise by the quanta behind each pixel."""
    grey = stack.into_grey()
    log = noise_of_log(grey.clamp(0, 1), stack.millimetres, options).mul_(draw.normal(*grey.shape[1:]))
    return stack.shown(grey.sub_(log, alpha=1 / (options.decades * math.log(10))))


def noise_of_log(grey: Any, spacing: tuple[float, float, float], options: QuantumNoise) -> Any:
    """Standard deviation that is added to ln(signal)."""
    middle = options.air_kerma * QUANTA * spacing[1] * spacing[2] * options.dqe
    scale = math.sqrt((1 / options.fraction - 1) / middle)
    return (grey - 0.5).mul_(0.5 * options.decades * math.log(10)).exp_().mul_(scale)


PERTURBATION = Perturbation(
    title="Quantum noise",
    suites=frozenset({"radiography", "mammography"}),
    OPTIONS=QuantumNoise,
    severities=tuple({"fraction": 10 ** (-index / 10)} for index in (1, 3, 6, 9, 12)),
    anchor="deviation index -1, -3, -6, -9 and -12 (IEC 62494-1): from the target exposure to a sixteenth of it",
    strength="fraction",
    unit="of the exposure",
    validity="The noise of fewer quanta, white, behind an assumed log characteristic; electronic noise, which a very low exposure "
    "lets show, and noise-reducing processing are left out, so severities 4 and 5 are kinder than such exposures are.",
    source="Båth et al. 2005, Radiat Prot Dosimetry 114:253-259; IEC 62220-1:2003, table 2 (quanta); IEC 62494-1 (deviation index)",
    change=noisier,
    needs_spacing=True,
)  # fmt: skip
