"""What an index holds, as counts: the answer of `validate index`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from validate.cohort.index import Candidate

SHOWN = (
    *("modality", "manufacturer", "manufacturer_raw", "model", "software", "view_position", "body_part", "sex", "age"),
    *("photometric", "bits_stored", "kvp", "slice_thickness", "field_strength", "transfer_syntax"),
)
MOST_LEVELS = 12


def index_summary(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """{"files": N, "images", "studies", "patients", "attributes", "not_images", "identifiers"}; no identifier's value."""
    images = [candidate for candidate in candidates if candidate.reason is None]
    return {
        "files": len(candidates),
        "images": len(images),
        "studies": len({image.keys["study_instance_uid"] for image in images}),
        "patients": len({image.keys["patient_id"] for image in images}),
        "attributes": {name: _levels([image.attributes.get(name) for image in images]) for name in SHOWN},
        "not_images": dict(Counter(c.reason for c in candidates if c.reason is not None).most_common()),
        "identifiers": dict(Counter(name for image in images for name in image.keys if name != "file_name")),
    }


def _levels(values: Sequence[object]) -> dict[str, int]:
    """Counts by level, the most frequent first; a measurement as its range."""
    numbers = [value for value in values if isinstance(value, int | float)]
    missing = sum(value is None for value in values)
    if len(set(numbers)) > MOST_LEVELS:
        counts = {f"{min(numbers):g} to {max(numbers):g}": len(numbers)}
    else:
        texts = (f"{v:g}" if isinstance(v, int | float) else str(v) for v in values if v is not None)
        most = Counter(texts).most_common()
        counts = dict(most[:MOST_LEVELS])
        if len(most) > MOST_LEVELS:
            counts["others"] = sum(count for _, count in most[MOST_LEVELS:])
    return counts | ({"missing": missing} if missing else {})
