"""Invented scanners: how each make turns what the X-rays met into stored pixel values.

The makes carry the names of real ones because hospitals spell those in many ways, and that is worth
practising on. Their physics are made up and say nothing about any real product.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validate.phantoms.chest import Scene
from validate.phantoms.grid import SIZE, Image, blurred

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
LEVELS = 640  # grey levels between black and white; more would store noise


@dataclass(frozen=True, slots=True)
class Scanner:
    """One model of one make.

    blur : sigma in pixels    quanta : photons per pixel where nothing is in the way    scatter : share of the signal
    gamma, sharpening : display processing    shutter : "black" or "white" outside the collimated field
    slope, intercept : modality rescale    voi : "window", "two_windows", "sigmoid" or "lut"
    """

    make: str
    spellings: tuple[str, ...]
    model: str
    software: str
    modality: str
    blur: float
    quanta: float
    scatter: float
    gamma: float
    sharpening: float
    shutter: str
    bits: int
    photometric: str
    transfer_syntax: str
    voi: str
    slope: float = 1.0
    intercept: float = 0.0
    spacing: float = 2.8  # mm per pixel of the small image


@dataclass(frozen=True, slots=True)
class Film:
    """stored : (y, x) uint16. The window is in rescaled units; `table` replaces it where the scanner sends one.

    table : VOI table of 16-bit entries, the first for the stored value `first`
    """

    stored: NDArray[np.uint16]
    centre: float
    width: float
    table: NDArray[np.uint16] | None = None
    first: int = 0


_GE = ("GE MEDICAL SYSTEMS", "GE Healthcare", "GE HEALTHCARE")
_SIEMENS = ("SIEMENS", "Siemens Healthineers", "Siemens")
_PHILIPS = ("Philips Medical Systems", "PHILIPS", "Philips")
_FUJIFILM = ("FUJIFILM Corporation", "FUJI PHOTO FILM Co., ltd.", "FUJIFILM")

SCANNERS = (
    Scanner("GE", _GE, "Discovery XR656", "dm_Platform_release_3.2", "DX",
            0.45, 7800.0, 0.20, 0.95, 0.35, "black", 14, "MONOCHROME2", JPEG_2000, "lut"),
    Scanner("GE", _GE, "Optima XR220amx", "dm_Platform_release_2.9", "DX",
            0.60, 5100.0, 0.30, 1.00, 0.25, "black", 12, "MONOCHROME1", JPEG_LS, "window"),
    Scanner("Siemens", _SIEMENS, "Ysio Max", "VE10U", "DX",
            0.50, 7200.0, 0.22, 1.08, 0.30, "black", 12, "MONOCHROME2", JPEG_LS, "two_windows"),
    Scanner("Siemens", _SIEMENS, "AXIOM Aristos FX", "VB10H", "DX",
            0.65, 5700.0, 0.26, 1.15, 0.15, "white", 12, "MONOCHROME2", JPEG_2000, "window"),
    Scanner("Siemens", _SIEMENS, "Mobilett Elara Max", "VF11A", "DX",
            0.60, 4800.0, 0.32, 1.05, 0.30, "black", 14, "MONOCHROME2", EXPLICIT, "sigmoid"),
    Scanner("Philips", _PHILIPS, "DigitalDiagnost C90", "PMS 1.1", "DX",
            0.50, 6900.0, 0.20, 0.88, 0.40, "black", 12, "MONOCHROME1", JPEG_2000, "window"),
    Scanner("Philips", _PHILIPS, "PCR Eleva", "1.2.1 SP2", "CR",
            0.75, 4500.0, 0.28, 0.92, 0.20, "white", 10, "MONOCHROME2", RLE, "window", 4.0, -512.0),
    Scanner("Fujifilm", _FUJIFILM, "FDR D-EVO II", "V7.1.0003", "DX",
            0.55, 6300.0, 0.22, 1.02, 0.30, "black", 12, "MONOCHROME2", JPEG_LS, "lut"),
    Scanner("Fujifilm", _FUJIFILM, "FCR Capsula XLII", "A07-00", "CR",
            0.70, 4500.0, 0.28, 1.10, 0.15, "white", 10, "MONOCHROME1", RLE, "window", 0.5, 0.0),
    Scanner("Fujifilm", _FUJIFILM, "FDR Go PLUS", "V3.2.1100", "DX",
            0.60, 5400.0, 0.30, 1.05, 0.25, "black", 12, "MONOCHROME2", JPEG_LS, "window"),
)  # fmt: skip
MAKES = tuple(dict.fromkeys(scanner.make for scanner in SCANNERS))


def weakened(scanner: Scanner) -> Scanner:
    """The same scanner in poor order: softer, noisier and veiled by scatter, as after years without service."""
    return replace(
        scanner,
        blur=scanner.blur + 1.1,
        quanta=scanner.quanta * 0.15,
        scatter=scanner.scatter + 0.35,
        gamma=scanner.gamma - 0.15,
        sharpening=0.0,
    )


def film(scene: Scene, scanner: Scanner, random: np.random.Generator) -> Film:
    """One exposure of the scene on this scanner."""
    shown = _processed(_detected(scene.attenuation, scanner, random), scanner)
    shown = _collimated(shown, scanner, random)
    return _stored(shown, scanner)


def _detected(attenuation: Image, scanner: Scanner, random: np.random.Generator) -> Image:
    """Logarithmic signal: blur by the detector, scatter from the patient, noise of the quanta."""
    primary = np.exp(-attenuation)
    signal = (1.0 - scanner.scatter) * primary + scanner.scatter * blurred(primary, 9.0) * 0.8
    signal = blurred(signal, scanner.blur)
    noise = blurred(random.standard_normal(signal.shape), 0.4) * np.sqrt(signal / scanner.quanta)
    logarithm: Image = -np.log(np.maximum(signal + noise, 2e-4))
    return logarithm


def _processed(signal: Image, scanner: Scanner) -> Image:
    """Display values from 0 (black) to about 1 (white): automatic range, tone curve, edge enhancement."""
    middle = signal[SIZE // 8 : -SIZE // 8, SIZE // 8 : -SIZE // 8]
    low, high = np.quantile(middle, (0.03, 0.97))
    shown = 0.10 + 0.78 * (signal - low) / max(high - low, 1e-6)
    shown = shown + scanner.sharpening * (shown - blurred(shown, 2.0))
    toned: Image = np.clip(shown, 0.0, 1.0) ** scanner.gamma
    return toned


def _collimated(shown: Image, scanner: Scanner, random: np.random.Generator) -> Image:
    top, bottom, left, right = random.integers(0, 7, size=4)
    field = np.zeros(shown.shape, dtype=bool)
    field[top : SIZE - bottom, left : SIZE - right] = True
    marked = shown.copy()
    y, x = int(top + random.integers(3, 8)), int(left + random.integers(3, 8))
    marked[y : y + 7, x : x + 5] = np.where(_LETTER_R, 1.0, marked[y : y + 7, x : x + 5])
    return np.where(field, marked, 0.0 if scanner.shutter == "black" else 1.0)


_LETTER_R = np.array(
    [[int(bit) for bit in row] for row in ("11110", "10001", "10001", "11110", "10100", "10010", "10001")], dtype=bool
)


def _stored(shown: Image, scanner: Scanner) -> Film:
    """Numbers of `bits` bits; the window (or table) brings them back to what the radiographer saw."""
    top = 2**scanner.bits - 1
    low = round(0.16 * top)
    high = low + LEVELS
    if scanner.voi == "lut":
        return _tabulated(shown, low)
    if scanner.voi == "sigmoid":
        odds = 1.0 / np.clip(shown, 0.02, 0.98) - 1.0
        stored = np.rint(0.5 * (low + high) - 0.25 * (high - low) * np.log(odds))
    else:
        stored = np.rint(low + shown * (high - low))
    stored = np.clip(stored, 0, top)
    if scanner.photometric == "MONOCHROME1":
        stored, low, high = top - stored, top - high, top - low
    low, high = low * scanner.slope + scanner.intercept, high * scanner.slope + scanner.intercept
    # PS3.3 C.11.2.1.2.1: a linear window runs from c - 0.5 - (w - 1)/2 to c - 0.5 + (w - 1)/2.
    one = 0.0 if scanner.voi == "sigmoid" else 1.0
    return Film(stored.astype(np.uint16), 0.5 * (low + high + one), high - low + one)


def _tabulated(shown: Image, first: int, entries: int = LEVELS) -> Film:
    """Stored values from `first` on, and the rising S-shaped table that shows them."""
    t = np.linspace(0.0, 1.0, entries)
    table = np.rint(65535.0 * (0.55 * t + 0.45 * t * t * (3.0 - 2.0 * t)))
    stored = first + np.rint(np.interp(shown, table / 65535.0, np.arange(entries, dtype=np.float64)))
    return Film(stored.astype(np.uint16), 0.0, 0.0, table.astype(np.uint16), first)
