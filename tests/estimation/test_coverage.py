"""The packaged coverage table: its page of the docs, its nearest cells, and the warnings made of it."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from validate.estimation.coverage import NOMINAL, cells, coverage_warnings, nearest
from validate.protocol.load import from_resolved
from validate.protocol.schema import StudyProtocol

ROOT = Path(__file__).parents[2]


def protocol(
    goal: float, *, metric: str = "auroc", method: str = "obuchowski", sampling: str = "consecutive",
    prevalence: float | None = 0.1,
) -> StudyProtocol:  # fmt: skip
    document: dict[str, Any] = {
        "schema_version": "1", "id": "p", "version": "1", "title": "t", "profile": "acceptance", "intended_use": "u",
        "task": "classification", "seed": 1,
        "cohort": {"sources": [{"table": "c.csv", "key": "k", "patient": "p"}], "unit": "image", "sampling": sampling,
                   **({"prevalence": {"values": [prevalence], "source": "s"}} if prevalence else {})},
        "reference": {"table": "c.csv", "key": "k", "level": "image", "label": "y", "positive": 1, "standard": "s"},
        "models": [{"id": "m", "name": "M", "version": "1", "format": "predictions", "path": "p.csv",
                    "output": {"activation": "none", "kind": "probability"},
                    "operating_point": {"threshold": 0.5, "source": "s"}}],
        "endpoints": [{"id": "e", "metric": f"classification.{metric}", "role": "primary",
                       "interval": {"method": method}}],
        "acceptance": [{"endpoint": "e", "limit": "lower", "at_least": goal, "rationale": "r"}],
    }  # fmt: skip
    return from_resolved(document)


def test_the_page_of_the_docs_says_what_the_table_says() -> None:
    spec = importlib.util.spec_from_file_location("coverage_report", ROOT / "tests/benchmarks/coverage_report.py")
    assert spec is not None
    assert spec.loader is not None
    report = importlib.util.module_from_spec(spec)
    sys.modules["coverage_report"] = report
    spec.loader.exec_module(report)
    rows = list(csv.DictReader(report.TABLE.read_text(encoding="utf-8").splitlines()))
    assert report.PAGE.read_text(encoding="utf-8") == report.page(rows)


def test_every_published_cell_has_ten_thousand_studies_and_tails_that_add_up() -> None:
    assert len(cells()) > 1000
    for cell in cells():
        assert cell.simulations >= 10_000
        assert cell.coverage + cell.missed_low + cell.missed_high == pytest.approx(1.0, abs=3e-5)
    assert {cell.method for cell in cells()} >= {
        "obuchowski", "delong", "delong_logit", "bootstrap", "bootstrap_bca", "wilson_effective_n",
        "clopper_pearson_effective_n", "jeffreys_effective_n",
    }  # fmt: skip


def test_the_nearest_cell_is_the_one_of_the_same_design() -> None:
    found = nearest("auroc", "obuchowski", patients=310, rarer=33, truth=0.9, images=3)
    assert found is not None
    assert (found.patients, found.prevalence, found.truth, found.images) == (300, 0.1, 0.9, 3)
    same = [c for c in cells() if (c.metric, c.method, c.patients, c.prevalence, c.truth, c.images) == (
        "auroc", "obuchowski", 300, 0.1, 0.9, 3)]  # fmt: skip
    assert found.coverage == min(cell.coverage for cell in same)
    naive = nearest("proportion", "wilson", patients=100, rarer=100, truth=0.9, images=1)
    assert naive is not None
    assert naive.method == "wilson_effective_n"
    assert nearest("auroc", "no such method", patients=1, rarer=1, truth=0.9, images=1) is None


def test_a_protocol_that_walks_into_a_bad_region_is_warned_and_one_that_does_not_is_not() -> None:
    (warning,) = coverage_warnings(protocol(0.99), patients=300, rows=300)
    assert "300 patients" in warning
    assert "held the truth in" in warning
    assert coverage_warnings(protocol(0.80), patients=3000, rows=3000) == ()
    assert (
        coverage_warnings(
            protocol(0.80, metric="sensitivity", method="wilson_effective_n"), patients=10_000, rows=10_000
        )
        == ()
    )


def test_without_a_prevalence_nothing_is_guessed_unless_the_sample_was_enriched() -> None:
    assert coverage_warnings(protocol(0.99, prevalence=None), patients=100, rows=100) == ()
    assert coverage_warnings(protocol(0.99, prevalence=None, sampling="enriched"), patients=30, rows=30)
    assert coverage_warnings(protocol(0.99), patients=0, rows=0) == ()


def test_the_band_that_counts_as_nominal_is_the_published_one() -> None:
    assert NOMINAL == (0.935, 0.965)


def compared(method: str) -> StudyProtocol:
    """Two models whose sensitivity is compared by these limits; no criterion of its own."""
    document = protocol(0.8, metric="sensitivity", method="wilson_effective_n").model_dump(mode="json", by_alias=True)
    rival = {**document["models"][0], "id": "n"}
    document |= {"models": [document["models"][0], rival], "acceptance": []}
    document["cohort"]["prevalence"] = {"values": [0.5], "source": "s"}
    document["comparisons"] = [
        {"test": "m", "reference": "n", "endpoint": "e", "hypothesis": "noninferiority", "margin": 0.05, "rationale": "r",
         "interval": method}
    ]  # fmt: skip
    return from_resolved(document)


def test_a_comparison_of_few_patients_is_warned_of_too() -> None:
    (warning,) = coverage_warnings(compared("bootstrap"), patients=60, rows=60)
    assert "the difference in e" in warning
    assert "models correlated by" in warning
    assert coverage_warnings(compared("bootstrap"), patients=400, rows=400) == ()
    assert coverage_warnings(compared("tango"), patients=400, rows=400) == ()


def test_the_page_of_verdicts_says_what_its_table_says() -> None:
    spec = importlib.util.spec_from_file_location("verdict_report", ROOT / "tests/benchmarks/verdict_report.py")
    assert spec is not None
    assert spec.loader is not None
    report = importlib.util.module_from_spec(spec)
    sys.modules["verdict_report"] = report
    spec.loader.exec_module(report)
    rows = list(csv.DictReader(report.TABLE.read_text(encoding="utf-8").splitlines()))
    assert report.PAGE.read_text(encoding="utf-8") == report.page(rows)
    assert all(int(row["simulations"]) >= 10_000 for row in rows)
    wrong = [float(row["passed"]) for row in rows if row["question"] != "every level at the goal"]
    assert max(wrong) <= 0.025 + 3 * (0.025 * 0.975 / 10_000) ** 0.5


def test_a_verdict_is_simulated_by_the_products_own_path() -> None:
    spec = importlib.util.spec_from_file_location("verdict_study", ROOT / "tests/benchmarks/verdict_study.py")
    assert spec is not None
    assert spec.loader is not None
    study = importlib.util.module_from_spec(spec)
    sys.modules["verdict_study"] = study
    spec.loader.exec_module(study)
    assert len({cell.name for cell in study.cells()}) == 96
    found = study.outcomes(study.Cell("sensitivity", study.ONE_WEAK, 100, 0.8, 3), 60)
    assert sum(found.values()) == 60
    assert found["PASS"] <= 6
