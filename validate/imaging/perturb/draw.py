"""Random numbers of a perturbation: every image has a generator of its own, whatever it is batched with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator


class Draw:
    """Draws come in the order in which they are asked for; each is (n, …), one image a row, the same on any device."""

    def __init__(self, generators: Sequence[Generator], device: str) -> None:
        self.device, self.generators = device, generators

    def normal(self, *shape: int) -> Any:
        """Standard normal."""
        return self._stacked([one.standard_normal(shape, dtype=np.float32) for one in self.generators])

    def exponential(self, *shape: int) -> Any:
        """Of mean 1."""
        return self._stacked([one.standard_exponential(shape, dtype=np.float32) for one in self.generators])

    def gamma(self, looks: float, *shape: int) -> Any:
        """Gamma of this shape, mean 1."""
        return self._stacked([one.standard_gamma(looks, shape, dtype=np.float32) for one in self.generators]) / looks

    def uniform(self, low: float, high: float, *shape: int) -> Any:
        """Even between the two."""
        drawn = self._stacked([one.random(shape, dtype=np.float32) for one in self.generators])
        return low + (high - low) * drawn

    def column(self, low: float, high: float) -> Any:
        """(n, 1, 1, 1, 1): one even number for each image."""
        return self.uniform(low, high, 1, 1, 1, 1)

    def whole(self, below: int) -> list[int]:
        """One whole number for each image, 0 up to and without `below`."""
        return [int(one.integers(below)) for one in self.generators]

    def _stacked(self, drawn: Sequence[Any]) -> Any:
        import torch

        return torch.from_numpy(np.stack(drawn)).to(self.device)
