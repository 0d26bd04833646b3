"""Case specificity: cases without a lesion in which nothing is marked at or above the threshold."""

from __future__ import annotations

from validate.metrics.detection.flagged_cases import share_of_cases

METRIC = share_of_cases(
    "Case specificity",
    "normal",
    "Of the cases without a lesion, the share in which nothing is marked at or above the threshold.",
)
