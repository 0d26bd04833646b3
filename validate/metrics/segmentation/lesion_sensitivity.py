"""Lesion sensitivity: of all lesions of all cases, the share that is found."""

from __future__ import annotations

from validate.metrics.segmentation.lesion_share import lesion_share

METRIC = lesion_share("Lesion sensitivity", "of all lesions in the reference", "")
