"""R02: the one page that stands alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from typing import Any

from validate.analyses.wording import number_word
from validate.report import moments, view
from validate.report.criterion import (
    SEVERITY,
    Compared,
    CriterionLine,
    by_model,
    criterion_lines,
    in_full,
    verdict_outcome,
)
from validate.report.deviations_told import deviations_told
from validate.report.figures.icon_array import key_mark
from validate.report.printed import Printed, joined, printed
from validate.report.profile_words import USE, kind, meaning, reader
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.sections.participants import analysed_step, rows_of, step_of
from validate.report.sections.predictive_values import thousands
from validate.report.study import Study

MOST_LINES_OF_SEVERAL = 10  # beside each other, where each model has something of its own further down
MOST_CRITERIA, MOST_LINES, LETTERS = 6, 13, 32  # criteria, the lines that they take, and letters of a name in a line
MOST_EXPLAINED = 3
MOST_BESIDE = 2  # secondary criteria that are not met: they decide nothing, and a reader of one page must know of them
MOST_THOUSANDS = 5  # models whose 1,000 page one has room for
MOST_SILENT, LONGEST_SILENT = 2, 380  # models whose missing answers page one tells, and letters for each
SENTENCES = re.compile(r"(?<=\.) (?=[A-Z0-9])")
SENTENCE = re.compile(r"(?<=[.;])\s")  # where a sentence, or its first part, ends
LONGEST = 620  # characters of the verdict's sentence that page one has room for
USUAL_LINES, FOR_A_LINE = (
    3,
    130,
)  # beside so many lines of criteria; each further one takes the place of so many characters


@dataclass(frozen=True, slots=True)
class Fact:
    """A number of the strip, with its label."""

    label: str
    value: Printed
    sub: Printed


def content(study: Study) -> Mapping[str, Any]:
    every = criterion_lines(study)
    lines = [line for line in every if line.decides]
    shown = _worst_first(lines)
    beside = [line for line in every if not line.decides and line.severity < len(SEVERITY) - 1]
    names = [str(study.model_name(model)) for model in study.models]
    heads = [study.short_name(model["id"].text) for model in study.models]
    by_criterion = by_model(lines, names) if len(names) > 1 else []
    matrix = _by_severity(by_criterion)
    more = len(by_criterion) > len(matrix) if matrix else len(lines) > len(shown)
    of_thousand = thousands(study)
    thousand = next(iter(of_thousand), None)
    return {
        "kicker": _kicker(study),
        "lede": _lede(study),
        "outcome": verdict_outcome(study),
        "sentence": _sentence(study.sealed.verdict["sentence"], len(matrix or shown) + more + 2 * (len(heads) - 1)),
        "level": _level(study),
        "meaning": meaning(study),
        "use": USE[reader(study)],
        "criteria": shown,
        "matrix": matrix,
        "model_names": heads,
        "explained": _explained(study),
        "more_criteria": more,
        "beside": sorted(beside, key=lambda line: line.severity)[:MOST_BESIDE],
        "more_beside": _more(
            len(beside) - MOST_BESIDE, "secondary criterion that is not met", "secondary criteria that are not met"
        ),
        "thousand": thousand,
        "thousands": of_thousand[:MOST_THOUSANDS],
        "more_thousands": _more(len(of_thousand) - MOST_THOUSANDS, "model", "models"),
        "keys": {kind: key_mark(kind) for kind in ("found", "missed", "false_alarm")} if thousand else {},
        "strip": _strip(study),
        "weakest": _weakest(study),
        "silent": _silent(study),
        "conditions": _conditions(study),
    }


def _worst_first(lines: list[CriterionLine]) -> list[CriterionLine]:
    """All of them while page one has room; else of those that are not met before the others as many as it has."""
    if _fitting(lines, MOST_LINES) == len(lines):
        return lines
    ranked = sorted(lines, key=lambda line: line.severity)
    return ranked[: _fitting(ranked, MOST_LINES)]


def _by_severity(matrix: list[Compared]) -> list[Compared]:
    """The same of a criterion in each row, by the model that does worst in it."""
    if _fitting([first for first, _ in matrix], MOST_LINES_OF_SEVERAL) == len(matrix):
        return matrix
    ranked = sorted(matrix, key=lambda one: min(line.severity for line in one[1] if line is not None))
    return ranked[: _fitting([first for first, _ in ranked], MOST_LINES_OF_SEVERAL)]


def _fitting(lines: list[CriterionLine], most: int) -> int:
    """How many of them, from the first on, page one has room for by their number and by the lines that their names take."""
    taken = accumulate(ceil(len(str(line.plain)) / LETTERS) + bool(line.group) for line in lines)
    return sum(
        1 for number, height in enumerate(taken, 1) if number == 1 or (number <= MOST_CRITERIA and height <= most)
    )


def _more(count: int, one: str, several: str) -> str:
    """What page one has no room for: "The other two models"; empty where it has."""
    return "" if count < 1 else f"The other {one}" if count == 1 else f"The other {number_word(count)} {several}"


def _explained(study: Study) -> list[tuple[str, str]]:
    """The measures that decide, each in a sentence: the metric's own first one."""
    found: dict[str, str] = {}
    for criterion in study.sealed.verdict["criteria"]:
        name = study.endpoint(criterion["endpoint"].text)["metric"].text
        metric = study.metric(name) if name else None
        if metric is not None and criterion["role"].text != "secondary":
            found.setdefault(
                in_full(study.measure(name)),
                SENTENCE.split(study.standard.explained(metric.explanation))[0].rstrip(".;") + ".",
            )
    return list(found.items())[:MOST_EXPLAINED]


