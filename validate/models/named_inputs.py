"""Several named inputs of one model: images of the unit by what their headers say, and numbers from the cohort's attributes.

Nothing is guessed: a case that lacks an input is a failure, unless the protocol says what stands in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.cohort.case import AttributeValue, Case
from validate.errors import ModelError
from validate.imaging.chosen import Choice, chosen_files
from validate.imaging.volume import DecodeFailure
from validate.models.prediction import Failure
from validate.protocol.model import Model, ModelInput, Stand

NUMBERS = {"float32": np.float32, "float64": np.float64, "int64": np.int64, "int32": np.int32}


class NamedInputs:
    """What the protocol gives each input of a model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._inputs: Mapping[str, ModelInput] = model.inputs or {}
        self._types = dict.fromkeys(self._inputs, "float32")
        self._shapes: dict[str, Sequence[int | str | None]] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """For the evidence: what each input was given, and what stands for what is missing."""
        return tuple(f"input '{name}': {_words(given)}" for name, given in self._inputs.items())

    def check(self, declared: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises ModelError unless names, types, ranks and counts are those the model declares; {} declares nothing."""
        if not declared:
            return
        place = f"models.{self._model.id}.inputs"
        if set(declared) != set(self._inputs):
            raise ModelError(
                f"{place}: the model's inputs are {_listed(declared)}; the protocol gives {_listed(self._inputs)}. "
                "Give each of them by its name."
            )
        for name, port in declared.items():
            self._check_port(f"{place}.{name}", self._inputs[name], port)
            self._types[name], self._shapes[name] = port["type"], port["shape"]

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        """How many values of each column are missing. Raises ModelError for an attribute that no case has."""
        missing: dict[str, int] = {}
        for name, given in self._inputs.items():
            for column in given.columns or ():
                if not any(column in case.attributes for case in cases):
                    known = sorted({key for case in cases for key in case.attributes})
                    raise ModelError(
                        f"models.{self._model.id}.inputs.{name}.columns: the cases have no attribute '{column}'; "
                        f"they have {_listed(known)}. Join it under cohort.attributes."
                    )
                missing[f"{name}.{column}"] = sum(case.attributes.get(column) is None for case in cases)
        return {"model": self._model.id, "cases": len(cases), "values_missing": missing} if missing else {}

    def misfit(self, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
        """Why one of a case's images can't go into its input; in words that name the step to change."""
        for name, shape in shapes.items():
            declared = self._shapes.get(name)
            if declared is None:
                continue
            expected = tuple(declared[1:])
            sizes = zip(expected, shape, strict=False)
            if len(expected) != len(shape) or any(isinstance(size, int) and size != got for size, got in sizes):
                wanted = ", ".join("any" if size is None else str(size) for size in expected)
                return (
                    f"models.{self._model.id}.inputs.{name}.preprocess makes images of shape {shape}, but the model takes "
                    f"({wanted}) there; change its steps."
                )
        return None

    def of(self, case: Case) -> dict[str, NDArray[Any]] | Failure:
        """One case's arrays by input name, without the batch axis, all read here; or why it has not got them all."""
        images: dict[str, NDArray[np.float32]] = {}
        for name, given in self._inputs.items():
            if given.columns is None:
                one = _image(name, given, case)
                if isinstance(one, Failure):
                    return one
                images[name] = one
        return self.with_numbers(case, images)

    def numbers(self, case: Case) -> dict[str, NDArray[Any] | Failure]:
        """What one case gives the inputs that are table columns."""
        return {
            name: self._numbers(name, given, case) for name, given in self._inputs.items() if given.columns is not None
        }

    def with_numbers(self, case: Case, images: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]] | Failure:
        """These images and the case's numbers, in the inputs' order; or why it has not got them all."""
        found: dict[str, NDArray[Any]] = {}
        for name, given in self._inputs.items():
            one = self._numbers(name, given, case) if given.columns is not None else images[name]
            if isinstance(one, Failure):
                return one
            found[name] = one
        return found

    def _check_port(self, place: str, given: ModelInput, port: Mapping[str, Any]) -> None:
        shape, element = port["shape"], port["type"]
        if given.columns is None:
            axes = 5 if given.input == "series" else 4
            if element != "float32" or len(shape) != axes:
                raise ModelError(
                    f"{place}: the model takes {element} of {len(shape)} axes there; an image is float32 of "
                    "(batch, channel, y, x); a volume, with input: series, of (batch, channel, z, y, x)."
                )
            return
        if element not in NUMBERS or len(shape) != 2:
            raise ModelError(
                f"{place}: the model takes {element} of {len(shape)} axes there; table columns are numbers of "
                "(batch, column)."
            )
        if isinstance(shape[1], int) and shape[1] != len(given.columns):
            raise ModelError(
                f"{place}.columns: names {len(given.columns)} columns, and the model takes {shape[1]} numbers there."
            )

    def _numbers(self, name: str, given: ModelInput, case: Case) -> NDArray[Any] | Failure:
        numbers = []
        for column in given.columns or ():
            number = _number(case.attributes.get(column), given.codes.get(column))
            if number is None:
                number = _stand_in(given, column)
            if isinstance(number, str):
                return Failure("bad_input", f"Input '{name}': {column} is no number and has no code in the protocol.")
            if number is None:
                return Failure("missing_input", f"Input '{name}': {column} is missing for this case.")
            numbers.append(number)
        return np.array(numbers, dtype=NUMBERS[self._types[name]])


