"""The audit trail: nobody edits the middle, a crash tears only the end, a clock that goes back is told."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from validate.errors import EvidenceError
from validate.provenance.audit import AuditTrail, read_events, verify_chain
from validate.provenance.event import GENESIS

START = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


class Clock:
    def __init__(self, *steps: int) -> None:
        self.now, self.steps = START, list(steps)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=self.steps.pop(0) if self.steps else 1)
        return self.now


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    path = tmp_path / "evidence" / "audit.jsonl"
    with AuditTrail(path, clock=Clock()) as events:
        for number in range(5):
            events.append("event", {"number": number})
    return path


def rewritten(path: Path, change: object) -> None:
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"".join(line + b"\n" for line in change(lines)))  # type: ignore[operator]


def test_an_untouched_trail_has_no_problem_and_its_head_is_the_last_hash(trail: Path) -> None:
    chain = verify_chain(trail)
    events = list(read_events(trail))
    assert chain.problems == ()
    assert chain.events == 5
    assert chain.head == events[-1]["hash"]
    assert events[0]["previous"] == GENESIS
    assert [e["data"]["number"] for e in events] == [0, 1, 2, 3, 4]


def test_an_edited_event_is_named_by_its_line(trail: Path) -> None:
    def change(lines: list[bytes]) -> list[bytes]:
        event = json.loads(lines[2])
        event["data"]["number"] = 99
        lines[2] = json.dumps(event).encode()
        return lines

    rewritten(trail, change)
    assert verify_chain(trail).problems == ("line 3 was edited",)


HOSTILE = {
    "not a number": b'{"seq":2,"time":"x","type":"e","data":NaN,"previous":"0","hash":"x"}',
    "half a character": b'{"seq":2,"time":"x","type":"e","data":"\\ud800","previous":"0","hash":"x"}',
    "too deep": b'{"seq":2,"time":"x","type":"e","data":' + b"[" * 100_000 + b',"previous":"0","hash":"x"}',
    "too long a number": b'{"seq":' + b"9" * 5000 + b',"time":"x","type":"e","data":1,"previous":"0","hash":"x"}',
    "no text": b"\xff\xfe",
    "nothing": b"",
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_line_is_named_and_crashes_nothing(trail: Path, line: bytes) -> None:
    rewritten(trail, lambda lines: [*lines[:2], line, *lines[3:]])
    assert "line 3 is not an event" in verify_chain(trail).problems


@pytest.mark.parametrize(("old", "new"), [(b",", b", "), (b'"seq":2', b'"seq":9,"seq":2')])
def test_a_line_that_reads_alike_and_is_written_otherwise_was_edited(trail: Path, old: bytes, new: bytes) -> None:
    rewritten(trail, lambda lines: [*lines[:2], lines[2].replace(old, new, 1), *lines[3:]])
    assert verify_chain(trail).problems == ("line 3 was edited",)


def test_a_removed_event_is_a_gap(trail: Path) -> None:
    rewritten(trail, lambda lines: lines[:2] + lines[3:])
    problems = " ".join(verify_chain(trail).problems)
    assert "a gap or another order" in problems
    assert "does not follow the line before it" in problems


def test_swapped_events_are_found(trail: Path) -> None:
    rewritten(trail, lambda lines: [lines[0], lines[2], lines[1], *lines[3:]])
    assert verify_chain(trail).problems


def test_a_truncated_trail_has_another_head(trail: Path) -> None:
    head = verify_chain(trail).head
    rewritten(trail, lambda lines: lines[:-1])
    assert verify_chain(trail).problems == ()
    assert verify_chain(trail).head != head  # the seal holds the head, so verification notices


def test_a_line_that_is_no_event_is_named(trail: Path) -> None:
    rewritten(trail, lambda lines: [*lines, b"not json"])
    assert verify_chain(trail).problems == ("line 6 is not an event",)


def test_a_torn_last_line_is_cut_off_and_told(trail: Path) -> None:
    whole = trail.read_bytes()
    trail.write_bytes(whole + b'{"seq":5,"time":"2026')
    with AuditTrail(trail, clock=Clock(60)) as events:
        events.append("after")
    kinds = [event["type"] for event in read_events(trail)]
    assert kinds[-2:] == ["torn_line_removed", "after"]
    assert verify_chain(trail).problems == ()
    assert trail.read_bytes().startswith(whole)


def test_a_trail_that_was_edited_is_not_continued(trail: Path) -> None:
    rewritten(trail, lambda lines: lines[1:])
    with pytest.raises(EvidenceError, match="the audit trail was changed: line 1 has number 1"):
        AuditTrail(trail)


def test_a_trail_goes_on_where_it_stopped(trail: Path) -> None:
    with AuditTrail(trail, clock=Clock(60)) as events:
        events.append("more")
    chain = verify_chain(trail)
    assert (chain.events, chain.problems) == (6, ())


def test_a_clock_that_goes_back_is_an_event(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with AuditTrail(path, clock=Clock(10, -5, 1)) as events:
        events.append("first")
        events.append("second")
    kinds = [event["type"] for event in read_events(path)]
    assert kinds == ["first", "clock_went_back", "second"]
    assert verify_chain(path).problems == ()


def test_a_missing_trail_is_said(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no audit trail there"):
        verify_chain(tmp_path / "audit.jsonl")


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_an_interrupt_while_writing_leaves_a_chain_that_goes_on(
    trail: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Ctrl-C may fall after the line is written and before the trail remembers it, or in the middle of the line."""
    real = getattr(os, step)

    def interrupted(descriptor: int, *content: bytes) -> int:
        real(descriptor, *(part[: len(part) // 2] for part in content))
        raise KeyboardInterrupt

    with AuditTrail(trail, clock=Clock(60)) as events:
        monkeypatch.setattr(f"validate.provenance.audit.os.{step}", interrupted)
        with pytest.raises(KeyboardInterrupt):
            events.append("interrupted")
        monkeypatch.undo()
        events.append("stopped")
    chain = verify_chain(trail)
    assert chain.problems == ()
    kinds = [event["type"] for event in read_events(trail)]
    assert kinds[5:] == (["stopped"] if step == "write" else ["interrupted", "stopped"])
