"""Images in NIfTI as candidates: a folder whose file names say who each is of, or the files that a table names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from validate.canonical import file_digest
from validate.cohort.case import AttributeValue
from validate.cohort.index import Candidate
from validate.cohort.joined import numbers_if_all
from validate.errors import DataError
from validate.imaging.image import check_image
from validate.imaging.nifti import ENDINGS
from validate.imaging.volume import DecodeFailure
from validate.protocol.file_names import fields, read_name

IDENTITY = ("patient", "study")  # fields that say whose; the others are attributes


def nifti_candidates(folder: Path, names: str) -> list[Candidate]:
    """One candidate per file of the tree, in the order of their relative paths.

    names : "{patient}_{phase}.nii.gz"; `patient` is whose it is, `study` what belongs together (the patient where it is not
    in the name), every other field an attribute.
    Raises DataError where there is no such folder, or no file in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder. cohort.sources names the folder with the NIfTI files.")
    paths = sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    if not paths:
        raise DataError(f"{folder}: the folder is empty; there is no file to read.")
    found = [_candidate(path, path.relative_to(folder).as_posix(), names) for path in paths]
    return _with_numbers(found, [field for field in fields(names) if field not in IDENTITY])


def unnamed_files(folder: Path, named: Iterable[Path]) -> list[Candidate]:
    """Files of a folder of images that its table does not name: in no study, and accounted for.

    Raises DataError where there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder. cohort.sources.images names the folder with the images.")
    known = {path.resolve() for path in named}
    detail = "A file of the folder of images that the table does not name."
    return [
        Candidate(path, path.relative_to(folder).as_posix(), reason="not_in_table", detail=detail)
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or not path.is_dir()) and path.resolve() not in known
    ]


def with_image(candidate: Candidate, path: Path) -> Candidate:
    """A table's row, with the image that it names."""
    return _checked(replace(candidate, path=path), path)


def _candidate(path: Path, relative: str, names: str) -> Candidate:
    candidate = Candidate(path, relative)
    if path.is_symlink():
        return replace(candidate, reason="symbolic_link", detail="A symbolic link; links are not followed.")
    if not path.name.lower().endswith(ENDINGS):
        return replace(candidate, reason="not_nifti", detail="The file's name does not end in .nii or .nii.gz.")
    said = read_name(names, relative)
    if said is None:
        detail = "The file's name can't be read as cohort.sources says, or in two ways."
        return replace(candidate, reason="name_not_read", detail=detail)
    patient, study = said["patient"], said.get("study", said["patient"])
    keys = {"patient_id": patient, "study_instance_uid": study, "series_instance_uid": relative, **said}
    return _checked(replace(candidate, keys={**keys, "sop_instance_uid": relative, "file_name": path.name}), path)


def _checked(candidate: Candidate, path: Path) -> Candidate:
    """With the digest of the file, or the reason why it is no image."""
    try:
        digest = file_digest(path)
    except OSError as error:
        return replace(candidate, reason="unreadable_file", detail=f"Can't be read: {error.strerror}.")
    try:
        check_image(path)
    except DecodeFailure as failure:
        return replace(candidate, digest=digest, reason="unreadable_header", detail=failure.detail)
    return replace(candidate, digest=digest)


def _with_numbers(candidates: list[Candidate], names: list[str]) -> list[Candidate]:
    """Each field as an attribute: a number where all of it are numbers."""
    columns: dict[str, list[AttributeValue]] = {
        name: numbers_if_all([candidate.keys.get(name) for candidate in candidates]) for name in names
    }
    return [
        replace(candidate, attributes={name: columns[name][place] for name in names})
        for place, candidate in enumerate(candidates)
    ]
