"""What runs a model on arrays: one class for each format that is given pixels. `PixelModel` does everything around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

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
