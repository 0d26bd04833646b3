"""A folder of DICOM SEG and RTSTRUCT files: which of them are of which images. Headers only; no voxel is looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydicom.dataset import Dataset

from validate.errors import DataError
from validate.imaging.header import read_header
from validate.imaging.volume import DecodeFailure

SEGMENTATIONS = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}  # Segmentation, Label Map Segmentation
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"


@dataclass(frozen=True, slots=True)
class MaskFolder:
    """files : every SEG and RTSTRUCT    of_series, of_image : theirs by SeriesInstanceUID and by SOPInstanceUID

    of_study, of_patient : by their own StudyInstanceUID and PatientID, which are those of their images (PS3.3 A.51)
    """

    files: tuple[Path, ...]
    of_series: Mapping[str, tuple[Path, ...]]
    of_image: Mapping[str, tuple[Path, ...]]
    of_study: Mapping[str, tuple[Path, ...]]
    of_patient: Mapping[str, tuple[Path, ...]]

    def of(self, keys: Mapping[str, str]) -> tuple[Path, ...]:
        """Those of a case's series; of the image alone where the case is one; of its study or patient where it has several series."""
        image = self.of_image.get(keys.get("sop_instance_uid", ""), ())
        if image or "series_instance_uid" in keys:
            return image or self.of_series.get(keys["series_instance_uid"], ())
        if "study_instance_uid" in keys:
            return self.of_study.get(keys["study_instance_uid"], ())
        return self.of_patient.get(keys.get("patient_id", ""), ())


def dicom_masks(folder: Path) -> MaskFolder:
    """Raises DataError where there is no such folder, no SEG or RTSTRUCT in it, or one that can't be read."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder. reference.masks names the folder with the reference masks.")
    listing = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            status = path.stat()
            listing.append((str(path), status.st_size, status.st_mtime_ns))
    return _indexed(folder, tuple(listing))


@lru_cache(maxsize=4)
def _indexed(folder: Path, listing: tuple[tuple[str, int, int], ...]) -> MaskFolder:
    files: list[Path] = []
    of_series: dict[str, list[Path]] = defaultdict(list)
    of_image: dict[str, list[Path]] = defaultdict(list)
    of_study: dict[str, list[Path]] = defaultdict(list)
    of_patient: dict[str, list[Path]] = defaultdict(list)
    for name, _, _ in listing:
        path = Path(name)
        try:
            dataset: Dataset = read_header(path).dataset
            kind = str(dataset.get("SOPClassUID") or "")
            if kind not in SEGMENTATIONS and kind != STRUCTURES:
                continue
            series, images = _referenced(dataset)
            study, patient = _uid(dataset, "StudyInstanceUID"), _uid(dataset, "PatientID")
        except DecodeFailure as failure:
            if failure.reason == "decode:not_dicom":
                continue
            raise DataError(f"reference.masks {path.name}: {failure.detail} Mend or remove it.") from failure
        except Exception as error:  # a hostile header may break the parser in any way
            raise DataError(
                f"reference.masks {path.name}: its header can't be read ({type(error).__name__})."
            ) from error
        files.append(path)
        for uid in series:
            of_series[uid].append(path)
        for uid in images:
            of_image[uid].append(path)
        of_study[study].append(path)
        of_patient[patient].append(path)
    if not files:
        raise DataError(
            f"{folder}: no DICOM SEG or RTSTRUCT file is there (reference.masks). NIfTI masks need reference.names."
        )
    for found in (of_study, of_patient):
        found.pop("", None)
    return MaskFolder(tuple(files), *map(_fixed, (of_series, of_image, of_study, of_patient)))


def _fixed(found: Mapping[str, list[Path]]) -> dict[str, tuple[Path, ...]]:
    return {uid: tuple(paths) for uid, paths in found.items()}


def _referenced(dataset: Dataset) -> tuple[set[str], set[str]]:
    """(series, images) that the object is of; images only where they are named and no series is."""
    series = {uid for item in _items(dataset, SERIES) if (uid := _uid(item, "SeriesInstanceUID"))}
    images = {uid for item in _items(dataset, IMAGES) if (uid := _uid(item, "ReferencedSOPInstanceUID"))}
    for frame in dataset.get("PerFrameFunctionalGroupsSequence") or ():
        for item in _items(frame, ("DerivationImageSequence", "SourceImageSequence")):
            images.add(_uid(item, "ReferencedSOPInstanceUID"))
    images |= {
        uid for item in _items(dataset, ("SourceImageSequence",)) if (uid := _uid(item, "ReferencedSOPInstanceUID"))
    }
    return series, images - {""}


SERIES = (
    ("ReferencedSeriesSequence",),
    (
        "ReferencedFrameOfReferenceSequence",
        "RTReferencedStudySequence",
        "RTReferencedSeriesSequence",
    ),
)
IMAGES = (("ReferencedSeriesSequence", "ReferencedInstanceSequence"),)


def _items(dataset: Dataset, ways: Iterable[str] | Iterable[tuple[str, ...]]) -> Iterator[Dataset]:
    listed = list(ways)
    for way in [tuple(listed)] if listed and isinstance(listed[0], str) else listed:
        level = [dataset]
        for keyword in way:
            level = [item for one in level for item in one.get(keyword) or ()]
        yield from level


def _uid(item: Dataset, keyword: str) -> str:
    return str(item.get(keyword) or "").strip()
