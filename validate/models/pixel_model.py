"""A model that is given arrays, whatever its format: inputs are checked and filled up, numbers become predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.cohort.case import Case
from validate.errors import ModelError
from validate.imaging.unfinished import Unfinished
from validate.models import input as model_input
from validate.models.adapter import Batch, ModelIdentity
from validate.models.begun import Begun
from validate.models.embedding import embeddings, with_embeddings
from validate.models.named_inputs import NamedInputs
from validate.models.output import class_scores
from validate.models.prediction import Failure, Prediction
from validate.models.runner import ONLY_INPUT, Finisher, Outputs, Runner
from validate.protocol.model import Model


class PixelModel:
    """A Runner as a LoadedModel. With `inputs` in the protocol, it adds the numbers of each case to the images that it is given.

    takes_inputs : whether it is given images by input; without them, as a member of an ensemble, it reads them itself, one by one
    """

    def __init__(self, model: Model, runner: Runner) -> None:
        self._model = model
        self._runner = runner
        self._named = NamedInputs(model) if model.inputs is not None else None
        self.needs_pixels = self._named is None
        self.takes_inputs = self._named is not None
        self.fixed_batch = runner.fixed_batch
        self.remote = bool(getattr(runner, "remote", False))
        if model.output.embedding is not None and not runner.embeds:
            raise ModelError(
                f"models.{model.id}.output.embedding: a model of format '{model.format}' gives one output. Leave embedding out."
            )
        self.finishes = runner.finishes if isinstance(runner, Finisher) and self._named is None else None
        self.identity: ModelIdentity = runner.identity
        declared = {str(port["name"]): port for port in runner.identity.inputs}
        if self._named is not None:
            self._named.check(declared)
            self.identity = dataclasses.replace(self.identity, notes=(*self.identity.notes, *self._named.notes))
            self._shape: Sequence[int | str | None] = ()
        else:
            self._shape = _only_shape(declared, model)

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        return model_input.misfit(self._shape, shape, model=self._model)

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        return self._named.coverage(cases) if self._named is not None else {}

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        return self.begin(batch).answer()

    def begin(self, batch: Batch) -> Begun[Sequence[Prediction | Failure]]:
        """As `predict`; what can be, is on its way to the model when this returns."""
        if self._named is not None:
            return self._begin_named(batch, self._named)
        if batch.unfinished is not None:
            return self._finished(batch.unfinished)
        if batch.pixels is None:
            raise ModelError(
                f"models.{self._model.id}: a model of format '{self._model.format}' needs pixels; these cases have none."
            )
        pixels = model_input.filled(batch.pixels, self.fixed_batch)
        return self._begin_filled({ONLY_INPUT: pixels}, len(pixels), len(batch.cases))

    def numbers(self, case: Case) -> dict[str, NDArray[Any] | Failure]:
        """Of a model with `inputs`, what one case gives those that are table columns."""
        return self._named.numbers(case) if self._named is not None else {}

    def close(self) -> None:
        self._runner.close()

    def misfit_of_inputs(self, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
        return None if self._named is None else self._named.misfit(shapes)

    def _begin_named(self, batch: Batch, named: NamedInputs) -> Begun[Sequence[Prediction | Failure]]:
        given = batch.inputs
        gathered = [
            named.of(case)
            if given is None
            else named.with_numbers(case, {name: images[place] for name, images in given.items()})
            for place, case in enumerate(batch.cases)
        ]
        there = [one for one in gathered if not isinstance(one, Failure)]
        # Images of a case may have sizes of their own; what has the same shapes goes together.
        groups: dict[tuple[Any, ...], list[int]] = {}
        for place, one in enumerate(there):
            groups.setdefault(tuple(array.shape for array in one.values()), []).append(place)
        begun = [self._begin_scores([there[place] for place in places]) for places in groups.values()]

        def answer() -> Sequence[Prediction | Failure]:
            found: dict[int, Prediction | Failure] = {}
            for places, one in zip(groups.values(), begun, strict=True):
                found.update(zip(places, one.answer(), strict=True))
            results = iter([found[place] for place in range(len(there))])
            return [one if isinstance(one, Failure) else next(results) for one in gathered]

        return Begun(answer, begun[0].wait) if len(begun) == 1 else Begun(answer)

    def _begin_scores(self, given: Sequence[Mapping[str, NDArray[Any]]]) -> Begun[Sequence[Prediction | Failure]]:
        """Of cases whose arrays have the same shapes."""
        arrays = {name: np.stack([one[name] for one in given]) for name in given[0]}
        filled = {name: model_input.filled(array, self.fixed_batch) for name, array in arrays.items()}
        sent = len(next(iter(filled.values())))
        return self._begin_filled(filled, sent, len(given))

    def _begin_filled(
        self, arrays: Mapping[str, NDArray[Any]], sent: int, cases: int
    ) -> Begun[Sequence[Prediction | Failure]]:
        return self._runner.begin(arrays).then(lambda outputs: self._meant(outputs, sent, cases))

    def _finished(self, images: Sequence[Unfinished]) -> Begun[Sequence[Prediction | Failure]]:
        assert isinstance(self._runner, Finisher)
        size = max(len(images), self.fixed_batch or 0)
        begun = self._runner.begin_unfinished(images, size)
        return begun.then(lambda outputs: self._meant(outputs, size, len(images)))

    def _meant(self, outputs: Outputs, sent: int, cases: int) -> Sequence[Prediction | Failure]:
        """Sent : rows of the batch, of which the first are the cases"""
        scores = class_scores(self._checked(outputs[0], sent)[:cases], cases=cases, model=self._model)
        if self._model.output.embedding is None:
            return scores
        return with_embeddings(scores, embeddings(outputs[1], cases=sent, model=self._model)[:cases])

    def raw(self, pixels: NDArray[np.float32]) -> NDArray[Any]:
        """The numbers as they come, one row per input (adapter.RawModel)."""
        return self.begin_raw(pixels).answer()

    def begin_raw(self, pixels: NDArray[np.float32]) -> Begun[NDArray[Any]]:
        """The same, on its way when this returns."""
        count, filled = len(pixels), model_input.filled(pixels, self.fixed_batch)
        return self._runner.begin({ONLY_INPUT: filled}).then(
            lambda outputs: self._checked(outputs[0], len(filled))[:count]
        )

    def _checked(self, raw: NDArray[Any], sent: int) -> NDArray[Any]:
        if raw.ndim == 0 or raw.shape[0] != sent:
            raise ModelError(
                f"models.{self._model.id}.output: came out as {raw.shape} for {sent} cases; expected one row per case."
            )
        return raw


def _only_shape(declared: Mapping[str, Mapping[str, Any]], model: Model) -> Sequence[int | str | None]:
    """The shape of the one input; free where the format declares none. Raises ModelError where there are several."""
    if not declared:
        return (None,) * (5 if model_input.sees_volumes(model) else 4)
    if len(declared) != 1:
        names = ", ".join(f"'{name}'" for name in declared)
        raise ModelError(
            f"models.{model.id}: has {len(declared)} inputs, {names}; a model of one image has one. "
            "Say under `inputs` what each of them is given."
        )
    ((name, port),) = declared.items()
    model_input.check_input(name, port["shape"], element=port["type"], model=model)
    shape: Sequence[int | str | None] = port["shape"]
    return shape
