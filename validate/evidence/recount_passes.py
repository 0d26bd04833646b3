"""What is said of disturbed, repeated and foreign images, once more by the textbook: drops, areas under them, and shares of cases.

The measures themselves are counted where all others are; here it is read which passes belong together, and how.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from validate.evidence.recount_yes_no import Found

Estimate = Mapping[str, Any]
Count = Callable[[Estimate], Found | None]
CLEAN = "clean"
OF_A_PASS = {"severity", "severities"}  # conditions that say which pass, and nothing about the measure
# Of measures where less is better a drop is disturbed less clean, so that it is positive where the model gets worse.
LESS_IS_BETTER = {
    "classification.brier",
    "classification.ece",
    "ordinal.off_by_more",
    "ordinal.overgraded",
    "ordinal.undergraded",
}
NOT_MADE = ("rewrite:", "perturb:", "decode:")  # how a failure begins where the other image could not be made
USUAL = {  # how far a score may move and still be the same, where the protocol does not say (docs/robustness.md)
    "repeat": 0.0, "batch_size": 1e-4, "device": 1e-3, "precision": 0.01, "reencoding": 0.0, "transfer_syntax": 0.0, "tag_order": 0.0,
    "padding": 0.05, "flip": 0.05,
}  # fmt: skip


def of_passes(
    estimates: Sequence[Estimate],
    rows: Sequence[Mapping[str, Any]],
    protocol: Mapping[str, Any],
    *,
    count: Count,
    less_is_better: Callable[[str], bool],
    accepted: Sequence[Estimate] = (),
) -> Iterator[tuple[int, Found]]:
    """Estimates by their place, with what was counted.

    count : of a plain estimate      less_is_better : of a measure of masks      accepted : the estimates of an earlier run
    """
    before = {(one["endpoint"], one["model"], one["metric"]): one["value"] for one in accepted}
    passes = {str(row["pass"]) for row in rows}
    for index, one in enumerate(estimates):
        kind = (one["contrast"] or {}).get("kind")
        if one["status"] != "ok":
            continue
        found: Found | None = None
        if kind == "drop":
            sign = -1 if one["metric"] in LESS_IS_BETTER or less_is_better(str(one["metric"])) else 1
            found = _drop(one, count, sign)
        elif kind == "area":
            found = _area(one, count, passes)
        elif kind in {"metamorphic", "input_guard"}:
            found = _share(one, rows, protocol, kind)
        elif kind == "since_accepted":
            now, was = count(_at(one, CLEAN)), before.get((one["endpoint"], one["model"], one["metric"]))
            found = None if now is None or was is None else Found(now.value - was)
        if found is not None:
            yield index, found


def _at(one: Estimate, pass_id: str) -> Estimate:
    """The plain estimate of one pass that a drop or an area is made of."""
    condition = {name: value for name, value in one["condition"].items() if name not in OF_A_PASS}
    return {**one, "pass": pass_id, "contrast": None, "condition": condition}


def _drop(one: Estimate, count: Count, sign: int) -> Found | None:
    clean, disturbed = count(_at(one, CLEAN)), count(_at(one, str(one["pass"])))
    if clean is None or disturbed is None:
        return None
    return Found(sign * (clean.value - disturbed.value))


def _area(one: Estimate, count: Count, passes: set[str]) -> Found | None:
    """Trapezoids from no disturbance to the worst one, over the width of all."""
    named = re.compile(re.escape(str(one["contrast"]["cause"])) + r"-(\d+)")
    steps = sorted(int(found[1]) for name in passes if (found := named.fullmatch(name)))
    points = [(0, count(_at(one, CLEAN)))]
    points += [(step, count(_at(one, f"{one['contrast']['cause']}-{step}"))) for step in steps]
    known = [(step, value.value) for step, value in points if value is not None]
    if not steps or len(known) != len(points):
        return None
    area = math.fsum((after - before) * (a + b) / 2 for (before, a), (after, b) in itertools.pairwise(known))
    return Found(area / steps[-1])


def _share(one: Estimate, rows: Sequence[Mapping[str, Any]], protocol: Mapping[str, Any], kind: str) -> Found | None:
    """Cases whose output moved though it must not, or images that were refused, of those that could be made."""
    check, clean, other = str(one["contrast"]["check"]), dict[Any, Any](), dict[str, list[Mapping[str, Any]]]()
    for row in rows:
        if row["model"] == one["model"] and row["pass"] == CLEAN:
            clean[row["unit"], row["target"]] = row
        elif row["model"] == one["model"] and row["pass"] == one["pass"]:
            other.setdefault(row["unit"], []).append(row)
    options = _options(protocol, kind)
    sides = options.get("laterality") or {}
    mirror = {**sides, **{right: left for left, right in sides.items()}} if check == "flip" else {}
    allowed = (options.get("tolerances") or {}).get(check, USUAL.get(check))
    hits = of = 0
    for unit, answers in other.items():
        if any(str(row["failure"] or "").startswith(NOT_MADE) for row in answers):
            continue
        of += 1
        given = all(row["status"] == "ok" for row in answers)
        if kind == "input_guard":
            hits += not given
            continue
        if allowed is None:
            return None
        before = [clean[unit, mirror.get(row["target"], row["target"])] for row in answers]
        apart = given != all(row["status"] == "ok" for row in before)
        pairs = [(a["score"], b["score"]) for a, b in zip(answers, before, strict=True)]
        hits += apart or any(abs(a - b) > allowed for a, b in pairs if a is not None and b is not None)
    return Found(hits / of if of else math.nan, hits, of)


def _options(protocol: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Of an analysis, as the protocol writes it: {name: options}, or {name: …, options: …} where it is resolved."""
    for one in protocol.get("analyses") or ():
        if isinstance(one, Mapping) and kind in one:
            return one[kind] or {}
        if isinstance(one, Mapping) and one.get("name") == kind:
            return one.get("options") or {}
    return {}
