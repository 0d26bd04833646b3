"""Small DICOM files, made as each test needs them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian


def _beside(name: str) -> None:
    """A module beside this file: pytest's importlib mode puts none of them on the path."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


_beside("encodings_of_dicom")

CR_STORAGE = "1.2.840.10008.5.1.4.1.1.1"
Maker = Callable[..., FileDataset]


@pytest.fixture
def image() -> np.ndarray:
    """(48, 64) 12-bit values with structure, every row and column different."""
    rows, columns = np.mgrid[0:48, 0:64]
    return ((rows * 131 + columns * 37 + (rows * columns) % 17) % 4096).astype(np.uint16)


@pytest.fixture
def make() -> Maker:
    """A data set around stored values, native explicit little endian unless told otherwise."""

    def made(stored: np.ndarray | None, *, syntax: UID = ExplicitVRLittleEndian, **elements: Any) -> FileDataset:
        dataset = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.SOPClassUID = UID(CR_STORAGE)
        dataset.SOPInstanceUID, dataset.StudyInstanceUID = UID("2.25.11"), UID("2.25.12")
        dataset.PatientID = "TEST-1"
        dataset.Modality = "CR"
        if stored is not None:
            describe(dataset, stored)
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        return dataset

    return made


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def saved(dataset: FileDataset, name: str = "image.dcm", *, syntax: UID | None = None) -> Path:
        path = tmp_path / name
        if syntax is not None:
            dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path, enforce_file_format=True)
        return path

    return saved


def describe(dataset: Dataset, stored: np.ndarray) -> None:
    bits = stored.dtype.itemsize * 8
    dataset.Rows, dataset.Columns = stored.shape[-3:-1] if stored.shape[-1] == 3 else stored.shape[-2:]
    dataset.SamplesPerPixel = 3 if stored.shape[-1] == 3 else 1
    if stored.shape[-1] == 3:
        dataset.PlanarConfiguration = 0
    elif stored.ndim == 3:
        dataset.NumberOfFrames = len(stored)
    dataset.PhotometricInterpretation = "RGB" if stored.shape[-1] == 3 else "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    content = stored.tobytes()
    dataset.add_new("PixelData", "OB" if bits == 8 else "OW", content + b"\0" * (len(content) % 2))
