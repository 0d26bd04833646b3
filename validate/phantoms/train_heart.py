"""Train the segmenter of the sample study on hearts that the study has never seen, on three of its four makes of scanner.

    python -m validate.phantoms.train_heart --out sample_data
    python -m validate.phantoms.train_heart --out sample_data --go-on 24     # so many epochs more, from the weights that lie there

The model that is kept was made by the first line and then by the second, in five minutes of one core. The
fourth make receives unevenly and shows little contrast: there it is weaker.
Weights differ in their bytes by CPU; what a test holds are scores.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from validate.phantoms.cardiac import labels, picture
from validate.phantoms.cardiac_sample import COILS, SPACINGS, WEAK, people
from validate.phantoms.export_volumes import read_weights, write_onnx
from validate.phantoms.heart_network import HeartNet
from validate.phantoms.manifest import write_manifest
from validate.phantoms.stream import stream

SEED = 9_200_001
PATIENTS = 32
EPOCHS = 5
SLICES_AT_ONCE = 4  # when it goes on: more steps in the same time


def examples(patients: int = PATIENTS) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """(standardised volume, labels) of both phases of each heart."""
    makes, found = [make for make in COILS if make != WEAK], []
    for number, person in enumerate(people(SEED, patients)):
        make = makes[number % len(makes)]
        for phase, heart in (("ED", person.heart), ("ES", person.heart.beating(person.ejected))):
            truth = labels(heart, SPACINGS[make])
            random = stream(SEED, "training picture", number, phase)
            coil = replace(COILS[make], noise=COILS[make].noise * float(random.uniform(0.7, 1.4)))
            seen = picture(truth, coil, random).astype(np.float32)
            found.append(((seen - seen.mean()) / seen.std(), truth.astype(np.int64)))
    return found


def trained(epochs: int = EPOCHS, patients: int = PATIENTS, start: Path | None = None) -> HeartNet:
    """The network after training, from nothing or from the weights of a file; loss per epoch goes to stderr."""
    torch.manual_seed(7)
    data = examples(patients)
    network = HeartNet()
    if start is not None:
        read_weights(network, start)
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-4)
    steps = epochs * len(data)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=4e-3 if start is None else 2e-3, pct_start=0.2, total_steps=steps
    )
    loss_function = nn.CrossEntropyLoss()
    random = np.random.default_rng(11)
    for epoch in range(epochs):
        total = 0.0
        for place in random.permutation(len(data)):
            volume, truth = data[place]
            flip: tuple[slice | NDArray[np.int64], ...] = (
                slice(None, None, -1 if random.random() < 0.5 else 1),
                slice(None),
            )
            if start is not None:
                flip = (random.choice(len(truth), SLICES_AT_ONCE, replace=False), slice(None))
            loss = loss_function(
                network(torch.from_numpy(volume[flip].copy())[None, None]), torch.from_numpy(truth[flip].copy())[None]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"epoch {epoch + 1:2d} of {epochs}: loss {total / len(data):.4f}", file=sys.stderr, flush=True)  # noqa: T201
    network.eval()
    return network


def main() -> None:
    """Make the examples, train, and write the model and the folder's manifest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("sample_data"), help="the sample folder; models/ goes in it")
    parser.add_argument(
        "--go-on", type=int, default=0, help="epochs more, from the weights that lie there; 0 begins anew"
    )
    options = parser.parse_args()
    folder, path = options.out, options.out / "models" / "heart.onnx"
    torch.set_num_threads(1)  # the order of sums, and so the weights, depend on it
    write_onnx(trained(options.go_on, start=path) if options.go_on else trained(), path)
    write_manifest(folder)


if __name__ == "__main__":
    main()
