"""False marks per case at the operating point, over all cases."""

from __future__ import annotations

import numpy as np

from validate.metrics.detection.per_case import false_marks

METRIC = false_marks(
    "case",
    lambda rows: np.ones(len(rows), np.bool_),
    "How many marks at or above the threshold hit no lesion, for each case that is read.",
)
