"""The model card: in the order of the schema, with sealed values, and nothing that the evidence does not hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import yaml

from validate.report.model_card import card
from validate.report.render import render
from validate.report.sealed import read_sealed
from validate.report.study import Study

# The sequence of https://mc.chai.org/v0.2/schema.xsd.
ORDER = ["BasicInfo", "ReleaseInfo", "ModelSummary", "UsesAndDirections", "Warnings", "TrustIngredients", "KeyMetrics",
         "Resources", "Bibliography"]  # fmt: skip
METRIC = [
    "MetricGoal",
    "Results",
    "Interpretation",
    "TestType",
    "TestingDataDescription",
    "ValidationProcessAndJustification",
]
SPACE = "{https://mc.chai.org/v0.2/schema.xsd}"


def names(element: ET.Element) -> list[str]:
    return [child.tag.removeprefix(SPACE) for child in element]


def test_the_xml_follows_the_schema_and_holds_the_sealed_values(build: Callable[..., Path]) -> None:
    folder = build()
    render(folder, formats=("card",))
    root = ET.parse(folder / "report/model_card.xml").getroot()
    assert names(root) == ORDER
    assert names(root[2]) == ["Summary", "Keywords"]
    assert names(root[5]) == ["AISystemFacts", "TransparencyInformation"]
    for metric in root[6]:
        assert names(metric) == METRIC
    estimates = json.loads((folder / "estimates.json").read_text())["estimates"]
    values = [json.loads(value.text or "") for value in root.iter(f"{SPACE}ValueJson")]
    known = [value for value in values if value["value"] is not None]
    assert known
    for value in known:
        estimate = estimates[int(value["address"].rsplit("/", 1)[1])]
        assert (value["value"], value["low"]) == (estimate["value"], (estimate["interval"] or {}).get("low"))
    assert all(element.text and element.text.strip() for element in root.iter() if not len(element))


def test_what_is_not_known_is_said_with_who_supplies_it(build: Callable[..., Path]) -> None:
    folder = build(exploratory=True)
    render(folder, formats=("card",))
    text = (folder / "report/model_card.md").read_text(encoding="utf-8")
    assert "Not in this evidence: developer; the manufacturer supplies it" in text
    assert "EXPLORATORY" in text
    assert not re.search(r"\b(None|nan|NaN)\b", text)


def test_several_models_have_a_card_each_and_names_can_do_no_harm(build: Callable[..., Path]) -> None:
    folder = build(models=("a", "b/../x"), model_names=("A | `rm`", "<B>\x08&"))
    written = render(folder, formats=("card",))
    assert len(written) == 4
    assert all(path.parent == folder / "report" for path in written)
    texts = [path.read_text(encoding="utf-8") for path in written]
    assert any("A \\| \\`rm\\`" in text for text in texts)
    for path in written:
        if path.suffix == ".xml":
            ET.parse(path)


def test_a_model_that_no_criterion_concerns_is_told_no_verdict(build: Callable[..., Path]) -> None:
    folder = build(models=("a", "b"), model_names=("A", "B"), levels={})
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    verdict["criteria"] = [one for one in verdict["criteria"] if one["model"] == "a"]
    verdict["sentence"] = "Both criteria are met."
    (folder / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    study = Study(read_sealed(folder), "acceptance")
    cards = [{entry.path: str(entry.text) for entry in card(study, model)} for model in study.models]
    for place in ("ModelSummary/Summary", "KeyMetrics/UsefulnessUsabilityEfficacy/Interpretation"):
        assert "Both criteria are met." in cards[0][place]
        assert cards[0][place].startswith("Area under the ROC curve: PASS; Sensitivity")
        assert cards[1][place].startswith("No criterion of this study concerns this model")
    assert cards[1]["KeyMetrics/UsefulnessUsabilityEfficacy/MetricGoal"] == "no criterion was stated"
    for one in cards:
        assert "R14" not in one["KeyMetrics/FairnessEquity/MetricGoal"]


def test_what_another_is_asked_against_this_model_is_told_as_the_others(build: Callable[..., Path]) -> None:
    folder = build(models=("a", "b"), model_names=("A", "B"), levels={})
    verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    verdict["criteria"] = [{**one, "against": "b"} for one in verdict["criteria"] if one["model"] == "a"]
    verdict["criteria"][0]["role"] = "secondary"
    (folder / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    study = Study(read_sealed(folder), "acceptance")
    own, other = ({entry.path: str(entry.text) for entry in card(study, model)} for model in study.models)
    for place in ("ModelSummary/Summary", "KeyMetrics/UsefulnessUsabilityEfficacy/MetricGoal"):
        assert "asked of" not in own[place] and own[place].startswith("Area under the ROC curve")
        assert other[place].startswith("asked of A") and ": Area under the ROC curve" in other[place]
        assert other[place].count("asked of A") == len(verdict["criteria"])
        assert own[place].count("(secondary, no part of the verdict)") == 1


def test_a_card_claims_no_independence_that_nobody_stated_and_gives_the_stated_developer(
    build: Callable[..., Path],
) -> None:
    folder = build()
    protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    protocol["statements"] = {"manufacturer": "Example Ltd."}
    del protocol["cohort"]["independence"]
    (folder / "protocol.yaml").write_text(yaml.safe_dump(protocol), encoding="utf-8")
    study = Study(read_sealed(folder), "acceptance")
    entries = {entry.path: str(entry.text) for entry in card(study, study.models[0])}
    assert entries["BasicInfo/ModelDeveloper"] == "Example Ltd."
    test = entries["KeyMetrics/SafetyReliability/TestType"]
    assert test == "Test on stored images, the model alone; not stated whether the cases were new to it"