def _kicker(study: Study) -> Printed:
    locked, first = study.sealed.lock["locked"], first_inference(study)
    start = printed(f"{kind(study)} · ")
    if study.exploratory or not locked:
        return start + "nothing was locked before the first look"
    return start + "locked " + moments.day(locked) + (", first inference " + moments.day(first) if first else "")


def first_inference(study: Study) -> Node:
    """The time of the first event of inference; a Node without value where none was run here."""
    trail = study.sealed.audit
    if len(study.unwitnessed) == len(study.models):
        return trail["absent"]
    found = (event["time"] for event in trail if event["type"].text.startswith(("inference", "first_inference")))
    return next(found, trail["absent"])


def _lede(study: Study) -> Printed:
    analysed = analysed_step(study)
    counts = view.count(*rows_of(study, analysed)) + " of " + view.count(analysed["patients"], "patient")
    period = study.protocol["cohort"]["period"]
    parts: list[Printed | str] = [counts if analysed else printed("no case was analysed")]
    parts += [
        _named(study, attribute, words) for attribute, words in (("manufacturer", "scanners of "), ("site", "sites "))
    ]
    if period:
        parts.append(moments.day(period["from"]) + " to " + moments.day(period["to"]))
    kind = "Compared with" if study.comparator else "Reference"
    standard = study.protocol["reference"]["standard"]
    return joined(parts, "; ") + f". {kind}: " + view.words(standard) + ("" if standard.text.endswith(".") else ".")


def _named(study: Study, attribute: str, words: str) -> Printed:
    """The levels by name, while they are few enough to be read."""
    levels = _levels_of(study, attribute)
    if not 0 < len(levels) <= 5:
        return Printed()
    return printed(words if len(levels) > 1 else words.replace("sites", "site")) + enumerated(levels)


def enumerated(levels: list[Node]) -> Printed:
    """As in "GE, Philips and Siemens"."""
    first = joined((view.words(level) for level in levels[:-1]), ", ")
    return first + " and " + view.words(levels[-1]) if first else view.words(levels[-1])


