"""What a protocol says about identifiers and burned-in text: allowed, warned of, excluded file by file, or the run refused.

Nothing that is found here is ever quoted: keywords and counts only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from validate.cohort.identifiers import BURNED_IN, NAMED, PRIVATE, identifying
from validate.cohort.index import Candidate
from validate.cohort.select import Reasons
from validate.errors import DataError
from validate.imaging.burned_in import text_lines
from validate.imaging.dicom import read_image
from validate.imaging.failure import DecodeFailure
from validate.imaging.in_time import decoded_in_time
from validate.imaging.overlay import read_overlays
from validate.protocol.cohort import Privacy

SIGNS = {PRIVATE: "private", NAMED: "free_text"}
DETAILS = {
    "privacy:identifiers": "The header holds identifiers, which the protocol keeps out.",
    "privacy:burned_in": "Text seems to be burned into the pixels, which the protocol keeps out.",
}
LABELS = {"privacy:identifiers": "identifiers in the header", "privacy:burned_in": "burned-in text"}


@dataclass(frozen=True, slots=True)
class PrivacyCheck:
    """excluded : further reasons    notes : counts for the flow's notes    warnings : lines for the user"""

    excluded: Reasons
    notes: Mapping[str, Any]
    warnings: tuple[str, ...]


def checked_privacy(candidates: Sequence[Candidate], gone: Reasons, rules: Privacy) -> PrivacyCheck:
    """Of every image that is still in. Raises DataError, with counts, where the protocol refuses what is found."""
    named: Counter[str] = Counter()
    found: dict[str, list[int]] = {code: [] for code in DETAILS}
    unread = 0
    for at, candidate in enumerate(candidates):
        if at in gone:
            continue
        identifiers = _counted(candidate, rules)
        if identifiers and rules.identifiers != "allow":
            named.update(identifiers)
            found["privacy:identifiers"].append(at)
        if rules.burned_in != "allow":
            burned = BURNED_IN in candidate.identifiers or (_in_pixels(candidate) if rules.pixels else False)
            unread += burned is None
            if burned:
                found["privacy:burned_in"].append(at)
    levels = {"privacy:identifiers": rules.identifiers, "privacy:burned_in": rules.burned_in}
    refused = [
        f"{LABELS[code]} in {len(places)}" for code, places in found.items() if places and levels[code] == "refuse"
    ]
    total = len(candidates) - len(gone)
    if refused:
        most = f" Most often: {', '.join(word for word, _ in named.most_common(5))}." if named else ""
        raise DataError(
            f"cohort.privacy refuses this data: {' and '.join(refused)} of {total:,} images.{most} De-identify it, allow what "
            "may be there (privacy.allowed), or exclude the files (privacy: exclude)."
        )
    excluded = {
        at: (code, DETAILS[code]) for code in reversed(DETAILS) for at in found[code] if levels[code] == "exclude"
    }
    warned = [(code, places) for code, places in found.items() if places and levels[code] == "warn"]
    notes = {
        "images": total,
        **{code.removeprefix("privacy:"): len(places) for code, places in found.items()},
        "elements": dict(sorted(named.items())),
        "pixels_not_read": unread,
    }
    return PrivacyCheck(excluded, notes, tuple(_warnings(warned, named, total)))


def _counted(candidate: Candidate, rules: Privacy) -> list[str]:
    """What of a header counts by these rules: identifying elements of these kinds, and signs."""
    kinds = {**identifying(), **SIGNS}
    return sorted(word for word in candidate.identifiers if kinds.get(word) in rules.of and word not in rules.allowed)


def _in_pixels(candidate: Candidate) -> bool | None:
    """Whether the pixels or the overlays on them seem to hold text along their borders; None where they can't be read, which
    inference will say."""
    try:
        volume = decoded_in_time(partial(read_image, candidate.path))
        planes = read_overlays(candidate.path) if volume.source["overlays"] else ()
    except DecodeFailure:
        return None
    return any(
        text_lines(frames[at])
        for frames in (volume.voxels, *(plane.drawn for plane in planes))
        for at in sorted({0, len(frames) // 2, len(frames) - 1})
    )


def _warnings(warned: Sequence[tuple[str, Sequence[int]]], named: Counter[str], total: int) -> Iterator[str]:
    for code, places in warned:
        most = f": {', '.join(word for word, _ in named.most_common(5))}" if code == "privacy:identifiers" else ""
        yield f"{LABELS[code]} in {len(places):,} of {total:,} images{most}. They are read here and stay here."
