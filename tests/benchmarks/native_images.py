"""Images as scanners deliver them, in explicit little endian, so that decoding is the least it can be. From a seed; they show nobody.

radiograph : 512 × 512, 12 bits      ct : 512 × 512, HU      mr : 320 × 320, 12 bits      ultrasound : 480 × 640, 8 bits
colour : 512 × 512, 8 bits of red, green and blue, black corners      series : SLICES files of 256 × 256, HU
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

SLICES = 32
STORAGE = {
    "radiograph": "1.2.840.10008.5.1.4.1.1.1.1",
    "ct": "1.2.840.10008.5.1.4.1.1.2",
    "series": "1.2.840.10008.5.1.4.1.1.2",
    "mr": "1.2.840.10008.5.1.4.1.1.4",
    "ultrasound": "1.2.840.10008.5.1.4.1.1.6.1",
    "colour": "1.2.840.10008.5.1.4.1.1.77.1.5.1",
}
SIZE = {"radiograph": (512, 512), "ct": (512, 512), "series": (256, 256), "mr": (320, 320), "ultrasound": (480, 640),
        "colour": (512, 512)}  # fmt: skip


def write_cases(folder: Path, kind: str, count: int) -> list[tuple[Path, ...]]:
    """The files of each case: one, or of a series one for each slice."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    cases = []
    for number in range(count):
        slices = SLICES if kind == "series" else 1
        paths = tuple(folder / f"{number}-{level}.dcm" for level in range(slices))
        for level, path in enumerate(paths):
            _write(path, kind, number, level, rng)
        cases.append(paths)
    return cases


def _write(path: Path, kind: str, number: int, level: int, rng: np.random.Generator) -> None:
    rows, columns = SIZE[kind]
    y, x = np.mgrid[:rows, :columns]
    grey = 1500 + 900 * np.sin(x / 40 + number + level / 5) * np.cos(y / 50) + rng.normal(0, 30, (rows, columns))
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, STORAGE[kind]
    meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}.{level + 1}"
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    if kind in {"ultrasound", "colour"}:
        _eight_bits(dataset, grey / 16, colour=kind == "colour")
    else:
        _twelve_bits(dataset, grey)
    if kind in {"ct", "series"}:
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1500, "HU"
        dataset.PixelSpacing, dataset.WindowCenter, dataset.WindowWidth = [0.7, 0.7], 0, 2400
    if kind == "series":
        dataset.SeriesInstanceUID, dataset.InstanceNumber = f"1.2.4.{number + 1}", level + 1
        dataset.ImageOrientationPatient, dataset.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, float(level)]
        dataset.SliceThickness, dataset.Modality = 1, "CT"
    dataset.save_as(path, enforce_file_format=True)


def _twelve_bits(dataset: Any, grey: NDArray[Any]) -> None:
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelSpacing, dataset.WindowCenter, dataset.WindowWidth = [0.2, 0.2], 1500, 2400
    dataset.PixelData = grey.clip(0, 4095).astype(np.uint16).tobytes()


def _eight_bits(dataset: Any, grey: NDArray[Any], *, colour: bool) -> None:
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    if colour:
        rows, columns = grey.shape
        y, x = np.mgrid[:rows, :columns]
        field = np.hypot(y / rows - 0.5, x / columns - 0.5) < 0.52
        grey = np.stack([grey * field * share for share in (1.0, 0.7, 0.5)], axis=-1)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.PixelData = grey.clip(0, 255).astype(np.uint8).tobytes()
