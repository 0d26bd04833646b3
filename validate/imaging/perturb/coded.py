"""Each slice through a lossy coder and back, as the screen shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from validate.imaging.perturb.stack import Stack

Plane = Callable[[np.ndarray], np.ndarray]


def recoded(stack: Stack, levels: int, coder: Plane) -> Stack:
    """Levels : of grey that the coder is given      coder : (y, x) or (y, x, 3) of whole numbers → the same after loss

    Colour and grey alike between black and white; what lies outside of the display is cut off, as an export does. Runs on the CPU.
    """
    import torch

    kind: Any = np.uint8 if levels <= 256 else np.uint16
    voxels = stack.into_grey().clamp_(0, 1).mul_(levels - 1).round_()
    grey = voxels.cpu().numpy()
    for place in np.ndindex(grey.shape[:2]):
        plane = grey[place] if grey.shape[-1] == 3 else grey[place][..., 0]
        back = np.asarray(coder(plane.astype(kind, order="C")), np.float32)
        voxels[place].copy_(torch.from_numpy(back.reshape(plane.shape[:2] + grey.shape[4:])))
    return stack.shown(voxels.div_(levels - 1))
