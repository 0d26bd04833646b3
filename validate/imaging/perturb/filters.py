"""Linear filters in the plane of the image, by their transfer at spatial frequencies in cycles a mm or a pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DIRECT = 6.0  # sigma in pixels, up to which a sum over shifted images is quicker than a transform


def gaussian(voxels: Any, sigma: tuple[float, float]) -> Any:
    """Blurred by a Gaussian of (y, x) standard deviations in pixels; borders repeat. MTF exp(-2π²σ²f²)."""
    n, z, y, x, c = voxels.shape
    planes = voxels.movedim(-1, 2).reshape(n * z, c, y, x)
    for axis, width in ((2, sigma[0]), (3, sigma[1])):
        if width > 0:
            planes = _along(planes, axis, width)
    return planes.reshape(n, z, c, y, x).movedim(2, -1)


def _along(planes: Any, axis: int, sigma: float) -> Any:
    """(n, c, y, x) blurred along y or x."""
    import torch

    kernel = _kernel(sigma).to(planes)
    reach, size = kernel.shape[0] // 2, planes.shape[axis]
    margin = (reach, reach, 0, 0) if axis == 3 else (0, 0, reach, reach)
    padded = torch.nn.functional.pad(planes, margin, mode="replicate")
    if sigma <= DIRECT:
        blurred = padded.narrow(axis, reach, size) * kernel[reach]
        for step in range(1, reach + 1):
            pair = padded.narrow(axis, reach - step, size) + padded.narrow(axis, reach + step, size)
            blurred.add_(pair, alpha=float(kernel[reach + step]))
        return blurred
    flat = padded.movedim(axis, -1)
    done = torch.nn.functional.conv1d(flat.reshape(-1, 1, flat.shape[-1]), kernel[None, None])
    return done.reshape(*flat.shape[:-1], size).movedim(-1, axis)


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


def frequencies(voxels: Any, spacing: tuple[float, float]) -> tuple[Any, Any]:
    """(y, 1) and (1, x/2 + 1) frequencies of a real transform over (y, x), in cycles per unit of the spacing."""
    import torch

    rows, columns = voxels.shape[2], voxels.shape[3]
    return (
        torch.fft.fftfreq(rows, d=spacing[0], device=voxels.device)[:, None],
        torch.fft.rfftfreq(columns, d=spacing[1], device=voxels.device)[None],
    )


def transferred(voxels: Any, spacing: tuple[float, float], transfer: Callable[[Any], Any]) -> Any:
    """Every frequency times transfer(radial frequency). The image is mirrored at its borders, so that none wraps around."""
    import torch

    rows, columns = voxels.shape[2], voxels.shape[3]
    margin = (min(rows - 1, 32), min(columns - 1, 32))
    padded = mirrored(voxels, margin)
    fy, fx = frequencies(padded, spacing)
    gain = transfer(torch.sqrt(fy**2 + fx**2))[..., None]
    spectrum = torch.fft.rfft2(padded, dim=(2, 3)) * gain
    changed = torch.fft.irfft2(spectrum, s=padded.shape[2:4], dim=(2, 3))
    return changed[:, :, margin[0] : margin[0] + rows, margin[1] : margin[1] + columns]


def mirrored(voxels: Any, margin: tuple[int, int]) -> Any:
    """Padded by so many pixels (y, x) on each side, as in a mirror."""
    import torch

    n, z, y, x, c = voxels.shape
    flat = voxels.movedim(-1, 2).reshape(n * z, c, y, x)
    padded = torch.nn.functional.pad(flat, (margin[1], margin[1], margin[0], margin[0]), mode="reflect")
    return padded.reshape(n, z, c, *padded.shape[-2:]).movedim(2, -1)


def coloured(noise: Any, spacing: tuple[float, float], power: Callable[[Any], Any]) -> Any:
    """White noise of unit variance → noise of this power spectrum (any scale), of unit variance again."""
    import torch

    fy, fx = frequencies(noise, spacing)
    amplitude = torch.sqrt(power(torch.sqrt(fy**2 + fx**2)))
    columns = noise.shape[3]
    twice = torch.full((amplitude.shape[-1],), 2.0, device=noise.device)
    twice[0] = 1.0
    if columns % 2 == 0:
        twice[-1] = 1.0
    mean_power = (amplitude**2 * twice).sum() / (noise.shape[2] * columns)
    spectrum = torch.fft.rfft2(noise, dim=(2, 3)) * (amplitude / torch.sqrt(mean_power))[..., None]
    return torch.fft.irfft2(spectrum, s=noise.shape[2:4], dim=(2, 3))
