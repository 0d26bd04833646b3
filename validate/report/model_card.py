"""A model card of what this evidence shows, entry by entry in the order of CHAI's Applied Model Card; model_card_files.py writes it down.

What the evidence does not hold is said in its place, with who supplies it: a card is never padded.
Source: Coalition for Health AI, Applied Model Card schema v0.2, https://mc.chai.org/v0.2/schema.xsd.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from validate.analyses.wording import plural
from validate.report import digests, view
from validate.report.criterion import CriterionLine, criterion_line
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.sections.independence import OVERLAP
from validate.report.sections.participants import analysed_step, rows_of
from validate.report.study import WITHOUT_PIXELS, Study

MAKER = "the manufacturer supplies it"
SITE = "the site supplies it"
NO_GROUPS = "no results by group in this evidence"
# Elements in the order of the schema, by group; a dotted name is an element inside another.
GROUPS = {
    "BasicInfo": "The model",
    "ReleaseInfo": "Release",
    "ModelSummary": "Summary",
    "UsesAndDirections": "Uses and directions",
    "Warnings": "Warnings",
    "TrustIngredients": "What trust rests on",
    "KeyMetrics": "Key measures",
    "Resources": "Resources",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """path : of the XML element    label : for people    text : what is known, or that it is not and who supplies it."""

    path: str
    label: str
    text: Printed


@dataclass(frozen=True, slots=True)
class Result:
    """A measure of the card: what it is of, and the sealed numbers."""

    label: Printed
    estimate: Node


def card(study: Study, model: Node) -> list[Entry]:
    """Every entry of the card of one model, in the schema's order."""
    said, name = study.protocol["statements"], model["id"].text
    facts = study.sealed.models["models"][name]
    return [
        Entry("BasicInfo/ModelName", "Name", view.words(model["name"])),
        Entry("BasicInfo/ModelDeveloper", "Developer", _said(said["manufacturer"], "developer", MAKER)),
        Entry("BasicInfo/DeveloperContact", "Contact", _unknown("contact", MAKER)),
        Entry("ReleaseInfo/ReleaseStage", "Stage", _unknown("stage of release", MAKER)),
        Entry("ReleaseInfo/ReleaseDate", "Date of release", _unknown("date of release", MAKER)),
        Entry("ReleaseInfo/ReleaseVersion", "Version tested", _version(study, model)),
        Entry("ReleaseInfo/GlobalAvailability", "Where it is available", _unknown("availability", MAKER)),
        Entry("ModelSummary/Summary", "What this evidence shows", _shown(study, name)),
        Entry("UsesAndDirections/IntendedUseAndWorkflow", "Intended use", view.words(study.protocol["intended_use"])),
        Entry("UsesAndDirections/PrimaryIntendedUsers", "Users", _said(said["users"], "intended users", MAKER)),
        Entry("UsesAndDirections/HowToUse", "Operating point", _operating(model)),
        Entry("UsesAndDirections/TargetedPatientPopulation", "Tested in", _population(study)),
        Entry("UsesAndDirections/CautionedOutOfScopeSettings", "Not tested", _outside(study)),
        Entry("Warnings/KnownRisksAndLimitations", "Limitations",
              _said(said["limitations"], "limitations beyond section R21 of the report", SITE)),
        Entry("Warnings/KnownBiasesOrEthicalConsiderations", "Weakest groups", _weakest(study, name) or printed(NO_GROUPS)),
        Entry("Warnings/ClinicalRiskLevel", "Clinical risk", _unknown("class of risk", MAKER)),
        Entry("TrustIngredients/AISystemFacts/OutcomesAndOutputs", "Output",
              view.words(model["output"]["kind"], "not stated in the protocol")),
        Entry("TrustIngredients/AISystemFacts/ModelType", "Kind of model", _kind(model, facts)),
        Entry("TrustIngredients/AISystemFacts/InputDataSource", "Source of the test data",
              view.words(study.protocol["report"]["site"], "the protocol names no site")),
        Entry("TrustIngredients/AISystemFacts/OutputAndInputDataTypes", "Input", printed("one ") + view.words(model["input"])),
        Entry("TrustIngredients/AISystemFacts/DevelopmentDataCharacterization", "Development data",
              _said(said["development"], "what it was developed on", MAKER)),
        Entry("TrustIngredients/AISystemFacts/BiasMitigationApproaches", "Against bias",
              _unknown("what was done against bias in development", MAKER)),
        Entry("TrustIngredients/AISystemFacts/OngoingMaintenance", "Maintenance", _said(said["monitoring"], "plan of maintenance", MAKER)),
        Entry("TrustIngredients/TransparencyInformation/FundingSource", "Funding", _said(said["funding"], "funding", SITE)),
        Entry("TrustIngredients/TransparencyInformation/StakeholdersConsulted", "Consulted",
              _said(said["patient_involvement"], "who was consulted", SITE)),
        *_measures(study, name),
        Entry("Resources/PeerReviewedPublications", "Publications", _unknown("publications", MAKER)),
        Entry("Resources/PatientConsentOrDisclosure", "Ethics and consent", _said(said["ethics"], "ethics approval or waiver", SITE)),
        Entry("Bibliography", "This evidence", study.report_id + ", computed from sealed files"),
    ]  # fmt: skip


