"""From claim and hazard to endpoint, criterion, result, and the file and hash that hold it. What nobody tested is listed so."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from validate.canonical import file_digest
from validate.evidence.seal import read_document

TRACEABILITY = "evidence/traceability.json"
ESTIMATES, VERDICT = "estimates.json", "verdict.json"
COLUMNS = (
    *("claim", "text", "requirement", "hazard", "endpoint", "model", "criterion", "outcome", "estimate"),
    *("value", "low", "high", "file", "sha256", "state"),
)


def traceability_document(folder: Path) -> dict[str, Any]:
    """One row a claim and criterion; a claim without an endpoint, or an endpoint without a criterion, says so.

    state : "decided" (a locked criterion gave an outcome), "measured" (estimated, no criterion), "untested"
    """
    protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    estimates = read_document(folder, ESTIMATES)["estimates"]
    criteria = read_document(folder, VERDICT).get("criteria") or []
    digests = {name: file_digest(folder / name) for name in (ESTIMATES, VERDICT)}
    rows = [row for claim in protocol.get("claims") or () for row in _rows(claim, criteria, estimates, digests)]
    return {
        "schema_version": "1",
        "rows": rows,
        "untested": sorted({row["claim"] for row in rows if row["state"] == "untested"}),
    }


def _rows(
    claim: Mapping[str, Any],
    criteria: Sequence[Mapping[str, Any]],
    estimates: Sequence[Mapping[str, Any]],
    digests: Mapping[str, str],
) -> list[dict[str, Any]]:
    said = {name: claim.get(name) for name in ("text", "requirement", "hazard", "endpoint", "model")}
    base = {"claim": claim["id"], **said}
    if claim.get("endpoint") is None:
        return [{**base, **_nothing(), "state": "untested"}]
    judged = [(i, c) for i, c in enumerate(criteria) if _about(c, claim)]
    rows = [
        {
            **base,
            **_value(estimates, (c.get("estimates") or [None])[0], claim),
            "criterion": f"{VERDICT}#/criteria/{index}",
            "outcome": c["outcome"],
            "file": VERDICT,
            "sha256": digests[VERDICT],
            "state": "decided",
        }
        for index, c in judged
    ]
    if rows:
        return rows
    measured = _value(estimates, None, claim)
    found = measured["estimate"] is not None
    place = {"file": ESTIMATES, "sha256": digests[ESTIMATES]} if found else {}
    return [{**base, **_nothing(), **measured, **place, "state": "measured" if found else "untested"}]


def _about(criterion: Mapping[str, Any], claim: Mapping[str, Any]) -> bool:
    return bool(
        criterion.get("endpoint") == claim["endpoint"]
        and (claim.get("model") is None or criterion.get("model") == claim["model"])
    )


def _value(estimates: Sequence[Mapping[str, Any]], name: str | None, claim: Mapping[str, Any]) -> dict[str, Any]:
    """The criterion's own estimate, or else the overall one of the endpoint."""
    for index, one in enumerate(estimates):
        overall = not one["stratum"] and one["contrast"] is None and one["endpoint"] == claim["endpoint"]
        fits = one["id"] == name if name else overall and claim.get("model") in {None, one["model"]}
        if fits:
            interval = one["interval"] or {}
            return {
                "estimate": f"{ESTIMATES}#/estimates/{index}",
                "value": one["value"],
                "low": interval.get("low"),
                "high": interval.get("high"),
            }
    return {"estimate": None, "value": None, "low": None, "high": None}


def _nothing() -> dict[str, Any]:
    return dict.fromkeys(("criterion", "outcome", "estimate", "value", "low", "high", "file", "sha256"))


def traceability_table(document: Mapping[str, Any]) -> bytes:
    """The same as CSV; empty where there is nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in document["rows"]:
        writer.writerow(["" if row[name] is None else row[name] for name in COLUMNS])
    return text.getvalue().encode()
