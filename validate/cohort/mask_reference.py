"""Reference masks: which file belongs to a case, before anything in it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from validate.canonical import digest, file_digest
from validate.cohort.case import AttributeValue, Case
from validate.cohort.dicom_masks import dicom_masks
from validate.errors import DataError
from validate.protocol.file_names import fields, read_name, written_name
from validate.protocol.reference import Reference

MaskFinder = Callable[[Mapping[str, str], Mapping[str, AttributeValue]], tuple[Path, ...]]


def mask_finder(reference: Reference, base: Path) -> MaskFinder:
    """Gives the file or files of a case's reference mask: none where the case lacks what names it, or there is no such file.

    A folder of DICOM is looked through once, now.
    """
    folder = (base / str(reference.masks)).resolve()
    if reference.names is None:
        found = dicom_masks(folder)
        return lambda keys, _attributes: found.of(keys)
    return partial(_named, folder, reference.names)


def mask_paths(
    reference: Reference, base: Path, keys: Mapping[str, str], attributes: Mapping[str, AttributeValue]
) -> tuple[Path, ...]:
    """Of one case; see `mask_finder` for many."""
    return mask_finder(reference, base)(keys, attributes)


def _named(
    folder: Path, names: str, keys: Mapping[str, str], attributes: Mapping[str, AttributeValue]
) -> tuple[Path, ...]:
    name = written_name(names, {**attributes, **keys})
    if name is None:
        return ()
    path = (folder / name).resolve()
    return (path,) if path.is_relative_to(folder) and path.is_file() else ()


def mask_files(reference: Reference, base: Path) -> list[Path]:
    """Every file of the folder that is a mask. Raises DataError where there is none."""
    folder = base / str(reference.masks)
    if reference.names is None:
        return list(dicom_masks(folder.resolve()).files)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder. reference.masks names the folder with the reference masks.")
    names = reference.names
    found = [p for p in sorted(folder.rglob("*")) if p.is_file() and read_name(names, p.relative_to(folder).as_posix())]
    if not found:
        raise DataError(f"{folder}: no file is called like '{names}' (reference.names).")
    return found


def masks_digest(reference: Reference, base: Path) -> str:
    """Of every reference mask: name and content."""
    folder = (base / str(reference.masks)).resolve()
    files = [path.resolve() for path in mask_files(reference, base)]
    return digest([[path.relative_to(folder).as_posix(), file_digest(path)] for path in files])


def mask_counts(reference: Reference, base: Path, cases: Sequence[Case]) -> dict[str, int]:
    """How mask files and cases meet: {"rows", "labelled", "unmatched"}; unmatched are files of no case."""
    files = {path.resolve() for path in mask_files(reference, base)}
    find = mask_finder(reference, base)
    used = {path for case in cases for path in find(case.keys, case.attributes)}
    return {"rows": len(files), "labelled": len(files), "unmatched": len(files - used)}


def owned_masks(reference: Reference, base: Path, cases: Sequence[Case]) -> list[tuple[Case, tuple[Path, ...]]]:
    """Every case that has a mask, with its files. Raises DataError where two cases share one, or no case has any."""
    owners: dict[Path, Case] = {}
    found = []
    find = mask_finder(reference, base)
    for case in cases:
        paths = find(case.keys, case.attributes)
        for path in paths:
            if path in owners:
                raise DataError(_shared(reference, owners[path], case))
            owners[path] = case
        if paths:
            found.append((case, paths))
    if not owners:
        raise DataError(_none(reference, cases))
    return found


def _shared(reference: Reference, one: Case, other: Case) -> str:
    if reference.names is None:
        return f"reference.masks: cases {one.unit} and {other.unit} are of one segmented series; make the study's unit the series."
    return (
        f"reference.names: '{reference.names}' gives cases {one.unit} and {other.unit} the same mask, so it is "
        f"coarser than this study's unit. Fields there are: {', '.join(sorted({*other.keys, *other.attributes}))}."
    )


def _none(reference: Reference, cases: Sequence[Case]) -> str:
    if reference.names is None:
        return "reference.masks: none of the SEG and RTSTRUCT files there is of an image of this cohort."
    known = sorted({name for case in cases for name in (*case.keys, *case.attributes)})
    lacking = [field for field in fields(reference.names) if field not in known]
    why = f" No case has {', '.join(lacking)}; cases have {', '.join(known)}." if lacking else ""
    return f"reference.masks: no case has a mask called like '{reference.names}' there.{why}"
