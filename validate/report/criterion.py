"""A criterion as it is shown: what was asked, what was found, and what follows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from validate.analyses.wording import attribute_words, sentence_case, titled
from validate.report import view
from validate.report.figures.canvas import Tone
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.study import Study

TONES: dict[str, Tone] = {"PASS": "pass", "FAIL": "fail", "INCONCLUSIVE": "inconclusive"}
WORDS = {"PASS": "Pass", "FAIL": "Fail", "INCONCLUSIVE": "Inconclusive"}
WOULD = {"PASS": "would be met", "FAIL": "would be missed", "INCONCLUSIVE": "undecided"}
BRACKETED = re.compile(r" \([^()]*\)$")
SEVERITY = ("FAIL", "INCONCLUSIVE", "PASS")

ANALYSES = {
    "metamorphic": "Outputs that move where they must not",
    "input_guard": "Foreign images that are given no answer",
    "shift": "Shift from the reference cohort",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """word : as printed    tone : its colour, which never stands without the word."""

    word: Printed
    tone: str


@dataclass(frozen=True, slots=True)
class CriterionLine:
    """One line of the criteria table.

    key : the protocol's entry, shared by all models    model : its name; empty where there is one model only
    sentence : the reason    rationale : why this goal, from the protocol    plain : the name for who knows no statistics
    """

    key: str
    name: Printed
    model: Printed
    group: Printed
    fraction: Printed
    estimate: Printed
    goal: Printed
    outcome: Outcome
    sentence: Printed
    rationale: Printed
    severity: int
    plain: Printed
    decides: bool = True


def criterion_lines(study: Study) -> list[CriterionLine]:
    """Every criterion in the protocol's order."""
    return [criterion_line(study, criterion) for criterion in study.sealed.verdict["criteria"]]


def outcome_of(study: Study, outcome: Node) -> Outcome:
    """PASS, FAIL or INCONCLUSIVE; without a lock only what it would have been."""
    if study.exploratory:
        return Outcome(printed(WOULD.get(outcome.text, outcome.text), outcome.address), "none")
    return Outcome(printed(outcome.text, outcome.address), TONES.get(outcome.text, "none"))


def tone_of(study: Study, criterion: Node) -> Tone:
    """In a figure: coloured is what is not met; without a lock nothing is, since nothing is decided."""
    outcome = criterion["outcome"].text
    return TONES[outcome] if outcome in {"FAIL", "INCONCLUSIVE"} and not study.exploratory else "ink"


Compared = tuple[
    CriterionLine, list[CriterionLine | None]
]  # a criterion by its first line, and each model's line of it


def by_model(lines: list[CriterionLine], models: list[str]) -> list[Compared]:
    """Each criterion of the protocol with every model's line, in the order of `models` (their printed names)."""
    keys = dict.fromkeys(line.key for line in lines)
    found = {(line.key, str(line.model)): line for line in lines}
    rows = []
    for key in keys:
        cells = [found.get((key, model)) for model in models]
        rows.append((next(line for line in cells if line is not None), cells))
    return rows


def criterion_line(study: Study, criterion: Node) -> CriterionLine:
    estimate = study.sealed.estimate(criterion["estimate"])
    goal = float(criterion["goal"].value)
    unit = estimate["unit"].text or "index"
    outcome = criterion["outcome"]
    found = view.fraction(estimate) if estimate else printed("not estimated")
    return CriterionLine(
        key=criterion["id"].text.partition("/")[0],
        model=study.model_name(criterion["model"].text) if len(study.models) > 1 else Printed(),
        name=criterion_name(study, criterion),
        plain=criterion_name(study, criterion, plain=True),
        group=_group(criterion),
        fraction=found,
        estimate=view.brief(estimate, against=goal),
        goal=view.goal(criterion, unit),
        outcome=outcome_of(study, outcome),
        sentence=view.words(criterion["sentence"]),
        rationale=view.words(entry_of(study, criterion)["rationale"]),
        severity=SEVERITY.index(outcome.text) if outcome.text in SEVERITY else 0,
        decides=criterion["role"].text != "secondary",
    )


def criterion_name(study: Study, criterion: Node, *, whole: bool = True, plain: bool = False) -> Printed:
    """As in "Sensitivity at threshold 0.5, every manufacturer"; `whole` with the groups it is asked of, `plain` in full words."""
    estimate = study.sealed.estimate(criterion["estimate"])
    endpoint = study.endpoint(criterion["endpoint"].text)
    metric = (estimate["metric"] if estimate else endpoint["metric"]).text
    measure = study.measure(metric) if metric else criterion["endpoint"].text
    title = titled(measure, _options(endpoint)) if metric else measure
    name = printed(in_full(title) if plain else title, endpoint["options"].address if title != measure else None)
    name += study.named_target(endpoint["target"])
    threshold = estimate["condition"]["threshold"]
    if threshold.value is not None:
        name += printed(" at threshold ") + view.words(threshold)
    if criterion["against"]:
        name += printed(", less ") + study.model_name(criterion["against"].text)
    if criterion["analysis"] and criterion["endpoint"].text != criterion["analysis"].text:
        return name + ", less that of the accepted run"
    if criterion["analysis"]:
        return printed(
            ANALYSES.get(criterion["analysis"].text, criterion["analysis"].text), criterion["analysis"].address
        )
    if criterion["holds_up_to"]:
        cause = criterion["perturbation"].text.replace("_", " ")
        under = "every cause" if cause == "every" else cause
        name += f", drop under {under} up to severity " + view.words(criterion["holds_up_to"])
    if criterion["gap_of"]:
        name += f", gap between groups of {attribute_words(criterion['gap_of'].text)}"
    if whole and criterion["worst_of"]:
        name += f", every {attribute_words(criterion['worst_of'].text)}"
    return name


def in_full(title: str) -> str:
    """A measure's title without what only its makers call it: "Mean lesion sensitivity …" and no "(CPM)"."""
    return sentence_case(BRACKETED.sub("", title).replace("AUROC", "area under the ROC curve"))


def _options(endpoint: Node) -> Mapping[str, object]:
    """What the protocol's endpoint says besides its metric."""
    found: Mapping[str, object] = endpoint["options"].value or {}
    return found


def verdict_outcome(study: Study) -> Outcome:
    """The large word. Exploratory results have none of the three."""
    outcome = study.sealed.verdict["outcome"]
    if study.exploratory:
        return Outcome(printed("Exploratory", study.sealed.verdict["exploratory"].address), "fail")
    if outcome.text not in WORDS:
        return Outcome(printed("No verdict", outcome.address), "none")
    return Outcome(printed(WORDS[outcome.text], outcome.address), TONES[outcome.text])


def _group(criterion: Node) -> Printed:
    if not criterion["worst_level"]:
        return Printed()
    return printed("worst: ") + view.words(criterion["worst_level"])


def entry_of(study: Study, criterion: Node) -> Node:
    """The protocol's own entry: ids are "acceptance[0]", or "acceptance[0]/model"."""
    start = criterion["id"].text.partition("[")[2].partition("]")[0]
    block = criterion["id"].text.partition("[")[0]
    return study.protocol[block if block == "comparisons" else "acceptance"][int(start) if start.isdigit() else 10**6]