def results(study: Study, model: str) -> dict[str, list[Result]]:
    """Measures for each of the three kinds that the schema asks for."""
    overall = [
        e
        for e in study.locked_overall
        if e["model"].text == model and e["role"].text == "primary" and e["prespecified"].value is not False
    ]
    worst = []
    for criterion in study.sealed.verdict["criteria"]:
        found = study.sealed.estimate(criterion["estimate"])
        if found and criterion["worst_of"] and criterion["model"].text == model:
            worst.append(Result(_named(study, found) + ", " + view.words(criterion["worst_level"]), found))
    return {
        "UsefulnessUsabilityEfficacy": [Result(_named(study, e), e) for e in overall],
        "FairnessEquity": worst,
        "SafetyReliability": [],
    }


def _shown(study: Study, model: str) -> Printed:
    """The verdict where there is one model; of several, what was asked of this one, and the verdict as that of the study."""
    if len(study.models) == 1:
        return view.words(study.sealed.verdict["sentence"])
    lines = _lines_of(study, model)
    if not lines:
        return printed("No criterion of this study concerns this model: what it shows stands under the measures below.")
    said = joined((name + ": " + line.outcome.word for name, line in lines), "; ")
    return said + ". The verdict on all that the study asked: " + view.words(study.sealed.verdict["sentence"])


def _lines_of(study: Study, model: str) -> list[tuple[Printed, CriterionLine]]:
    """Criteria on this model, and those by which another is held against it, which are the other's and named so."""
    found = []
    for one in study.sealed.verdict["criteria"]:
        if model in {one["model"].text, one["against"].text}:
            line = criterion_line(study, one)
            name = line.name if one["model"].text == model else printed("asked of ") + line.model + ": " + line.name
            found.append((name if line.decides else name + " (secondary, no part of the verdict)", line))
    return found


