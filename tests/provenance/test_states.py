"""Draft, locked, run, unblinded, reported, signed: in this order, each step an event, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from validate.errors import CommandError
from validate.provenance.audit import AuditTrail, read_events
from validate.provenance.states import FOLLOWS, Progress, State, state_of, transition_problems


def moved(path: Path, *states: State) -> None:
    with AuditTrail(path, actor="A. Example (stated)") as trail:
        progress = Progress(trail)
        for state in states:
            progress.to(state, "because")


def test_each_step_is_an_event_with_actor_reason_old_and_new_value(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    moved(path, State.LOCKED, State.RUN)
    events = list(read_events(path))
    assert [e["actor"] for e in events] == ["A. Example (stated)"] * 2
    assert events[0]["data"] == {"old": "draft", "new": "locked", "reason": "because"}
    assert events[1]["data"]["old"] == "locked"
    assert state_of(events) is State.RUN
    assert transition_problems(events) == ()


@pytest.mark.parametrize(
    "way", [(State.UNBLINDED,), (State.LOCKED, State.UNBLINDED), (State.SIGNED,), (State.RUN, State.REPORTED)]
)
def test_a_step_out_of_order_is_refused_and_leaves_no_event(tmp_path: Path, way: tuple[State, ...]) -> None:
    path = tmp_path / "audit.jsonl"
    with pytest.raises(CommandError, match="The order is draft → locked → run → unblinded → reported → signed"):
        moved(path, *way)
    assert len(list(read_events(path))) == len(way) - 1


def test_what_is_signed_can_only_be_countersigned(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    moved(path, State.LOCKED, State.RUN, State.UNBLINDED, State.REPORTED, State.SIGNED, State.SIGNED)
    for state in (State.REPORTED, State.LOCKED, State.RUN):
        with pytest.raises(CommandError, match="What is signed is not changed"):
            moved(path, state)


def test_a_run_taken_up_again_passes_its_earlier_states_without_an_event(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    moved(path, State.LOCKED, State.RUN, State.UNBLINDED)
    moved(path, State.LOCKED, State.RUN, State.UNBLINDED, State.REPORTED)
    assert [e["data"]["new"] for e in read_events(path)] == ["locked", "run", "unblinded", "reported"]


def test_a_trail_that_jumps_is_told(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with AuditTrail(path) as trail:
        trail.append("state", {"old": "draft", "new": "unblinded", "reason": ""})
        trail.append("state", {"old": "locked", "new": "run", "reason": ""})
        trail.append("state", {"old": "run", "new": "nonsense", "reason": ""})
    first, second, third = transition_problems(list(read_events(path)))
    assert first == "event 0 goes from draft to unblinded, which the order does not allow"
    assert second == "event 1 leaves the state locked, but the trail stood at unblinded"
    assert "event 2 is a transition between states that there are not" in third


def test_every_state_has_its_followers() -> None:
    assert set(FOLLOWS) == set(State)
