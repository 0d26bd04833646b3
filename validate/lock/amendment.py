"""An amendment: what differs from the lock, why, and whether anybody had seen the labels by then.

Before unblinding an amendment is a change of plan, and is printed. After it, a major one makes every number exploratory:
what was chosen with the results at hand was not promised beforehand (ICH E9, 5.1; FDA draft of 7 Jan 2025, section X).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from validate.errors import CommandError

# Words about the study. A change of anything else may change a number.
WORDS = ("protocol.version", "protocol.sha256", *(f"protocol.blocks.{name}" for name in (
    "version", "title", "intended_use", "profile", "report", "claims", "statements",
)))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amendment:
    """What the person who amends says.    severity : minor where only words changed, as that person sees it"""

    reason: str
    severity: Literal["minor", "major"]


def amended(
    was: Mapping[str, Any],
    now: Mapping[str, Any],
    differences: Sequence[str],
    amendment: Amendment,
    *,
    unblinded: bool,
    actor: str,
    time: str,
) -> dict[str, Any]:
    """The document of the new lock: what is here now, and the amendment after all earlier ones.

    was, now : documents of the locks      unblinded : labels of a run under the old lock, or a later one, were seen
    Raises CommandError for an amendment without a reason, or a minor one of what numbers depend on.
    """
    if not amendment.reason.strip():
        raise CommandError("amendment: the reason is empty; say why the plan changed (--amend 'REASON').")
    heavy = [line for line in differences if not line.split(": ", 1)[0].startswith(WORDS)]
    if amendment.severity == "minor" and heavy:
        raise CommandError(
            f"amendment: called minor, but numbers depend on what changed: {heavy[0]}"
            + (f" (and {len(heavy) - 1} more)" if len(heavy) > 1 else "")
            + ". Only words may change in a minor one; say --severity major."
        )
    earlier = list(was.get("amendments", []))
    record = {
        "number": len(earlier) + 1,
        "time": time,
        "actor": actor,
        "what": list(differences),
        "why": amendment.reason.strip(),
        "severity": amendment.severity,
        "when": "after_unblinding" if unblinded else "before_unblinding",
        "from_lock": was["lock_sha256"],
        "from_locked": was["locked"],
    }
    return {**now, "amendments": [*earlier, record]}


def confirmatory(lock: Mapping[str, Any]) -> bool:
    """Whether what runs under this lock was promised before anybody looked."""
    return not any(
        record["severity"] == "major" and record["when"] == "after_unblinding" for record in lock.get("amendments", ())
    )
