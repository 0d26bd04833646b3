"""Another window than the one the image was made for: centre and width as a workstation or a gateway may change them.

t' = (t - 1/2 - shift)/width + 1/2 in displayed grey (PS3.3 C.11.2.1.2): `shift` moves the centre by a share of the old width.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Windowing(Strength):
    """shift : of the centre, in old widths      width : new width over the old; below 1 cuts off black and white."""

    shift: float = 0.0
    width: Annotated[float, Field(gt=0)] = 1.0


def rewindowed(stack: Stack, options: Windowing, _draw: Draw) -> Stack:
    """What the new window cuts off is gone."""
    return stack.shown(stack.into_grey().sub_(0.5 + options.shift).div_(options.width).add_(0.5).clamp_(0, 1))


PERTURBATION = Perturbation(
    title="Windowing",
    suites=frozenset({"radiography", "mammography"}),
    OPTIONS=Windowing,
    severities=tuple(
        {"shift": shift, "width": width}
        for shift, width in ((0.03, 0.95), (0.06, 0.88), (0.10, 0.80), (0.16, 0.68), (0.25, 0.50))
    ),
    anchor="centre off by 3% of the width and 5% narrower (another reader's habit) to 25% off and half as wide (the window of another "
    "body part)",
    strength="shift",
    unit="widths",
    validity="The linear window of the display; a sigmoid or table window of the file is replaced by its ends.",
    source="DICOM PS3.3 C.11.2.1.2",
    change=rewindowed,
)  # fmt: skip
