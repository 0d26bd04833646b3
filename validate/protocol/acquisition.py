"""Attributes of the acquisition that a protocol may name without declaring them (cohort.derived makes them)."""

from __future__ import annotations

DERIVED_ATTRIBUTES = frozenset(
    {"kvp_band", "kernel_class", "slice_thickness_band", "field_strength_class", "institution"}
)
