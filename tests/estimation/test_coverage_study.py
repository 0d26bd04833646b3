"""The coverage study's compiled loop is the product's path; a miniature of the study holds what it publishes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from validate.stats.obuchowski import clustered_auroc

SCRIPT = Path(__file__).parents[1] / "benchmarks/coverage_study.py"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_study", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["coverage_study"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("images", "correlation"), [(1, 0.0), (3, 0.3), (10, 0.8)])
def test_the_compiled_loop_gives_the_products_auroc_and_variances(
    study: ModuleType, images: int, correlation: float
) -> None:
    rng = np.random.default_rng(5)
    above, of_above = study._noise(rng, 20, images, correlation)
    below, of_below = study._noise(rng, 45, images, correlation)
    assert (np.diff(above) >= 0).all()
    assert (np.bincount(of_above) == images).all()
    out = np.empty(3)
    study._auroc(above, of_above, below, of_below, 0.7, 20, 45, out)
    score = np.concatenate([above + 0.7, below])
    positive = np.arange(score.size) < above.size
    found = clustered_auroc(score, positive, np.concatenate([of_above, of_below + 20]))
    assert out[0] == pytest.approx(found.auroc, rel=1e-9)
    assert out[1] == pytest.approx(found.variance, rel=1e-9)
    alone = clustered_auroc(score, positive, np.arange(score.size))
    assert out[2] == pytest.approx(alone.variance, rel=1e-9)


def test_noise_has_unit_variance_and_the_stated_correlation(study: ModuleType) -> None:
    noise, owner = study._noise(np.random.default_rng(6), 20_000, 3, 0.3)
    means = np.bincount(owner, noise) / 3
    assert noise.std() == pytest.approx(1.0, abs=0.02)
    assert means.var() == pytest.approx(0.3 + 0.7 / 3, abs=0.02)


def test_a_miniature_of_the_study_covers_as_it_should(study: ModuleType) -> None:
    rows = study.auroc_rows(300, 0.5, 3, 0.3, 400) + study.proportion_rows(100, 3, 0.3, 400)
    by_key = {(row[0], row[1], row[4]): row for row in rows}
    for key in (("auroc", "obuchowski", 0.9), ("proportion", "wilson_effective_n", 0.8)):
        coverage = by_key[key][9]
        assert 0.91 < coverage < 0.985  # 95% ± 3.7 standard errors of 400 studies


def test_both_bootstraps_go_through_the_products_kernel(study: ModuleType) -> None:
    rows = study.bootstrap_rows(100, 0.5, 0.9, 1, 0.0, 60)
    assert [row[1] for row in rows] == ["bootstrap", "bootstrap_bca"]
    assert all(row[9] > 0.8 for row in rows)
