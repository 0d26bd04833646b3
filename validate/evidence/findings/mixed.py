"""Differences with the same mix put to both sides: direct standardisation, and weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number

WAYS = {"adjusted": ("standardised", ("raw", "value", "covered", "cells")),
        "weighted": ("weighted", ("raw", "value", "effective", "clipped"))}  # fmt: skip
EVERY = "every one"  # in place of a level, of a measure that is no mean


def mixed(finding: Finding, at: str, data: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Number]:
    """Of both tables.    at : where they lie, with the slash that ends it"""
    for table, (way, names) in WAYS.items():
        for place, one in enumerate(data[table]):
            overall = finding.overall(one["endpoint"])
            suppressed = str(one["reason"] or "").startswith("suppressed")
            if (
                one["level"] == EVERY or suppressed
            ):  # no level has a number, or none is told: nothing is covered, in no cell
                for name in ("covered", "cells") if table == "adjusted" else ("clipped",):
                    yield from finding.number(f"{at}{table}/{place}/{name}")
                continue
            if overall is None:
                continue
            if table == "weighted" and one["value"] is None:  # no row was weighed, so no weight was held at an edge
                yield from finding.number(f"{at}{table}/{place}/clipped")
            asked = {
                "of": overall["metric"], "attribute": one["attribute"], "level": one["level"],
                "against": "" if one["against"] == "all others" else one["against"], "covariates": tuple(one["covariates"]),
            }  # fmt: skip
            for name in names:
                if name in {"raw", "cells", "covered"} or one["value"] is not None:
                    line = {**overall, "metric": f"mix.{way}.{name}", "asked": asked}
                    yield from finding.number(f"{at}{table}/{place}/{name}", line)
