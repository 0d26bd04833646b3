"""One finding as it is counted once more: its numbers by address, and the lines that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validate.canonical import step_name
from validate.evidence.recount_number import Number
from validate.evidence.recount_people import case_of, level_text
from validate.evidence.recount_table import Entry, Table

CLEAN, LEFT_OUT = "clean", "outputs_only"
Weighed = tuple[float, Entry]


@dataclass(frozen=True, slots=True)
class Finding:
    """place : in findings.json      model : of the finding, or the first of the protocol"""

    table: Table
    place: int
    document: Mapping[str, Any]

    @property
    def data(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["data"]
        return found

    @property
    def model(self) -> str:
        return str(self.document["model"] or next(iter(self.table.models)))

    def number(self, path: str, *parts: Weighed | Entry, how: str = "sum", constant: float = 0.0) -> Iterator[Number]:
        """Nothing where the number is null, or there is none.    path : below the finding's data, as in a JSON pointer"""
        stored: Any = self.data
        for step in path.split("/"):
            if stored is None:
                return
            stored = stored[int(step) if isinstance(stored, list) else step_name(step)]
        if stored is not None:
            weighed = tuple(part if isinstance(part, tuple) else (1.0, part) for part in parts)
            yield Number(f"findings.json#/findings/{self.place}/data/{path}", stored, weighed, how, constant)

    def line(
        self, metric: str, *, outputs: bool = False, groups: Mapping[str, str] | None = None,
        condition: Mapping[str, Any] | None = None, **other: Any,
    ) -> Entry:  # fmt: skip
        """Of the clean pass and the headline, failures as locked.    outputs : of outputs only      other : goes over all that"""
        rule = LEFT_OUT if outputs else self.table.locked_rule
        plain = {
            "metric": metric, "model": self.model, "pass": CLEAN, "target": self.table.headline, "contrast": None, "id": "",
            "missing_rule": rule, "stratum": dict(groups or {}), "condition": dict(condition or {}), "asked": {},
        }  # fmt: skip
        return plain | other

    def cases(self, name: str, **other: Any) -> Entry:
        return self.line(f"cases.{name}", **other)

    def people(self, count: str, box: str, groups: Mapping[str, str] | None = None, **other: Any) -> Entry:
        """Counted in rows, studies or patients.    other : "reason", or what goes over the line"""
        reason = {"reason": other.pop("reason")} if "reason" in other else {}
        return self.line(
            f"people.{count}", asked={"count": count, "box": box, "groups": dict(groups or {}), **reason}, **other
        )

    def estimate(self, name: str | None) -> Entry | None:
        """By its id."""
        known: Mapping[str, Entry] = self.table.once(
            ("by id",), lambda: {one["id"]: one for one in self.table.estimates}
        )
        return known.get(name or "")

    def overall(self, endpoint: str, model: str | None = None) -> Entry | None:
        """The locked estimate over all cases."""
        return self.estimate(f"{endpoint}/{model or self.model}/{CLEAN}")

    def levels(self, endpoint: str, attribute: str) -> Sequence[Entry]:
        """The locked estimates of every level of an attribute."""
        return [
            one for one in self.table.estimates
            if one["endpoint"] == endpoint and one["model"] == self.model and one["pass"] == CLEAN and one["contrast"] is None
            and set(one["stratum"]) == {attribute} and "/missing=" not in one["id"] and "prevalence" not in one["condition"]
        ]  # fmt: skip


def grouped_by_case(table: Table, attribute: str) -> None:
    """Group rows by what is known of a case, where they are not grouped by it."""
    if table.rows and f"by.{attribute}" not in table.rows[0]:
        table.group(attribute, {unit: level_text(case.get(attribute)) for unit, case in case_of(table).items()})


def curve(finding: Finding, path: str, points: Sequence[Sequence[float]], across: Entry, up: Entry) -> Iterator[Number]:
    """Each point of a drawn curve.    across, up : the lines of its two numbers, to which its place is told"""
    for place, (x, y, *_) in enumerate(points):
        drawn = {"place": place, "points": len(points), "x": x, "y": y}
        for side, line in enumerate((across, up)):
            yield from finding.number(
                f"{path}/{place}/{side}", {**line, "condition": {**line["condition"], **drawn}, "asked": drawn}
            )
