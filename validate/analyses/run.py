"""Which analyses a protocol gets, the passes they need, and their findings in a fixed order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.canonical import canonical_json
from validate.errors import ProtocolError
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import headline
from validate.registry import load, names


def run_analyses(evidence: Evidence) -> tuple[Finding, ...]:
    """The findings of every analysis that always runs, and of those asked for, each with its checked options.

    Raises ProtocolError for an unknown analysis or option, EvidenceError where counts do not add up.
    """
    found: list[Finding] = []
    evidence = replace(evidence, units=_on_headline(evidence), every=evidence.units)
    for name, analysis, options in planned_analyses(evidence.protocol):
        for finding in analysis.findings(evidence, options):
            _refuse_what_has_no_json_form(name, finding)
            found.append(finding)
    return tuple(found)


def _on_headline(evidence: Evidence) -> pa.Table:
    """Rows of the one yes-or-no question that curves, calibration and the first page speak of."""
    if evidence.protocol.task == "classification":
        return evidence.units
    name = headline(evidence.protocol).name
    return evidence.units.filter(pa.array([target == name for target in evidence.units["target"].to_pylist()]))


def required_passes(protocol: StudyProtocol) -> tuple[Pass, ...]:
    """The clean pass, and what the analyses need besides; said before the lock."""
    passes = {CLEAN.id: CLEAN}
    for name, analysis, options in planned_analyses(protocol):
        for pass_ in analysis.passes(options):
            if passes.setdefault(pass_.id, pass_) != pass_:
                raise ProtocolError(
                    f"analyses: '{name}' needs a pass '{pass_.id}' that another analysis defines otherwise. "
                    "Ask for the two analyses with the same options, or for one of them."
                )
    return tuple(passes.values())


def planned_analyses(protocol: StudyProtocol) -> tuple[tuple[str, Analysis, BaseModel], ...]:
    """(name, analysis, options) in the order of the report. Raises ProtocolError with every problem."""
    asked = {analysis.name: analysis.options for analysis in protocol.analyses}
    known = {name: _load(name) for name in names("analyses")}
    problems = [f"analyses: no analysis '{name}'; there are {', '.join(known)}." for name in asked if name not in known]
    planned: list[tuple[str, Analysis, BaseModel]] = []
    for name, analysis in known.items():
        if name in asked and protocol.task not in analysis.tasks:
            problems.append(f"analyses: '{name}' says nothing of task {protocol.task}; remove it.")
        elif (analysis.always and protocol.task in analysis.tasks) or name in asked:
            try:
                planned.append((name, analysis, analysis.OPTIONS.model_validate(dict(asked.get(name, {})))))
            except ValidationError as error:
                problems += [_problem(name, detail) for detail in error.errors()]
    if problems:
        raise ProtocolError(problems)
    return tuple(sorted(planned, key=lambda plan: (plan[1].order, plan[0])))


def _load(name: str) -> Analysis:
    analysis: Analysis = load("analyses", name)
    return analysis


def _problem(name: str, detail: Any) -> str:
    place = ".".join(["analyses", name, *(str(part) for part in detail["loc"])])
    return f"{place}: {detail['msg']}; got {detail['input']!r}."


def _refuse_what_has_no_json_form(name: str, finding: Finding) -> None:
    try:
        canonical_json(finding.data)
    except (ValueError, TypeError) as error:
        raise AssertionError(f"analysis '{name}' made a finding '{finding.id}' without a JSON form: {error}") from error
