"""What `analyses: survival` must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from validate.catalog import shipped_catalog
from validate.cohort.case import Case
from validate.errors import DataError, ProtocolError
from validate.protocol.load import load_protocol
from validate.results.follow_up import check_follow_up

PATH = Path(__file__).parents[2] / "protocols" / "gallery" / "cxr-opacity-table.yaml"
TEXT = PATH.read_text()
PROBLEMS = [
    ("at: [90, 180, 365, 540]", "at: [180, 90]", "expected rising times"),
    ("at: [90, 180, 365, 540]", "at: []", "analyses[2].survival.at"),
    ("of: readmission, ", "", "analyses[2].survival.of"),
    ("unit: days, ", "unit: ' ', ", "survival.unit"),
]


@pytest.mark.parametrize(("old", "new", "message"), PROBLEMS)
def test_what_does_not_fit_is_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    path = tmp_path / "p.yaml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ProtocolError) as caught:
        load_protocol(path, catalog=shipped_catalog())
    assert message in str(caught.value)


def test_an_attribute_that_no_image_has_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    text = PATH.with_name("cxr-opacity-acceptance.yaml").read_text()
    asked = "  - survival: {time: follow_up, event: sex, occurred: F, of: x, unit: days, at: [9]}\n"
    path = tmp_path / "p.yaml"
    path.write_text(text.replace("analyses:\n", f"analyses:\n{asked}", 1))
    with pytest.raises(ProtocolError, match=r"analyses\[0\]\.survival\.time: no attribute 'follow_up'"):
        load_protocol(path, catalog=shipped_catalog())


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"readmitted": "no"}, "no attribute 'follow_up_days'; there are readmitted"),
        ({"readmitted": "no", "follow_up_days": 3.0}, "no patient has readmitted = 'yes', so there is no event"),
        ({"readmitted": "yes", "follow_up_days": "soon"}, "follow_up_days got 'soon', expected a time of 0 or more"),
    ],
)
def test_times_that_are_not_there_end_the_run_before_a_model_reads_a_case(
    attributes: dict[str, object], message: str
) -> None:
    case = Case("I-1", "P-1", "S-1", "R-1", "d", attributes, has_label=True)  # type: ignore[arg-type]
    with pytest.raises(DataError) as caught:
        check_follow_up(load_protocol(PATH, catalog=shipped_catalog()).protocol, [case])
    assert message in str(caught.value)
