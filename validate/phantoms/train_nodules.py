"""Train the detector of the sample study on phantoms that the study has never seen, in slices of 1.5 and 3 mm alone.

    python -m validate.phantoms.train_nodules --out sample_data
    python -m validate.phantoms.train_nodules --out sample_data --go-on 16    # so many epochs more, from the weights that lie there

The model that is kept was made by the first line and then by the second. Thicker slices are what it was not shown: there it marks
vessels. Of nodules under 6 mm, which are two voxels or less, it finds next to none, and the study says so. Weights differ in their
bytes by CPU; what a test holds are scores.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from validate.imaging.resample import rescaled
from validate.phantoms.export_volumes import read_weights, write_onnx
from validate.phantoms.lungs import EXTENT, FINE, Scan, axes, chest, nodules, scanned
from validate.phantoms.manifest import write_manifest
from validate.phantoms.nodule_network import NoduleNet
from validate.phantoms.stream import stream

SEED = 9_100_001
PATIENTS = 40
EPOCHS = 6
PATCH = (16, 24, 24)  # voxels of 3 mm
SPACING = 3.0


def example(number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(input, target) of one phantom at 3 mm: what the protocol's preprocessing makes of its slices."""
    random = stream(SEED, "nodules", number)
    there = nodules(random, int(random.integers(2, 7)))
    thickness = (1.5, 3.0)[int(random.integers(2))]
    scan = Scan(thickness, float(random.uniform(0, 2.0)), float(random.uniform(10, 40)))
    seen = scanned(chest(random, there), scan, random).astype(np.float32)[None]
    step = SPACING / thickness
    voxels = rescaled(
        seen, (round(EXTENT[0] / SPACING), *seen.shape[2:]), (step, 1.0, 1.0), method="bilinear", antialias=True
    )
    inside = np.zeros(voxels.shape[1:], np.float32)
    z = (np.arange(voxels.shape[1]) * SPACING + (SPACING - FINE) / 2 - (EXTENT[0] - FINE) / 2)[:, None, None]
    _, y, x = axes()
    for one in there:
        distance = np.sqrt((z - one.centre[0]) ** 2 + (y - one.centre[1]) ** 2 + (x - one.centre[2]) ** 2)
        inside[distance < max(one.diameter / 2, 2.2)] = 1
    return ((np.clip(voxels, -1000, 200) + 1000) / 1200).astype(np.float32), inside


def trained(epochs: int = EPOCHS, patients: int = PATIENTS, start: Path | None = None) -> NoduleNet:
    """The network after training, from nothing or from the weights of a file; loss per epoch goes to stderr."""
    torch.manual_seed(7)
    data = [example(number) for number in range(patients)]
    network = NoduleNet()
    network.train()
    if start is not None:
        read_weights(network, start)
        network.eval()  # its normalisation is folded into its weights
    steps = epochs * patients
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=8e-3 if start is None else 4e-3, pct_start=0.2, total_steps=steps
    )
    loss_function = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))
    random = np.random.default_rng(11)
    for epoch in range(epochs):
        total = 0.0
        for place in random.permutation(len(data)):
            volumes, targets = _patches(data[place][0], data[place][1], random)
            loss = loss_function(network(volumes), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"epoch {epoch + 1:2d} of {epochs}: loss {total / len(data):.4f}", file=sys.stderr, flush=True)  # noqa: T201
    network.eval()
    return network


def _patches(
    volume: NDArray[np.float32], target: NDArray[np.float32], random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Six boxes, four of them around a voxel of a nodule, mirrored at random."""
    inside, chosen = np.argwhere(target > 0), []
    for number in range(6):
        middle = inside[random.integers(len(inside))] if number < 4 else random.integers(0, target.shape)
        start = [
            int(np.clip(at - size // 2 + random.integers(-4, 5), 0, full - size))
            for at, size, full in zip(middle, PATCH, target.shape, strict=True)
        ]
        box = tuple(slice(at, at + size) for at, size in zip(start, PATCH, strict=True))
        flip = tuple(slice(None, None, -1 if random.random() < 0.5 else 1) for _ in range(3))
        chosen.append((volume[0][box][flip], target[box][flip]))
    volumes, targets = (torch.from_numpy(np.stack([pair[side] for pair in chosen]))[:, None] for side in (0, 1))
    return volumes, targets


def main() -> None:
    """Make the examples, train, and write the model and the folder's manifest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("sample_data"), help="the sample folder; models/ goes in it")
    parser.add_argument(
        "--go-on", type=int, default=0, help="epochs more, from the weights that lie there; 0 begins anew"
    )
    options = parser.parse_args()
    folder, path = options.out, options.out / "models" / "nodules.onnx"
    torch.set_num_threads(1)  # the order of sums, and so the weights, depend on it
    write_onnx(trained(options.go_on, start=path) if options.go_on else trained(), path)
    write_manifest(folder)


if __name__ == "__main__":
    main()
