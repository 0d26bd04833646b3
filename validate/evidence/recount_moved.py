"""Shares of outputs that moved though they must not, and of foreign images that were refused: counted case by case."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validate.evidence.recount_yes_no import Found

Entry = Mapping[str, Any]
METAMORPHIC, GUARD, CLEAN = "metamorphic", "input_guard", "clean"
NOT_MADE = ("rewrite:", "perturb:", "decode:")  # how a failure begins where the other image could not be made
USUAL = {  # how far a score may move and still be the same, where the protocol does not say (docs/robustness.md)
    "repeat": 0.0, "batch_size": 1e-4, "device": 1e-3, "precision": 0.01, "reencoding": 0.0, "transfer_syntax": 0.0, "tag_order": 0.0,
    "padding": 0.05, "flip": 0.05,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """allowed : how far a score may move; None of a check that refuses      mirror : finding → the same of the other side"""

    kind: str
    allowed: float | None
    mirror: Mapping[str, str]


def check_of(one: Entry, protocol: Mapping[str, Any]) -> Check | None:
    """What an estimate checks; None where it is no such share."""
    contrast = one["contrast"] or {}
    kind, name = contrast.get("kind"), str(contrast.get("check"))
    if kind == GUARD:
        return Check(GUARD, None, {})
    if kind != METAMORPHIC:
        return None
    options = options_of(protocol, METAMORPHIC)
    sides = options.get("laterality") or {}
    mirror = {**sides, **{right: left for left, right in sides.items()}} if name == "flip" else {}
    allowed = (options.get("tolerances") or {}).get(name, USUAL.get(name))
    return None if allowed is None else Check(METAMORPHIC, allowed, mirror)


def share(one: Entry, rows: Sequence[Entry], check: Check) -> Found:
    """Of the cases whose other image could be made.    rows : of every model and pass"""
    clean, other = dict[Any, Any](), dict[str, list[Entry]]()
    for row in rows:
        if row["model"] == one["model"] and row["pass"] == CLEAN:
            clean[row["unit"], row["target"]] = row
        elif row["model"] == one["model"] and row["pass"] == one["pass"]:
            other.setdefault(row["unit"], []).append(row)
    hits = of = 0
    for unit, answers in other.items():
        if any(str(row["failure"] or "").startswith(NOT_MADE) for row in answers):
            continue
        of += 1
        given = all(row["status"] == "ok" for row in answers)
        if check.allowed is None:
            hits += not given
            continue
        before = [clean[unit, check.mirror.get(row["target"], row["target"])] for row in answers]
        apart = given != all(row["status"] == "ok" for row in before)
        pairs = [(a["score"], b["score"]) for a, b in zip(answers, before, strict=True)]
        hits += apart or any(abs(a - b) > check.allowed for a, b in pairs if a is not None and b is not None)
    return Found(hits / of if of else math.nan, hits, of)


def options_of(protocol: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Of an analysis, as the protocol writes it: {name: options}, or {name: …, options: …} where it is resolved."""
    for one in protocol.get("analyses") or ():
        if isinstance(one, Mapping) and kind in one:
            return one[kind] or {}
        if isinstance(one, Mapping) and one.get("name") == kind:
            return one.get("options") or {}
    return {}
