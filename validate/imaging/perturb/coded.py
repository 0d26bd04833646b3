"""Each slice through a lossy coder and back, as the screen shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
    grey = (stack.grey.clamp(0, 1) * (levels - 1)).round().cpu().numpy().astype(kind)
    out = np.empty(grey.shape, np.float32)
    for place in np.ndindex(grey.shape[:2]):
        plane = grey[place] if grey.shape[-1] == 3 else np.ascontiguousarray(grey[place][..., 0])
        back = np.asarray(coder(np.ascontiguousarray(plane)))
        out[place] = back.reshape(grey.shape[2:])
    shown = torch.from_numpy(out).to(stack.voxels.device) / (levels - 1)
    return replace(stack, voxels=stack.black + shown * (stack.white - stack.black))
