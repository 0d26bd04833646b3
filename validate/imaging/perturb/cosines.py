"""Filters that are the same upwards and downwards, to the left and to the right: an image mirrored at its borders is a sum of
cosines, and each is multiplied by one number.

Nothing is padded and nothing wraps around, and all numbers are real, so it takes half of what a Fourier transform with a margin does
(Martucci 1994, "Symmetric convolution and the discrete sine and cosine transforms", IEEE Trans Signal Process 42:1038-1051).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.stack import Stack


def mirrored(stack: Stack, transfer: Callable[[int, int], Any], draw: Draw) -> Any:
    """Every frequency times its number, of voxels (n, z, y, x, c) that repeat as in a mirror: b a | a b c | c b.

    transfer : (rows, columns) of the image → (rows, columns) real numbers, at `cosine_frequencies` along each axis
    draw : keeps the transform of the undisturbed image, which may take its place; the next severity need not look at the voxels then
    """
    n, z, rows, columns, c = stack.shape

    def planes() -> Any:
        return stack.voxels.movedim(-1, 2).reshape(n * z * c, rows, columns)

    by = by_cosines if draw.device == "cpu" else by_fourier
    found = by(planes, transfer(rows, columns), draw)
    return found.reshape(n, z, c, rows, columns).movedim(2, -1)


def cosine_frequencies(size: int) -> Any:
    """(size,) cycles a pixel of the cosines along an axis: 0 up to just under 1/2."""
    import torch

    return torch.arange(size) / (2 * size)


def by_cosines(planes: Callable[[], Any], gain: Any, draw: Draw) -> Any:
    """(planes, y, x) filtered, on the processor: a plane at a time, which a core's cache holds."""
    import numpy as np
    import torch
    from scipy.fft import idctn

    spectrum, gains = draw.kept(partial(_cosines, planes)).numpy(), gain.numpy()
    found = np.empty(spectrum.shape, np.float32)
    for one, out in zip(spectrum, found, strict=True):
        np.multiply(one, gains, out=out)
        done = idctn(out, overwrite_x=True, workers=1)
        if not np.may_share_memory(done, out):
            out[:] = done
    return torch.from_numpy(found)


def _cosines(planes: Callable[[], Any]) -> Any:
    import numpy as np
    import torch
    from scipy.fft import dctn

    given = np.ascontiguousarray(planes().numpy())
    for plane in given:  # in its place, where scipy can
        done = dctn(plane, overwrite_x=True, workers=1)
        if not np.may_share_memory(done, plane):
            plane[:] = done
    return torch.from_numpy(given)


def by_fourier(planes: Callable[[], Any], gain: Any, draw: Draw) -> Any:
    """The same by the transform of the image and its mirror images, on a device that is quick at it."""
    import torch

    rows, columns = gain.shape
    spectrum = draw.kept(partial(_of_mirrors, planes))
    down = torch.cat([gain, gain.new_zeros(1, columns), gain[1:].flip(0)]).to(spectrum.device)
    both = torch.cat([down, down.new_zeros(2 * rows, 1)], dim=1)
    return torch.fft.irfft2(spectrum * both, s=(2 * rows, 2 * columns))[:, :rows, :columns].contiguous()


def _of_mirrors(planes: Callable[[], Any]) -> Any:
    """At Nyquist's frequency a mirrored image has nothing."""
    import torch

    given = planes()
    tall = torch.cat([given, given.flip(1)], dim=1)
    return torch.fft.rfft2(torch.cat([tall, tall.flip(2)], dim=2))
