"""Why a study can't be run as it is asked for: models that don't fit its unit, steps that are none, passes that reach nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from validate import registry
from validate.cohort.case import Cohort
from validate.errors import ProtocolError
from validate.inference.planned_model import PlannedModel
from validate.inference.volume_model import VolumeModel
from validate.protocol.passes import FULL, Pass
from validate.protocol.schema import StudyProtocol

VOLUME_UNITS = ("image", "series")  # of an image that is a volume by itself, and of a series of slices


def unit_problems(model: PlannedModel, protocol: StudyProtocol, cohort: Cohort) -> Iterator[str]:
    if not model.loaded.needs_pixels:
        return
    place, unit, aggregate = f"models.{model.id}.input", protocol.cohort.unit, model.aggregate
    if model.block.input == "series":
        if unit not in VOLUME_UNITS:
            yield f"{place}: got 'series', but the rows of this study are cohort.unit '{unit}'; say unit: series."
    elif aggregate is None and model.block.input != "image":
        yield (
            f"{place}: got '{model.block.input}', but the '{model.block.format}' format takes one image at a time. "
            f"Say 'image', or {{aggregate: {{to: {unit}, score: max}}}} to make one score of several images."
        )
    elif aggregate is not None and aggregate.to != unit:
        yield f"{place}.aggregate.to: got '{aggregate.to}', but the rows of this study are cohort.unit '{unit}'."
    elif aggregate is None and any(len(case.files) > 1 for case in cohort.cases):
        several = sum(len(case.files) > 1 for case in cohort.cases)
        yield (
            f"{place}: {several} of {len(cohort.cases)} units ({unit}) have several images and the model takes one. "
            f"Say how scores become one: {{aggregate: {{to: {unit}, score: max}}}}, or score: mean."
        )


def step_problems(model: PlannedModel) -> Iterator[str]:
    from validate.imaging.preprocess import STEPS

    for place, step in enumerate(model.block.preprocess if model.loaded.needs_pixels else ()):
        where = f"models.{model.id}.preprocess[{place}]"
        for name, options in step.items() if len(step) == 1 else ():
            if name not in STEPS:
                yield f"{where}: no step '{name}'; the steps are {', '.join(STEPS)}."
                continue
            try:
                STEPS[name].model_validate(options)
            except ValidationError as error:
                yield from (f"{where}.{name}: {problem['msg']} ({problem['loc']})." for problem in error.errors())
        if len(step) != 1:
            yield f"{where}: got {len(step)} names; each step is one `name: {{options}}`."


def device_problems(model: PlannedModel) -> Iterator[str]:
    """Where preprocessing on the device is demanded, and can't be done."""
    if not model.is_shown or model.on_device:
        return
    from validate.imaging.deciding import DECIDED

    there = getattr(model.loaded, "finishes", None)
    foreign = [name for step in model.block.preprocess for name in step if name not in DECIDED]
    why = (
        f"the step '{foreign[0]}' is done on the processor only"
        if there and foreign
        else (
            f"of format '{model.block.format}', input '{model.block.input}' with output '{model.block.output.kind}', it is given finished "
            "arrays; only torch and ONNX models of one image, each in a process of its own, do this themselves"
        )
    )
    yield f"inference.preprocess_on: got 'device', but not for models.{model.id}: {why}. Say auto or processor."


def mask_problems(model: PlannedModel) -> Iterator[str]:
    from validate.imaging.mark_components import mark_chain_problems
    from validate.imaging.postprocess import chain_problems

    if not isinstance(model.loaded, VolumeModel):
        return
    if model.block.input != "series":
        yield f"models.{model.id}.input: got '{model.block.input}'; it is made of a volume: say series."
    chain = chain_problems if model.block.output.kind == "mask" else mark_chain_problems
    for place, problem in chain(model.block.postprocess):
        where = "postprocess" if place is None else f"postprocess[{place}]"
        yield f"models.{model.id}.{where}: {problem}."


