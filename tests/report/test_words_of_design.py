"""General words fit the study that they stand in: its level, its unit, its clusters, its labels."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from validate.report.render import _document, _study


def text_of(folder: Path) -> str:
    html = re.sub(
        r"<style.*?</style>|<script.*?</script>",
        " ",
        _document(_study(folder, None, None)).on_screen(),
        flags=re.DOTALL,
    )
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def with_protocol(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    place = folder / "protocol.yaml"
    protocol = yaml.safe_load(place.read_text(encoding="utf-8"))
    change(protocol)
    place.write_text(yaml.safe_dump(protocol), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("level", "said"), [(0.95, "in 95 of 100 such studies"), (0.9, "in 90 of 100 such studies")])
def test_the_glossary_explains_limits_by_the_level_that_they_have(
    build: Callable[..., Path], level: float, said: str
) -> None:
    folder = build()
    place = folder / "estimates.json"
    place.write_text(place.read_text(encoding="utf-8").replace('"level": 0.95', f'"level": {level}'), encoding="utf-8")
    assert said in text_of(folder)


def test_where_every_patient_is_one_row_nothing_is_said_of_several(build: Callable[..., Path]) -> None:
    assert "one patient may give several images" in text_of(build())
    text = text_of(with_protocol(build(), lambda protocol: protocol["cohort"].update(unit="patient")))
    assert "may give several" not in text
    assert "Each patient is one row" in text


def test_indeterminate_labels_are_missed_by_name_in_the_section_on_what_is_missing(build: Callable[..., Path]) -> None:
    assert "whose label is indeterminate" not in text_of(build())
    folder = build()
    findings = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    missing = next(one for one in findings["findings"] if one["analysis"] == "missing")
    next(one for one in missing["data"]["labels"] if one["status"] == "indeterminate").update(rows=5)
    (folder / "findings.json").write_text(json.dumps(findings), encoding="utf-8")
    assert "the results with 5 images whose label is indeterminate counted once as positive" in text_of(folder)
