"""Statements of people stand in the section they belong to; what nobody stated is named there as missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from validate.report.sealed import read_sealed
from validate.report.stated import REFERENCE, stated
from validate.report.study import Study


def test_what_is_stated_is_shown_and_what_is_not_is_missing(build: Callable[..., Path]) -> None:
    study = Study(read_sealed(build()), "acceptance")
    said = json.loads(json.dumps(study.protocol["statements"].value or {}))
    found = stated(study, "stated-reference", REFERENCE, "the weather")
    assert [str(line.cells[1]) for line in found.facts.rows] == [said[key] for key in REFERENCE if said.get(key)]
    assert found.missing.startswith("the weather")
    for key, (_, words) in REFERENCE.items():
        assert not words or (words in found.missing) is not bool(said.get(key))
