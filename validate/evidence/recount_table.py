"""A run as it is counted once more: its tables, which rows an estimate is of, and what a case without an output counts as."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from validate.errors import EvidenceError
from validate.evidence.recount_cases import Marked, read_marked
from validate.evidence.seal import read_document

UNITS, ACCEPTED, FINDINGS = "results/units.parquet", "shift/reference.json", "findings.json"
UNREADABLE = "decode:"  # how the reason begins where the file could not be read, and the model had no part in it
MISSING = "missing"
ALL_BUT = "\0"  # before a level, where every other one is meant
EITHER = "\1"  # between two levels, where rows of both are meant
BESIDE = "beside"  # key of an estimate that is only of cases which are left out of this model neither

Entry = Mapping[str, Any]  # a row of a table, or an estimate
Rules = tuple[str, str]  # what a file that could not be read counts as, and a model that gave nothing
Counted = tuple[Entry, str | None]  # a row, and "worst_case" or "best_case" where it has no output


@dataclass(slots=True)
class Table:
    """classes : how many there are, where there are several      marked : of a study of marks      accepted : of an earlier run."""

    folder: Path
    estimates: Sequence[Entry]
    rows: Sequence[dict[str, Any]]
    protocol: Mapping[str, Any]
    classes: int
    models: Mapping[str, Mapping[str, Any]]
    marked: Marked | None = None
    accepted: Mapping[tuple[Any, ...], float | None] = field(default_factory=dict)
    of_answer: dict[tuple[Any, ...], list[Entry]] = field(default_factory=dict)
    made: dict[tuple[Any, ...], Any] = field(default_factory=dict)  # what several estimates share

    def threshold(self, model: str, target: str) -> float | None:
        """What flags a case, where a threshold does."""
        point = self.models[model].get("operating_point") or {}
        several = point.get("thresholds")
        return point.get("threshold") if several is None else several.get(target)

    def inclusive(self, model: str) -> bool:
        return bool((self.models[model].get("operating_point") or {}).get("rule", ">=") == ">=")

    @property
    def locked_rule(self) -> str:
        """What a case without an output counts as."""
        return str((self.protocol.get("inference") or {}).get("on_failure"))

    @property
    def headline(self) -> str:
        """The question, structure or kind of lesion that curves and the first page speak of."""
        named = (self.protocol.get("reference") or {}).get("headline")
        if named is not None and self.protocol.get("task") != "classification":
            return str(named).strip()
        return str(self.rows[0]["target"]) if self.rows else ""

    @property
    def findings(self) -> Sequence[Entry]:
        """Of findings.json, read once; none where there is no such file. Raises EvidenceError."""
        found: Sequence[Entry] = self.once(
            ("findings",),
            lambda: read_document(self.folder, FINDINGS)["findings"] if (self.folder / FINDINGS).is_file() else (),
        )
        return found

    def group(self, name: str, levels: Mapping[str, str]) -> None:
        """Group rows by something that they are not grouped by yet.    levels : by unit. Raises ValueError where the name is taken."""
        column = f"by.{name}"
        for row in self.rows:
            level = levels.get(row["unit"], MISSING)
            if row.setdefault(column, level) != level:
                raise ValueError(
                    f"rows are grouped by '{name}' already: {row['unit']} is of {row[column]}, not {level}"
                )

    def once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What was made under this key, made where it was not yet."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]


def read_table(folder: Path) -> Table:
    """Raises EvidenceError where a table can't be read."""
    estimates = read_document(folder, "estimates.json").get("estimates", [])
    try:
        protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
        rows = pq.read_table(folder / UNITS).to_pylist()
        marked = read_marked(folder)
    except (OSError, ValueError, yaml.YAMLError, pa.ArrowException) as error:
        raise EvidenceError(f"the tables can't be read to count again: {error}") from error
    reference = protocol.get("reference") or {}
    classes = len(reference.get("classes") or reference.get("grades") or ())
    models = {model["id"]: model for model in protocol.get("models", ())}
    before = read_document(folder, ACCEPTED).get("estimates") if (folder / ACCEPTED).is_file() else None
    accepted = {(one["endpoint"], one["model"], one["metric"]): one["value"] for one in before or ()}
    table = Table(folder, estimates, rows, protocol, classes, models, marked, accepted)
    for row in rows:
        if row.get("label_status") == "present":
            table.of_answer.setdefault(answer_of(row), []).append(row)
    return table


