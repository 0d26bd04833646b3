"""The states of a study and the order they must come in (21 CFR 11.10(f)): draft, locked, run, unblinded, reported, signed.

Each transition is an event of the audit trail with actor, UTC time, reason, old and new value. A run that nobody locked goes
from draft to run and says so for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from validate.errors import CommandError
from validate.provenance.audit import AuditTrail, read_events

TRANSITION = "state"


class State(StrEnum):
    DRAFT = "draft"
    LOCKED = "locked"
    RUN = "run"
    UNBLINDED = "unblinded"
    REPORTED = "reported"
    SIGNED = "signed"


FOLLOWS: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.LOCKED, State.RUN}),
    State.LOCKED: frozenset({State.RUN}),
    State.RUN: frozenset({State.UNBLINDED}),
    State.UNBLINDED: frozenset({State.REPORTED}),
    State.REPORTED: frozenset({State.REPORTED, State.SIGNED}),
    State.SIGNED: frozenset({State.SIGNED}),
}
ORDER = tuple(State)


def state_of(events: Iterable[Mapping[str, Any]]) -> State:
    """Where a trail stands: the last transition in it, draft before the first."""
    state = State.DRAFT
    for event in events:
        if event["type"] == TRANSITION:
            state = State(event["data"]["new"])
    return state


def transition_problems(events: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Every transition of a trail that the order does not allow, or that starts where the trail was not."""
    state, problems = State.DRAFT, []
    for event in events:
        if event["type"] != TRANSITION:
            continue
        data = event["data"]
        try:
            old, new = State(data["old"]), State(data["new"])
        except (KeyError, ValueError):
            problems.append(f"event {event['seq']} is a transition between states that there are not")
            continue
        if old != state:
            problems.append(f"event {event['seq']} leaves the state {old}, but the trail stood at {state}")
        elif new not in FOLLOWS[old]:
            problems.append(f"event {event['seq']} goes from {old} to {new}, which the order does not allow")
        state = new
    return tuple(problems)


class Progress:
    """Moves one trail through the states; what is out of order is refused before anything happens."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail
        self.state = state_of(read_events(trail.path))

    def to(self, new: State, reason: str, data: Mapping[str, Any] | None = None) -> None:
        """Write the transition. Raises CommandError where it would be out of order.

        Taking up an interrupted run passes earlier states again: that is no transition, and nothing is written.
        """
        behind = ORDER.index(new) - ORDER.index(self.state)
        if self.state is not State.SIGNED and (behind < 0 or (behind == 0 and new is not State.REPORTED)):
            return
        self.refuse(new)
        self._trail.append(TRANSITION, {"old": self.state, "new": new, "reason": reason, **(data or {})})
        self.state = new

    def refuse(self, new: State) -> None:
        """Raises CommandError where this transition would be out of order; nothing is written."""
        if new not in FOLLOWS[self.state]:
            signed = "What is signed is not changed, only countersigned; give another folder."
            raise CommandError(
                f"this study is {self.state}: it can't become {new}. "
                + (signed if self.state is State.SIGNED else f"The order is {' → '.join(ORDER)}.")
            )
