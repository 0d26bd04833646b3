"""Linear filters in the plane of the image, by their transfer at spatial frequencies in cycles a mm or a pixel."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.symmetric_kernel import along_columns, along_rows, one_side

MARGIN = 32  # pixels that are mirrored beyond each border, at least


def gaussian(voxels: Any, sigma: tuple[float, float]) -> Any:
    """Blurred by a Gaussian of (y, x) standard deviations in pixels; borders repeat. MTF exp(-2π²σ²f²)."""
    n, z, y, x, c = voxels.shape
    planes = voxels.movedim(-1, 2).reshape(n * z * c, y, x)
    along = _by_sums if planes.device.type == "cpu" else _by_shifts
    for axis, width in ((1, sigma[0]), (2, sigma[1])):
        if width > 0:
            planes = along(planes, axis, width)
    return planes.reshape(n, z, c, y, x).movedim(2, -1)


def _by_sums(planes: Any, axis: int, sigma: float) -> Any:
    """(planes, y, x) filtered along y or x, on the processor."""
    import torch

    given, kernel = planes.contiguous().numpy(), _half_kernel(sigma)
    found = np.empty(given.shape, np.float32)
    for plane, out in zip(given, found, strict=True):
        (along_columns if axis == 1 else along_rows)(plane, kernel, out)
    return torch.from_numpy(found)


@lru_cache(maxsize=64)
def _half_kernel(sigma: float) -> Any:
    return one_side(_kernel(sigma).float().numpy())


def _by_shifts(planes: Any, axis: int, sigma: float) -> Any:
    """The same sums on another device: a convolution of its libraries may round to ten bits there (TF32)."""
    middle, *sides = _half_kernel(sigma).tolist()
    reach, size = len(sides), planes.shape[axis]
    wide = _repeated(planes, axis, reach)
    found = wide.narrow(axis, reach, size) * middle
    for step, weight in enumerate(sides, 1):
        found.add_(wide.narrow(axis, reach - step, size) + wide.narrow(axis, reach + step, size), alpha=weight)
    return found


def _repeated(planes: Any, axis: int, reach: int) -> Any:
    """With the border repeated `reach` times on both sides of one axis."""
    import torch

    margin = (reach, reach, 0, 0) if axis == 2 else (0, 0, reach, reach)
    return torch.nn.functional.pad(planes[:, None], margin, mode="replicate")[:, 0]


def _kernel(sigma: float) -> Any:
    """Weights whose transfer is exp(-2π²σ²f²) up to Nyquist's frequency: its Fourier series, cut off where it has died away."""
    import torch

    reach = max(int(4 * sigma + 0.5), 6)
    if sigma > 1:  # beyond Nyquist's frequency there is nothing left, so samples of the Gaussian are that series
        kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
    else:
        frequency = torch.fft.rfftfreq(1024, dtype=torch.float64)
        series = torch.fft.irfft(torch.exp(-2 * torch.pi**2 * sigma**2 * frequency**2).to(torch.complex128))
        kernel = torch.cat([series[-reach:], series[: reach + 1]])
    return kernel / kernel.sum()


def frequencies(size: tuple[int, int], spacing: tuple[float, float], device: Any = "cpu") -> tuple[Any, Any]:
    """(y, 1) and (1, x/2 + 1) frequencies of a real transform over (y, x), in cycles per unit of the spacing."""
    import torch

    return (
        torch.fft.fftfreq(size[0], d=spacing[0], device=device)[:, None],
        torch.fft.rfftfreq(size[1], d=spacing[1], device=device)[None],
    )


def transferred(voxels: Any, transfer: Callable[[int, int], Any], draw: Draw) -> Any:
    """Every frequency times its number. The image is mirrored at its borders, so that none wraps around.

    transfer : (rows, columns) of what is transformed → (…, rows, columns / 2 + 1) numbers, real or complex, of all images or
        of each, in the order of `frequencies`
    draw : keeps the frequencies of the undisturbed image, which voxels are, for the next severity
    """
    import torch

    n, z, rows, columns, c = voxels.shape
    (top, bottom), (left, right) = margins = _margins(rows), _margins(columns)
    size = (top + rows + bottom, left + columns + right)
    gain = transfer(*size).to(voxels.device)
    planes = voxels.movedim(-1, 2).reshape(n, z * c, rows, columns)
    spectrum = draw.kept(partial(_spectrum, planes, margins))
    found = torch.empty(planes.shape, device=voxels.device)
    for image, one, to in zip(spectrum, gain.expand(n, *gain.shape[-2:]), found, strict=True):
        together = 1 if found.device.type == "cpu" else z * c  # on the processor what stays in a core's cache
        for some, out in zip(image.split(together), to.split(together), strict=True):
            lines = torch.fft.ifft(some * one, dim=-2)[:, top : top + rows]
            out[:] = torch.fft.irfft(lines, n=size[1])[..., left : left + columns]
    return found.reshape(n, z, c, rows, columns).movedim(2, -1)


def _spectrum(planes: Any, margins: tuple[tuple[int, int], tuple[int, int]]) -> Any:
    """(n, planes, y, x) → with its mirror images, (n, planes, y, x/2 + 1) frequencies."""
    import torch

    (top, bottom), (left, right) = margins
    return torch.fft.rfft2(torch.nn.functional.pad(planes, (left, right, top, bottom), mode="reflect"))


def _margins(size: int) -> tuple[int, int]:
    """Of MARGIN or some more, so that the whole is quickly transformed."""
    most = 3 * size - 2  # a mirror shows the image once on either side
    wanted = min(size + 2 * MARGIN, most)
    more = min(next(whole for whole in range(wanted, 2 * wanted + 1) if _quick(whole)), most) - size
    return more // 2, more - more // 2


def _quick(size: int) -> bool:
    """Whether its factors are 2, 3 and 5."""
    for factor in (2, 3, 5):
        while size % factor == 0:
            size //= factor
    return size == 1


def coloured(noise: Any, spacing: tuple[float, float], power: Callable[[Any], Any]) -> Any:
    """White noise (…, y, x) of unit variance → noise of this power spectrum (any scale), of unit variance again."""
    import torch

    rows, columns = noise.shape[-2:]
    fy, fx = frequencies((rows, columns), spacing, noise.device)
    amplitude = torch.sqrt(power(torch.sqrt(fy**2 + fx**2)))
    twice = torch.full((amplitude.shape[-1],), 2.0, device=noise.device)
    twice[0] = 1.0
    if columns % 2 == 0:
        twice[-1] = 1.0
    mean_power = (amplitude**2 * twice).sum() / (rows * columns)
    return torch.fft.irfft2(torch.fft.rfft2(noise).mul_(amplitude / torch.sqrt(mean_power)), s=(rows, columns))
