"""Shown colour and light: sRGB values to light and back (IEC 61966-2-1)."""

from __future__ import annotations

from typing import Any

from validate.imaging.perturb.light_kernel import relight
from validate.imaging.perturb.stack import Stack

TOE = 0.04045  # shown, under which the curve is a line
KNEE = 0.0031308  # of light, where the line ends
OFFSET, EXPONENT = 0.055, 2.4
DARKEST = 1e6  # times the least that any file shows above black is brighter than white


def relit(stack: Stack, root: Any) -> Stack:
    """The same images after the light behind them was multiplied by root^2.4.

    root : (n, z, y, x, c), 1 long along an axis where it is the same
    """
    if stack.voxels.device.type != "cpu":
        return stack.shown(relit_grey(stack.into_grey(), root))
    planes = stack.voxels.movedim(-1, 2).contiguous()
    black, white = (one.reshape(-1).numpy() for one in (stack.black, stack.white))
    relight(planes.numpy(), black, white - black, root.movedim(-1, 2).contiguous().numpy())
    return stack.having(planes.movedim(2, -1))


def relit_grey(shown: Any, root: Any) -> Any:
    """[0, 1] as stored, cut off there → as stored, after the light behind it was multiplied by root^2.4; what is brighter than
    white is white.

    Above its toe the curve is a power, and the power of a product is a product of powers: (s + 0.055)·root - 0.055. So no
    power of the image is needed, but for the pixels of the toe, which go through light and back; black stays black.
    """
    shown.clamp_(0, 1)
    found = (shown + OFFSET).mul_(root).sub_(OFFSET)
    if shown.amin() <= TOE or found.amin() <= TOE:
        found = _with_toe(shown, found, root)
    return found.clamp_(0, 1)


def _with_toe(shown: Any, found: Any, root: Any) -> Any:
    """The same with what the line and not the power concerns done through light."""
    flat, of_found, of_root = (one.movedim(-1, 2).reshape(-1) for one in (shown, found, root.expand_as(shown)))
    lit = flat * DARKEST
    of_found = of_found.minimum(lit)
    # Of what is not black, the smaller of both within the toe: one comparison, since those are what takes time here.
    toe = (flat.minimum(of_found).sub_(lit.clamp_max_(1)) <= TOE - 1).nonzero()[:, 0]
    light = _to_light(flat.index_select(0, toe)).mul_(of_root.index_select(0, toe).log_().mul_(EXPONENT).exp_())
    of_found.index_copy_(0, toe, _to_shown(light))
    n, z, y, x, c = shown.shape
    return of_found.reshape(n, z, c, y, x).movedim(2, -1)


def _to_light(shown: Any) -> Any:
    """[0, 1] as stored → linear light."""
    power = ((shown + OFFSET) / (1 + OFFSET)).log_().mul_(EXPONENT).exp_()
    return power.where(shown > TOE, shown / 12.92)


def _to_shown(light: Any) -> Any:
    """Linear light → as stored, unbounded."""
    power = light.log().mul_(1 / EXPONENT).exp_().mul_(1 + OFFSET).sub_(OFFSET)
    return power.where(light > KNEE, light.mul_(12.92))
