"""The first images through every model before the run begins: a wrong declaration is found now, not after an hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from validate.canonical import canonical_json
from validate.cohort.case import Case
from validate.errors import ModelError, ValidateError
from validate.inference.batching import Image
from validate.inference.decode import Decoded, DecodeTask, Steps, decode
from validate.inference.plan import InferencePlan, PlannedModel
from validate.models.adapter import Batch
from validate.models.prediction import Failure, Prediction

TRIES = 20  # images that may fail to decode before the look is given up


@dataclass(frozen=True, slots=True)
class Look:
    """
    case, image : by model id, the first that could be decoded; a model without one is not here
    decode_seconds : per image, of those decoded
    """

    samples: dict[str, tuple[Case, Image]] = field(repr=False)
    decode_seconds: float


def recipes(plan: InferencePlan) -> tuple[tuple[Steps, ...], dict[str, int]]:
    """The distinct preprocessing recipes of all models that read pixels, and the number of each model's."""
    distinct: dict[bytes, Steps] = {}
    keys = {}
    for model in plan.models:
        if model.loaded.needs_pixels:
            keys[model.id] = canonical_json(model.block.preprocess)
            distinct.setdefault(keys[model.id], model.block.preprocess)
    order = list(distinct)
    return tuple(distinct.values()), {name: order.index(key) for name, key in keys.items()}


def first_look(plan: InferencePlan) -> Look:
    """Decode until one image works, and put it through every model that reads pixels.

    Raises ModelError where the image does not fit the model's input, or its output can't be read as declared.
    """
    distinct, recipe_of = recipes(plan)
    if not distinct:
        return Look({}, 0.0)
    samples: dict[str, tuple[Case, Image]] = {}
    seconds = []
    for case in [case for case in plan.cases if case.files][:TRIES]:
        decoded = decode(DecodeTask(0, case.files[0], distinct))
        seconds.append(decoded.seconds)
        for model in plan.models:
            image = decoded.images[recipe_of[model.id]] if model.id in recipe_of else None
            if image is not None and not isinstance(image, Failure) and model.id not in samples:
                samples[model.id] = (case, image)
                _try(model, case, image)
        if len(samples) == len(recipe_of) and len(seconds) >= 3:
            break
    return Look(samples, sum(seconds) / len(seconds) if seconds else 0.0)


def dry_run(plan: InferencePlan, *, count: int = 3) -> list[dict[str, Any]]:
    """What `validate check` shows: `count` cases through every model, with the range of what goes in and comes out.

    Each row: model, unit (pseudonym), decoder, input {"shape", "minimum", "maximum", "mean"} or None,
    score or None, raw, failure or None, detail or None. Raises ModelError as the run would.
    """
    distinct, recipe_of = recipes(plan)
    rows = []
    for case in plan.cases[:count]:
        decoded = decode(DecodeTask(0, case.files[0], distinct)) if distinct and case.files else None
        for model in plan.models:
            image = decoded.images[recipe_of[model.id]] if decoded is not None and model.id in recipe_of else None
            rows.append(_dry_row(model, case, decoded, image))
    return rows


def _try(model: PlannedModel, case: Case, image: Image) -> Prediction | Failure | None:
    problem = model.loaded.misfit(image.shape)
    if problem is not None:
        raise ModelError(problem)
    try:
        (result,) = model.loaded.predict(Batch((case,), image[None]))
    except ValidateError:
        raise
    except Exception:  # noqa: BLE001 - it may be this image's fault: the run will isolate it and say so
        return None
    return result


def _dry_row(model: PlannedModel, case: Case, decoded: Decoded | None, image: Image | Failure | None) -> dict[str, Any]:
    row: dict[str, Any] = {"model": model.id, "unit": case.unit, "decoder": None, "input": None}
    if model.loaded.needs_pixels and (image is None or isinstance(image, Failure)):
        result: Prediction | Failure | None = image or Failure("no_image", "This unit has no image.")
    elif isinstance(image, Failure) or image is None:
        (result,) = model.loaded.predict(Batch((case,)))
    else:
        row["decoder"] = decoded.source.get("decoder") if decoded is not None else None
        row["input"] = _statistics(image)
        result = _try(model, case, image) or Failure("model_error", "The model failed on this case.")
    if isinstance(result, Failure):
        return {**row, "score": None, "raw": [], "failure": result.reason, "detail": result.detail}
    (score,) = result.scores.values() if result is not None else (None,)
    return {**row, "score": score, "raw": list(result.raw) if result else [], "failure": None, "detail": None}


def _statistics(image: Image) -> dict[str, Any]:
    values: Sequence[float] = (float(image.min()), float(image.max()), float(image.mean(dtype="float64")))
    return {"shape": list(image.shape), **dict(zip(("minimum", "maximum", "mean"), values, strict=True))}
