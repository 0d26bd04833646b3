"""One series → one Volume: slices put where they lie, and what is wrong with them said, never guessed.

The pixels are held once: each slice is decoded, and written where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from validate.imaging.declared import PIXEL_KEYWORDS
from validate.imaging.dicom import read_image
from validate.imaging.element_value import value_of, whole_number
from validate.imaging.frames import Frame, chosen, frames_of, is_localizer, telling
from validate.imaging.image import is_plain_picture
from validate.imaging.image import read_image as read_any
from validate.imaging.image_facts import source_of, spacing_of, unit_of, windows_of
from validate.imaging.mask import Grid
from validate.imaging.modality import Modality, measured, modality
from validate.imaging.nifti import is_nifti
from validate.imaging.pile import Pile, piled, planned
from validate.imaging.pixel_header import dataset_of, head_of
from validate.imaging.reader_warnings import silence_readers
from validate.imaging.stack import Stack, check_regular, stacked
from validate.imaging.stored import StoredFrames, stored_frames
from validate.imaging.volume import DecodeFailure, Volume
from validate.protocol.geometry import Geometry

DEFAULT = Geometry()
LARGEST = 32 << 30  # bytes of one volume


def read_series(paths: Sequence[Path], rules: Geometry = DEFAULT) -> Volume:
    """The series that these files make: DICOM slices in any order, one multi-frame object, or one NIfTI image.

    voxels : (z, y, x) in modality units, z rising along across × down (of transverse slices: from feet to head)
    affine : voxel (x, y, z, 1) to patient LPS, mm; None of a single file that does not say where it lies
    source : as of `read_image`, windows only where all slices have the same; geometry: what was found and done, by code
    Raises DecodeFailure: what `read_image` raises, and decode:geometry_… of a series that is no regular box, with what of it
    `rules` do not allow: no_position, orientations, pixel_spacing, shifted, gap, spacing, tilt, phases, duplicates, mosaic,
    mixed.
    """
    if not paths:
        raise DecodeFailure("decode:missing", "The series has no file.")
    if any(is_nifti(path) or is_plain_picture(path) for path in paths):
        if len(paths) > 1:
            detail = "A NIfTI file, picture or array is an image by itself; this series has several files."
            raise DecodeFailure("decode:geometry_mixed", detail)
        return read_any(paths[0])
    silence_readers()
    try:
        return _volume([Path(path) for path in paths], rules)
    except (DecodeFailure, MemoryError):
        raise
    except Exception as error:  # elements are parsed when they are asked for, and a hostile one may break that anyhow
        raise DecodeFailure("decode:corrupt", f"The header can't be read ({type(error).__name__}).") from error


@dataclass(frozen=True, slots=True)
class _File:
    """What one file's header says of all its frames."""

    rule: Modality | None  # None in colour
    shape: tuple[int, ...]
    photometric: str
    unit: str
    windows: Mapping[str, Any]
    localizer: bool
    thickness: float | None
    frames: tuple[Frame, ...]


def grid_of(paths: Sequence[Path], rules: Geometry = DEFAULT) -> tuple[Grid, Stack] | None:
    """The grid that `read_series` would give, and its slices, from headers alone; None of a file that says no place.

    Raises DecodeFailure, as read_series does. For NIfTI see `nifti.read_grid`.
    """
    silence_readers()
    surveyed = _survey(
        (head_of(path, asked=tuple(rules.select)) for path in paths), len(paths), PIXEL_KEYWORDS[0], rules
    )
    if surveyed is None:
        return None
    stack, shape = surveyed.stack, surveyed.used[0].shape
    plan = planned(stack, rules, shape)
    return Grid(plan.shape, plan.affine), stack


@dataclass(frozen=True, slots=True)
class _Survey:
    files: list[_File]
    frames: list[Frame]
    stack: Stack
    used: list[_File]  # those that a frame of the stack is in
    scouts: int


