"""The work plan: which cases go through which model and pass, cut into shards and batches before anything runs.

Shard borders lie at fixed places of the ordered cohort and a batch never crosses one, so a run that was broken and
resumed goes through the same batches, and ends in the same bytes, as an unbroken one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from validate import registry
from validate.canonical import digest
from validate.cohort.case import Case, Cohort
from validate.errors import ProtocolError
from validate.imaging.chosen import Choice
from validate.inference.rebuild import Rebuild
from validate.inference.view import Steps, View, transform_of
from validate.inference.volume_model import VolumeModel
from validate.models.adapter import LoadedModel, NamedModel
from validate.models.marks import SHAPES
from validate.models.named_inputs import choice
from validate.protocol.passes import CLEAN, FULL, Pass
from validate.protocol.schema import Aggregate, Model, StudyProtocol
from validate.protocol.targets import mask_values, scored

VOLUME_UNITS = ("image", "series")  # of an image that is a volume by itself, and of a series of slices


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model block of the protocol and the open model that belongs to it.

    targets : what its scores are for: the label of the protocol, or each class, grade, finding or structure in its order
    values : of structures, the value of each in a mask
    elsewhere : the same model on other devices or in full precision, where passes ask for it, by Pass.elsewhere
    geometry : of a model of volumes, what may be done where slices make no regular box (protocol/geometry.py)
    """

    block: Model
    loaded: LoadedModel = field(repr=False)
    targets: tuple[str, ...]
    values: Mapping[str, int] = field(default_factory=dict)
    geometry: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: Mapping[str, LoadedModel] = field(default_factory=dict, repr=False)

    @property
    def id(self) -> str:
        return self.block.id

    def views(self, pass_: Pass) -> dict[str, View]:
        """What the model sees of a case in this pass, by input; "" of one that takes one image, {} of one that is shown none."""
        if isinstance(self.loaded, NamedModel) and self.loaded.takes_inputs:
            given = (self.block.inputs or {}).items()
            return {
                name: self._view(pass_, one.preprocess, series=one.input == "series", choice=choice(one))
                for name, one in given
                if one.columns is None
            }
        if not self.loaded.needs_pixels:
            return {}
        return {"": self._view(pass_, self.block.preprocess, series=self.block.input == "series")}

    @property
    def is_shown(self) -> bool:
        """Whether images are decoded for it here, so that what a pass does to them reaches it."""
        return bool(self.views(CLEAN))

    def _view(self, pass_: Pass, steps: Steps, *, series: bool, choice: Choice | None = None) -> View:
        return View(
            steps=steps,
            reader="series" if series else "image",
            geometry=self.geometry if series else {},
            file_transform=transform_of(pass_.file_transform, pass_.id),
            volume_transform=transform_of(pass_.volume_transform, pass_.id),
            choice=choice,
        )

    @property
    def aggregate(self) -> Aggregate | None:
        """How the scores of a unit's images become one; None where a unit is one image."""
        return self.block.input["aggregate"] if isinstance(self.block.input, dict) else None


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of results: the cases of one stretch of the cohort, through one model in one pass."""

    index: int
    model: PlannedModel
    pass_: Pass
    cases: tuple[Case, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The shards that cover the same stretch of the cohort, and the cases that any of them wants, in order."""

    cases: tuple[Case, ...] = field(repr=False)
    shards: tuple[Shard, ...]

    def only(self, shards: Sequence[Shard]) -> Stretch:
        """What is left of it when only these shards are still wanted."""
        wanted = {case.unit for shard in shards for case in shard.cases}
        return Stretch(tuple(case for case in self.cases if case.unit in wanted), tuple(shards))


