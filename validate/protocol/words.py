"""Blocks of a protocol: what only people can say, what is claimed, and what the report shows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from validate.protocol.block import Block, Said


class Statements(Block):
    """What only people can say, for the sections and checklist items that ask for it; printed word for word."""

    adverse_events: Said | None = None
    alternatives: Said | None = None
    annotators: Said | None = None
    automation: Said | None = None
    background: Said | None = None
    claimed_performance: Said | None = None
    clinical_mix: Said | None = None
    clinical_route: Said | None = None
    code_availability: Said | None = None
    conditions: Said | None = None
    data_availability: Said | None = None
    data_custody: Said | None = None
    deidentification: Said | None = None
    demographics: Said | None = None
    development: Said | None = None
    development_comparison: Said | None = None
    distribution: Said | None = None
    ethics: Said | None = None
    explainability: Said | None = None
    failure_review: Said | None = None
    funding: Said | None = None
    implications: Said | None = None
    independent_rerun: Said | None = None
    interests: Said | None = None
    internal_evaluation: Said | None = None
    interpretation: Said | None = None
    interval_between_tests: Said | None = None
    limitations: Said | None = None
    manufacturer: Said | None = None
    monitoring: Said | None = None
    notification_time: Said | None = None
    other_access: Said | None = None
    other_deviations: Said | None = None
    overlap_check: Said | None = None
    patient_involvement: Said | None = None
    reader_agreement: Said | None = None
    recalibration: Said | None = None
    record_keeping: Said | None = None
    reference_uncertainty: Said | None = None
    registration: Said | None = None
    representativeness: Said | None = None
    residual_risk: Said | None = None
    sample_size: Said | None = None
    severity: Said | None = None
    standard_blinding: Said | None = None
    standard_rationale: Said | None = None
    treatments: Said | None = None
    users: Said | None = None


class Claim(Block):
    """What somebody claims of the model, and what tests it.

    hazard : id in the risk file (ISO 14971) that an untrue claim leads to      endpoint : none: untested, and said so
    model : of which model, where there are several
    """

    id: str
    text: Said
    hazard: str | None = None
    requirement: str | None = None
    endpoint: str | None = None
    model: str | None = None


class Gallery(Block):
    """The worst errors by pseudonym. pixels : their images go into the report, and leave the site

    cause : attribute of the cohort that holds the cause of an error, such as what a reader wrote down; most : of each kind
    """

    pixels: bool = False
    cause: str | None = None
    most: Annotated[int, Field(ge=1, le=12)] = 6


class Report(Block):
    """house_style : folder of a house style, relative to the protocol; copied into the run folder."""

    formats: tuple[Literal["pdf", "html", "card", "tables"], ...] = ("pdf", "html", "card", "tables")
    question: str | None = None
    site: str | None = None
    house_style: str | None = None
    gallery: Gallery | None = None
