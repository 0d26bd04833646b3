"""What a printed text may be of the value at its address: rounded as shown, in percent, a date with its digits; nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from validate.canonical import pretty_json
from validate.errors import EvidenceError
from validate.evidence import pdf_parts
from validate.evidence.pdf_signature import pdf_signatures
from validate.evidence.pdf_text import pages_of
from validate.evidence.printed import check_printed, fits


@pytest.fixture
def run(tmp_path: Path) -> Path:
    document: dict[str, Any] = {
        "share": 0.8846, "index": 0.92647, "count": 1274, "p": 0.00021, "loss": -0.0354, "memory": 25_200_000_000,
        "time": "2026-03-03T14:05:00+00:00", "sha": "ddec2d98a98a", "rows": [3, 5], "nothing": None, "a/b": 1, "low": 0.0,
    }  # fmt: skip
    (tmp_path / "e.json").write_bytes(pretty_json(document))
    (tmp_path / "verdict.json").write_bytes(pretty_json({"outcome": "PASS"}))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("88.5%", "/share"), ("88.5", "/share"), ("0.88", "/share"), ("0.926", "/index"), ("1,274", "/count"),
        ("<0.001", "/p"), ("−3.5", "/loss"), ("−0.035", "/loss"), ("−3.5 points", "/loss"), ("23.5 GiB", "/memory"),
        ("3 Mar 2026", "/time"), ("14:05 UTC", "/time"), ("ddec 2d98", "/sha"), ("5", "/rows"), ("not defined", "/nothing"),
        ("1", "/a~1b"), ("0.0%", "/low"),
    ],
)  # fmt: skip
def test_what_is_rounded_from_the_value_fits(run: Path, text: str, pointer: str) -> None:
    assert fits(run, text, f"e.json#{pointer}")


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("88.6%", "/share"), ("8.85%", "/share"), ("0.927", "/index"), ("1,275", "/count"), ("<0.0001", "/p"), ("3.5", "/loss"),
        ("4 Mar 2026", "/time"), ("ddec 2d99", "/sha"), ("4", "/rows"), ("0.5", "/nothing"), ("0.1%", "/low"), ("1", "/none"),
    ],
)  # fmt: skip
def test_what_is_not_does_not(run: Path, text: str, pointer: str) -> None:
    assert not fits(run, text, f"e.json#{pointer}")


@pytest.mark.parametrize(
    ("text", "address", "whether"),
    [
        ("count", "e.json#/count;name", True), ("coun", "e.json#/count;name", True), ("index", "e.json#/count;name", False),
        ("a/b", "e.json#/a~1b;name", True), ("gone", "e.json#/gone;name", False), ("2", "e.json#/rows;length", True),
        ("1", "e.json#/rows;length-1", True), ("2", "e.json#/rows;length-1", False), ("1", "e.json#/gone;length", False),
    ],
)  # fmt: skip
def test_a_name_and_how_many_there_are_have_addresses_of_their_own(
    run: Path, text: str, address: str, whether: bool
) -> None:
    assert fits(run, text, address) is whether


def test_that_something_is_missing_can_be_printed_and_no_number_can(run: Path) -> None:
    assert fits(run, "no reason recorded", "e.json#/rows_that_nobody_wrote")
    assert not fits(run, "12 reasons recorded", "e.json#/rows_that_nobody_wrote")
    assert not fits(run, "no reason recorded", "nowhere.json#/x")


def test_a_verdict_is_the_word_that_was_sealed(run: Path) -> None:
    assert fits(run, "Pass", "verdict.json#/outcome")
    assert fits(run, "would be met", "verdict.json#/outcome")
    for other in ("INCONCLUSIVE", "Fail", "would be missed", "undecided"):
        assert not fits(run, other, "verdict.json#/outcome")
    (run / "verdict.json").write_bytes(pretty_json({"outcome": None}))
    assert fits(run, "none", "verdict.json#/outcome")
    assert not fits(run, "Pass", "verdict.json#/outcome")
    assert not fits(run, "1", "nowhere.json#/x")


def test_a_number_on_the_screen_that_is_another_is_named(run: Path) -> None:
    (run / "report").mkdir()
    page = '<p><span data-address="e.json#/share">88.5%</span> of <tspan data-address="e.json#/count">1,274</tspan></p>'
    (run / "report/report.html").write_text(page)
    assert check_printed(run).differences == ()
    (run / "report/report.html").write_text(page.replace("88.5%", "98.5%"))
    assert check_printed(run).differences == (
        "report/report.html: prints '98.5%', which is not what lies at e.json#/share",
    )


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\nnothing", b"no pdf at all"])
def test_a_pdf_that_cannot_be_read_is_said(run: Path, content: bytes) -> None:
    with pytest.raises(EvidenceError, match="its text can't be read"):
        pages_of(content)
    (run / "report").mkdir()
    (run / "report/report.pdf").write_bytes(content)
    with pytest.raises(EvidenceError, match=r"printed\.json: missing"):
        check_printed(run)
    (run / "report/printed.json").write_text(json.dumps({"pages": 3}))
    with pytest.raises(EvidenceError):
        check_printed(run)


def test_only_what_reads_a_pdf_may_stumble_over_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the reader stumbles over is said; a mistake of this program's own comparison is not dressed up as a broken file."""

    def broken(_content: bytes) -> Any:
        raise IndexError("deep in the reader")

    monkeypatch.setattr(pdf_parts, "opened_pdf", broken)
    with pytest.raises(EvidenceError, match="its parts can't be read: IndexError: deep in the reader"):
        list(pdf_parts.part_differences(run, b""))
    monkeypatch.setattr(pdf_parts, "_read", lambda _content: ([], {}))
    monkeypatch.setattr(pdf_parts, "CARRIED", (7,))
    with pytest.raises(AttributeError):
        list(pdf_parts.part_differences(run, b""))


def test_what_stands_in_the_way_of_reading_signatures_is_said() -> None:
    with pytest.raises(EvidenceError, match=r"its signatures can't be read: \w+: .*[a-z]{3}"):
        pdf_signatures(b"%PDF-1.7\nnothing")
