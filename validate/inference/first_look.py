"""The first images through every model before the run begins: a wrong declaration is found now, not after an hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from validate.cohort.case import Case
from validate.errors import ModelError, ValidateError
from validate.imaging.placed import Placement
from validate.inference.batching import Image, Named, Shown, batch_of, misfit, named_images, plain_message
from validate.inference.decode import Decoded, DecodeTask, decode_in_time
from validate.inference.held import Held
from validate.inference.plan import InferencePlan
from validate.inference.planned_model import PlannedModel
from validate.inference.view import View
from validate.models.adapter import Batch
from validate.models.prediction import Boxes, Failure, Mask, Prediction
from validate.protocol.passes import CLEAN

TRIES = 20  # images that may fail to decode before the look is given up
ENOUGH = 3  # images that a model may fail on before it is the model's fault


@dataclass(frozen=True, slots=True)
class Look:
    """
    case, image : by model id, the first that could be decoded; a model without one is not here
    decode_seconds : per image, of those decoded
    """

    samples: dict[str, tuple[Case, Image]] = field(repr=False)
    decode_seconds: float


def clean_views(plan: InferencePlan, *, finished: bool = False) -> tuple[tuple[View, ...], dict[str, dict[str, int]]]:
    """The distinct views of all models that are shown images, undisturbed, and the numbers of each model's by input.

    finished : with nothing left to a device, as arrays to look at
    """
    distinct: dict[bytes, View] = {}
    keys: dict[str, dict[str, bytes]] = {}
    for model in plan.models:
        views = model.views(CLEAN)
        if finished:
            views = {name: replace(view, on_device=False) for name, view in views.items()}
        if views:
            keys[model.id] = {name: view.key for name, view in views.items()}
            distinct |= {view.key: view for view in views.values() if view.key not in distinct}
    order = list(distinct)
    numbers = {model: {name: order.index(key) for name, key in of.items()} for model, of in keys.items()}
    return tuple(distinct.values()), numbers


def first_look(plan: InferencePlan) -> Look:
    """Decode until a few images work, and put them through every model that reads pixels.

    Raises ModelError where an image does not fit the model's input, where the output can't be read as declared, and
    where the model fails on every image tried: that is no bad case, it is a wrong declaration.
    """
    distinct, view_of = clean_views(plan)
    if not distinct:
        return Look({}, 0.0)
    trials = {model.id: _Trial(model) for model in plan.models if model.id in view_of}
    seconds = []
    for case in [case for case in plan.cases if case.files][:TRIES]:
        seen = _decoded(case, distinct)
        seconds.append(sum(one.seconds for one in seen))
        for name, trial in trials.items():
            image, place = _shown(seen, view_of[name])
            if not trial.settled and not isinstance(image, Failure):
                trial.take(case, image, place)
        if all(trial.settled for trial in trials.values()):
            break
    samples = {name: sample for name, trial in trials.items() if (sample := trial.sample()) is not None}
    return Look(samples, sum(seconds) / len(seconds) if seconds else 0.0)


@dataclass(slots=True)
class _Trial:
    """One model on its first images: settled by the first that works, or by ENOUGH that don't."""

    model: PlannedModel
    works: tuple[Case, Image] | None = None
    place: Placement | None = None
    errors: list[Exception] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        return self.works is not None or len(self.errors) == ENOUGH

    def take(self, case: Case, image: Image, place: Placement | None) -> None:
        try:
            _tried(self.model, case, image, place)
        except ValidateError:
            raise
        except Exception as error:  # noqa: BLE001 - it may be this image's fault; the next one tells
            self.errors.append(error)
        else:
            self.works, self.place = (case, image), place

    def sample(self) -> tuple[Case, Image] | None:
        if self.works is None and self.errors:
            raise ModelError(
                f"models.{self.model.id}: it failed on each of the first {len(self.errors)} images it was given: "
                f"{plain_message(self.errors[0])} Check models.{self.model.id}.preprocess against what it expects."
            )
        return self.works


def dry_run(plan: InferencePlan, *, count: int = 3) -> list[dict[str, Any]]:
    """What `validate check` shows: `count` cases through every model, with the range of what goes in and comes out.

    Each row: model, unit (pseudonym), decoder, input {"shape", "minimum", "maximum", "mean"} or None,
    score or None, raw, failure or None, detail or None. Raises what the model raises.
    """
    distinct, view_of = clean_views(plan, finished=True)
    rows = []
    for case in plan.cases[:count]:
        seen = _decoded(case, distinct) if distinct and case.files else []
        rows += [
            _dry_row(model, case, seen, view_of[model.id] if seen and model.id in view_of else {})
            for model in plan.models
        ]
    return rows


