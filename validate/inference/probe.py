"""The batch size of a model on this device: measured once, on the study's own first image, and then kept."""

from __future__ import annotations

import time

from validate.cohort.case import Case
from validate.errors import ValidateError
from validate.inference.batching import Image, batch_of
from validate.models.adapter import Batch, LoadedModel

SIZES = (1, 2, 4, 8, 16, 32, 64)
UNKNOWN = 8  # where nothing could be measured
LARGEST_BYTES = 256 << 20
SECONDS = 2.0  # about what the probe may take
GOOD_ENOUGH = 1.05  # the smallest size within 5% of the fastest: less memory, and less lost if a batch fails


def probed_batch_size(model: LoadedModel, case: Case, image: Image, *, at_most: int) -> tuple[int, dict[int, float]]:
    """The size to use, and milliseconds per case by size tried. `case` and `image` are one of the study's."""
    if model.fixed_batch is not None:
        return model.fixed_batch, {}
    spent, measured = 0.0, dict[int, float]()
    for size in SIZES:
        if measured and (size > at_most or size * image.nbytes > LARGEST_BYTES or spent > SECONDS):
            break
        batch = batch_of((case,) * size, (image,) * size)
        try:
            durations = [_seconds(model, batch) for _ in range(3)]
        except ValidateError:
            raise
        except Exception:  # noqa: BLE001 - the run will meet it again and say which case it is
            break
        spent += sum(durations)
        measured[size] = 1000 * min(durations) / size
    if not measured:
        return UNKNOWN, {}
    fastest = min(measured.values())
    return next(size for size, each in measured.items() if each <= GOOD_ENOUGH * fastest), measured


def _seconds(model: LoadedModel, batch: Batch) -> float:
    start = time.perf_counter()
    model.predict(batch)
    return time.perf_counter() - start
