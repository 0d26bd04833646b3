"""One image file → what each model wants of it: decoded once, preprocessed once per distinct recipe."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.models.prediction import Failure

Steps = tuple[Mapping[str, Mapping[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class DecodeTask:
    """
    place : number of the image in the order of the run      path : in memory only
    recipes : preprocessing steps, one tuple per distinct recipe that is wanted of this image
    """

    place: int
    path: Path
    recipes: tuple[Steps, ...]


@dataclass(frozen=True, slots=True)
class Decoded:
    """
    images : per recipe, (channel, y, x) float32, or why there is none
    source : decoder and transfer syntax      seconds : of one worker, from reading to the last recipe
    """

    images: tuple[NDArray[np.float32] | Failure, ...]
    source: Mapping[str, str]
    seconds: float

    @property
    def nbytes(self) -> int:
        return sum(image.nbytes for image in self.images if not isinstance(image, Failure))


def decode(task: DecodeTask) -> Decoded:
    """Never raises: what is wrong with a file is a result. No detail names a file or repeats what is in it."""
    from validate.imaging.dicom import read_image
    from validate.imaging.volume import DecodeFailure

    start = time.perf_counter()
    try:
        volume = read_image(task.path)
    except DecodeFailure as failure:
        return _failed(task, Failure(failure.reason, failure.detail), start)
    except MemoryError:
        return _failed(task, Failure("decode:out_of_memory", "The image does not fit this machine's memory."), start)
    except Exception as error:  # noqa: BLE001 - decoders are other people's code on hostile input
        return _failed(task, Failure("decode:error", f"The decoder raised {type(error).__name__}."), start)
    images = tuple(_prepared(volume, recipe) for recipe in task.recipes)
    source = {key: str(volume.source[key]) for key in ("decoder", "transfer_syntax") if volume.source.get(key)}
    return Decoded(images, source, time.perf_counter() - start)


def _prepared(volume: Any, recipe: Steps) -> NDArray[np.float32] | Failure:
    from validate.imaging.preprocess import apply
    from validate.imaging.volume import DecodeFailure

    try:
        return np.ascontiguousarray(apply(volume, recipe), dtype=np.float32)
    except DecodeFailure as failure:
        return Failure(failure.reason, failure.detail)
    except MemoryError:
        return Failure("preprocess:out_of_memory", "The preprocessed image does not fit this machine's memory.")
    except (ArithmeticError, LookupError, ValueError) as error:
        return Failure("preprocess:error", f"Preprocessing raised {type(error).__name__}.")


def _failed(task: DecodeTask, failure: Failure, start: float) -> Decoded:
    return Decoded((failure,) * len(task.recipes), {}, time.perf_counter() - start)
