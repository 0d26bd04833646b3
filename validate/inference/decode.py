"""The files of one case → what each model wants of them in each pass: read once, held once where passes disturb it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from validate.imaging.chosen import Choice, chosen_files
from validate.imaging.in_time import DECODING, TookTooLong, in_time
from validate.imaging.mask import Grid
from validate.imaging.placed import Placement
from validate.imaging.unfinished import Unfinished
from validate.inference.held import Held, held_bytes
from validate.inference.view import Transform, View
from validate.models.prediction import Failure

Found = TypeVar("Found")
TIMED_OUT = Failure("decode:timeout", "Decoding took longer than the time allowed for one image.")


@dataclass(frozen=True, slots=True)
class DecodeTask:
    """
    place : number of the task in the order of the run      paths : in memory only
    views : what is wanted, each distinct
    content, number : the digest of the case's files, and which of its images this is; what is random in a view is drawn from them
    syntax : how it is compressed, where the cohort says so; it decides who decodes it
    """

    place: int
    paths: tuple[Path, ...]
    views: tuple[View, ...]
    content: str = ""
    number: int = 0
    syntax: str = ""


@dataclass(frozen=True, slots=True)
class Decoded:
    """
    images : per view, float32, (channel, y, x) or (channel, z, y, x), or why there is none; of a view that disturbs it, the
        image in native units, the same for all such views of one reading (disturb.py goes on with it); of one that is finished
        on the device, what is left to do
    places : per view, where a volume lies; None of an image, of a failure, and where the file says nothing
    source : decoder and transfer syntax
    seconds : of one worker, from reading to the last view      stages : the same by stage, decode and preprocess
    """

    images: tuple[NDArray[np.float32] | Unfinished | Held | Failure, ...]
    source: dict[str, str]
    seconds: float
    places: tuple[Placement | None, ...] = ()
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return held_bytes(self.images)


def decode(task: DecodeTask) -> Decoded:
    """Never raises: what is wrong with a file is a result. No detail names a file or repeats what is in it."""
    start = time.perf_counter()
    prepared: dict[int, Seen | Held | Failure] = {}
    clock = {"decode": 0.0, "preprocess": 0.0}
    source: dict[str, str] = {}
    order = sorted(range(len(task.views)), key=lambda place: _reading(task.views[place]))
    for _, same_reading in groupby(order, key=lambda place: _reading(task.views[place])):
        places = list(same_reading)
        view = task.views[places[0]]
        if view.choice is None:
            mine: DecodeTask | Failure = task
        elif view.choice.zeros is not None and not view.choice.of(task.paths):
            prepared.update(dict.fromkeys(places, Seen(np.zeros(view.choice.zeros, np.float32))))
            continue
        else:
            mine = guarded(clock, "decode", partial(chosen_task, task, view.choice))
        if isinstance(mine, Failure):
            prepared.update(dict.fromkeys(places, mine))
            continue
        volume = guarded(clock, "decode", partial(_read, mine, view))
        if not isinstance(volume, Failure):
            known = {key: str(volume.source[key]) for key in ("decoder", "transfer_syntax") if volume.source.get(key)}
            if irregular := _irregular(volume.source.get("geometry")):
                known["geometry"] = irregular
            source = source or known
        prepared.update(_prepared(mine, volume, places, clock))
    found = [prepared[place] for place in range(len(task.views))]
    return Decoded(
        images=tuple(one.image if isinstance(one, Seen) else one for one in found),
        source=source,
        seconds=time.perf_counter() - start,
        places=tuple(one.placement if isinstance(one, Seen) else None for one in found),
        stages=clock,
    )


def decode_in_time(task: DecodeTask, seconds: float = DECODING) -> Decoded:
    """The same, where nobody else keeps the time."""
    try:
        return in_time(partial(decode, task), seconds)
    except TookTooLong:
        return timed_out(task, seconds)


def timed_out(task: DecodeTask, seconds: float) -> Decoded:
    """What comes of an image that took longer."""
    return Decoded((TIMED_OUT,) * len(task.views), {}, seconds)


@dataclass(frozen=True, slots=True)
class Seen:
    """A preprocessed image, or one that is left to the device, and where a volume lies."""

    image: NDArray[np.float32] | Unfinished
    placement: Placement | None = None


def _irregular(found: Any) -> str:
    """What a series was irregular in and what was done about it, such as "tilt 12.5, resampled"; "" where in nothing."""
    if not found:
        return ""
    parts = [f"{code} {amount:g}" for code, amount in found["found"].items()]
    return ", ".join([*parts, *(["resampled"] if found["resampled"] else [])])


def _reading(view: View) -> tuple[str, str, str, str]:
    return view.reader, repr(view.geometry), repr(view.file_transform or ""), repr(view.choice or "")


def _prepared(
    task: DecodeTask, volume: Any, places: Sequence[int], clock: dict[str, float]
) -> Iterator[tuple[int, Seen | Held | Failure]]:
    held = None if isinstance(volume, Failure) else Held(volume, task.content, task.number)
    for place in places:
        if held is None:
            yield place, volume
        elif task.views[place].volume_transform is not None:
            yield place, held
        else:
            yield place, guarded(clock, "preprocess", partial(seen, volume, volume, task.views[place]))


def _read(task: DecodeTask, view: View) -> Any:
    from validate.imaging.image import read_image
    from validate.imaging.series import read_series
    from validate.protocol.geometry import Geometry

    if view.reader == "series":
        return read_series(task.paths, Geometry.model_validate(view.geometry))
    (path,) = task.paths
    if view.file_transform is None:
        return read_image(path)
    return read_image(_rewritten(path.read_bytes(), view.file_transform, task))


def chosen_task(task: DecodeTask, choice: Choice) -> DecodeTask:
    """The task of one of several inputs; its noise is that of its file. Raises DecodeFailure where no file, or several, are it."""
    files = chosen_files(choice, task.paths)
    return replace(task, paths=files, number=task.paths.index(files[0]))


def _rewritten(content: bytes, by: Transform, task: DecodeTask) -> bytes:
    from validate.registry import load

    new: bytes = load("rewritings", by.name)(content, dict(by.options), by.generator(task.content, task.number))
    return new


def seen(volume: Any, original: Any, view: View) -> Seen:
    """What preprocessing makes of a volume, disturbed or not; a mask goes back to the grid of the original."""
    from validate.imaging.deciding import unfinished
    from validate.imaging.preprocess import apply, apply_to_volume

    if view.on_device and (left := unfinished(volume, view.steps)) is not None:
        return Seen(left)
    if view.reader == "image":
        return Seen(np.ascontiguousarray(apply(volume, view.steps), dtype=np.float32))
    placed = apply_to_volume(volume, view.steps)
    if placed.grid is None or original.affine is None:
        return Seen(placed.voxels)
    z, y, x = original.voxels.shape[:3]
    return Seen(placed.voxels, Placement(placed.grid, Grid((z, y, x), original.affine)))


WHAT = {"decode": "The image", "perturb": "The disturbed image", "preprocess": "The preprocessed image"}
WHO = {"decode": "The decoder", "perturb": "The disturbance", "preprocess": "Preprocessing"}


def guarded(clock: dict[str, float], stage: str, work: Callable[[], Found]) -> Found | Failure:
    """What `work` returns, or the failure that it is. Decoders are other people's code on hostile input."""
    from validate.imaging.volume import DecodeFailure

    start = time.perf_counter()
    try:
        return work()
    except DecodeFailure as failure:
        return Failure(failure.reason.replace("nifti:", "decode:nifti_"), failure.detail)
    except MemoryError:
        return Failure(f"{stage}:out_of_memory", f"{WHAT[stage]} does not fit this machine's memory.")
    except OSError as error:
        return Failure(f"{stage}:unreadable", f"The file can't be read: {error.strerror}.")
    except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this case alone
        return Failure(f"{stage}:error", f"{WHO[stage]} raised {type(error).__name__}.")
    finally:
        clock[stage] += time.perf_counter() - start
