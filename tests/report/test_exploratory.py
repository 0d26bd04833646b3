"""Without a lock nothing is decided: no figure wears the colour of a verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from validate.report.criterion import tone_of
from validate.report.sealed import read_sealed
from validate.report.study import Study


@pytest.mark.parametrize(("exploratory", "tones"), [(False, {"ink", "inconclusive"}), (True, {"ink"})])
def test_only_a_locked_criterion_colours_a_figure(
    build: Callable[..., Path], exploratory: bool, tones: set[str]
) -> None:
    study = Study(read_sealed(build(exploratory=exploratory)), "acceptance")
    assert {tone_of(study, criterion) for criterion in study.sealed.verdict["criteria"]} == tones
