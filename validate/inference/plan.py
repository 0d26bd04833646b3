"""The work plan: which cases go through which model and pass, cut into shards and batches before anything runs.

Shard borders lie at fixed places of the ordered cohort and a batch never crosses one, so a run that was broken and
resumed goes through the same batches, and ends in the same bytes, as an unbroken one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from validate.canonical import digest
from validate.cohort.case import Case, Cohort
from validate.errors import ProtocolError
from validate.inference.plan_problems import (
    device_problems,
    mask_problems,
    name_problems,
    pass_problems,
    precision_problems,
    step_problems,
    unit_problems,
)
from validate.inference.planned_model import PlannedModel, planned_model
from validate.inference.rebuild import Rebuild
from validate.models.adapter import LoadedModel
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.schema import StudyProtocol


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
        planned_model(
            protocol,
            block,
            loaded_models[block.id],
            {device: model for (name, device), model in others.items() if name == block.id},
        )
        for block in protocol.models
    )
    problems = [
        *name_problems("model", [model.id for model in models]),
        *name_problems("pass", [p.id for p in passes]),
    ]
    problems += [problem for model in models for problem in unit_problems(model, protocol, cohort)]
    problems += [problem for model in models for problem in step_problems(model)]
    problems += [problem for model in models for problem in mask_problems(model)]
    if protocol.inference.preprocess_on == "device":
        problems += [problem for model in models for problem in device_problems(model)]
    problems += precision_problems(protocol.inference.precision, passes)
    problems += pass_problems(passes, models)
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


def _chosen(cases: tuple[Case, ...], pass_: Pass) -> frozenset[str]:
    units = [case.unit for case in cases]
    contents = [case.digest for case in cases]
    return pass_.chosen(units, contents, lambda name: [case.attributes.get(name) for case in cases])


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
        **({"preprocess_on": "device"} if model.on_device else {}),
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
