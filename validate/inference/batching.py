"""One planned batch through one model, whatever happens: every case gets its result or its failure.

A batch that does not fit the device is halved; a batch that fails otherwise is repeated case by case, so that one bad
case costs its neighbours nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from validate.cohort.case import Case
from validate.errors import MachineError, ValidateError
from validate.imaging.placed import Placement
from validate.imaging.unfinished import Unfinished
from validate.inference.asking import Asking, Stopped
from validate.models.adapter import Batch, LoadedModel, NamedModel, OutOfMemory
from validate.models.begun import Begun
from validate.models.lost_device import lost_device
from validate.models.prediction import Failure, Prediction

Pixels = NDArray[np.float32]
Shown = Pixels | Unfinished
Result = Prediction | Failure

_PATHS = re.compile(r"(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\":]+){2,}")


@dataclass(frozen=True, slots=True)
class Named:
    """The images of one case that a model of several inputs is given, by input."""

    images: Mapping[str, Pixels]

    @property
    def shape(self) -> tuple[Any, ...]:
        """Of each input, in their order."""
        return tuple(image.shape for image in self.images.values())

    @property
    def nbytes(self) -> int:
        return sum(image.nbytes for image in self.images.values())


Image = Shown | Named


def named_images(images: Mapping[str, Shown | Failure]) -> Named | Failure:
    """Of one case; or why one of its inputs has none. What has several inputs is given finished images."""
    for name, image in images.items():
        if isinstance(image, Failure):
            return Failure(image.reason, f"Input '{name}': {image.detail}")
    return Named({name: image for name, image in images.items() if isinstance(image, np.ndarray)})


def batch_of(cases: Sequence[Case], images: Sequence[Any], places: Sequence[Placement | None] = ()) -> Batch:
    """Images of one shape, or none. Raises MemoryError where they do not fit together into this machine's memory."""
    first = images[0]
    if isinstance(first, Named):
        stacked = {name: np.stack([image.images[name] for image in images]) for name in first.images}
        return Batch(tuple(cases), None, tuple(places), stacked)
    if isinstance(first, Unfinished):
        return Batch(tuple(cases), None, tuple(places), unfinished=tuple(images))
    pixels = None if first is None else first[None] if len(images) == 1 else np.stack(images)
    return Batch(tuple(cases), pixels, tuple(places))


