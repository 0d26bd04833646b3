"""A pointer leads to where the thing is, and a note stands only where its sign does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from validate.estimation.group_gaps import DIFFERENCE, REST
from validate.report.printed import printed
from validate.report.sealed import Node, read_sealed
from validate.report.section import Missing
from validate.report.sections import comparison, fairness, primary_endpoints, statistical_methods
from validate.report.sections.predictive_values import _with_limits
from validate.report.study import Study


def study(folder: Path) -> Study:
    return Study(read_sealed(folder), "acceptance")


@pytest.mark.parametrize(("kind", "section"), [(DIFFERENCE, "R16"), (REST, "R17")])
def test_a_gap_is_said_to_be_drawn_where_its_kind_is(build: Callable[..., Path], kind: str, section: str) -> None:
    folder = build()
    estimates = json.loads((folder / "estimates.json").read_text(encoding="utf-8"))
    gap = next(one for one in estimates["estimates"] if one["stratum"])
    gap["contrast"] = {"kind": kind, "against": "all others"}
    (folder / "estimates.json").write_text(json.dumps(estimates), encoding="utf-8")
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    verdict["criteria"][0].update(gap_of="manufacturer", estimates=[gap["id"]], estimate=gap["id"])
    (folder / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    assert [where for _, where in primary_endpoints.content(study(folder))["gaps"]] == [section]


def test_a_dagger_is_explained_only_where_there_is_one(build: Callable[..., Path]) -> None:
    folder = build(models=("a", "b"), model_names=("A", "B"))
    for section in (primary_endpoints, comparison):
        assert section.content(study(folder))["daggers"] is True
    text = (folder / "estimates.json").read_text(encoding="utf-8")
    (folder / "estimates.json").write_text(text.replace('"enriched_prevalence"', ""), encoding="utf-8")
    for section in (primary_endpoints, comparison):
        assert section.content(study(folder))["daggers"] is False


def test_no_section_on_groups_is_named_where_there_are_none(build: Callable[..., Path]) -> None:
    for levels, named in (({}, False), ({"sex": ("F", "M")}, True)):
        missing = fairness.content(study(build(levels=levels)))
        assert isinstance(missing, Missing)
        assert ("R14" in missing.what) is named


def number(value: float | None) -> Node:
    return Node("findings.json", ("a",), value)


@pytest.mark.parametrize(
    ("value", "limits", "expected"),
    [
        (1.5, {"low": 1.2, "high": 2.0}, "1.5 (1.2–2.0)"),
        (1.5, {"low": 1.2, "high": None}, "1.5 (1.2 or more)"),
        (1.5, None, "1.5"),
        (None, {"low": 3.14, "high": None}, "3.1 or more"),
        (None, {"low": None, "high": None}, "–"),
        (None, None, "–"),
    ],
)
def test_a_limit_without_an_estimate_reads_as_one(
    value: float | None, limits: dict[str, float | None] | None, expected: str
) -> None:
    found = _with_limits(number(value), Node("findings.json", ("b",), limits))
    assert str(found).replace("\u2060", "") == expected


def test_the_target_of_what_is_no_endpoint_has_its_address(
    build: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = study(build())
    monkeypatch.setattr(Study, "of", lambda _self, target: f", of {target}" if target else "")
    words = shown.endpoint_words("positive_likelihood_ratio")
    assert str(words) == "Positive likelihood ratio, of opacity"
    address = words.pieces[-1].address
    assert address is not None and address.startswith("estimates.json#/estimates/") and address.endswith("/target")
    methods = statistical_methods.content(shown)["methods"]
    assert any(line.cells[0] == words for line in methods.rows)
    assert printed(shown.endpoint_title("positive_likelihood_ratio")) == printed(str(words))
