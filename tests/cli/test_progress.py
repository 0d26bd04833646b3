"""What a person is told while a run goes on: plain lines where there is no terminal."""

from __future__ import annotations

import pytest

from validate.cli import progress as module
from validate.cli.progress import RunProgress
from validate.reporter import Silent


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, in seconds, to be moved by hand; it never ends a pause by itself."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_line_says_cases_rate_failures_what_is_waited_for_and_time_left(
    at: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with RunProgress() as shown:
        shown.stage("Running the models")
        at[0] += 20
        shown.advance(900, 1500, 3, rate=40.0, waiting_for="decode")
        shown.advance(901, 1500, 3, rate=40.0, waiting_for="decode")  # too soon for another line
    told = capsys.readouterr().err.splitlines()
    assert told == ["Running the models", "  900 of 1,500 (40/s, 3 failed, the model waits for images, 15 s left)"]


def test_a_resumed_run_is_not_called_faster_than_it_is(at: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    """1,000 of the cases were done by an earlier start; this one does one case in ten seconds."""
    with RunProgress() as shown:
        shown.stage("Running the models")
        at[0] += 20
        shown.advance(1002, 1012, rate=0.1, waiting_for="model")
    assert "(0.1/s, images wait for the model, 100 s left)" in capsys.readouterr().err


def test_a_stage_without_a_rate_is_reckoned_from_its_start(at: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress() as shown:
        shown.stage("Reading the cohort")
        at[0] += 10
        shown.advance(50, 100)
    assert "  50 of 100 (5/s, 10 s left)" in capsys.readouterr().err


def test_nobody_is_told_where_nobody_wants_to_be(at: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress(quiet=True) as shown:
        shown.stage("x")
        at[0] += 100
        shown.advance(1, 2, waiting_for="model")
        shown.say("y")
    Silent().advance(1, 2, rate=1.0, waiting_for="cluster")
    assert capsys.readouterr().err == ""
