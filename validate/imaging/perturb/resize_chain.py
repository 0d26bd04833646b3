"""Made smaller and larger again, as images go through viewers, gateways and slides: detail beyond the smaller grid is gone.

Bilinear both ways without a filter in front of the first, as many tools do: frequencies beyond the small grid's Nyquist fold back
(Parmar, Zhang & Zhu 2022, doi:10.1109/CVPR52688.2022.01112, on what resizing does to models).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class ResizeChain(Strength):
    """factor : old size over the smaller one."""

    factor: Annotated[float, Field(ge=1)]


def resized(stack: Stack, options: ResizeChain, _draw: Draw) -> Stack:
    """In the plane."""
    n, z, rows, columns, c = stack.voxels.shape
    flat = stack.voxels.movedim(-1, 2).reshape(n * z, c, rows, columns)
    small = _to(flat, (max(round(rows / options.factor), 1), max(round(columns / options.factor), 1)))
    return stack.having(_to(small, (rows, columns)).reshape(n, z, c, rows, columns).movedim(2, -1))


def _to(flat: Any, size: tuple[int, int]) -> Any:
    import torch

    return torch.nn.functional.interpolate(flat, size=size, mode="bilinear", align_corners=False)


PERTURBATION = Perturbation(
    title="Resize chain",
    suites=frozenset({"any"}),
    OPTIONS=ResizeChain,
    severities=tuple({"factor": factor} for factor in (1.25, 1.6, 2.2, 3.5, 6.0)),
    anchor="1.25 and 1.6 (a viewer's cache), 2.2 (a screen copy), 3.5 and 6 (thumbnails blown up)",
    strength="factor",
    unit="times smaller",
    validity="One step down and one up; other interpolations alias less.",
    source="Parmar, Zhang & Zhu 2022, doi:10.1109/CVPR52688.2022.01112",
    change=resized,
)  # fmt: skip
