"""A small CT series of transverse slices, and the references that highdicom writes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from highdicom.sr.coding import CodedConcept
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

ROWS, COLUMNS, SLICES = 24, 20, 5
SPACING = (3.0, 0.8, 0.7)  # z, y, x
CT, RTSTRUCT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.481.3"
WHO = {
    "series_number": 9, "instance_number": 1, "manufacturer": "ACME", "manufacturer_model_name": "M",
    "software_versions": "1", "device_serial_number": "1",
}  # fmt: skip


def ct_series(folder: Path, *, patient: str = "P1", number: int = 1) -> list[FileDataset]:
    """Slices in their order in space, saved under names and instance numbers that say nothing of it."""
    folder.mkdir(parents=True, exist_ok=True)
    slices = []
    for k in range(SLICES):
        ds = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
        ds.file_meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(CT)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(f"2.25.{number}0{k + 1}")
        ds.StudyInstanceUID, ds.SeriesInstanceUID = UID(f"2.25.{number}8"), UID(f"2.25.{number}9")
        ds.FrameOfReferenceUID = UID(f"2.25.{number}7")
        ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = patient, "", "", "O"
        ds.StudyID, ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "", "20250101", "101010", f"A{number}"
        ds.ReferringPhysicianName, ds.Modality, ds.Manufacturer = "", "CT", "ACME"
        ds.SeriesNumber, ds.InstanceNumber = 1, (3 * k) % SLICES + 1
        ds.PositionReferenceIndicator, ds.ImageType = "", ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.ImagePositionPatient = [-10.0, -20.0, 40 + SPACING[0] * k]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = list(SPACING[1:]), SPACING[0]
        ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation, ds.RescaleSlope, ds.RescaleIntercept = 15, 0, 1, -1024
        ds.PixelData = np.full((ROWS, COLUMNS), 1000 + k, np.uint16).tobytes()
        ds["PixelData"].VR = "OW"
        ds.save_as(folder / f"{(3 * k) % SLICES}.dcm", enforce_file_format=True)
        slices.append(ds)
    return slices


def truth() -> np.ndarray:
    """(z, y, x): 1 a block in the slices 1 to 3, with a hole in the middle one; 2 a bar in slice 2 and 3."""
    labels = np.zeros((SLICES, ROWS, COLUMNS), np.uint8)
    labels[1:4, 3:11, 2:9] = 1
    labels[2, 6:8, 4:6] = 0
    labels[2:4, 14:20, 5:15] = 2
    return labels


def seg(
    slices: list[FileDataset], masks: np.ndarray, kind: str, names: tuple[str, ...] = ("Liver", "Tumour")
) -> Dataset:
    """masks : (z, y, x) labels, or (z, y, x, segment) fractions."""
    organ = CodedConcept("123037004", "SCT", "Anatomical structure")
    described = [
        highdicom.seg.SegmentDescription(
            segment_number=number, segment_label=name, segmented_property_category=organ, segmented_property_type=organ,
            algorithm_type="MANUAL",
        )
        for number, name in enumerate(names, 1)
    ]  # fmt: skip
    return highdicom.seg.Segmentation(
        source_images=slices, pixel_array=masks, segmentation_type=kind, segment_descriptions=described,
        series_instance_uid=UID("2.25.77"), sop_instance_uid=UID("2.25.78"), **WHO,
    )  # fmt: skip


def rtstruct(
    slices: list[FileDataset], outlines: dict[str, list[tuple[int, list[tuple[float, float]]]]]
) -> FileDataset:
    """outlines : by ROI name, (slice, corners x and y in pixels, centres at whole numbers)."""
    first = slices[0]
    ds = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    ds.file_meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(RTSTRUCT)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID("2.25.88")
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = first.StudyInstanceUID, UID("2.25.89"), "RTSTRUCT"
    ds.PatientID = first.PatientID
    series = _item(SeriesInstanceUID=first.SeriesInstanceUID)
    study = _item(RTReferencedSeriesSequence=Sequence([series]))
    frame = _item(FrameOfReferenceUID=first.FrameOfReferenceUID, RTReferencedStudySequence=Sequence([study]))
    ds.ReferencedFrameOfReferenceSequence = Sequence([frame])
    ds.StructureSetROISequence = Sequence(_item(ROINumber=n, ROIName=name) for n, name in enumerate(outlines, 1))
    ds.ROIContourSequence = Sequence(
        _item(
            ReferencedROINumber=number,
            ContourSequence=Sequence(
                _item(
                    ContourGeometricType="CLOSED_PLANAR",
                    NumberOfContourPoints=len(corners),
                    ContourData=_mm(k, corners),
                )
                for k, corners in drawn
            ),
        )
        for number, drawn in enumerate(outlines.values(), 1)
    )
    return ds


def _mm(k: int, corners: list[tuple[float, float]]) -> list[float]:
    return [
        round(part, 4) for x, y in corners for part in (-10 + SPACING[2] * x, -20 + SPACING[1] * y, 40 + SPACING[0] * k)
    ]


def _item(**elements: Any) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item
