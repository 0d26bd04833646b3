"""docs/robustness.md names every cause with its five severities, and the rates that the study wrote."""

from __future__ import annotations

import csv
from pathlib import Path

from validate.registry import load, names

DOCS = Path(__file__).parents[1] / "docs"


def test_every_cause_is_on_the_page_with_its_severities() -> None:
    page = (DOCS / "robustness.md").read_text()
    for name in names("perturbations"):
        one = load("perturbations", name)
        if one.suites:
            values = [severity[one.strength] for severity in one.severities]
            shown = ", ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values)
            assert f"| {', '.join(sorted(one.suites))} | `{name}` | {shown}" in page, name


def test_the_rates_on_the_page_are_those_of_the_study() -> None:
    page = (DOCS / "robustness.md").read_text()
    with (DOCS / "robustness-rates.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            line = f"| {row['study']} | {row['called'].replace('_', ' ')} | {row['hits']} of {row['studies']} |"
            assert line in page, line


def test_what_each_cause_costs_on_the_page_is_what_was_measured() -> None:
    page = (DOCS / "robustness.md").read_text()
    with (DOCS / "robustness-passes.csv").open(encoding="utf-8") as stream:
        rows = {row["cause"]: row for row in csv.DictReader(stream)}
    assert set(rows) == {name for name in names("perturbations") if load("perturbations", name).suites}
    for name, row in rows.items():
        (line,) = (one for one in page.splitlines() if one.startswith(f"| `{name}` |"))
        added, processors = (f"{float(row[key]):.0%}".replace("-0%", "0%") for key in ("added", "processors"))
        shares = f"| {added} | {processors} | {float(row['disturbing']):.1f} |"
        assert line.endswith(shares), name
