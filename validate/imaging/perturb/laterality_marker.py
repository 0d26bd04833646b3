"""A lead marker in a corner: an R or L as bright as bone, larger or smaller, where another department puts it.

Lead of a millimetre attenuates practically all of the beam, so the marker is white. Networks have read departments from their
markers instead of disease (Zech et al. 2018, doi:10.1371/journal.pmed.1002683).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.letters import written
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class LateralityMarker(Strength):
    """height : of the letter, mm      letter : R, L, or either by chance      inset : from the border, mm"""

    height: Annotated[float, Field(gt=0)]
    letter: Annotated[str, Field(pattern=r"^[RL]?$")] = ""
    inset: Annotated[float, Field(ge=0)] = 8.0


def marked(stack: Stack, options: LateralityMarker, draw: Draw) -> Stack:
    """In one of the two upper corners."""
    _, y, x = stack.millimetres
    voxels = stack.voxels
    corners, letters = draw.whole(2), draw.whole(2)
    for place, (corner, letter) in enumerate(zip(corners, letters, strict=True)):
        shape = written(options.letter or "RL"[letter], max(round(options.height / y), 1), y / x).to(voxels.device)
        _put(voxels[place], stack.white[place], shape, corner, (round(options.inset / y), round(options.inset / x)))
    return stack.having(voxels)


def _put(image: Any, white: Any, shape: Any, corner: int, inset: tuple[int, int]) -> None:
    """Write into (z, y, x, c) in place; what does not fit is cut off."""
    columns = image.shape[2]
    left = inset[1] if corner == 0 else max(columns - inset[1] - shape.shape[1], 0)
    region = image[:, inset[0] : inset[0] + shape.shape[0], left : left + shape.shape[1]]
    shape = shape[: region.shape[1], : region.shape[2], None]
    region.copy_(shape * white.reshape(-1, 1, 1, 1) + (1 - shape) * region)


PERTURBATION = Perturbation(
    title="Laterality marker",
    suites=frozenset({"radiography", "mammography"}),
    OPTIONS=LateralityMarker,
    severities=tuple({"height": height} for height in (8.0, 14.0, 22.0, 34.0, 50.0)),
    anchor="letters of 8 mm (small clips) and 14 to 22 mm (usual) to 50 mm (home-made, with a name plate)",
    strength="height",
    unit="mm",
    validity="A white letter with sharp edges; a marker that already is in the image stays.",
    source="Zech et al. 2018, doi:10.1371/journal.pmed.1002683",
    change=marked,
    needs_spacing=True,
)  # fmt: skip
