"""A study of chest CT: DICOM series of several makes, kernels and slice thicknesses, and a table of the nodules that are truly there.

FOLDER/ct/<patient>/<slice>.dcm      FOLDER/nodules.csv, a row for each nodule, and one without numbers where there is none
FOLDER/earlier.csv, the marks of a made-up earlier detector      FOLDER/truth.csv
The detector that the study is of (phantoms/train_nodules.py) never saw a slice thicker than 3 mm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID

from validate.phantoms.dicom_writer import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION, uid
from validate.phantoms.lungs import COLUMNS, EXTENT, PIXEL, ROWS, Nodule, Scan, chest, nodules, scanned
from validate.phantoms.stream import stream
from validate.phantoms.tables import write_csv
from validate.phantoms.vendors import EXPLICIT

PATIENTS = 75
CT = "1.2.840.10008.5.1.4.1.1.2"
THICKNESSES = (3.0, 6.0, 1.5, 6.0, 3.0)
NORMAL = 0.35  # share of patients without a nodule

_README = """# Chest CT

Synthetic. Shapes by formula, noise and kernels invented: they say nothing about any real scanner whose name is borrowed here, nor
about any real detector. `nodules.csv` holds what was put in: centres in patient coordinates (LPS, mm) and diameters in mm.

Made again, byte for byte, by `validate sample DIR --only nodules --seed {seed}`. Licence: Apache-2.0, as the program.
"""


@dataclass(frozen=True, slots=True)
class Make:
    """kernel : as the header names it, with its blur (mm) and noise (HU) at 3 mm slices."""

    name: str
    model: str
    kernels: tuple[tuple[str, float, float], ...]


MAKES = (
    Make("Siemens", "Invented 64", (("B30f", 1.6, 14.0), ("B60f", 0.4, 30.0))),
    Make("GE", "Invented Speed", (("STANDARD", 1.4, 15.0), ("LUNG", 0.2, 34.0))),
    Make("Philips", "Invented Core", (("B", 1.5, 16.0), ("YC", 0.5, 28.0))),
    Make("Fujifilm", "Invented View", (("FC13", 1.7, 18.0), ("FC51", 0.5, 32.0))),
)


@dataclass(frozen=True, slots=True)
class Person:
    """One patient and one series."""

    name: str
    sex: str
    age: int
    make: Make
    kernel: str
    scan: Scan
    there: tuple[Nodule, ...]


def people(seed: int, count: int) -> list[Person]:
    """Makes, thicknesses and kernels in turn, so that every combination is there."""
    found = []
    for number in range(count):
        random = stream(seed, "ct", number)
        make = MAKES[number % len(MAKES)]
        thickness = THICKNESSES[number // len(MAKES) % len(THICKNESSES)]
        kernel, blur, noise = make.kernels[int(random.integers(2))]
        normal = float(random.random()) < NORMAL
        there = () if normal else nodules(random, 1 + int(random.poisson(1.4)))
        scan = Scan(thickness, blur, noise * float(np.sqrt(3.0 / thickness)))
        sex, age = ("F", "M")[int(random.integers(2))], int(random.integers(45, 82))
        found.append(Person(f"N{number + 1:03d}", sex, age, make, kernel, scan, there))
    return found


def write_nodules(
    folder: Path, *, seed: int, patients: int = PATIENTS, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write the study into `folder`; equal arguments give equal bytes."""
    everybody = people(seed, patients)
    lesions: list[tuple[str, ...]] = []
    marks: list[tuple[str, ...]] = []
    for done, person in enumerate(everybody, start=1):
        _write_series(folder / "ct" / person.name, person, seed)
        rows = [
            (*_millimetres(one), f"{one.diameter:.2f}", "solid" if one.density > -300 else "subsolid")
            for one in person.there
        ]
        lesions += [(person.name, *row) for row in rows] or [(person.name, "", "", "", "", "")]
        marks += [(person.name, *row) for row in earlier_marks(person, seed)] or [(person.name, "", "", "", "", "")]
        if progress is not None:
            progress(done, patients)
    write_csv(folder / "nodules.csv", ("patient_id", "x", "y", "z", "diameter", "texture"), lesions)
    write_csv(folder / "earlier.csv", ("patient_id", "x", "y", "z", "diameter", "score"), marks)
    facts = ((p.name, p.make.name, p.kernel, f"{p.scan.thickness:g}", str(len(p.there))) for p in everybody)
    write_csv(folder / "truth.csv", ("patient_id", "manufacturer", "kernel", "slice_thickness", "nodules"), facts)
    (folder / "README.md").write_text(_README.format(seed=seed), encoding="utf-8", newline="\n")


