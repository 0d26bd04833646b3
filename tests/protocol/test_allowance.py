"""Margins and tolerances: one number for measures of one scale, else one for each endpoint in its own unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from validate.catalog import shipped_catalog
from validate.errors import ProtocolError
from validate.protocol.fairness import fairness_of
from validate.protocol.load import load_protocol
from validate.protocol.robustness import RobustnessOptions
from validate.protocol.schema import StudyProtocol
from validate.protocol.shift import ShiftOptions

TEXT = (Path(__file__).parents[2] / "protocols" / "gallery" / "cardiac-ventricles.yaml").read_text()
GAP = "  - {endpoint: dice.left_ventricle, gap_of: sex, rationale: Both sexes are to be served alike.}\n"


def loaded(folder: Path, margin: str, *, gap: str = GAP) -> StudyProtocol:
    fair = (
        "analyses:\n  - fairness:\n      attributes: [sex]\n      endpoints: [dice.left_ventricle, volume]\n"
        f"      margin: {margin}\n      rationale: r\n\nacceptance:\n{gap}"
    )
    path = folder / "p.yaml"
    path.write_text(TEXT.replace("acceptance:\n", fair, 1))
    return load_protocol(path, catalog=shipped_catalog()).protocol


def test_one_number_can_not_be_of_millilitres_and_of_a_dice_coefficient(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError) as caught:
        loaded(tmp_path, "0.1")
    assert "fairness.margin: got 0.1 for measures of different scales; give one for each, in its own unit" in str(
        caught.value
    )


def test_each_endpoint_has_its_own(tmp_path: Path) -> None:
    options = fairness_of(loaded(tmp_path, "{dice.left_ventricle: 0.05, volume: 12.0}"))
    assert options is not None
    assert (options.margin_of("dice.left_ventricle"), options.margin_of("volume"), options.margin_of("other")) == (
        0.05,
        12.0,
        None,
    )


@pytest.mark.parametrize(
    ("margin", "message"),
    [
        ("{dice.left_ventricle: 0.05, auroc: 0.1}", "fairness.margin.auroc: no endpoint 'auroc'"),
        ("{dice.left_ventricle: 1.5}", "fairness.margin: got 1.5, but no two values of"),
        ("{volume: 12.0}", "acceptance[0].gap_of: needs a margin in analyses: fairness"),
        ("{dice.left_ventricle: 0}", "fairness.margin"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, margin: str, message: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        loaded(tmp_path, margin)
    assert message in str(caught.value)


def test_tolerances_are_read_alike() -> None:
    tolerance = {"auroc": 0.05, "ece": 0.02}
    robust = RobustnessOptions.model_validate(
        {"suite": "ct", "endpoints": ["auroc", "ece"], "tolerance": tolerance, "rationale": "r"}
    )
    since = ShiftOptions.model_validate(
        {"reference": "x", "endpoints": ["auroc", "ece"], "tolerance": tolerance, "rationale": "r"}
    )
    for options in (robust, since):
        assert (options.tolerance_of("auroc"), options.tolerance_of("ece"), options.tolerance_of("brier")) == (
            0.05,
            0.02,
            None,
        )
    assert (
        RobustnessOptions.model_validate({"suite": "ct", "endpoints": ["auroc"], "tolerance": 0.1}).tolerance_of(
            "auroc"
        )
        == 0.1
    )


def test_a_criterion_that_an_acceptance_stands_needs_its_tolerance(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "protocols" / "gallery" / "cxr-opacity-table.yaml").read_text()
    start = text.index("acceptance:\n")
    head, rest = text[:start].rstrip() + "\n", text[start:].partition("\n\n")[2]
    shift = "  - shift: {reference: ../../accepted, endpoints: [auroc], tolerance: 0.1, rationale: r}\n"
    line = "acceptance:\n  - {analysis: shift, endpoint: auroc, rationale: r}\n"
    path = tmp_path / "p.yaml"
    for before, criterion, message in (
        ("", line, "acceptance[0].analysis: needs analyses: shift with a reference, this endpoint and a tolerance"),
        (
            shift,
            line.replace("auroc", "brier"),
            "acceptance[0].endpoint: 'brier' is not among the endpoints of analyses: shift",
        ),
        (
            shift,
            line.replace("rationale", "at_least: 0.8, rationale"),
            "acceptance[0].at_least: does not go with analysis: shift",
        ),
        (shift.replace("tolerance: 0.1, ", ""), line, "shift.tolerance: is missing"),
        (shift, line.replace("rationale: r", "rationale: ''"), "acceptance[0].rationale: is empty"),
    ):
        path.write_text(head + before + "\n" + criterion + "\n" + rest)
        with pytest.raises(ProtocolError) as caught:
            load_protocol(path, catalog=shipped_catalog())
        assert message in str(caught.value)
    path.write_text(head + shift + "\n" + line + "\n" + rest)
    assert load_protocol(path, catalog=shipped_catalog()).protocol.acceptance[0].endpoint == "auroc"