def _number(value: AttributeValue, codes: Mapping[str, float] | None) -> float | str | None:
    """The number; None where there is none, the word where it has no code."""
    if value is None:
        return None
    if codes is not None:
        return codes.get(str(value), str(value))
    if isinstance(value, float | int):
        return float(value)
    try:
        return float(value)
    except ValueError:
        return value


def _stand_in(given: ModelInput, column: str) -> float | None:
    if not isinstance(given.missing, Stand) or given.missing.fill is None:
        return None
    fill = given.missing.fill
    return fill.get(column) if isinstance(fill, dict) else fill


def choice(given: ModelInput) -> Choice:
    """Which of a case's files an image input is."""
    zeros = given.missing.zeros if isinstance(given.missing, Stand) else None
    header = {keyword: tuple(str(value) for value in values) for keyword, values in (given.image or {}).items()}
    return Choice(given.file, header, several=given.input == "series", zeros=zeros)


def _image(name: str, given: ModelInput, case: Case) -> NDArray[Any] | Failure:
    from validate.imaging.image import read_image
    from validate.imaging.preprocess import apply, apply_to_volume
    from validate.imaging.series import read_series

    which = choice(given)
    if which.zeros is not None and not which.of(case.files):
        return np.zeros(which.zeros, dtype=np.float32)
    try:
        files = chosen_files(which, case.files)
        if given.input == "series":
            return apply_to_volume(read_series(files), given.preprocess).voxels
        return np.ascontiguousarray(apply(read_image(files[0]), given.preprocess), dtype=np.float32)
    except DecodeFailure as failure:
        return Failure(failure.reason, f"Input '{name}': {failure.detail}")
    except (ArithmeticError, LookupError, ValueError) as error:
        return Failure("preprocess:error", f"Input '{name}': preprocessing raised {type(error).__name__}.")


def _words(given: ModelInput) -> str:
    if given.columns is not None:
        what = "numbers " + ", ".join(given.columns)
    else:
        chosen = [f"{keyword} {' or '.join(map(str, values))}" for keyword, values in (given.image or {}).items()]
        noun = "the series" if given.input == "series" else "the image"
        what = f"{noun} with " + ", ".join(chosen) if chosen else noun
        what += f" called {given.file}" if given.file is not None else ""
    if not isinstance(given.missing, Stand):
        return f"{what}; a case that lacks one is a failure"
    if given.missing.zeros is not None:
        return f"{what}; zeros where there is none"
    fill = given.missing.fill
    told = ", ".join(f"{name} {value:g}" for name, value in fill.items()) if isinstance(fill, dict) else f"{fill:g}"
    return f"{what}; where missing: {told}"


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"
