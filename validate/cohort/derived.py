"""Acquisition groups that are made of what headers say: kVp band, kernel class, slice-thickness band, field strength, site.

Each is an attribute that a protocol may name without declaring it; none is made unless it is named, so that a cohort's digest
speaks of what its protocol asks. A value between or outside of what a table knows is missing, never put into the nearest group.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from validate.cohort.candidate import Candidate
from validate.cohort.case import AttributeValue
from validate.cohort.privacy import pseudonym
from validate.protocol.acquisition import DERIVED_ATTRIBUTES
from validate.protocol.schema import StudyProtocol

KERNELS = Path(__file__).with_name("kernels.csv")
KVP = (
    (0, 35, "under 35 kV"),
    (35, 75, "35–74 kV"),
    (75, 95, "75–94 kV"),
    (95, 115, "95–114 kV"),
    (115, 151, "115–150 kV"),
)
THICKNESS = (
    (0, 1.01, "up to 1 mm"),
    (1.01, 2.51, "over 1 to 2.5 mm"),
    (2.51, 5.01, "over 2.5 to 5 mm"),
    (5.01, 100, "over 5 mm"),
)
FIELDS = (
    *((0.01, 0.9, "under 1 T"), (0.9, 1.3, "1 T"), (1.3, 1.7, "1.5 T"), (1.7, 2.7, "over 1.5 T, under 3 T")),
    *((2.7, 3.3, "3 T"), (3.3, 22, "over 3 T")),
)
Bands = tuple[tuple[float, float, str], ...]


def kvp_band(attributes: Mapping[str, AttributeValue]) -> str | None:
    """The tube voltage, in bands that keep mammography, extremities, low-dose and standard protocols apart."""
    return _banded(attributes.get("kvp"), KVP)


def slice_thickness_band(attributes: Mapping[str, AttributeValue]) -> str | None:
    """The slice thickness, in bands that readers and detectors of small lesions tell apart."""
    return _banded(attributes.get("slice_thickness"), THICKNESS)


def field_strength_class(attributes: Mapping[str, AttributeValue]) -> str | None:
    """The nominal field: 1.494 T is 1.5 T. A value in gauss, as some headers have it, is read as such."""
    value = attributes.get("field_strength")
    if isinstance(value, float) and 1000 <= value <= 70_000:
        value /= 10_000
    return _banded(value, FIELDS)


def kernel_class(attributes: Mapping[str, AttributeValue]) -> str | None:
    """Smooth, standard or sharp, by the maker's own scale of reconstruction kernels; None for one that is not known."""
    kernel, maker = attributes.get("kernel"), attributes.get("manufacturer")
    if not isinstance(kernel, str):
        return None
    for known, pattern, name in _kernels():
        if known == maker and pattern.fullmatch(kernel.strip()):
            return name
    return None


DERIVED: Mapping[str, Callable[[Mapping[str, AttributeValue]], str | None]] = {
    "kvp_band": kvp_band,
    "kernel_class": kernel_class,
    "slice_thickness_band": slice_thickness_band,
    "field_strength_class": field_strength_class,
}
INSTITUTION = "institution"  # InstitutionName under its keyed pseudonym: which site, where no table says so


def named_in(protocol: StudyProtocol) -> frozenset[str]:
    """Which of them a protocol names anywhere and does not declare itself."""
    text = protocol.model_dump_json()
    return frozenset(name for name in DERIVED_ATTRIBUTES - protocol.cohort.attributes.keys() if f'"{name}"' in text)


def with_derived(candidates: Sequence[Candidate], names: frozenset[str], site_key: bytes) -> list[Candidate]:
    """The same images with these attributes besides."""
    if not names:
        return list(candidates)
    return [c if c.reason is not None else replace(c, attributes=_added(c, names, site_key)) for c in candidates]


def _added(candidate: Candidate, names: frozenset[str], site_key: bytes) -> dict[str, AttributeValue]:
    values = dict(candidate.attributes)
    values |= {name: make(candidate.attributes) for name, make in DERIVED.items() if name in names}
    if INSTITUTION in names:
        name = candidate.keys.get(INSTITUTION)
        values[INSTITUTION] = pseudonym(site_key, INSTITUTION, name) if name else None
    return values


@cache
def _kernels() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    with KERNELS.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        return tuple((row["manufacturer"], re.compile(row["pattern"], re.IGNORECASE), row["class"]) for row in rows)


def _banded(value: AttributeValue, bands: Bands) -> str | None:
    if not isinstance(value, int | float):
        return None
    return next((name for low, high, name in bands if low < value < high or value == low > 0), None)
