"""Lesion sensitivity of one size of lesions: size_1 is the smallest band of `segmentation.lesions.size_limits`, size_2 the next."""

from __future__ import annotations

from validate.metrics.segmentation.lesion_share import lesion_share
from validate.protocol.segmentation import MOST_BANDS

METRICS = {
    f"size_{band}": lesion_share(
        f"Lesion sensitivity, size {band}", f"of the lesions in band {band} of sizes in the reference", f"_{band}"
    )
    for band in range(1, MOST_BANDS + 1)
}
