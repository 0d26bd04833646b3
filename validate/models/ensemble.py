"""An ensemble: several models of any format on the same cases, whose scores become one by a stated rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from validate import registry
from validate.canonical import digest
from validate.cohort.case import Case
from validate.errors import ModelError, ProtocolError
from validate.models.adapter import Adapter, Batch, LoadedModel, ModelIdentity, RawModel, read_options
from validate.models.combination import by_rule, combined
from validate.models.digest import check_digest
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model

OWN = ("format", "path", "sha256", "output", "inputs", "test_time_augmentation")  # what a member may say for itself


class EnsembleOptions(BaseModel):
    """
    members : model blocks without id, name, version and preprocess; their output is the ensemble's unless they say another
    combine : what becomes of their numbers      of : scores, after the activation, or raw outputs, before it
    weights : of a mean, one a member, in their order
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    members: tuple[dict[str, Any], ...] = Field(min_length=2)
    combine: Literal["mean", "median", "max"] = "mean"
    of: Literal["scores", "raw"] = "scores"
    weights: tuple[Annotated[float, Field(gt=0)], ...] | None = None

    @model_validator(mode="after")
    def _fits(self) -> EnsembleOptions:
        if self.weights is not None and (self.combine != "mean" or len(self.weights) != len(self.members)):
            raise ValueError("weights belong to combine: mean, one for each member")
        return self


class EnsembleModel:
    """
    unmoved : members that are given no images here      remote : whether one of them is computed elsewhere
    """

    def __init__(self, model: Model, members: Mapping[str, LoadedModel], options: EnsembleOptions) -> None:
        self._model, self._members, self._options = model, dict(members), options
        loaded = list(members.values())
        self.needs_pixels = any(one.needs_pixels for one in loaded)
        self.unmoved = tuple(f"{model.id}.{name}" for name, one in members.items() if not one.needs_pixels)
        self.remote = any(getattr(one, "remote", not one.needs_pixels) for one in loaded)
        self.fixed_batch = _batch(model, loaded)
        said = {name: {"format": one.identity.format, "sha256": one.identity.digest} for name, one in members.items()}
        counts = [one.identity.parameters for one in loaded]
        rule = f"{options.combine} of {'scores' if options.of == 'scores' else 'raw outputs'}"
        weighted = f", weighted {', '.join(f'{weight:g}' for weight in options.weights)}" if options.weights else ""
        self.identity = ModelIdentity(
            id=model.id,
            format="ensemble",
            digest=digest(said),
            provider=_together(one.identity.provider for one in loaded),
            runtime=_together(one.identity.runtime for one in loaded),
            inputs=loaded[0].identity.inputs,
            outputs=loaded[0].identity.outputs,
            parameters=sum(count for count in counts if count is not None) if None not in counts else None,
            witnessed=all(one.identity.witnessed for one in loaded),
            notes=(
                f"ensemble of {len(loaded)}: {rule}{weighted}",
                *(f"{name}: {one.identity.format}, SHA-256 {one.identity.digest}" for name, one in members.items()),
                *(f"{name}: {note}" for name, one in members.items() for note in one.identity.notes),
            ),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        members = [one for one in self._members.values() if one.needs_pixels]
        return next((problem for one in members if (problem := one.misfit(shape)) is not None), None)

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        found = {name: dict(one.coverage(cases)) for name, one in self._members.items()}
        there = {name: facts for name, facts in found.items() if facts}
        return {"model": self._model.id, "cases": len(cases), "members": there} if there else {}

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        answers = [one.predict(batch if one.needs_pixels else Batch(batch.cases)) for one in self._members.values()]
        options = self._options
        return combined(
            answers,
            names=tuple(self._members),
            rule=options.combine,
            of=options.of,
            model=self._model,
            weights=options.weights,
        )

    def raw(self, pixels: NDArray[np.float32]) -> NDArray[Any]:
        """The members' raw outputs combined, for masks (adapter.RawModel)."""
        options = self._options
        if options.of != "raw":
            raise ModelError(f"models.{self._model.id}.of: masks are made of raw outputs; say of: raw.")
        found = []
        for name, one in self._members.items():
            if not isinstance(one, RawModel):
                raise ModelError(f"models.{self._model.id}: {name} gives no raw outputs to combine.")
            found.append(one.raw(pixels))
        if len({outputs.shape for outputs in found}) > 1:
            raise ModelError(f"models.{self._model.id}: its members' outputs have different shapes.")
        return by_rule(options.combine, np.stack(found), options.weights)

    def drain_events(self) -> list[tuple[str, dict[str, Any]]]:
        """What its members have for the audit trail."""
        return [event for one in self._members.values() for event in getattr(one, "drain_events", tuple)()]

    def conclude(self) -> None:
        """Let every member hear what is still on its way."""
        for one in self._members.values():
            getattr(one, "conclude", tuple)()

    def close(self) -> None:
        for one in self._members.values():
            one.close()


class EnsembleAdapter:
    needs_pixels = True
    reads_files = True  # a member may
    OPTIONS: type[BaseModel] = EnsembleOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> EnsembleModel:
        from validate.models.load import load_one

        options = read_options(EnsembleOptions, model)
        if model.path is not None:
            raise ModelError(f"models.{model.id}.path: an ensemble has no file of its own; its members have.")
        opened: dict[str, LoadedModel] = {}
        try:
            for block in _blocks(model, options):
                name = block.id.removeprefix(f"{model.id}.")
                opened[name] = load_one(block, base=base, device=device, threads=threads)
            loaded = EnsembleModel(model, opened, options)
            check_digest(loaded.identity.digest, model=model)
        except BaseException:
            for one in opened.values():
                one.close()
            raise
        return loaded


def _blocks(model: Model, options: EnsembleOptions) -> Iterator[Model]:
    """A model block for each member, named member_1, member_2, … . Raises ProtocolError for what is none."""
    for number, member in enumerate(options.members, start=1):
        place = f"models.{model.id}.members[{number - 1}]"
        name = str(member.get("format", ""))
        if name == "ensemble" or name not in registry.names("models"):
            known = ", ".join(sorted(set(registry.names("models")) - {"ensemble"}))
            raise ProtocolError(f"{place}.format: got '{name}', expected one of {known}.")
        adapter: Adapter = registry.load("models", name)
        foreign = sorted(member.keys() - {*OWN, *adapter.OPTIONS.model_fields})
        if foreign:
            raise ProtocolError(
                f"{place}.{foreign[0]}: not a key of a member; there are {', '.join(OWN)} and those of '{name}': "
                f"{', '.join(adapter.OPTIONS.model_fields) or 'none'}."
            )
        inherited = model.model_dump(mode="python", exclude={"sha256", "path", "options", "inputs"})
        inherited["test_time_augmentation"] = None  # the ensemble's own is around all of them
        own = {key: value for key, value in member.items() if key in OWN}
        rest = {key: value for key, value in member.items() if key not in OWN}
        try:
            yield Model.model_validate({**inherited, **own, "id": f"{model.id}.member_{number}", "options": rest})
        except ValidationError as error:
            first = error.errors()[0]
            raise ProtocolError(f"{place}.{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error


def _batch(model: Model, members: Sequence[LoadedModel]) -> int | None:
    """The smallest that any member says: each fills a smaller batch up by itself, and none takes a larger one."""
    del model
    sizes = [one.fixed_batch for one in members if one.fixed_batch is not None]
    return min(sizes) if sizes else None


def _together(words: Any) -> str:
    return " + ".join(dict.fromkeys(words))


ADAPTER = EnsembleAdapter()