@dataclass(frozen=True, slots=True)
class InferencePlan:
    """Everything the results depend on, and the two things they must not depend on (workers, device speed).

    batch_size : cases per batch, or "auto": probed once, then kept in plan.json
    workers : decoding workers, or "auto"; no result depends on it
    rebuild : what another machine needs to open the same models, where one may be asked
    on_device_loss : what a device that is gone means: the end of the run, or a failure of each case that it owes
    """

    cases: tuple[Case, ...] = field(repr=False)
    cohort_digest: str
    models: tuple[PlannedModel, ...]
    passes: tuple[Pass, ...]
    shard_size: int
    batch_size: int | Literal["auto"] = "auto"
    workers: int | Literal["auto"] = "auto"
    rebuild: Rebuild | None = field(default=None, repr=False)
    on_device_loss: Literal["stop", "record"] = "stop"

    def stretches(self) -> Iterator[Stretch]:
        """Every stretch of `shard_size` cases with its shards, over all models and passes; empty ones are left out."""
        chosen = {pass_.id: _chosen(self.cases, pass_) for pass_ in self.passes}
        for index, start in enumerate(range(0, len(self.cases), self.shard_size)):
            cases = self.cases[start : start + self.shard_size]
            shards = [
                Shard(index, model, pass_, selected)
                for pass_ in self.passes
                for model in self.models
                if pass_.concerns(model.id)
                and (selected := tuple(case for case in cases if case.unit in chosen[pass_.id]))
            ]
            yield Stretch(cases, ()).only(shards)

    def document(self) -> dict[str, Any]:
        """What the results rest on, as plain JSON; a resumed run must find it unchanged."""
        from validate.imaging import postprocess, preprocess

        return {
            "schema_version": "1",
            "steps": {"preprocess": preprocess.VERSION, "postprocess": postprocess.VERSION},
            "cohort": self.cohort_digest,
            "units": digest([case.unit for case in self.cases]),
            "cases": len(self.cases),
            "shard_size": self.shard_size,
            "batch_size": self.batch_size,
            "models": [_model_document(model) for model in self.models],
            "passes": [_pass_document(pass_) for pass_ in self.passes],
        }


def make_plan(
    protocol: StudyProtocol,
    cohort: Cohort,
    loaded_models: Mapping[str, LoadedModel],
    passes: Sequence[Pass] = (CLEAN,),
    *,
    elsewhere: Mapping[tuple[str, str], LoadedModel] | None = None,
    base: Path | None = None,
    device: str | None = None,
) -> InferencePlan:
    """The plan of a run. `loaded_models` is keyed by model id (models.load.load_models makes it).

    elsewhere : models on other devices, by (model, device), where passes ask for them (models.load.opened_elsewhere)
    base, device : what the models were opened with, where other machines are to open them too

    Raises ProtocolError, with every problem, where a model can't be asked about this cohort's unit.
    """
    others = elsewhere or {}
    models = tuple(
        _planned(
            protocol,
            block,
            loaded_models[block.id],
            {device: model for (name, device), model in others.items() if name == block.id},
        )
        for block in protocol.models
    )
    problems = [
        *_name_problems("model", [model.id for model in models]),
        *_name_problems("pass", [p.id for p in passes]),
    ]
    problems += [problem for model in models for problem in _unit_problems(model, protocol, cohort)]
    problems += [problem for model in models for problem in _step_problems(model)]
    problems += [problem for model in models for problem in _mask_problems(model)]
    problems += _precision_problems(protocol.inference.precision, passes)
    problems += [problem for pass_ in passes for problem in _pass_problems(pass_, models)]
    if problems:
        raise ProtocolError(problems)
    return InferencePlan(
        cases=cohort.cases,
        cohort_digest=cohort.digest,
        models=models,
        passes=tuple(passes),
        shard_size=protocol.inference.shard_size,
        batch_size=protocol.inference.batch_size,
        on_device_loss=protocol.inference.on_device_loss,
        workers=protocol.inference.workers,
        rebuild=None
        if base is None
        else Rebuild(protocol, base, device, tuple(model.identity for model in loaded_models.values())),
    )


def _by_voxel(block: Model) -> bool:
    """Whether masks, or marks, are made here of what a model says of each voxel."""
    return block.output.kind == "mask" or (block.output.kind in SHAPES and bool(block.postprocess))


def _planned(
    protocol: StudyProtocol, block: Model, loaded: LoadedModel, elsewhere: Mapping[str, LoadedModel]
) -> PlannedModel:
    rules = getattr(protocol.cohort, "geometry", None)
    return PlannedModel(
        block,
        _answering(block, loaded),
        targets=scored(protocol, block),
        values=mask_values(protocol),
        geometry={} if rules is None else rules.model_dump(mode="json"),
        elsewhere={device: _answering(block, model) for device, model in elsewhere.items()},
    )


def _answering(block: Model, loaded: LoadedModel) -> LoadedModel:
    return VolumeModel(block, loaded) if loaded.needs_pixels and _by_voxel(block) else loaded


def _chosen(cases: tuple[Case, ...], pass_: Pass) -> frozenset[str]:
    units = [case.unit for case in cases]
    return pass_.chosen(units, lambda name: [case.attributes.get(name) for case in cases])


