"""Train the detector of the sample study on phantoms that the study has never seen, in slices of 1.5 and 3 mm alone.

    python -m validate.phantoms.train_nodules --out sample_data

From nothing to its end in one go, about six minutes of one core; broken off, it goes on where it was. At the end it says the
operating point: the lowest threshold with at most one false mark a case, on phantoms of a third seed, in thin slices as well.
Thicker slices are what it is not shown. Weights differ in their bytes by CPU; what a test holds are scores.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional

from validate.imaging.resample import rescaled
from validate.phantoms.checkpoint import Checkpoint
from validate.phantoms.export_volumes import write_onnx
from validate.phantoms.lungs import (
    AXES,
    CENTRES,
    COLUMNS,
    EXTENT,
    FINE,
    ROWS,
    Nodule,
    Scan,
    axes,
    chest,
    nodules,
    scanned,
)
from validate.phantoms.manifest import write_manifest
from validate.phantoms.nodule_network import NoduleNet
from validate.phantoms.stream import stream

SEED, TUNING_SEED = 9_100_001, 9_100_101
PATIENTS, TUNING_PATIENTS = 120, 40
EPOCHS = 40
BOXES, AROUND_NODULES, AROUND_VESSELS = 8, 4, 3  # of a step; the rest lies anywhere
BOX = (12, 18, 18)  # voxels of 3 mm
SPACING = 3.0
WORTH = 12.0  # what the voxels of one nodule weigh together, small or large; a voxel that is none weighs 1
CANDIDATE = 0.3  # voxels from here on make a mark, as in the protocol
FALSE_MARKS = 1.0  # a case, at the operating point


def example(
    number: int, *, seed: int = SEED, fewest: int = 2
) -> tuple[NDArray[np.float32], NDArray[np.int16], tuple[Nodule, ...]]:
    """(input, which nodule each voxel is of, from 1, and the nodules) of one phantom at 3 mm, as the protocol's preprocessing has it."""
    random = stream(seed, "nodules", number)
    there = nodules(random, int(random.integers(fewest, 7)))
    thickness = (1.5, 3.0)[int(random.integers(2))]
    scan = Scan(thickness, float(random.uniform(0, 2.0)), float(random.uniform(10, 40)))
    seen = scanned(chest(random, there), scan, random).astype(np.float32)[None]
    step, size = SPACING / thickness, (round(EXTENT[0] / SPACING), ROWS, COLUMNS)
    voxels = rescaled(seen, size, (step, 1.0, 1.0), method="bilinear", antialias=True)
    of = np.zeros(size, np.int16)
    for place, one in enumerate(there, start=1):
        of[_distance(one.centre, of.shape[0]) < max(one.diameter / 2, 2.2)] = place
    return ((np.clip(voxels, -1000, 200) + 1000) / 1200).astype(np.float32), of, there


def trained(epochs: int = EPOCHS, patients: int = PATIENTS, kept: Path | None = None) -> NoduleNet:
    """The network after training; loss per epoch goes to stderr. kept : where the state lies after each epoch."""
    torch.manual_seed(7)
    data = [_Phantom(volume, of) for volume, of, _ in map(example, range(patients))]
    network = NoduleNet()
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=8e-3, pct_start=0.2, total_steps=epochs * patients)
    random = np.random.default_rng(11)
    state = None if kept is None else Checkpoint(kept, network, optimiser, schedule, random)
    for epoch in range(0 if state is None else state.epochs_done(), epochs):
        total = 0.0
        for place in random.permutation(len(data)):
            volumes, targets, weights = data[place].boxes(random)
            loss = functional.binary_cross_entropy_with_logits(network(volumes), targets, weights)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"epoch {epoch + 1:2d} of {epochs}: loss {total / len(data):.4f}", file=sys.stderr, flush=True)  # noqa: T201
        if state is not None:
            state.keep(epoch + 1)
    network.eval()
    return network