def input_statistics(plan: InferencePlan) -> list[dict[str, Any]]:
    """What goes into each model that is given arrays, for every case of the plan: a wrong normalisation shows here.

    Each row: model, unit (pseudonym), input (name, "" where there is one), and shape, minimum, maximum, mean, or failure.
    """
    distinct, view_of = clean_views(plan, finished=True)
    rows: list[dict[str, Any]] = []
    for case in plan.cases:
        seen = _decoded(case, distinct) if distinct and case.files else []
        for model in plan.models:
            arrays: Any = None
            if seen and model.id in view_of:
                arrays = {name: seen[number].images[0] for name, number in view_of[model.id].items()}
            if (numbers := getattr(model.loaded, "numbers", None)) is not None:
                arrays = {**(arrays or {}), **numbers(case)}
            for name, array in (arrays or {}).items():
                found = {"failure": array.reason} if isinstance(array, Failure) else _statistics(array)
                rows.append({"model": model.id, "unit": case.unit, "input": name, **found})
    return rows


def _decoded(case: Case, views: Sequence[View]) -> list[Decoded]:
    """Of each view its first image, the whole series, or what it chooses; each is read once."""
    found: dict[int, Decoded] = {}
    readers = ["named" if view.choice is not None else view.reader for view in views]
    for reader, paths in (("image", case.files[:1]), ("series", case.files), ("named", case.files)):
        places = [place for place, kind in enumerate(readers) if kind == reader]
        if not places:
            continue
        together = decode_in_time(DecodeTask(0, paths, tuple(views[place] for place in places), case.digest))
        for number, place in enumerate(places):
            where = together.places[number] if together.places else None
            seconds = together.seconds / len(places)
            found[place] = Decoded((together.images[number],), together.source, seconds, (where,))
    return [found[place] for place in range(len(views))]


def _shown(seen: Sequence[Decoded], numbers: Mapping[str, int]) -> tuple[Image | Failure, Placement | None]:
    """What a model is given of a case, and where it lies."""
    if "" in numbers:
        one = seen[numbers[""]]
        return _undisturbed(one), one.places[0]
    return named_images({name: _undisturbed(seen[number]) for name, number in numbers.items()}), None


def _undisturbed(decoded: Decoded) -> Shown | Failure:
    image = decoded.images[0]
    assert not isinstance(image, Held)  # only what a pass disturbs is held
    return image


def _tried(model: PlannedModel, case: Case, image: Image, place: Placement | None) -> Prediction | Failure:
    problem = misfit(model.loaded, image)
    if problem is not None:
        raise ModelError(problem)
    (result,) = model.loaded.predict(batch_of((case,), (image,), (place,)))
    return result


def _dry_row(model: PlannedModel, case: Case, seen: Sequence[Decoded], numbers: Mapping[str, int]) -> dict[str, Any]:
    image, place = _shown(seen, numbers) if numbers else (None, None)
    row: dict[str, Any] = {"model": model.id, "unit": case.unit, "decoder": None, "input": None}
    if model.is_shown and (image is None or isinstance(image, Failure)):
        result: Prediction | Failure = image or Failure("no_image", "This unit has no image.")
    elif isinstance(image, Failure) or image is None:
        (result,) = model.loaded.predict(Batch((case,)))
    else:
        row["decoder"] = seen[next(iter(numbers.values()))].source.get("decoder")
        row["input"] = None if isinstance(image, Named) else _statistics(image)
        result = _tried(model, case, image, place)
    if isinstance(result, Failure):
        return {**row, "score": None, "raw": [], "failure": result.reason, "detail": result.detail}
    if isinstance(result, Mask):
        inside = sum(volume for value, volume in result.volumes.items() if value)
        return {**row, "score": inside, "raw": [], "failure": None, "detail": None}
    if isinstance(result, Boxes):
        return {**row, "score": float(len(result)), "raw": [], "failure": None, "detail": None}
    (score,) = result.scores.values()
    return {**row, "score": score, "raw": list(result.raw), "failure": None, "detail": None}


def _statistics(image: Any) -> dict[str, Any]:
    values: Sequence[float] = (float(image.min()), float(image.max()), float(image.mean(dtype="float64")))
    return {"shape": list(image.shape), **dict(zip(("minimum", "maximum", "mean"), values, strict=True))}
