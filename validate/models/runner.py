"""What runs a model on arrays: one class for each format that is given pixels. `PixelModel` does everything around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from numpy.typing import NDArray

from validate.imaging.unfinished import Unfinished
from validate.models.adapter import ModelIdentity

ONLY_INPUT = ""  # the name under which the one image of a model with one input is given


class Runner(Protocol):
    """
    identity : with `inputs` as the format declares them; empty where it tells nothing before it is run
    fixed_batch : the only batch size the model takes, or None
    """

    identity: ModelIdentity
    fixed_batch: int | None

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """The output that the protocol names, one row per case.

        arrays : by input name, ONLY_INPUT for a model with one; the first axis is the batch
        Raises OutOfMemory where a smaller batch may fit, ModelError where the declaration is wrong; anything else concerns
        this batch.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class Finisher(Protocol):
    """A Runner that preprocesses images where its model runs. finishes : as LoadedModel says it; None where it doesn't"""

    finishes: Literal["asked", "always"] | None

    def run_unfinished(self, images: Sequence[Unfinished], size: int) -> NDArray[Any]:
        """As `run`, of a model with one input. size : rows of the batch, those without an image being zeros."""
        ...
