"""Thicker slices: a box of this thickness along z, at the places of the slices that there are.

A thicker collimation or reconstruction averages what lies in it (partial volume); uncorrelated noise of m merged slices falls as
1/√m. The grid is kept, so that masks and references still fit (Hsieh 2015, Computed Tomography, 3rd ed., ch. 5).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack
from validate.imaging.perturb.symmetric_kernel import TOGETHER, along_columns, one_side


class SliceThickness(Strength):
    """thickness : mm; not thicker than the slices are changes nothing."""

    thickness: Annotated[float, Field(gt=0)]


@lru_cache(maxsize=64)
def box(thickness: float, spacing: float) -> Any:
    """Share of each slice in the average, the middle one first in the middle; sums to 1."""
    import torch

    reach = int(max(thickness / spacing - 1, 0) / 2 + 1)
    place = torch.arange(-reach, reach + 1, dtype=torch.float32)
    inside = ((thickness / spacing - 2 * place.abs()) / 2 + 0.5).clamp(0, 1)
    return inside / inside.sum()


def thicker(stack: Stack, options: SliceThickness, _draw: Draw) -> Stack:
    """The outermost slices repeat beyond the ends."""
    z, _, _ = stack.millimetres
    if options.thickness <= z:
        return stack
    along = _by_sums if stack.voxels.device.type == "cpu" else _by_shifts
    return stack.having(along(stack.voxels, box(options.thickness, z)))


def _by_sums(voxels: Any, weights: Any) -> Any:
    """Slice by slice, on the processor."""
    import torch

    _, z, y, x, c = voxels.shape
    given, kernel = voxels.movedim(-1, 2).contiguous().numpy(), _one_side(weights.numpy())
    found = np.empty(given.shape, np.float32)
    for one, out in zip(given, found, strict=True):
        along_columns(one.reshape(z, c * y * x), kernel, out.reshape(z, c * y * x))
    return torch.from_numpy(found).movedim(2, -1)


def _one_side(weights: Any) -> Any:
    """As along_columns takes them, without slices that have no share."""
    reach = weights.size // 2
    steps = max(int(np.flatnonzero(weights[reach:])[-1]), 1)
    some = weights[reach - steps : reach + steps + 1]
    return some[steps:] if steps < TOGETHER else one_side(some)


def _by_shifts(voxels: Any, shares: Any) -> Any:
    """The same on a device that is quick at whole volumes."""
    weights = shares.tolist()
    reach, slices = len(weights) // 2, voxels.shape[1]
    mixed = voxels * weights[reach]
    for step, weight in enumerate(weights[reach + 1 :], 1):
        near = min(step, slices)
        mixed[:, : slices - near].add_(voxels[:, near:], alpha=weight)
        mixed[:, slices - near :].add_(voxels[:, -1:], alpha=weight)
        mixed[:, near:].add_(voxels[:, : slices - near], alpha=weight)
        mixed[:, :near].add_(voxels[:, :1], alpha=weight)
    return mixed


PERTURBATION = Perturbation(
    title="Slice thickness",
    suites=frozenset({"ct", "mr"}),
    OPTIONS=SliceThickness,
    severities=tuple({"thickness": thickness} for thickness in (2.0, 3.0, 5.0, 8.0, 10.0)),
    anchor="2 and 3 mm (thin reading protocols), 5 mm (what many archives keep), 8 and 10 mm (older or fast protocols)",
    strength="thickness",
    unit="mm",
    validity="A box profile on the finished slices, on the grid that there is; a volume whose slices are that thick already is unchanged.",
    source="Hsieh 2015, Computed Tomography, 3rd ed., ch. 5",
    change=thicker,
    needs_spacing=True,
    least_slices=3,
)  # fmt: skip