def _sentence(sentence: Node, lines: int) -> Printed:
    """As many of its sentences as there is room for beside criteria and models in so many lines; why each is met or not is in R12."""
    room = LONGEST - FOR_A_LINE * max(0, lines - USUAL_LINES)
    return _beginning(sentence, room, "The reason for each criterion stands in section R12.")


def _level(study: Study) -> Printed:
    levels = {e["interval"]["level"].value: e for e in study.sealed.estimates if e["interval"]}
    if len(levels) != 1:
        return printed("two-sided limits decide, not the estimate")
    only = next(iter(levels.values()))
    return printed("two-sided ") + view.level(only["interval"]) + " limits decide, not the estimate"


def _strip(study: Study) -> list[Fact]:
    """Found → eligible → with an output → analysed, in numbers."""
    facts = []
    for name, label in (
        ("found", "Files found"), ("eligible", "Eligible"), ("output", "With an output"),
        ("analysed", "Analysed"),
    ):  # fmt: skip
        step = step_of(study, name)
        if step:
            counted = view.count(step["files"], "file") if name == "found" else view.count(*rows_of(study, step))
            facts.append(Fact(label, counted, view.count(step["patients"], "patient")))
    return facts


def _weakest(study: Study) -> Printed:
    """What the results by group say of a criterion on every group, that which is not met first."""
    asked = [c for c in study.sealed.verdict["criteria"] if c["worst_of"]]
    for criterion in sorted(asked, key=lambda c: c["outcome"].text == "PASS"):
        found = study.sealed.finding("strata", criterion["model"].text)["data"]["endpoints"]
        entry = next((e for e in found if e["endpoint"].text == criterion["endpoint"].text), None)
        if entry is not None and entry["statement"]:
            return view.words(entry["statement"])
    return Printed()


def _silent(study: Study) -> list[tuple[str, Printed]]:
    """What a model left without an output, in the words of its finding, under the model's name where it has rivals."""
    found = study.sealed.all_findings("missing")
    shown = [
        (
            f"Without an answer: {study.short_name(f['model'].text)}" if len(found) > 1 else "Without an answer",
            _beginning(f["statement"], LONGEST_SILENT, "More in section R19."),
        )
        for f in found[:MOST_SILENT]
    ]
    if len(found) > MOST_SILENT:
        title, statement = shown[-1]
        shown[-1] = (title, statement + f" The other {number_word(len(found) - MOST_SILENT)} models: section R19.")
    return shown


def _beginning(statement: Node, room: int, rest: str) -> Printed:
    """As many of its sentences as there is room for, at least the first; then `rest`, which says where all of it is."""
    if len(statement.text) <= room:
        return view.words(statement)
    sentences = SENTENCES.split(statement.text)
    while len(sentences) > 1 and len(" ".join(sentences)) > room:
        sentences.pop()
    return printed(" ".join(sentences), statement.address) + f" {rest}"


def _conditions(study: Study) -> Printed:
    """What was claimed, what that was shown on, and what came in between."""
    said = view.words(study.protocol["intended_use"])
    tested = joined(
        (_named(study, a, words) for a, words in (("manufacturer", "scanners of "), ("site", "sites "))), "; "
    )
    if tested:
        said = said + " Shown for no other than " + tested + "."
    if len(_levels_of(study, "site")) == 1:
        said += " One site: a local acceptance, not a general one."
    deviated = deviations_told(study)
    if deviated:
        said = said + " " + deviated
    return said


def _levels_of(study: Study, attribute: str) -> list[Node]:
    found = study.sealed.finding("population")["data"]["attributes"]
    entry = next((a for a in found if a["attribute"].text == attribute), None)
    return [level["level"] for level in entry["levels"] if level["level"].text != "missing"] if entry else []


SECTION = Section(
    id="R02", title="Verdict", question="", template="sections/executive_verdict.html.j2", content=content,
    rank={"acceptance": -10, "submission": -10, "comparison": -10},
)  # fmt: skip
