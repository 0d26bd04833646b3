"""Our MR disturbances beside TorchIO's and MONAI's, by what physics asks of each: `python tests/benchmarks/perturbation_comparison.py`.

Needs torchio and monai, which nothing else does. One object, one slice of 256 × 256 pixels; the same request where the library has an
option for it. docs/robustness.md holds the table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from validate.imaging.volume import Volume
from validate.registry import load

SIZE = 256


def ours(name: str, image: Any, **options: Any) -> Any:
    source = {"range": (-1e6, 1e6), "windows": [{"center": 500.0, "width": 1000.0, "function": "LINEAR"}]}
    volume = Volume(image[None].astype(np.float32), affine=np.eye(4), spacing=(1.0, 1.0, 1.0), source=source)
    generator = np.random.Generator(np.random.Philox(key=3))
    return load("perturbations", name)(volume, options, generator).voxels[0].astype(np.float64)


def torchio(transform: Any, image: Any) -> Any:
    import torch

    return (
        transform(torch.from_numpy(image[None, :, :, None].astype(np.float32)))[0, :, :, 0].numpy().astype(np.float64)
    )


def monai(transform: Any, image: Any) -> Any:
    return np.asarray(transform(image[None].astype(np.float32)))[0].astype(np.float64)


def milliseconds(work: Callable[[], Any]) -> float:
    work()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def show(cause: str, who: str, work: Callable[[], Any], told: Callable[[Any], str]) -> None:
    print(f"| {cause} | {who} | {told(work())} | {milliseconds(work):.1f} |", flush=True)


def main() -> None:
    import monai.transforms as m
    import torchio as t

    print("| cause | of | found | ms a slice |\n|---|---|---|---|")
    halves = np.zeros((SIZE, SIZE))
    halves[:, SIZE // 2 :] = 400.0

    def rician(found: Any) -> str:
        air, tissue = found[:, : SIZE // 2], found[:, SIZE // 2 :]
        return f"air {air.mean() / 20:.3f} σ (Rayleigh: 1.253), tissue varies by {tissue.std() / 20:.2f} σ"

    show("Rician noise, SNR 20", "here", lambda: ours("rician_noise", halves, snr=20.0), rician)
    noise = m.RandRicianNoise(prob=1.0, mean=0.0, std=20.0, sample_std=False).set_random_state(1)
    show("", "MONAI RandRicianNoise", lambda: monai(noise, halves), rician)
    show("", "TorchIO Noise", lambda: torchio(t.Noise(0.0, 20.0, 1), halves), rician)

    block = np.zeros((SIZE, SIZE))
    block[60:68, 40:80] = 100.0

    def ghosts(found: Any) -> str:
        a_quarter = (found[64 + SIZE // 4, 60], found[64, 60 + SIZE // 4])
        energy = (found**2).sum() / (block**2).sum()
        return (
            f"object {found[64, 60]:.1f}, ghost a quarter of the field away {max(a_quarter):.1f}, energy × {energy:.3f}"
        )

    show(
        "Ghosts, α 0.4 (20 of 100, object 100)",
        "here",
        lambda: ours("ghosting", block, modulation=0.4, period=4),
        ghosts,
    )
    ghosting = t.Ghosting(num_ghosts=4, axis=0, intensity=0.4, restore=None)
    show("", "TorchIO Ghosting", lambda: torchio(ghosting, block), ghosts)

    flat = np.full((SIZE, SIZE), 200.0)

    def wave(found: Any) -> str:
        return f"{found.min():.0f} to {found.max():.0f}, mean {found.mean():.0f}"

    show("Spike of a quarter (150 to 250)", "here", lambda: ours("spike", flat, height=0.25), wave)
    spike = t.Spike(spikes_positions=np.array([[0.3, 0.4, 0.5]]), intensity=0.25)
    show("", "TorchIO Spike", lambda: torchio(spike, flat), wave)
    struck = m.KSpaceSpikeNoise(loc=(90, 110), k_intensity=float(np.log(0.25 * 200 * SIZE * SIZE)))
    show("", "MONAI KSpaceSpikeNoise", lambda: monai(struck, flat), wave)

    edge = np.full((SIZE, SIZE), 200.0)
    edge[:, 64:192] = 300.0
    points = np.random.default_rng(1).normal(500, 50, (SIZE, SIZE))

    def gibbs(run: Callable[[Any], Any]) -> Callable[[Any], str]:
        def told(found: Any) -> str:
            spectrum = np.fft.fftshift(np.abs(np.fft.fft2(run(points) - 500)))
            middle = SIZE // 2
            straight = (spectrum[middle - 4 : middle + 5].mean(axis=0) > 500).sum() / SIZE
            corner = (np.array([spectrum[i, i] for i in range(SIZE)]) > 500).sum() / SIZE
            return f"overshoot {100 * (found.max() - 300) / 100:.1f}%, kept along an axis {straight:.2f}, along the diagonal {corner:.2f}"

        return told

    here = lambda image: ours("gibbs", image, kept=0.5)  # noqa: E731
    show("Gibbs, half of each axis", "here", lambda: here(edge), gibbs(here))
    round_mask = m.GibbsNoise(alpha=0.65)
    there = lambda image: monai(round_mask, image)  # noqa: E731
    show("", "MONAI GibbsNoise", lambda: there(edge), gibbs(there))

    even = np.full((SIZE, SIZE), 100.0)

    def field(found: Any) -> str:
        bend = np.abs(np.diff(np.log(found), 2, axis=0)).max()
        return f"brightest to darkest {found.max() / found.min():.2f}, second difference of the logarithm ≤ {bend:.4f}"

    show("Bias field, ±0.3 (1.86)", "here", lambda: ours("bias_field", even, amplitude=0.3), field)
    bias = t.RandomBiasField(coefficients=0.3, order=3)
    show("", "TorchIO RandomBiasField 0.3", lambda: torchio(bias, even), field)
    legendre = m.RandBiasField(degree=3, coeff_range=(0.0, 0.3), prob=1.0).set_random_state(1)
    show("", "MONAI RandBiasField 0.3", lambda: monai(legendre, even), field)

    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    head = 100 / (1 + np.exp((np.hypot(x / 1.2, y) - 80) / 1.0))

    def moved(found: Any) -> str:
        return f"energy × {(found**2).sum() / (head**2).sum():.4f}, where there was air {found[:, :16].mean():.2f}"

    show("Motion of 4 mm (energy × 1)", "here", lambda: ours("mr_motion", head, shift=4.0), moved)
    motion = t.RandomMotion(degrees=0, translation=(4, 4), num_transforms=4)
    show("", "TorchIO RandomMotion", lambda: torchio(motion, head), moved)


if __name__ == "__main__":
    main()
