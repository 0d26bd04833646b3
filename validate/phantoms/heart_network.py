"""HeartNet: the small segmenter of the sample study of cardiac MR, about 45,000 weights; every slice is seen by itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class HeartNet(nn.Module):  # type: ignore[misc]
    """volume (n, 1, z, y, x) float32, standardised; y and x multiples of 4 → logits (n, 4, z, y, x).

    Channels: rest, right ventricle, muscle, left ventricle.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.deep = _twice(1, 12), _twice(12, 20), _twice(20, 32)
        self.up, self.last = _twice(52, 20), _twice(32, 12)
        self.head = nn.Conv3d(12, 4, 1)

    def forward(self, volume: Tensor) -> Tensor:
        full = self.first(volume)
        half = self.second(functional.max_pool3d(full, (1, 2, 2)))
        quarter = self.deep(functional.max_pool3d(half, (1, 2, 2)))
        half = self.up(torch.cat([functional.interpolate(quarter, scale_factor=(1.0, 2.0, 2.0)), half], dim=1))
        full = self.last(torch.cat([functional.interpolate(half, scale_factor=(1.0, 2.0, 2.0)), full], dim=1))
        logits: Tensor = self.head(full)
        return logits


def _twice(channels: int, filters: int) -> nn.Sequential:
    """Two convolutions within a slice."""
    return nn.Sequential(
        nn.Conv3d(channels, filters, (1, 3, 3), padding=(0, 1, 1)), nn.ReLU(),
        nn.Conv3d(filters, filters, (1, 3, 3), padding=(0, 1, 1)), nn.ReLU(),
    )  # fmt: skip
