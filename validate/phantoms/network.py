"""OpacityNet: the small classifier of the sample studies, about 28,000 weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class OpacityNet(nn.Module):  # type: ignore[misc]
    """image (n, 1, 128, 128) float32 in [0, 1] → logits (n, 1): how much speaks for an opacity."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _block(1, 12, stride=2),
            _block(12, 24, stride=2),
            _block(24, 32, stride=1),
            _block(32, 32, stride=2),
            _block(32, 32, stride=1),
        )
        self.head = nn.Linear(64, 1)

    def forward(self, image: Tensor) -> Tensor:
        features = self.features((image - 0.5) * 4.0)
        summary = torch.cat([features.amax(dim=(2, 3)), features.mean(dim=(2, 3))], dim=1)
        logits: Tensor = self.head(summary)
        return logits


def _block(channels: int, filters: int, *, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels, filters, kernel_size=3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(filters), nn.ReLU())