def _survey(heads: Iterable[FileDataset], count: int, keyword: str, rules: Geometry) -> _Survey | None:
    """What the headers say; None of a single file that does not say where it lies."""
    files = [_file(dataset, number, keyword, rules) for number, dataset in enumerate(heads)]
    kept = [file for file in files if not file.localizer] or files
    frames = chosen([frame for file in kept for frame in file.frames], rules.select)
    if any(frame.plane is None for frame in frames):
        if count == 1:
            return None
        detail = "The slices do not say where they lie in the patient, and instance numbers are no place."
        raise DecodeFailure("decode:geometry_no_position", detail)
    used = [files[number] for number in sorted({frame.file for frame in frames})]
    _check_alike(used)
    stack = stacked([frame.plane for frame in frames if frame.plane is not None], thickness=used[0].thickness)
    check_regular(stack, rules)
    return _Survey(files, frames, stack, used, len(files) - len(kept))


def _volume(paths: Sequence[Path], rules: Geometry) -> Volume:
    asked = tuple(rules.select)
    first = dataset_of(paths[0], asked=asked)
    keyword = next((name for name in PIXEL_KEYWORDS if name in first), PIXEL_KEYWORDS[0])
    surveyed = _survey(chain([first], (head_of(path, asked=asked) for path in paths[1:])), len(paths), keyword, rules)
    if surveyed is None:
        return read_image(paths[0])
    files, used, stack = surveyed.files, surveyed.used, surveyed.stack
    filling = _Filling(paths, files, surveyed.frames, stack)
    if len(paths) == 1:
        filling.open(0, first)
    pile, rule = _filled(filling, used, rules)
    found = {**stack.findings, **({"localizers": float(surveyed.scouts)} if surveyed.scouts else {})}
    return Volume(
        voxels=pile.voxels,
        affine=pile.affine,
        spacing=pile.spacing,
        unit=used[0].unit,
        source={
            **filling.source,
            "range": (rule.low, rule.high) if rule else (0.0, float(np.iinfo(pile.voxels.dtype).max)),
            **(_shared_windows(used) if rule else {}),
            "slices": len(stack.places),
            "geometry": {"found": found, "resampled": list(pile.done)},
        },
    )


def _file(dataset: FileDataset, number: int, keyword: str, rules: Geometry) -> _File:
    colour = (
        whole_number(dataset, "SamplesPerPixel", 1) > 1
        or value_of(dataset, "PhotometricInterpretation") == "PALETTE COLOR"
    )
    frames = frames_of(dataset, number, asked=tuple(rules.select))
    rule = None if colour else modality(dataset, len(frames), keyword=keyword)
    rows, columns = whole_number(dataset, "Rows", 0), whole_number(dataset, "Columns", 0)
    return _File(
        rule=rule,
        shape=(rows, columns, 3) if colour else (rows, columns),
        photometric="" if colour else str(value_of(dataset, "PhotometricInterpretation")),
        unit=unit_of(dataset),
        windows={} if rule is None else windows_of(dataset, 0, rule),
        localizer=is_localizer(dataset),
        thickness=(spacing_of(dataset) or (None,))[0],
        frames=tuple(frames),
    )


def _check_alike(files: Sequence[_File]) -> None:
    kinds: dict[str, set[Any]] = {
        "sizes": {file.shape for file in files},
        "units": {file.unit for file in files},
        "photometric interpretations": {file.photometric for file in files},
        "turned ranges": {file.rule and file.rule.mirror for file in files},
    }
    for name, found in kinds.items():
        if len(found) > 1:
            raise DecodeFailure("decode:geometry_mixed", f"The images of the series are of different {name}.")


