"""Phantom exposures as DICOM files: Digital X-Ray (for presentation) and Computed Radiography objects.

Bytes depend on the arguments alone: UIDs come from the seed, and the implementation that file meta names is ours,
because pydicom would write its own release there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from validate.phantoms.vendors import EXPLICIT, JPEG_2000, JPEG_LS, RLE, Film, Scanner

DX_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
CR_STORAGE = "1.2.840.10008.5.1.4.1.1.1"
IMPLEMENTATION_CLASS = "2.25.187302486121459318823547150266349041121"
IMPLEMENTATION_VERSION = "VALIDATE_PHANTOM"  # 16 characters are all that PS3.10 allows
ENCODERS = {RLE: "pylibjpeg", JPEG_LS: "pyjpegls", JPEG_2000: "pylibjpeg"}


@dataclass(frozen=True, slots=True)
class Header:
    """What a hospital knows about one exposure; empty strings are sent as empty values."""

    uid_seed: str
    patient_id: str
    patient_name: str
    birth_date: str
    sex: str
    age: str
    accession_number: str
    study_key: str
    study_date: str
    study_time: str
    institution: str
    station: str
    manufacturer: str
    view: str
    instance: int
    kvp: float
    exposure: int


def uid(*words: str) -> str:
    """A UID under 2.25 that always is the same for the same words."""
    return f"2.25.{int.from_bytes(hashlib.sha256('/'.join(words).encode()).digest()[:15], 'big')}"


def dataset(header: Header, scanner: Scanner, film: Film | None) -> FileDataset:
    """The whole object, compressed as the scanner sends it; without pixel data where `film` is None."""
    ds = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SyntheticData = "YES"
    _identity(ds, header, scanner)
    _acquisition(ds, header, scanner)
    _file_meta(ds)
    if film is not None:
        _pixels(ds, scanner, film)
        if scanner.transfer_syntax != EXPLICIT:
            plugin = ENCODERS[scanner.transfer_syntax]
            ds.compress(UID(scanner.transfer_syntax), encoding_plugin=plugin, generate_instance_uid=False)
    return ds


def write(path: Path, header: Header, scanner: Scanner, film: Film | None) -> None:
    """Write one file; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset(header, scanner, film).save_as(path, enforce_file_format=True)


def _file_meta(ds: FileDataset) -> None:
    meta = ds.file_meta
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = UID(EXPLICIT)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION


def _identity(ds: FileDataset, header: Header, scanner: Scanner) -> None:
    ds.SOPClassUID = UID(DX_FOR_PRESENTATION if scanner.modality == "DX" else CR_STORAGE)
    ds.SOPInstanceUID = UID(uid(header.uid_seed, header.study_key, str(header.instance)))
    ds.StudyInstanceUID = UID(uid(header.uid_seed, header.study_key))
    ds.SeriesInstanceUID = UID(uid(header.uid_seed, header.study_key, "series"))
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = header.study_date
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = header.study_time
    ds.AccessionNumber = header.accession_number
    ds.Modality = scanner.modality
    ds.Manufacturer = header.manufacturer
    ds.ManufacturerModelName = scanner.model
    ds.InstitutionName = header.institution
    ds.StationName = header.station
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "Chest"
    ds.SeriesDescription = f"Chest {header.view}"
    ds.PatientName = header.patient_name
    ds.PatientID = header.patient_id
    ds.PatientBirthDate = header.birth_date
    ds.PatientSex = header.sex
    if header.age:
        ds.PatientAge = header.age
    ds.PatientComments = "SYNTHETIC PHANTOM: no person stands behind this image"
    ds.StudyID = header.accession_number[-6:]
    ds.SeriesNumber, ds.InstanceNumber = 1, header.instance


def _acquisition(ds: FileDataset, header: Header, scanner: Scanner) -> None:
    ds.ImageType = ["ORIGINAL" if scanner.modality == "CR" else "DERIVED", "PRIMARY"]
    ds.BodyPartExamined = "CHEST"
    ds.ViewPosition = header.view
    ds.KVP = header.kvp
    ds.Exposure = header.exposure
    ds.DistanceSourceToDetector = 1000 if header.view == "AP" else 1800
    ds.SoftwareVersions = scanner.software
    ds.DeviceSerialNumber = f"SN{int(uid(header.station)[5:]) % 10**6:06d}"
    ds.ImagerPixelSpacing = [scanner.spacing, scanner.spacing]
    ds.PatientOrientation = ["L", "F"] if header.view in {"PA", "AP"} else ["A", "F"]
    ds.BurnedInAnnotation = "NO"
    if scanner.modality == "DX":
        ds.PresentationIntentType = "FOR PRESENTATION"
        ds.PixelIntensityRelationship = "LOG"
        ds.PixelIntensityRelationshipSign = 1 if scanner.photometric == "MONOCHROME1" else -1
        ds.PresentationLUTShape = "INVERSE" if scanner.photometric == "MONOCHROME1" else "IDENTITY"
        ds.DetectorType = "SCINTILLATOR"
    else:
        ds.PixelSpacing = [scanner.spacing, scanner.spacing]
        ds.PlateType = "IP"


def _pixels(ds: FileDataset, scanner: Scanner, film: Film) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = scanner.photometric
    ds.Rows, ds.Columns = film.stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, scanner.bits, scanner.bits - 1, 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = scanner.intercept, scanner.slope, "US"
    ds.LossyImageCompression = "00"
    _value_of_interest(ds, scanner, film)
    ds.PixelData = film.stored.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"


def _value_of_interest(ds: FileDataset, scanner: Scanner, film: Film) -> None:
    """PS3.3 C.11.2: a window, two windows (the first is meant), a sigmoid window or a table."""
    if film.table is not None:
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [len(film.table), film.first, 16])
        item.LUTExplanation = "STANDARD"
        item.add_new("LUTData", "OW", film.table.astype("<u2").tobytes())
        ds.VOILUTSequence = Sequence([item])
    elif scanner.voi == "two_windows":
        ds.WindowCenter, ds.WindowWidth = [film.centre, film.centre * 0.8], [film.width, film.width * 1.3]
        ds.WindowCenterWidthExplanation = ["STANDARD", "HARD"]
    else:
        ds.WindowCenter, ds.WindowWidth = film.centre, film.width
        if scanner.voi == "sigmoid":
            ds.VOILUTFunction = "SIGMOID"
