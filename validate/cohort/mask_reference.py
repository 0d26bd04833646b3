"""Reference masks: which file belongs to a case, before anything in it is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from validate.canonical import digest, file_digest
from validate.cohort.case import AttributeValue, Case
from validate.errors import DataError
from validate.imaging.nifti import read_grid
from validate.imaging.volume import DecodeFailure
from validate.protocol.file_names import fields, read_name, written_name
from validate.protocol.schema import Reference


def mask_path(
    reference: Reference, base: Path, keys: Mapping[str, str], attributes: Mapping[str, AttributeValue]
) -> Path | None:
    """Where a case's reference mask must lie; None where the case lacks what names it, or there is no such file."""
    name = written_name(str(reference.names), {**attributes, **keys})
    if name is None:
        return None
    folder = (base / str(reference.masks)).resolve()
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder) and path.is_file() else None


def mask_files(reference: Reference, base: Path) -> list[Path]:
    """Every file of the folder with a name of a mask. Raises DataError where there is none."""
    folder = base / str(reference.masks)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder. reference.masks names the folder with the reference masks.")
    names = str(reference.names)
    found = [p for p in sorted(folder.rglob("*")) if p.is_file() and read_name(names, p.relative_to(folder).as_posix())]
    if not found:
        raise DataError(f"{folder}: no file is called like '{names}' (reference.names).")
    return found


def masks_digest(reference: Reference, base: Path) -> str:
    """Of every reference mask: name and content."""
    folder = base / str(reference.masks)
    return digest([[path.relative_to(folder).as_posix(), file_digest(path)] for path in mask_files(reference, base)])


def mask_counts(reference: Reference, base: Path, cases: Sequence[Case]) -> dict[str, int]:
    """How mask files and cases meet: {"rows", "labelled", "unmatched"}; unmatched are files of no case."""
    files = {path.resolve() for path in mask_files(reference, base)}
    used = {mask_path(reference, base, case.keys, case.attributes) for case in cases}
    return {"rows": len(files), "labelled": len(files), "unmatched": len(files - used)}


def check_masks(reference: Reference, base: Path, cases: Sequence[Case]) -> None:
    """Raise DataError where a case's mask has no readable geometry, two cases share one, or no case has any.

    May be called before inference: headers only, no voxel.
    """
    owners: dict[Path, Case] = {}
    for case in cases:
        path = mask_path(reference, base, case.keys, case.attributes)
        if path is None:
            continue
        if path in owners:
            raise DataError(
                f"reference.names: '{reference.names}' gives cases {owners[path].unit} and {case.unit} the same mask, so it is "
                f"coarser than this study's unit. Fields there are: {', '.join(sorted({*case.keys, *case.attributes}))}."
            )
        owners[path] = case
        try:
            read_grid(path)
        except DecodeFailure as failure:
            raise DataError(f"reference mask of case {case.unit}: {failure.detail} Mend or remove it.") from failure
    if not owners:
        known = sorted({name for case in cases for name in (*case.keys, *case.attributes)})
        lacking = [field for field in fields(str(reference.names)) if field not in known]
        why = f" No case has {', '.join(lacking)}; cases have {', '.join(known)}." if lacking else ""
        raise DataError(f"reference.masks: no case has a mask called like '{reference.names}' there.{why}")
