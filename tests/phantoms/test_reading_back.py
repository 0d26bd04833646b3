"""What the scanner meant to show is what the preprocessing of a protocol hands to the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from validate.imaging.dicom import read_image
from validate.imaging.preprocess import apply
from validate.phantoms import dicom_writer, vendors
from validate.phantoms.population import population
from validate.phantoms.sample import exposed, header
from validate.phantoms.train import PREPROCESS
from validate.phantoms.vendors import SCANNERS, Scanner

SEED = 78
SHOT = population(SEED, 48)[0]


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda s: s.model)
def test_display_values_survive_the_dicom_file(
    scanner: Scanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant: list[np.ndarray] = []
    original = vendors._collimated

    def watched(*arguments: object) -> np.ndarray:
        meant.append(original(*arguments))  # type: ignore[arg-type]
        return meant[-1]

    monkeypatch.setattr(vendors, "_collimated", watched)
    shot = replace(SHOT, scanner=scanner)
    own, exposure = exposed(shot, SEED, weak=False)
    dicom_writer.write(tmp_path / "one.dcm", header(shot, SEED), own, exposure)
    seen = apply(read_image(tmp_path / "one.dcm"), PREPROCESS)
    assert seen.shape == (1, 128, 128)
    assert seen.dtype == np.float32
    limit = 0.02 if scanner.voi == "sigmoid" else 0.0  # a sigmoid never reaches black or white
    expected = np.clip(meant[0], limit, 1.0 - limit)
    assert np.abs(seen[0] - expected).max() < 2.5 / vendors.LEVELS