@dataclass(frozen=True, slots=True)
class _Given:
    """What one planned batch holds, before it is cut."""

    cases: Sequence[Case]
    images: Sequence[Any]
    places: Sequence[Placement | None]

    def batch(self, chosen: Sequence[int]) -> Batch:
        """Raises MemoryError where the images do not fit together into this machine's memory."""
        images = [self.images[place] for place in chosen]
        return batch_of([self.cases[place] for place in chosen], images, [self.places[place] for place in chosen])


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A batch that is with the model. since : when it was sent, by the performance counter"""

    begun: Begun[Sequence[Result]]
    since: float

    def wait(self, bell: int) -> bool:
        return self.begun.wait(bell)


@dataclass(slots=True)
class Batcher:
    """
    asking : on whose thread it works, and to which it tells what happened
    on_device_loss : whether a device that is gone ends the run, or is a failure of each case
    ceiling : the most cases that have proved to fit, once a batch has not
    seconds : spent in the model so far; where one batch waited for the one before it, that is not counted twice
    """

    model: LoadedModel
    asking: Asking
    on_device_loss: Literal["stop", "record"] = "stop"
    ceiling: int | None = None
    seconds: float = 0.0
    _until: float = 0.0

    @property
    def on_processor(self) -> bool:
        """Whether the model computes on the cores of this machine."""
        return self.model.identity.provider.lower().startswith("cpu")

    def begin(
        self,
        cases: Sequence[Case],
        images: Sequence[Image | Failure | None],
        places: Sequence[Placement | None] = (),
    ) -> Begun[list[Result]]:
        """One result per case, in order. images[i] is None for a model that reads no pixels; places[i], where a volume lies.

        What is one batch to the model is sent to it now, where it can be. The answer raises ModelError where the declaration of the
        model is wrong, MachineError where its device is gone and that is to stop the run: neither concerns a case.
        """
        results: dict[int, Result] = {}
        fit: list[int] = []
        for place, image in enumerate(images):
            failure = image if isinstance(image, Failure) else self._misfit(image)
            if failure is None:
                fit.append(place)
            else:
                results[place] = failure
        # Images of one shape go together; in most studies preprocessing leaves one shape only.
        shape_of = {
            place: (getattr(images[place], "shape", ()), isinstance(images[place], Unfinished)) for place in fit
        }
        given = _Given(cases, images, places or (None,) * len(cases))
        order = sorted(fit, key=lambda place: (shape_of[place], place))
        groups = [list(alike) for _, alike in groupby(order, key=shape_of.__getitem__)]
        ahead = self._sent(given, groups[0]) if len(groups) == 1 else None

        def answer() -> list[Result]:
            for group in groups:
                results.update(zip(group, self._group(given, group, ahead), strict=True))
            return [results[place] for place in range(len(cases))]

        return Begun(answer) if ahead is None else Begun(answer, ahead.wait)

    def _sent(self, given: _Given, places: Sequence[int]) -> _Ahead | None:
        """The batch, where it is with the model by now; where it is not, why shows when it is asked for."""
        begin = getattr(self.model, "begin", None)
        if begin is None or (self.ceiling is not None and len(places) > self.ceiling):
            return None
        try:
            return _Ahead(begin(given.batch(places)), time.perf_counter())
        except Exception:  # noqa: BLE001 - it is tried again, and then counts
            return None

    def _misfit(self, image: Image | None) -> Failure | None:
        problem = None if image is None else misfit(self.model, image)
        return None if problem is None else Failure("input_shape", problem)

    def _group(self, given: _Given, places: Sequence[int], ahead: _Ahead | None = None) -> list[Result]:
        """Ahead : all of them, where they are with the model"""
        results: list[Result] = []
        while len(results) < len(places):
            start = len(results)  # the ceiling may come down on the way
            some = places if ahead is not None else places[start : start + (self.ceiling or len(places))]
            results += self._attempt(given, some, ahead)
        return results

    def _attempt(self, given: _Given, places: Sequence[int], ahead: _Ahead | None = None) -> list[Result]:
        if ahead is None:
            self.asking.check()
        try:
            return self._predicted(given.batch(places) if ahead is None else ahead)
        except (ValidateError, Stopped):
            raise
        except (OutOfMemory, MemoryError):
            return self._halved(given, places)
        except Exception as error:  # noqa: BLE001 - a model is foreign code; what it raises is a result about a case
            return self._one_by_one(given, places, error)

    def _predicted(self, batch: Batch | _Ahead) -> list[Result]:
        start = max(batch.since, self._until) if isinstance(batch, _Ahead) else time.perf_counter()
        try:
            return list(batch.begun.answer() if isinstance(batch, _Ahead) else self.model.predict(batch))
        finally:
            self._until = time.perf_counter()
            self.seconds += self._until - start
            self._pass_events_on()

    def conclude(self) -> None:
        """Raises ModelError where what the model hears last contradicts what it said."""
        try:
            getattr(self.model, "conclude", tuple)()
        finally:
            self._pass_events_on()

    def _pass_events_on(self) -> None:
        for name, data in getattr(self.model, "drain_events", tuple)():
            self.asking.note(name, data)  # such as what a node out of our hands took, case by case

    def _halved(self, given: _Given, places: Sequence[int]) -> list[Result]:
        if len(places) == 1:
            return [Failure("out_of_memory", "The model ran out of memory on this case alone.")]
        self.ceiling = len(places) // 2
        self.asking.note("batch_halved", {"model": self.model.identity.id, "from": len(places), "to": self.ceiling})
        return self._group(given, places)

    def _one_by_one(self, given: _Given, places: Sequence[int], error: Exception) -> list[Result]:
        if lost := lost_device(error):
            self._tell_lost(error, of_one=len(places) == 1)
        if lost and len(places) == 1:
            return [Failure("device_lost", f"The model's device was lost on this case: {plain_message(error)}")]
        if len(places) == 1:
            reason = getattr(error, "reason", "model_error")
            return [
                Failure(reason, f"The model raised {type(error).__name__} on this case alone: {plain_message(error)}")
            ]
        self.asking.note(
            "batch_split", {"model": self.model.identity.id, "cases": len(places), "error": plain_message(error)}
        )
        return [result for place in places for result in self._attempt(given, [place])]

    def _tell_lost(self, error: Exception, *, of_one: bool) -> None:
        """A batch is tried again case by case, as the loss may be one case's doing; on one case alone, it stands."""
        model = self.model.identity.id
        self.asking.note("device_lost", {"model": model, "error": plain_message(error)})
        if of_one and self.on_device_loss == "stop":
            raise MachineError(
                f"models.{model}: its device is lost ({plain_message(error)}). Every finished shard is kept: see to the device "
                "and run again with --resume. Should one case be the cause, inference: {on_device_loss: record} makes it a "
                "failed case."
            ) from error


def misfit(model: LoadedModel, image: Image) -> str | None:
    """Why this case's image, or one of its images, can't go in."""
    if not isinstance(image, Named):
        return model.misfit(image.shape)
    shapes = {name: one.shape for name, one in image.images.items()}
    problem: str | None = model.misfit_of_inputs(shapes) if isinstance(model, NamedModel) else None
    return problem


def plain_message(error: Exception) -> str:
    """What the model's runtime said, in one line and without paths."""
    return _PATHS.sub("<path>", " ".join(str(error).split()))[:300]