def earlier_marks(person: Person, seed: int) -> list[tuple[str, ...]]:
    """What an earlier detector marked: a little off, missing small nodules, with false marks everywhere."""
    random = stream(seed, "earlier", person.name)
    found = []
    for one in person.there:
        if float(random.random()) < 1 / (1 + np.exp(-(one.diameter - 7.0) / 2.0)):
            centre = np.array(one.centre) + random.normal(0, one.diameter / 10, 3)
            found.append((centre, one.diameter * float(random.uniform(0.7, 1.3)), float(random.beta(5, 2.5))))
    for _ in range(int(random.poisson(1.3))):
        centre = random.uniform(-0.5, 0.5, 3) * np.array([90, 110, 180])
        found.append((centre, float(random.uniform(4, 10)), float(random.beta(2, 4))))
    return [
        (f"{x:.2f}", f"{y:.2f}", f"{z:.2f}", f"{diameter:.2f}", f"{score:.4f}") for (z, y, x), diameter, score in found
    ]


def _millimetres(one: Nodule) -> tuple[str, str, str]:
    z, y, x = one.centre
    return f"{x:.2f}", f"{y:.2f}", f"{z:.2f}"


def _write_series(folder: Path, person: Person, seed: int) -> None:
    random = stream(seed, "ct picture", person.name)
    volume = scanned(chest(random, person.there), person.scan, random)
    folder.mkdir(parents=True, exist_ok=True)
    heights = -EXTENT[0] / 2 + (np.arange(len(volume)) + 0.5) * person.scan.thickness
    for number, (height, pixels) in enumerate(zip(heights.tolist(), volume, strict=True), start=1):
        head = _header(person, seed, number, height)
        head.Rows, head.Columns = pixels.shape
        head.PixelData = (pixels.astype(np.int32) + 1024).astype("<u2").tobytes()
        head.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)


def _header(person: Person, seed: int, number: int, height: float) -> FileDataset:
    ds = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    words: Sequence[str] = (str(seed), "ct", person.name)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SyntheticData = "YES"
    ds.SOPClassUID, ds.SOPInstanceUID = UID(CT), UID(uid(*words, str(number)))
    ds.StudyInstanceUID, ds.SeriesInstanceUID = UID(uid(*words)), UID(uid(*words, "series"))
    ds.FrameOfReferenceUID = UID(uid(*words, "frame"))
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Modality, ds.BodyPartExamined = "CT", "CHEST"
    ds.Manufacturer, ds.ManufacturerModelName = person.make.name, person.make.model
    ds.ConvolutionKernel, ds.SliceThickness = person.kernel, person.scan.thickness
    ds.PatientID, ds.PatientName = person.name, f"Phantom^{person.name}"
    ds.PatientSex, ds.PatientAge, ds.PatientBirthDate = person.sex, f"{person.age:03d}Y", ""
    ds.StudyDate, ds.StudyTime = "20250611", "101500"
    ds.AccessionNumber, ds.StudyID = f"CT-{person.name}", person.name
    ds.SeriesNumber, ds.InstanceNumber, ds.KVP = 1, number, 120
    ds.PatientComments = "SYNTHETIC PHANTOM: no person stands behind this image"
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [-(COLUMNS - 1) / 2 * PIXEL, -(ROWS - 1) / 2 * PIXEL, height]
    ds.PixelSpacing = [PIXEL, PIXEL]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
    ds.WindowCenter, ds.WindowWidth = -600, 1500
    meta = ds.file_meta
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.TransferSyntaxUID = UID(EXPLICIT)
    meta.ImplementationClassUID, meta.ImplementationVersionName = UID(IMPLEMENTATION_CLASS), IMPLEMENTATION_VERSION
    return ds