def answer_of(row: Entry) -> tuple[Any, ...]:
    """Which answers: of a row, or those that an estimate is of."""
    return row["model"], row["pass"], row.get("target")


def group_of(table: Table, estimate: Entry) -> tuple[Any, ...]:
    """What tells the cases of an estimate from those of another."""
    rules, beside = rules_of(table.protocol, estimate), estimate.get(BESIDE)
    return (*answer_of(estimate), rules, beside, tuple(sorted(estimate["stratum"].items())))


def cases(table: Table, estimate: Entry) -> list[Entry]:
    """Every row of an estimate's stratum that has a label, failed ones included."""
    answer, stratum = answer_of(estimate), dict(estimate["stratum"])
    rows: Sequence[Entry] = table.of_answer[answer]
    if len(stratum) == 1 and not any(mark in str(next(iter(stratum.values()))) for mark in (ALL_BUT, EITHER)):
        ((name, level),) = stratum.items()
        rows, stratum = _levels(table, answer, name).get(level, []), {}
    for name, level in stratum.items():
        column, other = f"by.{name}", str(level).removeprefix(ALL_BUT)
        if str(level).startswith(ALL_BUT):  # as is_of has it, for all rows at once
            rows = [row for row in rows if row.get(column) != other]
        else:
            rows = [row for row in rows if is_of(row.get(column), level)]
    return list(rows)


def counted_cases(table: Table, estimate: Entry) -> list[Counted]:
    """Those of them that count, and how; of a comparison only those that count for the other model too."""
    key = ("counted", *group_of(table, estimate))
    kept: list[Counted] = table.once(key, lambda: list(_counted(table, estimate)))
    return kept


def _counted(table: Table, estimate: Entry) -> Iterator[Counted]:
    rules, both = rules_of(table.protocol, estimate), None
    if BESIDE in estimate:
        other = {**estimate, "model": estimate[BESIDE], "stratum": {}}
        del other[BESIDE]
        both = table.once(
            ("units", *group_of(table, other)), lambda: {row["unit"] for row, _ in counted_cases(table, other)}
        )
    for row in cases(table, estimate):
        rule = None if row["status"] == "ok" else falls_under(row, rules)
        if rule != "excluded" and (both is None or row["unit"] in both):
            yield row, rule


def _levels(table: Table, answer: tuple[Any, ...], name: str) -> Mapping[Any, list[Entry]]:
    """The rows of each level of an attribute; made once."""

    def made() -> dict[Any, list[Entry]]:
        found: dict[Any, list[Entry]] = {}
        for row in table.of_answer[answer]:
            found.setdefault(row.get(f"by.{name}"), []).append(row)
        return found

    levels: Mapping[Any, list[Entry]] = table.once(("level", *answer, name), made)
    return levels


def is_of(own: Any, level: Any) -> bool:
    """Whether a row is of a level, of one of two, or of none but this one where all others are meant."""
    others = str(level).startswith(ALL_BUT)
    if EITHER in str(level):
        return own in str(level).split(EITHER)
    return bool(own != str(level).removeprefix(ALL_BUT)) if others else bool(own == level)


def rules_of(protocol: Mapping[str, Any], estimate: Entry) -> Rules:
    """As locked, where the estimate is the locked one; else the rule that its name says, for both."""
    rule, locked = str(estimate["missing_rule"]), (protocol.get("inference") or {}).get("on_failure")
    if rule == locked and "/missing=" not in str(estimate.get("id", "")):
        return str((protocol.get("cohort") or {}).get("on_unreadable", rule)), rule
    return rule, rule


def falls_under(row: Entry, rules: Rules) -> str | None:
    """None for a case with an output."""
    if row["status"] == "ok":
        return None
    rule = rules[0] if str(row["failure"]).startswith(UNREADABLE) else rules[1]
    return rule if rule in {"worst_case", "best_case"} else "excluded"
