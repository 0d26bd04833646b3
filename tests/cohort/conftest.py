"""A small archive of DICOM files, and protocols over it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from validate.protocol.schema import StudyProtocol


def _beside(name: str) -> None:
    """A module beside this file: pytest's importlib mode puts none of them on the path."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


_beside("dicom_references")

SITE_KEY = b"k" * 32


@pytest.fixture
def header() -> Callable[..., FileDataset]:
    """A small chest radiograph; an element given as None is left out."""

    def made(patient: str = "P1", study: str = "S1", instance: str = "1", **elements: Any) -> FileDataset:
        dataset = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        said: dict[str, Any] = {
            "SOPClassUID": UID("1.2.840.10008.5.1.4.1.1.1"),
            "SOPInstanceUID": UID(f"2.25.{abs(hash_of(study))}.{instance}"),
            "StudyInstanceUID": UID(f"2.25.{abs(hash_of(study))}"),
            "SeriesInstanceUID": UID(f"2.25.{abs(hash_of(study))}.0"),
            "PatientID": patient,
            "AccessionNumber": f"A-{study}",
            "StudyDate": "20250601",
            "Modality": "CR",
            "Manufacturer": "Philips",
            "PatientAge": "050Y",
            "PatientSex": "F",
            "ViewPosition": "PA",
            "Rows": 2,
            "Columns": 2,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16,
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": 0,
            **elements,
        }
        for keyword, value in said.items():
            if value is not None:
                setattr(dataset, keyword, value)
        if "PixelData" not in elements:
            dataset.add_new("PixelData", "OW", np.arange(4, dtype="<u2").tobytes())
        elif elements["PixelData"] is None and "PixelData" in dataset:
            del dataset["PixelData"]
        return dataset

    return made


@pytest.fixture
def archive(tmp_path: Path, header: Callable[..., FileDataset]) -> Callable[..., Path]:
    """Writes one file of the archive, and names its place."""

    def written(name: str, patient: str = "P1", study: str = "S1", instance: str = "1", **elements: Any) -> Path:
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        header(patient, study, instance, **elements).save_as(path, enforce_file_format=True)
        return path

    return written


@pytest.fixture
def protocol() -> Callable[..., StudyProtocol]:
    def made(*, reference: dict[str, Any] | None = None, **cohort: Any) -> StudyProtocol:
        return StudyProtocol.model_validate(
            {
                "schema_version": "1",
                "id": "test",
                "version": "1",
                "title": "Test",
                "profile": "acceptance",
                "intended_use": "Test",
                "task": "classification",
                "seed": 1,
                "cohort": {"sources": [{"dicom": "archive"}], "unit": "image", "sampling": "consecutive", **cohort},
                "reference": {
                    "table": "labels.csv",
                    "key": "accession_number",
                    "level": "study",
                    "label": "opacity",
                    "positive": 1,
                    "negative": 0,
                    "standard": "Test",
                    **(reference or {}),
                },
                "models": [
                    {
                        "id": "m",
                        "name": "M",
                        "version": "1",
                        "format": "constant",
                        "output": {"activation": "none", "kind": "probability"},
                    }
                ],
                "endpoints": [{"id": "auroc", "metric": "classification.auroc", "role": "primary"}],
            }
        )

    return made


def hash_of(text: str) -> int:
    return sum((place + 1) * ord(letter) for place, letter in enumerate(text)) + 1000
