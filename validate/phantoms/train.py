"""Train OpacityNet on phantoms of other seeds than the sample's: `python -m validate.phantoms.train`.

Deterministic on one kind of machine; on another the weights differ in their last bits, so tests look at scores.
The network meets every make in good order. Poor order, as in the sample, it has never seen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from validate.imaging.dicom import read_image
from validate.imaging.preprocess import apply
from validate.phantoms import dicom_writer
from validate.phantoms.export import write_models
from validate.phantoms.manifest import write_manifest
from validate.phantoms.network import OpacityNet
from validate.phantoms.population import population
from validate.phantoms.sample import exposed, header

TRAINING_SEEDS = tuple(range(9_000_001, 9_000_013))
TUNING_SEEDS = (9_000_101, 9_000_102)
PATIENTS_PER_SEED = 280
EPOCHS = 20
BATCH = 48
MISS_COUNTS_AS = 1.5  # false alarms
TUNED_SPECIFICITY = 0.98
PREPROCESS = (
    {"window": {"source": "voi_lut", "index": 0}},
    {"resize": {"size": [128, 128], "method": "bilinear", "antialias": True}},
    {"scale": {"to": [0.0, 1.0]}},
)


@dataclass(frozen=True, slots=True)
class Examples:
    """images : (n, 1, 128, 128) float32 in [0, 1]    labels : (n,) float32, 1 where there is an opacity"""

    images: NDArray[np.float32]
    labels: NDArray[np.float32]


def examples(seed: int, patients: int = PATIENTS_PER_SEED) -> Examples:
    """Phantoms in good order, through a DICOM file and the preprocessing that a protocol asks for."""
    images, labels = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.dcm")
        for shot in population(seed, patients):
            scanner, exposure = exposed(shot, seed, weak=False)
            dicom_writer.write(path, header(shot, seed), scanner, exposure)
            images.append(apply(read_image(path), PREPROCESS))
            labels.append(float(shot.label or 0))
    return Examples(np.stack(images), np.array(labels, dtype=np.float32))


def trained(data: Examples, *, epochs: int = EPOCHS, seed: int = 7) -> OpacityNet:
    """The network after training; loss per epoch goes to stderr."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    network = OpacityNet()
    network.to(memory_format=torch.channels_last).train()
    images = torch.from_numpy(data.images).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(data.labels)[:, None]
    steps = len(images) // BATCH
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, pct_start=0.15, total_steps=epochs * steps)
    loss_function = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(MISS_COUNTS_AS))
    for epoch in range(epochs):
        order, total = torch.randperm(len(images)), 0.0
        for step in range(steps):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            loss = loss_function(network(_varied(images[chosen])), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"epoch {epoch + 1:2d} of {epochs}: loss {total / steps:.4f}", file=sys.stderr, flush=True)  # noqa: T201
    network.eval()
    return network


def tuned(network: OpacityNet, data: Examples, *, specificity: float = TUNED_SPECIFICITY) -> OpacityNet:
    """Shift the output so that a probability of 0.5 has this specificity on phantoms not trained on."""
    with torch.no_grad():
        negatives = torch.cat([network(images) for images in torch.from_numpy(data.images).split(BATCH)])
        negatives = negatives[torch.from_numpy(data.labels) == 0, 0]
        network.head.bias -= torch.quantile(negatives, specificity)
    return network


def _varied(images: Tensor) -> Tensor:
    """The batch mirrored or not and moved by up to six pixels; tone, contrast, sharpness and noise vary by image.

    So what an unfamiliar scanner shows less of is missed, and does not raise false alarms.
    """
    if float(torch.rand(())) < 0.5:
        images = images.flip(3)
    down, right = (int(n) for n in torch.randint(-6, 7, (2,)))
    images = images.roll((down, right), dims=(2, 3)).clamp(1e-3, 1.0)
    each = (len(images), 1, 1, 1)
    soft = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), kernel_size=3, stride=1)
    images = torch.lerp(images, soft, torch.rand(each))
    images = images ** torch.exp(0.7 * torch.rand(each) - 0.35)
    images = 0.5 + (images - 0.5) * (0.7 + 0.4 * torch.rand(each)) + 0.2 * torch.rand(each) - 0.1
    return (images + 0.05 * torch.rand(each) * torch.randn_like(images)).clamp(0.0, 1.0)


def main() -> None:
    """Make the examples, train, and write the models and the folder's manifest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("sample_data"), help="the sample folder; models/ goes in it")
    folder = parser.parse_args().out
    torch.set_num_threads(1)  # the order of sums, and so the weights, depend on it
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        training = _joined(list(pool.map(examples, TRAINING_SEEDS)))
        tuning = _joined(list(pool.map(examples, TUNING_SEEDS)))
    write_models(tuned(trained(training), tuning), folder / "models")
    write_manifest(folder)


def _joined(parts: list[Examples]) -> Examples:
    return Examples(np.concatenate([p.images for p in parts]), np.concatenate([p.labels for p in parts]))


if __name__ == "__main__":
    main()
