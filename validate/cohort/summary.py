"""What an index holds, as counts: the answer of `validate index`. Candidates are added one by one and not kept."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.cohort.case import AttributeValue
from validate.cohort.derived import DERIVED
from validate.cohort.identifiers import SIGNS, identifying
from validate.cohort.index import Candidate
from validate.cohort.strata import StrataCounts, confounding, proposed

SHOWN = (
    *("modality", "manufacturer", "manufacturer_raw", "model", "model_raw", "software", "origin", "detector"),
    *("view_position", "body_part", "laterality", "sex", "age", "photometric", "bits_stored", "rows", "columns"),
    *("pixel_spacing", "kvp", "kvp_band", "kernel", "kernel_class", "slice_thickness", "slice_thickness_band"),
    *("field_strength", "field_strength_class", "presentation_intent", "transfer_syntax", "synthetic"),
)
MOST_LEVELS = 12
MOST_KEPT = 10_000  # different values of one attribute that are told apart; headers may hold anything
KINDS = ("person", "date", "institution", "device", "uid", "text", "characteristic")
SiteName = Callable[[str], str]


@dataclass(slots=True)
class _Levels:
    """Values of one attribute."""

    counts: Counter[AttributeValue] = field(default_factory=Counter)
    beyond: int = 0
    lowest: float = float("inf")
    highest: float = float("-inf")

    def add(self, value: AttributeValue) -> None:
        if isinstance(value, int | float):
            self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)
        if value in self.counts or len(self.counts) < MOST_KEPT:
            self.counts[value] += 1
        else:
            self.beyond += 1

    def shown(self) -> dict[str, int]:
        """Counts by level, the most frequent first; a measurement as its range."""
        counts = Counter(self.counts)
        missing = counts.pop(None, 0)
        numbers = {value: count for value, count in counts.items() if isinstance(value, int | float)}
        if len(numbers) > MOST_LEVELS:
            shown = {f"{self.lowest:g} to {self.highest:g}": sum(counts.values()) + self.beyond}
        else:
            texts: Counter[str] = Counter()
            for value, count in counts.items():
                texts[f"{value:g}" if isinstance(value, int | float) else str(value)] += count
            most = texts.most_common()
            shown = dict(most[:MOST_LEVELS])
            if (others := sum(count for _, count in most[MOST_LEVELS:]) + self.beyond) > 0:
                shown["others"] = others
        return shown | ({"missing": missing} if missing else {})


class IndexSummary:
    """Add every candidate, then ask for the document. Three numbers of eight bytes are kept for each image, and no text."""

    def __init__(self, *, site_name: SiteName | None = None) -> None:
        """site_name : what an institution may be called where it is shown; institutions are not told apart without it"""
        self._site_name = site_name
        self._files = 0
        self._levels = {name: _Levels() for name in SHOWN}
        self._missing: dict[str, Counter[str]] = defaultdict(Counter)
        self._reasons: Counter[str] = Counter()
        self._defects: Counter[str] = Counter()
        self._identifiers: Counter[str] = Counter()
        self._sites: Counter[str | None] = Counter()
        self._strata = StrataCounts()
        self._places, self._patients, self._studies, self._instances = array("Q"), array("Q"), array("Q"), array("Q")

    def add(self, candidate: Candidate) -> None:
        """The next file."""
        place, self._files = self._files, self._files + 1
        if candidate.reason is not None:
            self._reasons[candidate.reason] += 1
            return
        values = {**candidate.attributes, **{name: make(candidate.attributes) for name, make in DERIVED.items()}}
        for name, levels in self._levels.items():
            levels.add(values.get(name))
        for name, reason in candidate.missing.items():
            self._missing[name][reason] += 1
        if candidate.defect is not None:
            self._defects[candidate.defect] += 1
        self._identifiers.update(candidate.identifiers)
        institution = candidate.keys.get("institution")
        site = self._site_name(institution) if institution and self._site_name else None
        if site in self._sites or len(self._sites) < MOST_KEPT:
            self._sites[site] += 1
        self._strata.add(candidate.attributes, site)
        self._places.append(place)
        for kept, key in (
            (self._patients, "patient_id"),
            (self._studies, "study_instance_uid"),
            (self._instances, "sop_instance_uid"),
        ):
            kept.append(_number(candidate.keys[key]))

    def copies(self) -> list[int]:
        """Places (in the order of adding, from 0) of the images whose instance is there more than once."""
        instances = np.array(self._instances, dtype=np.uint64)
        keep = ~self._conflicting()
        values, counts = np.unique(instances[keep], return_counts=True)
        again = keep & np.isin(instances, values[counts > 1])
        return [int(place) for place in np.array(self._places, dtype=np.uint64)[again]]

    def document(self, digests: Mapping[int, str | None]) -> dict[str, Any]:
        """Counts only, no identifier's value. digests : SHA-256 by place, of what `copies` named. JSON:

        {"files": N, "images", "studies", "patients", "attributes": {name: {level: images}}, "sites": {name: images},
        "missing": {name: {reason: images}}, "not_images": {reason: files}, "defects": {reason: images},
        "identifiers": {kind: {keyword: images}}, "strata": [...], "confounding": {...}} (the last two: strata.py)
        """
        return {
            "files": self._files,
            "images": len(self._places),
            "studies": len(set(self._studies)),
            "patients": len(set(self._patients)),
            "attributes": {name: levels.shown() for name, levels in self._levels.items()},
            "sites": {site or "missing": count for site, count in self._sites.most_common(MOST_LEVELS * 2)},
            "missing": {name: dict(self._missing[name].most_common()) for name in SHOWN if name in self._missing},
            "not_images": dict(self._reasons.most_common()),
            "defects": dict((self._defects + self._kept_out(digests)).most_common()),
            "identifiers": self._found(),
            "strata": proposed(self._strata),
            "confounding": confounding(self._strata),
        }

    def _conflicting(self) -> NDArray[np.bool_]:
        """Images of studies that are filed under more than one patient."""
        studies, patients = np.array(self._studies, dtype=np.uint64), np.array(self._patients, dtype=np.uint64)
        pairs = (
            np.unique(np.stack([studies, patients], axis=1), axis=0) if len(studies) else np.empty((0, 2), np.uint64)
        )
        values, counts = np.unique(pairs[:, 0], return_counts=True)
        return np.isin(studies, values[counts > 1])

    def _kept_out(self, digests: Mapping[int, str | None]) -> Counter[str]:
        """What no protocol lets in (select.defects)."""
        instance_at = dict(zip(self._places, self._instances, strict=True))
        groups: dict[int, list[str | None]] = defaultdict(list)
        for place in self.copies():
            groups[instance_at[place]].append(digests.get(place))
        counts = Counter({"conflicting_patient": int(self._conflicting().sum())})
        for members in groups.values():
            differ = len(set(members)) > 1
            counts["conflicting_duplicate" if differ else "duplicate_sop_instance"] += len(members) - (not differ)
        return Counter({reason: count for reason, count in counts.items() if count})

    def _found(self) -> dict[str, dict[str, int]]:
        """In how many images an identifying element is filled, by what it identifies (PS3.15 Annex E)."""
        kinds = {**identifying(), **dict.fromkeys(SIGNS, "text")}
        most = self._identifiers.most_common()
        found = {kind: {word: count for word, count in most if kinds[word] == kind} for kind in KINDS}
        return {kind: words for kind, words in found.items() if words}


def index_summary(candidates: Iterable[Candidate], *, site_name: SiteName | None = None) -> dict[str, Any]:
    """The document of candidates with their digests (IndexSummary.document)."""
    summary, digests = IndexSummary(site_name=site_name), {}
    for place, candidate in enumerate(candidates):
        summary.add(candidate)
        digests[place] = candidate.digest
    return summary.document(digests)


def _number(identifier: str) -> int:
    return int.from_bytes(hashlib.blake2b(identifier.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big")
