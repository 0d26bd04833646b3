"""What an index holds, as counts: the answer of `validate index`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from validate.cohort.identifiers import BURNED_IN, PRIVATE, identifying
from validate.cohort.index import Candidate
from validate.cohort.select import defects

SHOWN = (
    *("modality", "manufacturer", "manufacturer_raw", "model", "software", "detector", "view_position", "body_part"),
    *("laterality", "sex", "age", "photometric", "bits_stored", "rows", "columns", "pixel_spacing", "kvp", "kernel"),
    *("slice_thickness", "field_strength", "presentation_intent", "transfer_syntax", "synthetic"),
)
MOST_LEVELS = 12
KINDS = ("person", "date", "institution", "device", "uid", "text")


def index_summary(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """Counts only, no identifier's value. JSON:

    {"files": N, "images", "studies", "patients", "attributes": {name: {level: images}}, "missing": {name: {reason: images}},
    "not_images": {reason: files}, "defects": {reason: images}, "identifiers": {kind: {keyword: images}}}
    """
    images = [candidate for candidate in candidates if candidate.reason is None]
    return {
        "files": len(candidates),
        "images": len(images),
        "studies": len({image.keys["study_instance_uid"] for image in images}),
        "patients": len({image.keys["patient_id"] for image in images}),
        "attributes": {name: _levels([image.attributes.get(name) for image in images]) for name in SHOWN},
        "missing": _missing([image.missing for image in images]),
        "not_images": dict(Counter(c.reason for c in candidates if c.reason is not None).most_common()),
        "defects": _defects(candidates),
        "identifiers": _identifiers(images),
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


def _missing(reasons: Sequence[Mapping[str, str]]) -> dict[str, dict[str, int]]:
    """Why a shown attribute is missing, where it is."""
    counts = {name: Counter(found[name] for found in reasons if name in found) for name in SHOWN}
    return {name: dict(counter.most_common()) for name, counter in counts.items() if counter}


def _defects(candidates: Sequence[Candidate]) -> dict[str, int]:
    """Images that no protocol lets in, and those whose pixels will not be read."""
    kept_out = Counter(code for at, (code, _) in defects(candidates).items() if candidates[at].reason is None)
    unreadable = Counter(candidate.defect for candidate in candidates if candidate.defect is not None)
    return dict((kept_out + unreadable).most_common())


def _identifiers(images: Sequence[Candidate]) -> dict[str, dict[str, int]]:
    """In how many images an identifying element is filled, by what it identifies (PS3.15 Annex E)."""
    counts = Counter(keyword for image in images for keyword in image.identifiers)
    kinds = {**identifying(), PRIVATE: "text", BURNED_IN: "text"}
    found = {kind: {word: n for word, n in counts.most_common() if kinds[word] == kind} for kind in KINDS}
    return {kind: words for kind, words in found.items() if words}
