"""A training that may be broken off and taken up again, and ends with the same weights as one that ran through."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """path : where it lies between two pieces of a training."""

    path: Path
    network: nn.Module
    optimiser: Optimizer
    schedule: LRScheduler
    random: np.random.Generator

    def epochs_done(self) -> int:
        """Put everything back as it was kept; 0 where nothing was."""
        if not self.path.is_file():
            return 0
        kept: dict[str, Any] = torch.load(self.path, weights_only=True)
        for part in ("network", "optimiser", "schedule"):
            getattr(self, part).load_state_dict(kept[part])
        self.random.bit_generator.state = json.loads(kept["random"])
        return int(kept["epochs"])

    def keep(self, epochs: int) -> None:
        """Whole or not at all."""
        new = self.path.with_suffix(".new")
        parts = {name: getattr(self, name).state_dict() for name in ("network", "optimiser", "schedule")}
        torch.save({**parts, "random": json.dumps(self.random.bit_generator.state), "epochs": epochs}, new)
        new.replace(self.path)