def name_problems(kind: str, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            yield f"{kind} '{name}': an id becomes a folder's name; use letters, digits, '_', '-' and '.'."
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{kind} '{name}': is there twice; give each its own id."


def precision_problems(precision: str, passes: Sequence[Pass]) -> Iterator[str]:
    """Half precision must be declared, and then held against full; full against full says nothing."""
    full = [pass_.id for pass_ in passes if pass_.engine_overrides.get("precision") == FULL]
    if precision != FULL and not full:
        yield (
            f"inference.precision: got '{precision}', which changes the numbers and must be held against full precision: add to "
            "analyses `determinism: {checks: [again, full]}`."
        )
    if precision == FULL and full:
        yield f"pass '{full[0]}': holds half precision against full, and inference.precision is {FULL}; leave this check out."


def pass_problems(passes: Sequence[Pass], models: tuple[PlannedModel, ...]) -> Iterator[str]:
    """What is wrong with several passes alike is said once."""
    found: dict[str, list[str]] = {}
    for pass_ in passes:
        for problem in _pass_problems(pass_, models):
            found.setdefault(problem, []).append(f"'{pass_.id}'")
    for problem, names in found.items():
        yield f"pass {names[0]}: {problem}" if len(names) == 1 else f"{len(names)} passes ({_few(names)}): {problem}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} … {names[-1]}"


def _pass_problems(pass_: Pass, models: tuple[PlannedModel, ...]) -> Iterator[str]:
    unknown = sorted(set(pass_.models) - {model.id for model in models})
    if unknown:
        yield f"no model {', '.join(map(repr, unknown))}."
    if foreign := sorted(set(pass_.engine_overrides) - {"batch_size", "precision", "device"}):
        yield f"this engine can't override {', '.join(map(repr, foreign))}."
    device, other = pass_.engine_overrides.get("device"), pass_.elsewhere
    if other is not None and any(other not in model.elsewhere for model in models if pass_.concerns(model.id)):
        yield f"asks for models that are not open so: {other}."
    unmoved = [name for model in models if pass_.concerns(model.id) for name in _unmoved(model)]
    if unmoved and (pass_.file_transform is not None or pass_.volume_transform is not None):
        yield (
            f"model '{unmoved[0]}' is not given its pixels here, so a disturbed image would never reach it, "
            "and its answers would pass for robust ones. Leave the analysis out of a study of this model."
        )
    if unmoved and "precision" in pass_.engine_overrides:
        yield (
            f"model '{unmoved[0]}' is not given its pixels here, so they can't be rounded for it, nor its "
            "arithmetic be changed. Leave this check out of a study of this model."
        )
    away = [
        model.id for model in models if pass_.concerns(model.id) and getattr(model.loaded, "remote", not model.is_shown)
    ]
    if away and device is not None:
        yield (
            f"model '{away[0]}' is not computed here, so it can't be put on another device. Leave this check out "
            "of a study of this model."
        )
    for kind, said in (("rewritings", pass_.file_transform), ("perturbations", pass_.volume_transform)):
        if said is not None:
            yield from _transform_problems(kind, said)


def _unmoved(model: PlannedModel) -> tuple[str, ...]:
    """The model, or those members of it, whose images are not decoded here."""
    return (model.id,) if not model.is_shown else tuple(getattr(model.loaded, "unmoved", ()))


def _transform_problems(kind: str, said: Mapping[str, Any]) -> Iterator[str]:
    if foreign := sorted(set(said) - {"name", "options", "seed", "stream"}):
        yield f"a transform has name, options, seed and stream, and no {', '.join(map(repr, foreign))}."
    try:
        registry.load(kind, str(said.get("name"))).OPTIONS.model_validate(dict(said.get("options", {})))
    except ProtocolError as error:
        yield str(error)
    except ValidationError as error:
        for problem in error.errors():
            place = ".".join(["options", *map(str, problem["loc"])])
            yield f"{said['name']}.{place}: {problem['msg']}; got {problem['input']!r}."