@dataclass(slots=True)
class _Filling:
    """Decodes what belongs at a place; remembers the last file, whose frames may be asked for in turn."""

    paths: Sequence[Path]
    files: Sequence[_File]
    frames: Sequence[Frame]
    stack: Stack
    source: dict[str, Any] = field(default_factory=dict)
    _last: tuple[int, StoredFrames] | None = None

    def write(self, place: int, out: NDArray[Any]) -> None:
        """The slice of a place. Raises DecodeFailure where others at that place are not the same."""
        first, *others = self.stack.members[place]
        self._convert(self.frames[first], out)
        for other in others:
            again = np.empty_like(out)
            self._convert(self.frames[other], again)
            if not np.array_equal(again, out):
                raise self._several(place)

    def _several(self, place: int) -> DecodeFailure:
        members = [self.frames[number] for number in self.stack.members[place]]
        names = telling(members)
        differ = f" They differ in {', '.join(names)}." if names else ""
        if "phases" in self.stack.findings:
            detail = (
                f"{len(members)} different images lie at each place.{differ} cohort.geometry.select chooses by such."
            )
            return DecodeFailure("decode:geometry_phases", detail)
        return DecodeFailure("decode:geometry_duplicates", f"{len(members)} different images lie at one place.{differ}")

    def _convert(self, frame: Frame, out: NDArray[Any]) -> None:
        stored = self._stored(frame)
        if stored.shape != out.shape:
            raise DecodeFailure("decode:corrupt", f"The pixels are {stored.shape}, the header says {out.shape}.")
        rule = self.files[frame.file].rule
        if rule is None:
            out[...] = stored
        else:
            rule.convert(stored, frame.frame, out)

    def _stored(self, frame: Frame) -> NDArray[Any]:
        if self._last is None or self._last[0] != frame.file:
            self._last = None  # one file in memory at a time
            self._last = self.open(frame.file, dataset_of(self.paths[frame.file]))
        _, frames = self._last
        values = frames.frame(frame.frame)
        self._note("decoder", frames.decoder)
        return values

    def open(self, file: int, dataset: FileDataset) -> tuple[int, StoredFrames]:
        """Its frames, kept until another file is asked for."""
        frames = stored_frames(dataset)
        for key, value in source_of(dataset, frames.syntax).items():
            self._note(key, value)
        self._last = file, frames
        return self._last

    def room(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
        """Where a single file's frames lie in memory one after the other, in the order of the slices: those very bytes."""
        if len(self.paths) > 1 or self._last is None:
            return None
        frames = [self.frames[group[0]].frame for group in self.stack.members]
        if frames != list(range(len(frames))) or any(len(group) > 1 for group in self.stack.members):
            return None
        return self._last[1].room((len(frames), *shape), dtype)

    def _note(self, key: str, value: Any) -> None:
        said = self.source.setdefault(key, value)
        if isinstance(said, str) and value not in said.split(", "):
            self.source[key] = f"{said}, {value}"


def _filled(filling: _Filling, used: Sequence[_File], rules: Geometry) -> tuple[Pile, Modality | None]:
    """(the pile, the rule of its files with the range of all of them)."""
    rules_of = [file.rule for file in used if file.rule is not None]
    dtype = np.result_type(*{rule.dtype for rule in rules_of}) if rules_of else np.dtype(np.uint8)
    needed = len(filling.stack.places) * int(np.prod(used[0].shape, dtype=np.int64)) * dtype.itemsize
    if needed > LARGEST:
        detail = f"The series has {needed:,} bytes of pixels; at most {LARGEST:,} are read."
        raise DecodeFailure("decode:too_large", detail)
    room = filling.room(used[0].shape, dtype)
    pile = piled(filling.stack, rules, used[0].shape, dtype, filling.write, room=room)
    if not rules_of:
        return pile, None
    rule = measured(rules_of[0], pile.voxels, inverted=used[0].photometric == "MONOCHROME1")
    if rule.stored.kind == "f":
        if rule.mirror is not None:
            np.subtract(rule.mirror, pile.voxels, out=pile.voxels, casting="unsafe")
        return pile, rule
    ends = [(rule.low, rule.high) for rule in rules_of if rule.low is not None and rule.high is not None]
    return pile, replace(rule, low=min(low for low, _ in ends), high=max(high for _, high in ends))


def _shared_windows(used: Sequence[_File]) -> Mapping[str, Any]:
    """Those of every slice, or none: the slices of MR and PET often have a window each."""
    windows = used[0].windows.get("windows", [])
    alike = all(file.windows.get("windows") == windows and not file.windows.get("voi_luts") for file in used)
    return {"windows": windows if alike else [], "voi_luts": []}
