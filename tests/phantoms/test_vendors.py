"""Scanners differ, and a scanner in poor order shows less."""

from __future__ import annotations

import numpy as np
import pytest

from validate.phantoms.chest import Opacity, Pose, anatomy, frontal
from validate.phantoms.stream import stream
from validate.phantoms.vendors import MAKES, SCANNERS, Scanner, film, weakened

OPACITY = Opacity(x=0.42, y=-0.1, radius=0.10, elongation=1.0, angle=0.0, strength=0.6)


def shown(scanner: Scanner, *, opacity: Opacity | None = None) -> np.ndarray:
    """Display values by the window or table, by hand from PS3.3 C.11.2.1.2; independent of the reader."""
    scene = frontal(anatomy("M", 60, stream(5, "body")), Pose(), opacity)
    exposure = film(scene, scanner, stream(5, "noise"))
    rescaled = exposure.stored.astype(float) * scanner.slope + scanner.intercept
    if exposure.table is not None:
        return exposure.table[np.clip(exposure.stored - exposure.first, 0, len(exposure.table) - 1)] / 65535.0
    if scanner.voi == "sigmoid":
        display = 1.0 / (1.0 + np.exp(-4.0 * (rescaled - exposure.centre) / exposure.width))
    else:
        display = (rescaled - (exposure.centre - 0.5)) / (exposure.width - 1.0) + 0.5
    display = np.clip(display, 0.0, 1.0)
    return 1.0 - display if scanner.photometric == "MONOCHROME1" else display


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda s: s.model)
def test_every_scanner_shows_dark_lungs_beside_a_bright_heart(scanner: Scanner) -> None:
    display = shown(scanner)
    assert display[60:70, 30:45].mean() + 0.25 < display[75:85, 60:75].mean()


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda s: s.model)
def test_stored_values_fit_the_bits(scanner: Scanner) -> None:
    scene = frontal(anatomy("F", 40, stream(6, "body")), Pose())
    stored = film(scene, scanner, stream(6, "noise")).stored
    assert stored.dtype == np.uint16
    assert 0 <= stored.min() < stored.max() < 2**scanner.bits


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda s: s.model)
def test_poor_order_lowers_the_opacity_contrast(scanner: Scanner) -> None:
    shift = shown(scanner, opacity=OPACITY) - shown(scanner)
    worse = weakened(scanner)
    weak_shift = shown(worse, opacity=OPACITY) - shown(worse)
    assert weak_shift[54:61, 88:95].mean() < 0.9 * shift[54:61, 88:95].mean()


def test_four_makes_have_two_or_three_models_each_and_all_that_dicom_varies() -> None:
    models = {make: sum(scanner.make == make for scanner in SCANNERS) for make in MAKES}
    assert models == {"GE": 2, "Siemens": 3, "Philips": 2, "Fujifilm": 3}
    assert {scanner.bits for scanner in SCANNERS} == {10, 12, 14}
    assert {scanner.photometric for scanner in SCANNERS} == {"MONOCHROME1", "MONOCHROME2"}
    assert len({scanner.transfer_syntax for scanner in SCANNERS}) == 4
    assert {scanner.voi for scanner in SCANNERS} == {"window", "two_windows", "sigmoid", "lut"}
    assert {scanner.modality for scanner in SCANNERS} == {"DX", "CR"}
    assert any(scanner.slope != 1.0 for scanner in SCANNERS)


def test_the_same_stream_gives_the_same_exposure() -> None:
    scene = frontal(anatomy("F", 40, stream(6, "body")), Pose())
    first, second = (film(scene, SCANNERS[0], stream(8, "noise")).stored for _ in range(2))
    np.testing.assert_array_equal(first, second)
