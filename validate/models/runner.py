"""What runs a model on arrays: one class for each format that is given pixels. `PixelModel` does everything around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from numpy.typing import NDArray

from validate.imaging.unfinished import Unfinished
from validate.models.adapter import ModelIdentity
from validate.models.begun import Begun

ONLY_INPUT = ""  # the name under which the one image of a model with one input is given


Outputs = tuple[NDArray[Any], ...]  # the output that the protocol names, then its embedding where one is declared


class Runner(Protocol):
    """
    identity : with `inputs` as the format declares them; empty where it tells nothing before it is run
    fixed_batch : the only batch size the model takes, or None
    embeds : whether it gives the embedding that a protocol may declare
    """

    identity: ModelIdentity
    fixed_batch: int | None
    embeds: bool

    def begin(self, arrays: Mapping[str, NDArray[Any]]) -> Begun[Outputs]:
        """What the protocol names, one row per case. A model in a process of its own has it now, where that keeps nobody waiting;
        batches are answered in the order in which they are begun.

        arrays : by input name, ONLY_INPUT for a model with one; the first axis is the batch
        The answer raises OutOfMemory where a smaller batch may fit, ModelError where the declaration is wrong; anything else
        concerns this batch.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class Finisher(Protocol):
    """A Runner that preprocesses images where its model runs. finishes : as LoadedModel says it; None where it doesn't"""

    @property
    def finishes(self) -> Literal["asked", "always"] | None: ...

    def begin_unfinished(self, images: Sequence[Unfinished], size: int) -> Begun[Outputs]:
        """As `Runner.begin`, of a model with one input. size : rows of the batch, those without an image being zeros."""
        ...
