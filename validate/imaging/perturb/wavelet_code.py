"""What JPEG 2000 leaves of a plane at a fidelity: the irreversible path of ISO/IEC 15444-1, without the bytes in between.

Of that path only the quantisation of the wavelets loses anything: the coder of bit planes behind it gives back what it was given, so
nobody who decodes the file sees whether it ran. Steps are Δ/‖band‖, as equation E-3 can write them: an error anywhere then costs the
image as much, which is the least error for its bytes (Taubman & Marcellin 2002, JPEG2000, ch. 5), and Δ is what leaves the error
that was asked for. A coder that cuts its bit planes off instead (OpenJPEG) ends near that fidelity, often some decibels below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from validate.imaging.perturb.wavelet_kernel import analysed, error, quantised, synthesised

LEVELS = 5  # of wavelets, what coders do unless told otherwise
MANTISSA = 12  # bits of a step: one before the point and eleven behind it
FINEST, COARSEST = -12.0, 20.0  # of Δ, powers of two
CLOSE, TRIES = 0.02, 10  # of the energy of error, octaves
LEAST = 1e-30  # of an error, so that it has a logarithm


@dataclass(frozen=True, slots=True)
class Bands:
    """places : (band, 4) first and last row, first and last column of each, the last not in it
    norms : (band,) the root of the energy that an error of one leaves in the image.
    """

    places: NDArray[np.int64]
    norms: NDArray[np.float64]

    def steps(self, base: float) -> NDArray[np.float32]:
        """As equation E-3 writes them."""
        mantissa, exponent = np.frexp(base / self.norms)
        return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, MANTISSA)), exponent - MANTISSA), np.float32)


class Code:
    """The wavelets of one image, which is rounded to one fidelity after another.

    planes : (component, y, x), about zero, written over
    weights : the energy that an error of one in each component leaves in the samples, of which an error is the mean
    """

    def __init__(self, planes: NDArray[np.float32], weights: tuple[float, ...]) -> None:
        self.planes = planes
        found = bands(*planes.shape[1:])
        self.of_each = [Bands(found.places, found.norms * math.sqrt(weight)) for weight in weights]
        for plane in planes:
            analysed(plane, LEVELS)

    def back(self, mean_square: float, found: NDArray[np.float32]) -> None:
        """What decoding finds, with nearly this mean square error by the energies of the wavelets."""
        base = self._base(mean_square * self.planes.size)
        for plane, of, to in zip(self.planes, self.of_each, found, strict=True):
            quantised(plane, of.places, of.steps(base), to)
            synthesised(to, LEVELS)

    def _base(self, wanted: float) -> float:
        """Δ that leaves this energy of error, or the nearest that was found."""
        power = 0.5 * math.log2(12 * wanted / self.planes.size)  # were all errors even in their step
        power = min(max(power, FINEST), COARSEST)
        off, slope = self._octaves(power, wanted), 2.0
        best = abs(off), power
        for _ in range(TRIES):
            if best[0] <= CLOSE:
                break
            before = power, off
            power = min(max(power - min(max(off / slope, -2.0), 2.0), FINEST), COARSEST)
            if power == before[0]:
                break
            off = self._octaves(power, wanted)
            best = min(best, (abs(off), power))
            slope = min(max((off - before[1]) / (power - before[0]), 0.5), 4.0)
        return float(2.0 ** best[1])

    def _octaves(self, power: float, wanted: float) -> float:
        """By which the energy of error is above the wanted one."""
        left = sum(
            error(plane, of.places, of.steps(2.0**power), of.norms**2)
            for plane, of in zip(self.planes, self.of_each, strict=True)
        )
        return math.log2(max(left, LEAST) / wanted)


@lru_cache(maxsize=16)
def bands(rows: int, columns: int) -> Bands:
    """Of a plane of this size, the smoothest first."""
    places, norms = [], []
    size = [(rows, columns)]
    for _ in range(LEVELS):
        size.append(((size[-1][0] + 1) // 2, (size[-1][1] + 1) // 2))
    places.append((0, size[-1][0], 0, size[-1][1]))
    norms.append(norm(LEVELS, high=False) ** 2)
    for level in range(LEVELS, 0, -1):
        (y, x), (below, beside) = size[level], size[level - 1]
        low, high = norm(level, high=False), norm(level, high=True)
        places += [(0, y, x, beside), (y, below, 0, x), (y, below, x, beside)]
        norms += [low * high, low * high, high * high]
    return Bands(np.array(places, np.int64), np.array(norms))


@lru_cache(maxsize=2 * LEVELS)
def norm(level: int, *, high: bool) -> float:
    """Of the samples along one axis that a coefficient of one at this level becomes."""
    size = 1 << (level + 6)
    line = np.zeros((1, size), np.float32)
    line[0, (size >> level) * 3 // 2 if high else (size >> level) // 2] = 1.0
    synthesised(line, level)
    return float(np.sqrt((line.astype(np.float64) ** 2).sum()))
