"""What a model format must offer. A format is one file in this folder with an ADAPTER that fits `Adapter`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from validate.cohort.case import Case
from validate.errors import ProtocolError
from validate.imaging.placed import Placement
from validate.imaging.unfinished import Unfinished
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model

# A note on every model that another program runs, on this machine or elsewhere.
OUT_OF_SIGHT = "run by another program: that it could not open the labels was not witnessed here"

Options = TypeVar("Options", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What was run: goes into the lock and the evidence.

    digest : SHA-256 of the model file; of several files, the SHA-256 of their `sha256sum` listing (models/digest.py)
    provider : the device or provider in use, such as "CPUExecutionProvider"
    runtime : such as "onnxruntime-gpu 1.31.1"
    inputs, outputs : {"name", "type", "shape"}; a free dimension is its name or None
    parameters : count of trained numbers, where the format tells
    opset : operator set of an ONNX model, or schema version of another program, where the format tells
    witnessed : False where inference was not run here
    """

    id: str
    format: str
    digest: str
    provider: str
    runtime: str
    inputs: tuple[dict[str, Any], ...] = ()
    outputs: tuple[dict[str, Any], ...] = ()
    parameters: int | None = None
    witnessed: bool = True
    notes: tuple[str, ...] = ()
    opset: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """cases[i] belongs to pixels[i].

    pixels : (n, channel, y, x) float32, of volumes (n, channel, z, y, x), or None where the format reads none
    places : of volumes, where each lies; None where the file says nothing
    inputs : of a model of several inputs, its images by input, each as `pixels`; None of any other
    unfinished : instead of `pixels`, images whose preprocessing is left to a model that `finishes` them
    """

    cases: tuple[Case, ...]
    pixels: NDArray[np.float32] | None = None
    places: tuple[Placement | None, ...] = ()
    inputs: Mapping[str, NDArray[np.float32]] | None = None
    unfinished: tuple[Unfinished, ...] | None = None


class OutOfMemory(Exception):
    """The batch did not fit the device; a smaller one may. Raised by `predict` only."""


class LoadedModel(Protocol):
    """A model that is open.

    needs_pixels : False where predictions are looked up, so that no image is decoded for it
    fixed_batch : the only batch size the model takes, or None; `predict` fills a smaller batch up by itself
    More may be there: `begin(batch)`, as `predict`, which returns while the model is busy with it (models/begun.py);
    `drain_events()`, names and data for the audit trail of what happened since it was last asked;
    `finishes`, whether it preprocesses images on its own device, "asked" where only on demand, or "always" where that is a GPU;
    `remote`, whether it is computed elsewhere, so that no device can be chosen for it; `unmoved`, members that are given no images here;
    `conclude()`, called when no case is left, which raises Contradiction where an answer that was given turns out to be doubtful.
    """

    identity: ModelIdentity
    needs_pixels: bool
    fixed_batch: int | None

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        """Why one preprocessed image of this (channel, y, x) shape can't go in: got, expected, what to change."""
        ...

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        """What a table of predictions covers, as counts for the audit trail; {} for a model that is run.

        Raises ModelError where the table can't belong to these cases.
        """
        ...

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        """One result per case, in order.

        Raises OutOfMemory where a smaller batch may fit, ModelError where the declaration is wrong and the run must
        stop; any other exception concerns this batch alone, and the engine then tries its cases one by one.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class RawModel(Protocol):
    """A model that can be asked for its numbers as they come, so that masks can be made of them (inference/volume_model.py)."""

    def raw(self, pixels: NDArray[np.float32]) -> NDArray[Any]:
        """One row per input, before the stated activation. Raises as `LoadedModel.predict`.

        `begin_raw` may be there too, and is to it what `begin` is to `predict`.
        """
        ...


@runtime_checkable
class NamedModel(Protocol):
    """A model of several named inputs, whose images the engine decodes; its numbers it takes from the cases itself."""

    takes_inputs: bool

    def misfit_of_inputs(self, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
        """As `LoadedModel.misfit`, of each image by the input it is for."""
        ...


class Adapter(Protocol):
    """
    needs_pixels : whether a model of this format is given preprocessed images by the engine
    OPTIONS : the keys of a model block that only this format knows
    Four more may be there, and are False where they are not: `reads_files`, of a format that is given the files of a case and
    prepares them itself; `takes_inputs`, of one that knows the block's `inputs`; `embeds`, of one whose models give a second
    output; `halves`, of one that can compute in half precision, whose `load` is then given `precision`.
    """

    needs_pixels: bool
    OPTIONS: type[BaseModel]

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> LoadedModel:
        """Check the digest first, then open. Raises ModelError.

        base : folder of the protocol, which relative paths start from
        device : "auto", "cpu" or "cuda"; what was asked for is what is used, or it is an error
        threads : for arithmetic on the CPU; 0 leaves it to the runtime
        """
        ...


def read_options(options: type[Options], model: Model) -> Options:
    """The keys of a model block that only its format knows. Raises ProtocolError with every problem."""
    try:
        return options.model_validate(model.options)
    except ValidationError as error:
        known = ", ".join(options.model_fields) or "none"
        raise ProtocolError(
            [
                f"models.{model.id}.{'.'.join(map(str, problem['loc']))}: {problem['msg']}; "
                f"the keys of the '{model.format}' format are {known}."
                for problem in error.errors()
            ]
        ) from error
