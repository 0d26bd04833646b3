"""Every file under a folder → one candidate each: an image with what its header says, or a reason why it is none."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from validate.cohort.case import AttributeValue
from validate.cohort.identifiers import tag_number
from validate.errors import DataError
from validate.imaging.sniff import HEAD, is_dicom
from validate.imaging.volume import DecodeFailure

Progress = Callable[[int, int | None], None]
FEW = 5000  # files that are read faster in this process than others can be started
CHUNK = 64


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file. `reason` is None for an image; identifiers stay in memory.

    path : under its source folder    relative : the same, for the file's pseudonym
    defect : what will keep its pixels from being read ("no_pixel_data", "truncated"); it is an image all the same
    identifiers : keywords of filled elements that identify somebody, where they were asked for
    """

    path: Path = field(repr=False)
    relative: str = field(repr=False)
    digest: str | None = None
    reason: str | None = None
    detail: str = ""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    studied: date | None = field(default=None, repr=False)
    defect: str | None = None
    identifiers: frozenset[str] = frozenset()


def index_folder(
    folder: Path,
    *,
    tags: Mapping[str, str] | None = None,
    identifiers: bool = False,
    workers: int = 2,
    progress: Progress | None = None,
) -> list[Candidate]:
    """One candidate per file of the tree, in the order of their relative paths, on any number of workers.

    tags : further attributes by DICOM keyword or "(gggg,eeee)" tag
    identifiers : also look at every header element for what identifies somebody, which takes longer
    Raises DataError when there is no such folder or no file in it.
    """
    if not folder.is_dir():
        what = "is a file, expected a folder" if folder.exists() else "no such folder"
        raise DataError(f"{folder}: {what}. cohort.sources names the folder with the DICOM files.")
    files = sorted(_files(folder))
    if not files:
        raise DataError(f"{folder}: the folder is empty; there is no file to read.")
    numbers = {name: tag_number(tag) for name, tag in (tags or {}).items()}
    read = partial(read_candidate, folder, numbers, identifiers=identifiers)
    if len(files) < FEW or workers < 2:
        return [_counted(read(name), number, len(files), progress) for number, name in enumerate(files, 1)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        results = pool.map(read, files, chunksize=CHUNK)
        return [_counted(found, number, len(files), progress) for number, found in enumerate(results, 1)]


def _counted(candidate: Candidate, number: int, total: int, progress: Progress | None) -> Candidate:
    if progress is not None and (number % 20 == 0 or number == total):
        progress(number, total)
    return candidate


def _files(folder: Path) -> Iterator[str]:
    """Relative paths of everything that is not a folder, and of folders that can't be looked into.

    Links are named, not followed: they may lead in circles.
    """
    closed: list[OSError] = []
    for here, folders, names in os.walk(folder, onerror=closed.append, followlinks=False):
        place = Path(here)
        for name in [*names, *(f for f in folders if (place / f).is_symlink())]:
            yield (place / name).relative_to(folder).as_posix()
        folders[:] = sorted(f for f in folders if not (place / f).is_symlink())
    for error in closed:
        yield Path(os.fsdecode(error.filename)).relative_to(folder).as_posix()


def read_candidate(folder: Path, tags: Mapping[str, int], relative: str, *, identifiers: bool = False) -> Candidate:
    """One file: header only, and the digest of all its bytes. Never raises for what a file holds."""
    path = folder / relative
    if (other := _other_than_a_file(path)) is not None:
        return Candidate(path, relative, reason=other[0], detail=other[1])
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return Candidate(path, relative, reason="unreadable_file", detail=f"Can't be read: {error.strerror}.")
    if not head:
        return Candidate(path, relative, digest, "empty_file", "The file is empty.")
    if not is_dicom(head):
        return Candidate(path, relative, digest, "not_dicom", "The content is not DICOM, whatever the name says.")
    return _image(Candidate(path, relative, digest), tags, identifiers=identifiers)


def _other_than_a_file(path: Path) -> tuple[str, str] | None:
    """(reason, detail) of what is no plain file."""
    if path.is_symlink():
        return "symbolic_link", "A symbolic link; links are not followed."
    if path.is_dir():
        return "unreadable_folder", "A folder that can't be looked into."
    return None if path.is_file() else ("not_a_file", "A device, pipe or socket.")


def _image(file: Candidate, tags: Mapping[str, int], *, identifiers: bool) -> Candidate:
    from validate.cohort.attributes import harvested, is_image, study_date, tag_value, wanted_tags
    from validate.cohort.identifiers import filled
    from validate.imaging.header import read_header
    from validate.imaging.header_values import HeaderValues

    try:
        header = read_header(file.path, None if identifiers else [*wanted_tags(), *tags.values()])
        dataset = HeaderValues(header.dataset)
        values, missing = harvested(dataset)
        values |= {name: tag_value(header.dataset, tag) for name, tag in tags.items()}
        found = filled(header.dataset) if identifiers else frozenset[str]()
        keys = {name: text for name, keyword in KEYS.items() if (text := _plain(dataset.get(keyword)))}
        studied, pictured = study_date(dataset), is_image(dataset)
    except Exception as error:  # noqa: BLE001 (a hostile header may break the parser in any way; the file is accounted for)
        kind = error.reason if isinstance(error, DecodeFailure) else type(error).__name__
        return replace(file, reason="unreadable_header", detail=f"The header can't be read ({kind}).")
    if not pictured:
        return replace(file, reason="not_an_image", detail="A DICOM object of a kind that is no image.")
    lacking = [KEYS[name] for name in ("patient_id", "study_instance_uid", "sop_instance_uid") if name not in keys]
    if lacking:
        return replace(file, reason="no_identity", detail=f"The header has no {' and no '.join(lacking)}.")
    return replace(
        file,
        keys={**keys, "file_name": file.path.name},
        attributes=values,
        missing=missing,
        studied=studied,
        defect={"absent": "no_pixel_data", "truncated": "truncated"}.get(header.pixels),
        identifiers=found,
    )


def _plain(value: Any) -> str:
    return str(value or "").replace("\0", "").strip()


KEYS: Mapping[str, str] = {
    "patient_id": "PatientID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "sop_instance_uid": "SOPInstanceUID",
    "accession_number": "AccessionNumber",
}
