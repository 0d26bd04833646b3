"""NoduleNet: the small detector of the sample study of chest CT, about 9,000 weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class NoduleNet(nn.Module):  # type: ignore[misc]
    """volume (n, 1, z, y, x) float32, HU cut to -1000 … 200 and scaled to 0 … 1, at 3 mm → logits of the same size: part of a nodule."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_block(1, 8, reach=1), *_block(8, 12, reach=1), *_block(12, 12, reach=2), *_block(12, 8, reach=2), nn.Conv3d(8, 1, 1)
        )  # fmt: skip

    def forward(self, volume: Tensor) -> Tensor:
        logits: Tensor = self.layers((volume - 0.4) * 2.0)
        return torch.clamp(logits, -30.0, 30.0)


def _block(channels: int, filters: int, *, reach: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv3d(channels, filters, 3, padding=reach, dilation=reach, bias=False)
    return convolution, nn.BatchNorm3d(filters), nn.ReLU()