def _unit_problems(model: PlannedModel, protocol: StudyProtocol, cohort: Cohort) -> Iterator[str]:
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


def _step_problems(model: PlannedModel) -> Iterator[str]:
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


def _mask_problems(model: PlannedModel) -> Iterator[str]:
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


def _name_problems(kind: str, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            yield f"{kind} '{name}': an id becomes a folder's name; use letters, digits, '_', '-' and '.'."
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{kind} '{name}': is there twice; give each its own id."


def _precision_problems(precision: str, passes: Sequence[Pass]) -> Iterator[str]:
    """Half precision must be declared, and then held against full; full against full says nothing."""
    full = [pass_.id for pass_ in passes if pass_.engine_overrides.get("precision") == FULL]
    if precision != FULL and not full:
        yield (
            f"inference.precision: got '{precision}', which changes the numbers and must be held against full precision: add to "
            "analyses `determinism: {checks: [again, full]}`."
        )
    if precision == FULL and full:
        yield f"pass '{full[0]}': holds half precision against full, and inference.precision is {FULL}; leave this check out."


def _pass_problems(pass_: Pass, models: tuple[PlannedModel, ...]) -> Iterator[str]:
    unknown = sorted(set(pass_.models) - {model.id for model in models})
    if unknown:
        yield f"pass '{pass_.id}': no model {', '.join(map(repr, unknown))}."
    if foreign := sorted(set(pass_.engine_overrides) - {"batch_size", "precision", "device"}):
        yield f"pass '{pass_.id}': this engine can't override {', '.join(map(repr, foreign))}."
    device, other = pass_.engine_overrides.get("device"), pass_.elsewhere
    if other is not None and any(other not in model.elsewhere for model in models if pass_.concerns(model.id)):
        yield f"pass '{pass_.id}': asks for models that are not open so: {other}."
    unmoved = [name for model in models if pass_.concerns(model.id) for name in _unmoved(model)]
    if unmoved and (pass_.file_transform is not None or pass_.volume_transform is not None):
        yield (
            f"pass '{pass_.id}': model '{unmoved[0]}' is not given its pixels here, so a disturbed image would never reach it, "
            "and its answers would pass for robust ones. Leave the analysis out of a study of this model."
        )
    if unmoved and "precision" in pass_.engine_overrides:
        yield (
            f"pass '{pass_.id}': model '{unmoved[0]}' is not given its pixels here, so they can't be rounded for it, nor its "
            "arithmetic be changed. Leave this check out of a study of this model."
        )
    away = [
        model.id for model in models if pass_.concerns(model.id) and getattr(model.loaded, "remote", not model.is_shown)
    ]
    if away and device is not None:
        yield (
            f"pass '{pass_.id}': model '{away[0]}' is not computed here, so it can't be put on another device. Leave this check out "
            "of a study of this model."
        )
    for kind, said in (("rewritings", pass_.file_transform), ("perturbations", pass_.volume_transform)):
        if said is not None:
            yield from (f"pass '{pass_.id}': {problem}" for problem in _transform_problems(kind, said))


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


def _model_document(model: PlannedModel) -> dict[str, Any]:
    block, identity = model.block, model.loaded.identity
    return {
        "id": block.id,
        "format": block.format,
        "targets": list(model.targets),
        "digest": identity.digest,
        "provider": identity.provider,
        "runtime": identity.runtime,
        "input": block.model_dump(mode="json")["input"],
        "preprocess": [dict(step) for step in block.preprocess],
        "output": block.output.model_dump(mode="json"),
        **_volume_document(model),
        "options": dict(block.options),
    }


def _volume_document(model: PlannedModel) -> dict[str, Any]:
    """Of a model of volumes, and of no other."""
    if model.block.input != "series":
        return {}
    window = model.block.sliding_window
    return {
        "geometry": dict(model.geometry),
        "sliding_window": None if window is None else window.model_dump(mode="json"),
        "postprocess": [dict(step) for step in model.block.postprocess],
    }


def _pass_document(pass_: Pass) -> dict[str, Any]:
    return {
        "id": pass_.id,
        "models": list(pass_.models),
        "selector": dict(pass_.selector),
        "file_transform": dict(pass_.file_transform) if pass_.file_transform is not None else None,
        "volume_transform": dict(pass_.volume_transform) if pass_.volume_transform is not None else None,
        "engine_overrides": dict(pass_.engine_overrides),
        "sample": pass_.sample,
    }