def _measures(study: Study, model: str) -> Iterator[Entry]:
    overall = results(study, model)
    lines = _lines_of(study, model)
    goals = joined((name + ": " + line.goal + " (" + line.outcome.word + ")" for name, line in lines), "; ")
    tested = _population(study)
    clusters = plural(2, study.protocol["cohort"]["cluster"].text or "case")
    how, silent = (
        f"locked before the first look; whole {clusters} are resampled, limits decide",
        "how such cases count was fixed beforehand",
    )
    if study.exploratory:
        how, silent = "exploratory: nothing was locked before the first look", "none: nothing was fixed beforehand"
    weakest, unanswered = _weakest(study, model), study.sealed.finding("missing", model)["statement"]
    by_group = "the sections on groups of the report, R14 first" if weakest else "none: no groups were named"
    kinds = (
        (
            "UsefulnessUsabilityEfficacy",
            "Performance",
            goals or printed("no criterion was stated"),
            _shown(study, model),
        ),
        ("FairnessEquity", "Groups", printed(by_group), weakest or printed(NO_GROUPS)),
        ("SafetyReliability", "Cases without an answer", printed(silent), view.words(unanswered, "not analysed")),
    )
    for kind, title, goal, found in kinds:
        rows = joined((one.label + " " + view.estimate(one.estimate) for one in overall[kind]), "; ")
        start = f"KeyMetrics/{kind}"
        yield Entry(f"{start}/MetricGoal", f"{title}: goal", goal)
        yield Entry(
            f"{start}/Results", f"{title}: results", rows or printed("no single number; see the interpretation")
        )
        yield Entry(f"{start}/Interpretation", f"{title}: what it means", found)
        yield Entry(f"{start}/TestType", f"{title}: test", _test(study, model))
        yield Entry(f"{start}/TestingDataDescription", f"{title}: data", tested)
        yield Entry(f"{start}/ValidationProcessAndJustification", f"{title}: process", printed(how))


def _named(study: Study, estimate: Node) -> Printed:
    name = printed(study.measure(estimate["metric"].text)) + study.named_target(estimate["target"])
    threshold = estimate["condition"]["threshold"]
    return name + " at threshold " + view.words(threshold) if threshold.value is not None else name


def _test(study: Study, model: str) -> Printed:
    """What was tested on what; whether the cases were new to it is the word of whoever states it."""
    overlap = study.protocol["cohort"]["independence"]["overlap"]
    what = (
        "outputs that were handed in"
        if study.model(model)["format"].text == WITHOUT_PIXELS
        else "stored images, the model alone"
    )
    return printed(f"Test on {what}; ") + (
        printed("stated: ") + view.choice(overlap, OVERLAP)
        if overlap
        else printed("not stated whether the cases were new to it")
    )


def _version(study: Study, model: Node) -> Printed:
    digest = study.sealed.lock["models"][model["id"].text]["sha256"] or model["sha256"]
    return view.words(model["version"]) + (", SHA-256 " + digests.fingerprint(digest, 16) if digest else "")


def _operating(model: Node) -> Printed:
    point = model["operating_point"]
    if other := view.decided(point):
        return other
    if point["threshold"].value is None:
        return printed("the protocol states no operating point")
    return printed("flagged where the score ") + view.rule(point["rule"]) + " " + view.words(point["threshold"])


def _population(study: Study) -> Printed:
    analysed = analysed_step(study)
    if not analysed:
        return printed("no case was analysed")
    return view.count(*rows_of(study, analysed)) + " of " + view.count(analysed["patients"], "patient")


def _outside(study: Study) -> Printed:
    found = study.sealed.finding("population")["data"]["attributes"]
    named = []
    for attribute, words in (("manufacturer", "scanners other than those of "), ("site", "sites other than ")):
        entry = next((a for a in found if a["attribute"].text == attribute), None)
        levels = [one["level"] for one in entry["levels"] if one["level"].text != "missing"] if entry else []
        if levels:
            named.append(printed(words) + joined((view.words(level) for level in levels), ", "))
    return joined(named, "; ") or printed("whatever differs from the cases of this study")


def _weakest(study: Study, model: str) -> Printed:
    """Of the primary endpoints, else of those there are; empty without results by group."""
    told = [entry for entry in study.sealed.finding("strata", model)["data"]["endpoints"] if entry["statement"]]
    primary = [entry for entry in told if entry["role"].text == "primary"]
    return joined((view.words(entry["statement"]) for entry in primary or told), " ")


def _kind(model: Node, facts: Node) -> Printed:
    if facts["parameters"].value is None:
        return view.words(model["format"])
    return view.words(model["format"]) + ", " + view.count(facts["parameters"]) + " trained numbers"


def _said(node: Node, what: str, who: str) -> Printed:
    return view.words(node) if node else _unknown(what, who)


def _unknown(what: str, who: str) -> Printed:
    return Printed(printed(f"Not in this evidence: {what}; {who}").pieces, absent=True)
