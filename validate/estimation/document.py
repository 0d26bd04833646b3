"""Estimates as estimates.json and back (contracts.md). What an estimate rests on and how sure it is, never NaN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from validate.canonical import canonical_json
from validate.errors import EvidenceError
from validate.estimation.estimate import Estimate, HypothesisTest, Interval

SCHEMA_VERSION = "1"
RENAMED = {"pass_id": "pass"}  # attribute → key; "pass" is a word of Python


def to_document(estimates: Iterable[Estimate]) -> dict[str, Any]:
    """The document that is stored. Raises ValueError for NaN or infinity, naming the estimate."""
    entries = []
    for estimate in estimates:
        entry = _entry(estimate)
        try:
            canonical_json(entry)
        except ValueError as error:
            raise ValueError(f"estimate {estimate.id} holds a number that is not finite: {entry}") from error
        entries.append(entry)
    return {"schema_version": SCHEMA_VERSION, "estimates": entries}


def from_document(document: Mapping[str, Any]) -> tuple[Estimate, ...]:
    """The estimates of a stored document. Raises EvidenceError where it is not one."""
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise EvidenceError(f"estimates.json: schema_version is {version!r}; this version reads '{SCHEMA_VERSION}'.")
    try:
        return tuple(_estimate(entry) for entry in document["estimates"])
    except (KeyError, TypeError) as error:
        raise EvidenceError(f"estimates.json: an entry does not have the layout of version 1: {error}.") from error


def _entry(estimate: Estimate) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for field in fields(Estimate):
        value = getattr(estimate, field.name)
        if isinstance(value, Interval):
            value = {part.name: getattr(value, part.name) for part in fields(Interval)}
        elif isinstance(value, HypothesisTest):
            value = {part.name: getattr(value, part.name) for part in fields(HypothesisTest)}
        elif isinstance(value, Mapping):
            value = dict(value)
        elif isinstance(value, tuple):
            value = list(value)
        entry[RENAMED.get(field.name, field.name)] = value
    return entry


def _estimate(entry: Mapping[str, Any]) -> Estimate:
    named = {key: name for name, key in RENAMED.items()}
    values = {named.get(key, key): value for key, value in entry.items()}
    interval = values["interval"]
    return Estimate(
        **{
            **values,
            "interval": None if interval is None else Interval(**interval),
            "test": HypothesisTest(**values["test"]) if values.get("test") else None,
            "flags": tuple(values.get("flags", ())),
        }
    )