def operating_point(network: NoduleNet, patients: int = TUNING_PATIENTS) -> tuple[float, float]:
    """(threshold, sensitivity there): the lowest that makes at most FALSE_MARKS a case; of thin slices, as the network knows them."""
    found, false, lesions = [], [], 0
    for number in range(patients):
        volume, _, there = example(number, seed=TUNING_SEED, fewest=0)
        with torch.no_grad():
            said = torch.sigmoid(network(torch.from_numpy(volume)[None]))[0, 0].numpy()
        parts, count = ndimage.label(said >= CANDIDATE, np.ones((3, 3, 3)))
        best = np.zeros(len(there))
        lesions += len(there)
        for part in range(1, count + 1):
            score = float(said[parts == part].max())
            middle = (np.argwhere(parts == part).mean(axis=0) - (np.array(said.shape) - 1) / 2) * SPACING
            apart = [float(np.linalg.norm(middle - np.array(one.centre))) - one.diameter / 2 for one in there]
            if not apart or min(apart) > 0:
                false.append(score)
            else:
                best[int(np.argmin(apart))] = max(best[int(np.argmin(apart))], score)
        found += [score for score in best if score]
    allowed = int(FALSE_MARKS * patients)
    threshold = sorted(false, reverse=True)[allowed] if len(false) > allowed else CANDIDATE
    return threshold, sum(score > threshold for score in found) / lesions


class _Phantom:
    """A volume at 3 mm, what its voxels are, and where boxes may be put."""

    def __init__(self, volume: NDArray[np.float32], of: NDArray[np.int16]) -> None:
        self.volume, self.target = volume, (of > 0).astype(np.float32)
        sizes = np.bincount(of.ravel())
        self.weights = np.where(of > 0, np.clip(WORTH / np.maximum(sizes, 1), 0.5, WORTH)[of], 1.0).astype(np.float32)
        self.nodules = [np.argwhere(of == place) for place in range(1, sizes.size) if sizes[place]]
        self.vessels = np.argwhere((volume[0] > 0.4) & _inside_lungs(of.shape[0]) & (of == 0))

    def boxes(self, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(inputs, targets, weights) of boxes around nodules, each as likely, around vessels, and anywhere; mirrored at random."""
        chosen = []
        for number in range(BOXES):
            if number < AROUND_NODULES:
                inside = self.nodules[random.integers(len(self.nodules))]
                middle = inside[random.integers(len(inside))]
            elif number < AROUND_NODULES + AROUND_VESSELS:
                middle = self.vessels[random.integers(len(self.vessels))]
            else:
                middle = random.integers(0, self.target.shape)
            start = [
                int(np.clip(at - size // 2 + random.integers(-4, 5), 0, full - size))
                for at, size, full in zip(middle, BOX, self.target.shape, strict=True)
            ]
            box = tuple(slice(at, at + size) for at, size in zip(start, BOX, strict=True))
            flip = tuple(slice(None, None, -1 if random.random() < 0.5 else 1) for _ in range(3))
            chosen.append(tuple(part[box][flip] for part in (self.volume[0], self.target, self.weights)))
        inputs, targets, weights = (
            torch.from_numpy(np.stack([part[side] for part in chosen]))[:, None] for side in range(3)
        )
        return inputs, targets, weights


def _distance(centre: tuple[float, float, float], slices: int) -> NDArray[np.float32]:
    z, (_, y, x) = _heights(slices), axes()
    return np.asarray(np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2))


def _inside_lungs(slices: int) -> NDArray[np.bool_]:
    """But for their borders."""
    z, (_, y, x) = _heights(slices), axes()
    inside = np.zeros((slices, y.size, x.size), np.bool_)
    for centre in CENTRES:
        inside |= (
            sum(((axis - at) / (reach - 8)) ** 2 for axis, at, reach in zip((z, y, x), centre, AXES, strict=True)) < 1
        )
    return inside


def _heights(slices: int) -> NDArray[np.float32]:
    return ((np.arange(slices) * SPACING + (SPACING - FINE) / 2 - (EXTENT[0] - FINE) / 2)[:, None, None]).astype(
        np.float32
    )


def main() -> None:
    """Make the examples, train, write the model and the folder's manifest, and say the operating point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("sample_data"), help="the sample folder; models/ goes in it")
    folder = parser.parse_args().out
    path, kept = folder / "models" / "nodules.onnx", folder / "models" / "nodules.unfinished"
    torch.set_num_threads(1)  # the order of sums, and so the weights, depend on it
    network = trained(kept=kept)
    threshold, sensitivity = operating_point(network)
    print(f"operating point {threshold:.4f}: {sensitivity:.1%} of nodules of the tuning phantoms")  # noqa: T201
    write_onnx(network, path)
    kept.unlink()
    write_manifest(folder)


if __name__ == "__main__":
    main()
